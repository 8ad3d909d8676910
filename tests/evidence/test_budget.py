"""The error budget is split, not spent twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsrcheck.evidence.budget import ErrorBudget


@given(st.floats(1e-12, 0.1), st.integers(1, 10_000))
def test_the_shares_add_up_to_the_total(total, judgements):
    assert ErrorBudget(total, judgements).share * judgements == pytest.approx(total)


def test_no_judgements_leave_the_whole_budget():
    assert ErrorBudget(1e-6, 0).share == 1e-6
