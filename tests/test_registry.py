"""Statements are found by their ids, whole or short."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from fsrcheck import registry
from fsrcheck.errors import FsrcheckError, InputError
from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.identity import Identity
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.registry import Registry
from fsrcheck.statement import Paper
from tests.example import PAPER, SQUARE, THEOREM
from tests.invoking import paper_of

FOUND = Registry([PAPER])


@pytest.mark.parametrize("name", ["coins.T.2", "T.2", "t.2"])
def test_a_statement_is_found_by_its_id_or_its_end(name):
    assert FOUND.find(name) is THEOREM


def test_an_unknown_id_suggests_the_nearest():
    with pytest.raises(InputError, match=r"unknown statement 'T\.3'; did you mean coins\.T\.2"):
        FOUND.find("T.3")


def test_an_id_like_no_other_suggests_nothing():
    with pytest.raises(InputError, match=r"unknown statement 'zzzzzzzzzzzz'$"):
        FOUND.find("zzzzzzzzzzzz")


def test_a_short_id_that_several_papers_have_is_refused():
    other = Paper("dice", "", "", (replace(THEOREM, id="dice.T.2"),))
    with pytest.raises(InputError, match=r"must be unique, got coins\.T\.2, dice\.T\.2"):
        Registry([PAPER, other]).find("T.2")


def test_an_id_twice_is_an_error():
    with pytest.raises(FsrcheckError, match=r"must be unique, got 'coins\.T\.2' twice"):
        Registry([paper_of(THEOREM, THEOREM)])


def test_two_papers_of_one_name_are_an_error():
    with pytest.raises(FsrcheckError, match=r"paper ids must be unique, got 'coins' 2 times"):
        Registry([PAPER, replace(PAPER, statements=())])


@pytest.mark.parametrize("expected", [v for v in Verdict if v not in (Verdict.OPEN, Verdict.REFUTED)])
def test_a_statement_without_a_control_is_refused(expected):
    with pytest.raises(FsrcheckError, match=rf"'coins\.T\.2' must have a control to be expected {expected.name}"):
        Registry([paper_of(replace(THEOREM, controls=(), expected=expected))])


@pytest.mark.parametrize("expected", [Verdict.OPEN, Verdict.REFUTED])
def test_what_claims_nothing_needs_no_control(expected):
    assert Registry([paper_of(replace(THEOREM, controls=(), expected=expected))]).statements


@pytest.mark.parametrize("name", ["dice.T.2", "coins", "coinsT.2"])
def test_an_id_must_begin_with_its_paper_and_a_dot(name):
    with pytest.raises(FsrcheckError, match=r"must begin with 'coins\.'"):
        Registry([paper_of(replace(THEOREM, id=name))])


def test_selecting_keeps_the_order_and_drops_repetitions():
    assert FOUND.select(["sq", "T.2", "coins.sq"]) == [SQUARE, THEOREM]


def test_selecting_nothing_selects_all():
    assert FOUND.select([]) == [THEOREM, SQUARE]


def test_the_budget_is_split_over_the_claims_of_all_that_make_trials_whatever_is_selected():
    assert THEOREM.needs_trials
    assert not SQUARE.needs_trials
    assert FOUND.budget.judgements == len(THEOREM.claims)


def test_claims_that_chance_cannot_violate_take_no_share_and_unknown_ones_take_one():
    bound = next(claim for claim in THEOREM.claims if isinstance(claim, Bound))
    kinds = [Identity("equal", "", "residual", 1e-12), replace(bound, name="searched", corroborates=True), Unknown()]
    registry = Registry([paper_of(replace(THEOREM, claims=(bound, *kinds)))])
    assert registry.budget.judgements == 2


class Unknown:
    """A claim of somebody else's that says nothing about chance."""

    name, text = "unknown", ""

    def judge(self, evidence):
        """Never called."""


def test_the_paper_of_a_statement_is_known():
    assert FOUND.paper(SQUARE) is PAPER


def test_an_entry_point_that_names_no_paper_is_an_error(monkeypatch):
    entry = SimpleNamespace(name="broken", load=lambda: "not a paper")
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    registry.installed.cache_clear()
    with pytest.raises(FsrcheckError, match=r"'broken' of fsrcheck\.papers must name a Paper, got str"):
        registry.installed()
    registry.installed.cache_clear()
