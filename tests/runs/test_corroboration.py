"""A search that bears out a proof: it can violate, but it does not make the proof weaker; where it stopped is shown."""

from dataclasses import replace

import pytest

from fsrcheck.commands.results import print_result
from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.registry import Registry
from fsrcheck.report.entries import make_entries
from fsrcheck.report.page import render_page
from fsrcheck.runs.checking import check
from fsrcheck.runs.result import ExitCode, StatementResult
from fsrcheck.statement import Control, NoParameters, Statement
from tests.example import PAPER, SQUARE

SEARCH = Bound("search", "no violation found", "ratio", "limit", lambda _: 1.0, corroborates=True)
LIMIT = Constant("limit", 1.0, Provenance.DERIVED)


def statement(largest: float, search: Bound = SEARCH, proved: bool = True) -> Statement:
    """The proved example with a search whose last trial finds the ratio ``largest`` at x = 0.125."""

    def run(parameters, seeds, device):
        ratios = [0.5] * (len(seeds) - 1) + [largest]
        return [Observation({}, {"ratio": Measurement(r), "x": Measurement(r / 4)}) for r in ratios]

    shrunk = replace(search, shape=lambda _: 0.01)
    return replace(
        SQUARE,
        claims=(*(SQUARE.claims if proved else ()), search),
        errata=(),
        expected=Verdict.PROVED,
        controls=(Control("shrunk", "the bound", "search", altered_claim=shrunk),),
        constants=(LIMIT,),
        cases={"quick": (NoParameters(),)},
        trials={"quick": 7},
        run=run,
    )


def registry(of: Statement) -> Registry:
    return Registry([replace(PAPER, statements=(of,))])


def checked(of: Statement) -> StatementResult:
    return check(of.id, registry=registry(of), seed=3, device="cpu")


def test_a_search_that_holds_does_not_weaken_a_proof():
    result = checked(statement(0.5))
    assert result.judgements[-1].outcome is Outcome.HOLDS
    assert result.verdict is Verdict.PROVED
    assert result.exit_code is ExitCode.EXPECTED


def test_the_same_measurement_that_is_not_said_to_corroborate_does():
    assert checked(statement(0.5, replace(SEARCH, corroborates=False))).verdict is Verdict.SUPPORTED


def test_a_search_alone_proves_nothing():
    assert checked(statement(0.5, proved=False)).verdict is Verdict.SUPPORTED


def test_one_violation_found_outweighs_the_proof():
    result = checked(statement(1.01))
    assert result.verdict is Verdict.VIOLATED
    assert result.exit_code is ExitCode.UNEXPECTED


def test_a_search_that_gives_no_number_leaves_the_statement_inconclusive():
    assert checked(statement(float("nan"))).verdict is Verdict.INCONCLUSIVE


def test_a_search_that_is_not_finished_leaves_the_statement_inconclusive():
    assert checked(replace(statement(0.5), trials={"quick": 0})).verdict is Verdict.INCONCLUSIVE


def test_the_verdict_is_said_to_hang_on_the_proof_unless_the_search_violates():
    for largest, weakest in ((0.5, SQUARE.claims[0].name), (1.01, "search")):
        of = statement(largest)
        entry = make_entries([checked(of)], registry(of))[0]
        assert entry.weakest.claim == weakest


def test_the_tightest_point_is_shown_on_the_page_and_on_the_terminal(capsys):
    of = statement(0.96)
    result = checked(of)
    print_result(result)
    for shown in (capsys.readouterr().out, render_page([result], registry(of)).html):
        assert "tightest of 7 searches" in shown
        assert "0.24" in shown


def test_the_json_tells_a_search_from_the_claims_that_decide():
    claims = checked(statement(0.5)).to_json()["claims"]
    assert [claim["corroborates"] for claim in claims] == [False, True]


@pytest.mark.parametrize(("search", "deduced"), [(SEARCH, True), (replace(SEARCH, corroborates=False), False)])
def test_a_statement_whose_trials_only_corroborate_is_deduced(search, deduced):
    assert statement(0.5, search).is_deduced is deduced
    assert SQUARE.is_deduced
