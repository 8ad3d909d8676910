"""Complaints name the claim, the case and the reason."""

from dataclasses import replace

from fsrcheck.evidence.bound import Bound
from fsrcheck.registry import Registry
from fsrcheck.runs.checking import check
from fsrcheck.runs.complaints import complaints
from fsrcheck.runs.result import StatementResult
from fsrcheck.statement import Control
from tests.example import SQUARE, THEOREM, bare, inverse_root
from tests.invoking import paper_of


def checked(statement, **options) -> StatementResult:
    return check(statement.id, registry=Registry([paper_of(statement)]), seed=5, **options)


def test_there_are_none_when_all_is_as_it_must_be():
    assert complaints(checked(THEOREM)) == []


def test_a_failed_premise_is_told_with_its_case_and_seed():
    claim = THEOREM.claims[1]
    (line,) = complaints(checked(bare(THEOREM, claims=(claim,)), settings={"bias": "0.2"}))
    assert line.startswith(
        "claim 'mean deviation' INAPPLICABLE at num_tosses=100 bias=0.2 repetitions=400: premise 'fair'"
    )
    assert "(seed " in line


def test_a_violated_claim_without_a_message_is_told_by_its_meaning():
    claim = replace(THEOREM.claims[1], constant="C")
    low = replace(THEOREM.constants[0], value=0.1)
    (line,) = complaints(checked(bare(THEOREM, claims=(claim,), constants=(low,))))
    assert "VIOLATED at num_tosses=100" in line
    assert "contradicted" in line


def test_an_exponent_has_no_place():
    (line,) = complaints(checked(bare(THEOREM, claims=(replace(THEOREM.claims[2], exponent=-2.0),))))
    assert line.startswith("claim 'rate' VIOLATED: exponent -0.5")


def test_missed_controls_and_unconfirmed_errata_are_told():
    blind = Control("same coin", "nothing", "mean deviation", {"repetitions": 500})
    erratum = replace(SQUARE.errata[0], counterexample=None)
    found = complaints(checked(replace(THEOREM, controls=(blind,), errata=(erratum,))))
    assert found == [
        "control 'same coin' must be VIOLATED, got HOLDS",
        "erratum not confirmed: the cross term is missing",
    ]


def test_a_constant_that_was_never_fitted_has_no_case():
    claim = Bound("mean deviation", "", "deviation", "never fitted", inverse_root)
    (line,) = complaints(checked(bare(THEOREM, claims=(claim,))))
    assert line.startswith("claim 'mean deviation' INCONCLUSIVE: constant 'never fitted'")
