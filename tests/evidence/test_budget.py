"""The error budget is split, not spent twice."""

from hypothesis import given
from hypothesis import strategies as st

from fsrcheck.evidence.budget import LEAST_ROOM, ErrorBudget


@given(st.floats(1e-12, 0.1), st.integers(0, 10_000))
def test_the_shares_add_up_to_at_most_the_total_and_to_more_than_half_of_it(total, judgements):
    share = ErrorBudget(total, judgements).share
    assert share * judgements <= total
    assert share * max(LEAST_ROOM, 2 * judgements) >= total


def test_a_new_statement_seldom_changes_a_share():
    assert ErrorBudget(1e-6, 600).share == ErrorBudget(1e-6, 1000).share
