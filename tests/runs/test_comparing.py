"""Every rule of the comparison can fail: one thing altered at a time in what was kept of a run of the example paper."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from fsrcheck.evidence.constants import Provenance
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.registry import Registry
from fsrcheck.runs.baseline import BaselineError, KeptConstant, KeptExponent, KeptStatement, baseline_of
from fsrcheck.runs.checking import make_checker
from fsrcheck.runs.comparing import accepted, compare, compare_statement, require_scale
from fsrcheck.runs.findings import Comparison, Finding, Grade, finding_from_json
from fsrcheck.runs.keeping import kept
from fsrcheck.runs.shifts import Sample
from fsrcheck.runs.tolerances import Tolerances
from tests.evidence.making import NAN
from tests.example import PAPER, THEOREM

BOUND, TAIL, RATE = "mean deviation", "tail", "rate"
Change = Callable[[KeptStatement], KeptStatement]


def run(seed: int) -> KeptStatement:
    return kept([make_checker(registry=Registry([PAPER]), seed=seed, device="cpu").check(THEOREM)])


@pytest.fixture(scope="module")
def entry() -> KeptStatement:
    """One run, with a count of iterations besides."""
    found = run(5)
    cases = found.claims[BOUND].cases
    return replace(found, counts={"iterations": {name: sample_of(20.0) for name in cases}})


def sample_of(center: float, trials: int = 10) -> Sample:
    found = Sample.of([center * (1 + 0.001 * i) for i in range(trials)])
    assert found is not None
    return found


def scaled(sample: Sample, factor: float) -> Sample:
    found = Sample.of([factor * value for value in sample.values])
    assert found is not None
    return found


def claim(name: str, **changes: Any) -> Change:
    return lambda e: replace(e, claims={**e.claims, name: replace(e.claims[name], **changes)})


def without(table: str, name: str) -> Change:
    return lambda e: replace(e, **{table: {key: item for key, item in getattr(e, table).items() if key != name}})


def slack(factor: float) -> Change:
    def change(e: KeptStatement) -> KeptStatement:
        cases = {n: replace(c, slack=scaled(c.slack, factor)) for n, c in e.claims[BOUND].cases.items()}
        return claim(BOUND, cases=cases)(e)

    return change


def bounds(name: str, factor: float) -> Change:
    def change(e: KeptStatement) -> KeptStatement:
        cases = {n: replace(c, bound=factor * c.bound) for n, c in e.claims[name].cases.items()}
        return claim(name, cases=cases)(e)

    return change


def one_case(name: str, **changes: Any) -> Change:
    def change(e: KeptStatement) -> KeptStatement:
        first, *_ = e.claims[name].cases
        return claim(name, cases={**e.claims[name].cases, first: replace(e.claims[name].cases[first], **changes)})(e)

    return change


def fewer_cases(name: str) -> Change:
    def change(e: KeptStatement) -> KeptStatement:
        _, *others = e.claims[name].cases.items()
        return claim(name, cases=dict(others))(e)

    return change


def constant(value: float = 0.6, provenance: Provenance = Provenance.DERIVED) -> Change:
    return lambda e: replace(e, constants={"C": KeptConstant(value, provenance)})


def exponent(value: float, half: float = 0.01, limits: float = 0.02) -> Change:
    found = KeptExponent(value, (value - half, value + half), (value - limits, value + limits))
    return claim(RATE, exponents={"all": found})


def counts(factor: float) -> Change:
    return lambda e: replace(
        e, counts={n: {c: scaled(s, factor) for c, s in table.items()} for n, table in e.counts.items()}
    )


def control(caught: bool = True, strength: Mapping[str, Sample] | None = None) -> Change:
    def change(e: KeptStatement) -> KeptStatement:
        old = e.controls["loaded coin"]
        new = replace(old, caught=caught, strength=old.strength if strength is None else strength)
        return replace(e, controls={**e.controls, "loaded coin": new})

    return change


def found(old: KeptStatement, new: KeptStatement, **tolerances: float) -> list[Finding]:
    return compare_statement("coins.T.2", old, new, Tolerances(**tolerances), "fsrcheck check coins.T.2")


REGRESSIONS: dict[str, tuple[Change, str]] = {
    "verdict": (lambda e: replace(e, verdict=Verdict.VIOLATED), "verdict"),
    "verdict behind a repair": (
        lambda e: replace(e, verdict_of_claims=Verdict.INCONCLUSIVE),
        "verdict of the checkable form",
    ),
    "outcome": (claim(TAIL, outcome=Outcome.INCONCLUSIVE), "claim 'tail'"),
    "outcome of a case": (one_case(BOUND, outcome=Outcome.VACUOUS), "claim 'mean deviation'"),
    "claim gone": (without("claims", TAIL), "claim 'tail'"),
    "case gone": (fewer_cases(TAIL), "cases of claim 'tail'"),
    "control gone": (without("controls", "loaded coin"), "control 'loaded coin'"),
    "control missed": (control(caught=False), "control 'loaded coin'"),
    "count gone": (without("counts", "iterations"), "count 'iterations'"),
    "constant gone": (without("constants", "C"), "constant 'C'"),
    "constant larger": (constant(0.62), "constant 'C'"),
    "constant undefined": (constant(NAN), "constant 'C'"),
    "constant fitted": (constant(provenance=Provenance.FITTED), "provenance of constant 'C'"),
    "upper bound larger": (bounds(BOUND, 1.02), "bound of claim 'mean deviation'"),
    "lower bound smaller": (bounds(TAIL, 0.98), "bound of claim 'tail'"),
    "slack lost": (slack(0.7), "slack of claim 'mean deviation'"),
    "exponent away": (exponent(-0.4), "exponent of claim 'rate'"),
    "exponent gone": (claim(RATE, exponents={}), "exponent of claim 'rate'"),
    "another exponent claimed": (claim(RATE, claimed=-0.45), "exponent claimed by 'rate'"),
    "more iterations": (counts(1.3), "count 'iterations'"),
    "fewer trials": (lambda e: replace(e, trials=9), "trials of a case"),
    "from a larger size": (lambda e: replace(e, from_size=200.0), "holds from size"),
    "from no size": (lambda e: replace(e, from_size=None), "holds from size"),
}

IMPROVEMENTS: dict[str, tuple[Change, str]] = {
    "verdict": (lambda e: replace(e, verdict=Verdict.PROVED), "verdict"),
    "constant smaller": (constant(0.58), "constant 'C'"),
    "constant of the paper": (constant(provenance=Provenance.PAPER), "provenance of constant 'C'"),
    "upper bound smaller": (bounds(BOUND, 0.98), "bound of claim 'mean deviation'"),
    "lower bound larger": (bounds(TAIL, 1.02), "bound of claim 'tail'"),
    "slack gained": (slack(1.3), "slack of claim 'mean deviation'"),
    "fewer iterations": (counts(0.7), "count 'iterations'"),
    "more trials": (lambda e: replace(e, trials=20), "trials of a case"),
    "from a smaller size": (lambda e: replace(e, from_size=50.0), "holds from size"),
}


@pytest.mark.parametrize("name", REGRESSIONS)
def test_each_loss_is_a_regression(entry: KeptStatement, name: str) -> None:
    change, what = REGRESSIONS[name]
    old = exponent(-0.5)(entry)
    findings = found(old, change(old))
    assert [(finding.grade, finding.what) for finding in findings] == [(Grade.REGRESSION, what)]
    assert findings[0].statement == "coins.T.2"
    assert findings[0].replay == "fsrcheck check coins.T.2"


@pytest.mark.parametrize("name", IMPROVEMENTS)
def test_each_gain_is_an_improvement_and_does_not_fail(entry: KeptStatement, name: str) -> None:
    change, what = IMPROVEMENTS[name]
    findings = found(entry, change(entry))
    assert [(finding.grade, finding.what) for finding in findings] == [(Grade.IMPROVEMENT, what)]
    assert not Comparison(("coins.T.2",), tuple(findings)).fails


def test_nothing_is_found_where_nothing_changed(entry: KeptStatement) -> None:
    assert not found(entry, entry, slack=0, exponent=0, constant=0, counts=0, strength=0)


def test_other_seeds_are_no_regression_even_without_tolerances(entry: KeptStatement) -> None:
    old = replace(entry, counts={})
    for seed in range(100, 112):
        findings = found(old, run(seed), slack=0, exponent=0, constant=0, counts=0, strength=0)
        assert not [finding for finding in findings if finding.grade is not Grade.SUSPECTED]


@pytest.mark.parametrize(
    ("change", "tolerance"),
    [
        (slack(0.7), {"slack": 0.31}),
        (constant(0.62), {"constant": 0.04}),
        (bounds(BOUND, 1.02), {"constant": 0.03}),
        (counts(1.3), {"counts": 0.31}),
        (exponent(-0.4), {"exponent": 0.2}),
    ],
)
def test_a_wider_tolerance_lets_it_pass(entry: KeptStatement, change: Change, tolerance: dict[str, float]) -> None:
    old = exponent(-0.5)(entry)
    assert found(old, change(old))
    assert not found(old, change(old), **tolerance)


def test_an_upper_exponent_is_better_smaller_and_a_two_sided_one_nearer(entry: KeptStatement) -> None:
    old = exponent(-0.4)(entry)
    assert found(old, exponent(-0.5)(entry))[0].grade is Grade.IMPROVEMENT
    assert found(old, exponent(-0.7)(entry))[0].grade is Grade.REGRESSION
    one_sided = claim(RATE, two_sided=False)
    assert found(one_sided(old), one_sided(exponent(-0.7)(entry)))[0].grade is Grade.IMPROVEMENT


def test_an_exponent_within_its_limits_is_only_suspected_and_within_its_intervals_nothing(entry: KeptStatement) -> None:
    old, new = exponent(-0.5, limits=0.2)(entry), exponent(-0.4, limits=0.2)(entry)
    assert [finding.grade for finding in found(old, new)] == [Grade.SUSPECTED]
    assert not found(exponent(-0.5, half=0.06)(entry), exponent(-0.4, half=0.06)(entry))


def test_a_single_case_of_few_trials_is_only_suspected(entry: KeptStatement) -> None:
    (first, *_) = entry.claims[BOUND].cases
    lost = one_case(BOUND, slack=scaled(entry.claims[BOUND].cases[first].slack, 0.5))(entry)
    (finding,) = found(entry, lost)
    assert finding.grade is Grade.SUSPECTED
    assert finding.where == first
    assert not Comparison(("coins.T.2",), (finding,)).fails


def test_a_control_that_became_weaker_is_a_regression_once_many_runs_say_so(entry: KeptStatement) -> None:
    old, new = ({"all": sample_of(strength, trials=30)} for strength in (3.0, 1.2))
    (finding,) = found(control(strength=old)(entry), control(strength=new)(entry))
    assert (finding.grade, finding.what) == (Grade.REGRESSION, "strength of control 'loaded coin'")
    few = {"all": sample_of(1.2, trials=1)}
    assert not found(control(strength=old)(entry), control(strength=few)(entry))


def test_a_constant_without_a_bound_that_moves_is_a_regression_either_way(entry: KeptStatement) -> None:
    loose = claim(BOUND, constants=())(entry)
    for value in (0.5, 0.7):
        (finding,) = found(loose, constant(value)(loose))
        assert finding.grade is Grade.REGRESSION


@pytest.mark.parametrize(("factor", "grade"), [(2.0, Grade.REGRESSION), (0.5, Grade.IMPROVEMENT)])
def test_a_constant_that_moves_its_bounds_and_their_slack_is_told_once(
    entry: KeptStatement, factor: float, grade: Grade
) -> None:
    moved = slack(factor)(bounds(BOUND, factor)(constant(0.6 * factor)(entry)))
    assert [(finding.grade, finding.what) for finding in found(entry, moved)] == [(grade, "constant 'C'")]


def test_a_shape_that_moves_its_slack_is_told_once(entry: KeptStatement) -> None:
    (finding,) = found(entry, slack(2.0)(bounds(BOUND, 2.0)(entry)))
    assert (finding.grade, finding.what) == (Grade.REGRESSION, "bound of claim 'mean deviation'")


def test_slack_lost_under_a_looser_bound_is_seen(entry: KeptStatement) -> None:
    whats = [finding.what for finding in found(entry, bounds(BOUND, 2.0)(constant(1.2)(entry)))]
    assert whats == ["constant 'C'", "slack of claim 'mean deviation'"]


def test_the_slack_of_a_lower_bound_is_taken_at_the_baseline_too(entry: KeptStatement) -> None:
    cases = {
        n: replace(c, bound=0.5 * c.bound, slack=scaled(c.slack, 2.0)) for n, c in entry.claims[TAIL].cases.items()
    }
    (finding,) = found(entry, claim(TAIL, cases=cases)(entry))
    assert finding.what == "bound of claim 'tail'"


def test_what_has_come_is_new_and_does_not_fail(entry: KeptStatement) -> None:
    for change in (without("claims", TAIL), without("controls", "loaded coin"), fewer_cases(TAIL)):
        assert [finding.grade for finding in found(change(entry), entry)] == [Grade.NEW]
    (finding,) = compare_statement("coins.T.2", None, entry, Tolerances())
    assert finding.grade is Grade.NEW


def test_a_statement_that_is_gone_is_a_regression(entry: KeptStatement) -> None:
    baseline = baseline_of({"coins.T.2": entry, "coins.old": entry})
    comparison = compare(baseline, {"coins.T.2": []}, ["coins.T.2"], Tolerances())
    assert [(finding.statement, finding.after) for finding in comparison.of(Grade.REGRESSION)] == [
        ("coins.old", "gone")
    ]
    assert comparison.fails


def test_a_statement_that_was_not_run_is_not_gone(entry: KeptStatement) -> None:
    baseline = baseline_of({"coins.T.2": entry, "coins.sq": entry})
    assert not compare(baseline, {"coins.T.2": []}, ["coins.T.2", "coins.sq"], Tolerances()).findings


def test_regressions_come_first(entry: KeptStatement) -> None:
    findings = {"a": [Finding(Grade.NEW, "a", "", "", "")], "b": [Finding(Grade.REGRESSION, "b", "", "", "")]}
    comparison = compare(baseline_of({}), findings, [], Tolerances())
    assert [finding.statement for finding in comparison.findings] == ["b", "a"]
    assert comparison.summary == "Statements compared: 2. Found: 1 regression, 0 improvements, 0 suspected, 1 new."


def test_another_scale_is_refused_for_what_is_run(entry: KeptStatement) -> None:
    baseline = baseline_of({"coins.T.2": entry})
    require_scale(baseline, "quick", ["coins.T.2"])
    require_scale(baseline, "full", ["coins.sq"])
    with pytest.raises(BaselineError, match=r"scale full, got coins\.T\.2 of scale quick"):
        require_scale(baseline, "full", ["coins.T.2"])


def test_an_update_takes_what_was_run_and_drops_what_is_gone(entry: KeptStatement) -> None:
    old = baseline_of({"coins.T.2": entry, "coins.sq": entry, "coins.old": entry})
    new = replace(entry, seeds=(9,))
    updated = accepted(old, {"coins.T.2": new}, ["coins.T.2", "coins.sq"])
    assert updated.statements == {"coins.T.2": new, "coins.sq": entry}


def test_a_report_can_carry_a_finding() -> None:
    finding = Finding(Grade.SUSPECTED, "coins.T.2", "slack", "1", "2", "here", "why", "again")
    assert finding_from_json(finding.to_json()) == finding
    assert finding.text == "SUSPECTED coins.T.2: slack at here: 1 -> 2 (why)"
