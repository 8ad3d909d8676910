"""What is kept of runs of the example paper."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import pytest

from fsrcheck.evidence.claim import CaseJudgement, Side
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.registry import Registry
from fsrcheck.runs.checking import make_checker
from fsrcheck.runs.keeping import case_name, kept, slack
from fsrcheck.runs.result import StatementResult
from fsrcheck.runs.shifts import SHARE
from fsrcheck.statement import Statement
from tests.evidence.making import INFINITY, NAN
from tests.example import SQUARE, THEOREM, Coins, run
from tests.invoking import paper_of


def checked(statement: Statement, seed: int) -> StatementResult:
    return make_checker(registry=Registry([paper_of(statement)]), seed=seed, device="cpu").check(statement)


@pytest.fixture(scope="module")
def results() -> list[StatementResult]:
    return [checked(THEOREM, seed) for seed in (5, 6)]


def test_verdict_constants_and_size_are_those_of_the_run(results: list[StatementResult]) -> None:
    entry = kept(results[:1])
    assert (entry.verdict, entry.scale, entry.seeds, entry.trials) == (Verdict.SUPPORTED, "quick", (5,), 10)
    assert entry.from_size == 100
    assert entry.constants["C"].value == 0.6


def test_the_slack_of_a_case_is_a_sample_over_its_trials(results: list[StatementResult]) -> None:
    result = results[0]
    (case, *_) = result.cases
    kept_case = kept([result]).claims["mean deviation"].cases[case_name(case.parameters)]
    ratios = [0.6 / 10 / trial.measurement("deviation").value for trial in case.trials]
    assert kept_case.slack is not None
    assert kept_case.slack.values == pytest.approx(ratios)
    assert kept_case.slack.median == pytest.approx(median(ratios))
    assert kept_case.bound == pytest.approx(0.06)
    assert kept_case.bound / kept_case.measured == pytest.approx(kept_case.slack.low)


def test_a_lower_bound_is_kept_as_one(results: list[StatementResult]) -> None:
    claims = kept(results[:1]).claims
    assert [claims[name].upper for name in ("tail", "mean deviation", "rate")] == [False, True, None]
    assert claims["mean deviation"].constants == ("C",)


def test_trials_of_several_runs_are_kept_together(results: list[StatementResult]) -> None:
    one, both = kept(results[:1]), kept(results)
    assert both.seeds == (5, 6)
    assert {sample.trials for sample in both.claims["mean deviation"].slacks.values()} == {20}
    assert {sample.trials for sample in both.controls["loaded coin"].strength.values()} == {2}
    narrow, wide = (entry.claims["rate"].exponents["all"].limits for entry in (both, one))
    assert narrow[1] - narrow[0] < wide[1] - wide[0]


def test_limits_of_an_exponent_are_wider_than_those_it_is_judged_by(results: list[StatementResult]) -> None:
    exponent = kept(results[:1]).claims["rate"].exponents["all"]
    judged = results[0].judgements[2].exponents["all"]
    assert exponent.interval == pytest.approx((judged.low, judged.high))
    assert exponent.limits[0] < judged.low < judged.high < exponent.limits[1]
    assert SHARE < 1e-9


def test_the_strength_of_a_control_is_its_factor_beyond_the_bound(results: list[StatementResult]) -> None:
    (row,) = results[0].controls[0].judgement.cases
    (sample,) = kept(results[:1]).controls["loaded coin"].strength.values()
    assert sample.low == pytest.approx(row.measured / row.bound)
    assert sample.low > 1


def test_events_of_a_frequency_are_no_counts_and_iterations_are() -> None:
    def counting(parameters: Coins, seeds: Sequence[int], device: str) -> list[Observation]:
        found = run(parameters, seeds, device)
        return [
            replace(o, counts={**o.counts, "iterations": 3 + seed % 2}) for o, seed in zip(found, seeds, strict=True)
        ]

    entry = kept([checked(replace(THEOREM, run=counting), 5)])
    assert set(entry.counts) == {"iterations"}
    assert len(entry.counts["iterations"]) == 5
    assert {value for sample in entry.counts["iterations"].values() for value in sample.values} == {3.0, 4.0}


def test_what_is_deduced_has_no_cases() -> None:
    entry = kept([checked(SQUARE, 5)])
    assert (entry.verdict, entry.verdict_of_claims) == (Verdict.REPAIRED, Verdict.PROVED)
    assert entry.claims["square"].outcome is Outcome.HOLDS
    assert entry.by_chance == 0


def test_trials_that_were_added_to_decide_a_claim_are_left_out(results: list[StatementResult]) -> None:
    result = results[0]
    longer = [replace(case, trials=[*case.trials, *case.trials]) for case in result.cases]
    assert kept([replace(result, cases=tuple(longer))]) == kept([result])


def test_the_weakest_of_several_runs_is_kept(results: list[StatementResult]) -> None:
    first, *others = results[1].judgements
    undecided = replace(results[1], judgements=(replace(first, outcome=Outcome.INCONCLUSIVE), *others))
    entry = kept([results[0], undecided])
    assert entry.verdict is Verdict.INCONCLUSIVE
    assert entry.claims["tail"].outcome is Outcome.INCONCLUSIVE


def test_trials_without_a_number_are_kept_without_slack() -> None:
    def broken(parameters: Coins, seeds: Sequence[int], device: str) -> list[Observation]:
        found = run(parameters, seeds, device)
        return [replace(observation, measurements={"deviation": Measurement(NAN)}) for observation in found]

    claim = kept([checked(replace(THEOREM, run=broken), 5)]).claims["mean deviation"]
    assert claim.outcome is Outcome.INCONCLUSIVE
    assert not claim.slacks


def test_the_name_of_a_case_does_not_depend_on_the_order_of_its_parameters() -> None:
    assert case_name(Coins(8)) == "bias=0.0 num_tosses=8 repetitions=400"


@pytest.mark.parametrize(
    ("measured", "bound", "side", "expected"),
    [
        (2.0, 3.0, Side.BELOW, 1.5),
        (3.0, 2.0, Side.ABOVE, 1.5),
        (0.0, 3.0, Side.BELOW, INFINITY),
        (-1.0, 3.0, Side.BELOW, INFINITY),
        (3.0, 0.0, Side.ABOVE, INFINITY),
        (-3.0, -2.0, Side.BELOW, None),
        (0.0, 0.0, Side.BELOW, None),
        (1.0, 1.0, Side.NEITHER, None),
        (None, 1.0, Side.BELOW, None),
    ],
)
def test_slack_is_a_quotient_only_where_it_means_something(measured, bound, side, expected) -> None:
    assert slack(CaseJudgement(Coins(), Outcome.HOLDS, 1, measured, bound, side=side)) == expected
