"""Whole judgements of the claims that are measured: every field, so that none is lost on the way to the report."""

from dataclasses import replace
from statistics import NormalDist

import pytest

from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.budget import LOOKS
from fsrcheck.evidence.claim import CaseJudgement, Certificate, Claim, Judgement, Side, Strength
from fsrcheck.evidence.constants import Constant, Provenance, Range, calibration_trials, freeze
from fsrcheck.evidence.frequency import Frequency
from fsrcheck.evidence.identity import Identity
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.scaling import Scaling
from tests.evidence.making import INFINITY, NAN, Point, case, counted, evidence

SMALL, LARGE = Point(16), Point(32)
LIMIT = Bound("limit", "y <= C n / 16", "y", "C", lambda point: point.size / 16, size="size")
OFTEN = Frequency("often", "Pr >= 1/2", "y", lambda point: 0.5 + point.size / 1600)
ROUNDED = Identity("rounded", "left = right", "y", 1e-9)
SQUARE = Scaling("square", "y ~ n^2", "y", "size", 2.0, 0.05)
SIZES = (16, 24, 36, 54, 81)
CLAIMS: list[Claim] = [LIMIT, OFTEN, ROUNDED, SQUARE]
C = Constant("C", 1.0, Provenance.DERIVED)


def holding(point: Point, measured: float, bound: float, side: Side = Side.BELOW, trials: int = 7) -> CaseJudgement:
    return CaseJudgement(point, Outcome.HOLDS, trials, measured, bound, "", side)


def test_a_bound_that_holds():
    found = LIMIT.judge(evidence(case([0.25] * 6 + [0.5], SMALL), case([0.75] + [0.25] * 6, LARGE)))
    rows = (holding(SMALL, 0.5, 1.0), holding(LARGE, 0.75, 2.0))
    assert found == Judgement(
        "limit", "Bound", "y <= C n / 16", Outcome.HOLDS, Strength.MEASURED, "", rows,
        size="size", from_size=(None, 16.0), constants=(C,),
    )  # fmt: skip


def test_a_bound_with_too_few_trials_at_one_size():
    found = LIMIT.judge(evidence(case([0.5] * 3, SMALL), case([0.75] * 7, LARGE)))
    rows = (CaseJudgement(SMALL, Outcome.INCONCLUSIVE, 3, 0.5, 1.0), holding(LARGE, 0.75, 2.0))
    assert found == Judgement(
        "limit", "Bound", "y <= C n / 16", Outcome.INCONCLUSIVE, Strength.MEASURED, "more trials are needed", rows,
        size="size", from_size=(16.0, 32.0), wanted=(SMALL,), constants=(C,),
    )  # fmt: skip


def test_a_bound_that_is_violated_wants_nothing_and_says_nothing_more():
    found = LIMIT.judge(evidence(case([1.5] + [0.5] * 6, SMALL)))
    assert found == Judgement(
        "limit", "Bound", "y <= C n / 16", Outcome.VIOLATED, Strength.MEASURED, "",
        (CaseJudgement(SMALL, Outcome.VIOLATED, 7, 1.5, 1.0),), size="size", constants=(C,),
    )  # fmt: skip


@pytest.mark.parametrize(("upper", "values", "shown"), [(False, (1.5, 1.25), "1.25"), (True, (0.5, 0.25), "0.5")])
def test_a_search_shows_its_tightest_trial(upper, values, shown):
    claim = replace(LIMIT, upper=upper, size=None, corroborates=True)
    found = claim.judge(evidence(case(values * 4, SMALL)))
    seed = values.index(float(shown))
    side = Side.BELOW if upper else Side.ABOVE
    assert found == Judgement(
        "limit", "Bound", "y <= C n / 16", Outcome.HOLDS, Strength.MEASURED, "",
        (holding(SMALL, float(shown), 1.0, side, trials=8),), constants=(C,), corroborates=True,
        certificate=Certificate(f"tightest of 8 searches (seed {seed})", ("y",), ((shown,),)),
    )  # fmt: skip


def test_a_search_without_trials_shows_none():
    found = replace(LIMIT, corroborates=True).judge(evidence(case([], SMALL)))
    assert found.certificate is None
    assert found.corroborates


def test_a_constant_that_is_not_there():
    assert LIMIT.judge(replace(evidence(case([0.5] * 7)), constants={})) == Judgement(
        "limit", "Bound", "y <= C n / 16", Outcome.INCONCLUSIVE,
        message="constant 'C' was never fitted: run `fsrcheck calibrate`", size="size",
    )  # fmt: skip


def test_a_bound_outside_the_range_of_its_fit():
    fitted = Constant("C", 1.0, Provenance.FITTED, ranges={"size": Range(32, 64), "family": Range(words=("other",))})
    (row,) = LIMIT.judge(replace(evidence(case([0.5] * 99, SMALL)), constants={"C": fitted})).cases
    outside = "size = 16 outside [32, 64]; family = plain outside {other}"
    message = f"outside the range on which 'C' was fitted: {outside}"
    assert row == CaseJudgement(SMALL, Outcome.INCONCLUSIVE, 99, 0.5, 1.0, message)


@pytest.mark.parametrize(("number", "needed"), [(1, 3), (2, 4)])
def test_the_false_alarm_of_a_bound_is_shared_out_over_its_cases(number, needed):
    """Of a fitted constant each exceedance has likelihood ratio 0.5 / 0.05; 10^3 > 1 / 0.0015 and 10^3 < 2 / 0.0015."""
    fitted = Constant("C", 1.0, Provenance.FITTED, ranges={"size": Range(0, 99), "family": Range(words=("plain",))})
    for hits, outcome in ((needed - 1, Outcome.INCONCLUSIVE), (needed, Outcome.VIOLATED)):
        seen = replace(evidence(*[case([2.0] * hits, SMALL)] * number, false_alarm=1.5e-3), constants={"C": fitted})
        assert LIMIT.judge(seen).outcome is outcome


def test_a_bound_whose_margin_is_noise():
    (row,) = LIMIT.judge(evidence(case([0.5] * 7, SMALL, error=0.2))).cases
    message = "a margin is too small for the standard error of the measurement"
    assert row == CaseJudgement(SMALL, Outcome.INCONCLUSIVE, 7, 0.5, 1.0, message)


@pytest.mark.parametrize("trials", [1, 20])
def test_noise_must_not_pass_for_an_exceedance(trials):
    """One beyond the limit decides, so the false alarm is shared out over the trials and the looks."""
    quantile = -NormalDist().inv_cdf(1e-9 / (LOOKS * trials))
    for beyond, outcome in ((1 + 1e-6, Outcome.VIOLATED), (1 - 1e-6, Outcome.INCONCLUSIVE)):
        values = [0.5] * (trials - 1) + [1 + 0.01 * quantile * beyond]
        assert LIMIT.judge(evidence(case(values, SMALL, error=0.01), false_alarm=1e-9)).outcome is outcome


def test_a_lower_bound_that_every_result_meets_says_nothing():
    claim = replace(LIMIT, upper=False, trivial=1.0)
    assert claim.judge(evidence(case([2.0] * 9, SMALL))).outcome is Outcome.VACUOUS
    assert replace(claim, trivial=0.9).judge(evidence(case([2.0] * 9, SMALL))).outcome is Outcome.HOLDS


def test_a_margin_of_five_standard_errors_is_enough():
    assert LIMIT.judge(evidence(case([0.375] * 7, SMALL, error=0.125))).outcome is Outcome.HOLDS


def test_a_ratio_is_to_the_shape_at_its_parameters_however_small():
    (trial,) = case([3.0]).trials
    assert LIMIT.ratio(trial, Point(24)) == 2.0
    assert LIMIT.ratio(trial, Point(4)) == 12.0


def test_a_limit_that_is_no_number():
    claim = replace(LIMIT, shape=lambda point: NAN)
    message = "the limit (constant times shape) must be a number, got nan"
    (row,) = claim.judge(evidence(case([0.5] * 7, SMALL))).cases
    assert row == CaseJudgement(SMALL, Outcome.INCONCLUSIVE, 7, message=message)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
class TestUnusable:
    def found(self, claim, *cases):
        exponent = {"claimed_exponent": 2.0} if claim is SQUARE else {}
        bound = {"size": "size", "constants": (C,)} if claim is LIMIT else {}
        judged = claim.judge(evidence(*cases))
        told = Judgement(claim.name, type(claim).__name__, claim.text, judged.outcome, message=judged.message)
        assert judged == replace(told, cases=judged.cases, **exponent, **bound)
        return judged

    def test_no_trials(self, claim):
        judged = self.found(claim, case([], SMALL))
        assert judged.message == "no trials"
        assert judged.cases == (CaseJudgement(SMALL, Outcome.NOT_EVALUATED, message="no trials"),)

    def test_a_failed_premise(self, claim):
        judged = self.found(claim, case([1.0, 1.0], SMALL, premises={"far": -0.1254}))
        message = "premise 'far' must have margin >= 0, got -0.125 (seed 1)"
        assert judged.message == message
        assert judged.cases == (CaseJudgement(SMALL, Outcome.INAPPLICABLE, 2, message=message),)

    def test_a_measurement_that_is_no_number(self, claim):
        judged = self.found(claim, case([1.0, NAN], SMALL, error=0.5))
        message = "measurement 'y' must be a number, got nan with standard error 0.5 (seed 1)"
        assert judged.message == message
        assert judged.cases == (CaseJudgement(SMALL, Outcome.INCONCLUSIVE, 2, message=message),)

    def test_no_cases(self, claim):
        judged = self.found(claim)
        assert judged.outcome is Outcome.NOT_EVALUATED
        assert judged.cases == ()
        assert judged.message == ("no cases" if claim is SQUARE else "")


def test_a_frequency_decided_at_one_size_and_open_at_another():
    found = OFTEN.judge(evidence(case([1.0] * 60, SMALL), case([0.0, 1.0], LARGE)))
    rows = (
        CaseJudgement(SMALL, Outcome.HOLDS, 60, 1.0, 0.51, side=Side.ABOVE),
        CaseJudgement(LARGE, Outcome.INCONCLUSIVE, 2, 0.5, 0.52, side=Side.ABOVE),
    )
    assert found == Judgement(
        "often", "Frequency", "Pr >= 1/2", Outcome.INCONCLUSIVE, Strength.MEASURED, "more trials are needed", rows,
        wanted=(LARGE,),
    )  # fmt: skip


def test_a_frequency_that_is_violated_from_above():
    found = replace(OFTEN, at_least=False).judge(evidence(case([1.0] * 60, SMALL)))
    row = CaseJudgement(SMALL, Outcome.VIOLATED, 60, 1.0, 0.51, side=Side.BELOW)
    assert found == Judgement("often", "Frequency", "Pr >= 1/2", Outcome.VIOLATED, message="", cases=(row,))


@pytest.mark.parametrize(
    ("claim", "got"),
    [
        (OFTEN, "a trial without (seed 1)"),
        (replace(OFTEN, probability=lambda point: NAN), "the claimed probability nan"),
    ],
)
def test_events_that_cannot_be_counted(claim, got):
    values = [1.0, 2.0, 2.0] if "seed" in got else [1.0, 0.0, 1.0]
    found = claim.judge(evidence(case(values, SMALL)))
    message = f"events must be counted and compared with a number, got {got}"
    row = CaseJudgement(SMALL, Outcome.INCONCLUSIVE, 3, message=message)
    assert found == Judgement("often", "Frequency", "Pr >= 1/2", Outcome.INCONCLUSIVE, message=message, cases=(row,))


def test_attempts_are_added_up_over_trials_and_their_absence_is_no_event():
    claim = Frequency("f", "Pr >= 1/2", "hits", lambda point: 0.5, attempts="attempts")
    (row,) = claim.judge(evidence(counted(3, 4, trials=25))).cases
    assert (row.trials, row.measured) == (25, 0.75)
    (none,) = claim.judge(evidence(counted(0, 0, trials=2))).cases
    assert none == CaseJudgement(Point(), Outcome.NOT_EVALUATED, 2, message="no attempts")
    uncounted = replace(claim, attempts="absent").judge(evidence(counted(0, 4)))
    assert uncounted.cases[0].message.endswith("got a trial without (seed 0)")


def test_an_identity_that_fails_at_one_size():
    found = ROUNDED.judge(evidence(case([-1e-10, 1e-11], SMALL), case([1e-12, -2e-9], LARGE)))
    rows = (holding(SMALL, 1e-10, 1e-9, trials=2), CaseJudgement(LARGE, Outcome.VIOLATED, 2, 2e-9, 1e-9))
    assert found == Judgement("rounded", "Identity", "left = right", Outcome.VIOLATED, message="", cases=rows)


def test_an_exponent_of_exact_values():
    found = SQUARE.judge(evidence(*(case([size**2 / 2] * 3, Point(size)) for size in SIZES)))
    (row,) = found.cases
    assert row == CaseJudgement(Point(81), Outcome.HOLDS, 15, row.measured, 2.0, side=Side.NEITHER)
    assert row.measured == pytest.approx(2, abs=1e-12)
    assert found == Judgement(
        "square", "Scaling", "y ~ n^2", Outcome.HOLDS, message="", cases=(row,),
        exponents={"all": found.exponents["all"]}, claimed_exponent=2.0,
    )  # fmt: skip


def test_an_exponent_over_too_few_sizes_in_each_of_two_series():
    found = SQUARE.judge(evidence(*(case([1.0, 2.0], Point(size, name)) for size in SIZES[:4] for name in "ab")))
    message = "an exponent must be fitted over >= 5 sizes, got 4"
    rows = tuple(CaseJudgement(Point(54, name), Outcome.INCONCLUSIVE, 8, message=message) for name in "ab")
    assert found == Judgement(
        "square", "Scaling", "y ~ n^2", Outcome.INCONCLUSIVE, message=message, cases=rows, claimed_exponent=2.0
    )


def test_an_exponent_of_values_that_have_no_logarithm():
    found = SQUARE.judge(evidence(*(case([0.0, 1.0], Point(size)) for size in SIZES)))
    message = "values must be positive and finite"
    row = CaseJudgement(Point(81), Outcome.INCONCLUSIVE, 10, message=message)
    assert found == Judgement(
        "square", "Scaling", "y ~ n^2", Outcome.INCONCLUSIVE, message=message, cases=(row,), claimed_exponent=2.0
    )


def test_another_exponent_is_named_beside_the_claimed_one():
    found = SQUARE.judge(evidence(*(case([size**2.5] * 3, Point(size)) for size in SIZES)))
    assert found.message == "exponent 2.500 against 2"
    bent = SQUARE.judge(evidence(*(case([size**2 + 20.0 * size] * 3, Point(size)) for size in SIZES)))
    assert bent.message.startswith("the local slope still changes by +0.")
    assert bent.message.endswith(" over the range (allowed 0.05)")


def test_a_kink_is_named_with_its_place():
    """Logarithms whose fitted slope and drift are 0, but that fall by 0.3 from the first size to the second."""
    found = SQUARE.judge(
        evidence(
            *(
                case([size**2 * 1.5**step] * 3, Point(size))
                for size, step in zip(SIZES, (0.1, -0.2, 0.0, 0.2, -0.1), strict=True)
            )
        )
    )
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.message == "no power law: the local slope is 1.700 at 19.6 and 2.000 over the range"


def test_series_are_named_by_what_varies():
    points = [Point(size, name) for size in SIZES for name in "ab"]
    assert [*SQUARE.series([case([1.0], point) for point in points])] == ["family = a", "family = b"]
    assert [*SQUARE.series([case([1.0], Point(size)) for size in SIZES])] == ["all"]


def test_a_reference_must_be_positive_and_says_where_it_is_not():
    for reference in (0.0, -1.0, INFINITY, NAN):
        claim = replace(SQUARE, reference=lambda point, reference=reference: reference)
        told = rf"the reference must be positive and finite, got {reference} at Point\(size=16"
        with pytest.raises(ValueError, match=told):
            claim.fit([case([1.0, 2.0], SMALL)], 0.01)


def test_a_fitted_constant_tells_where_it_comes_from():
    ratios = [float(n) for n in range(calibration_trials())]
    found = freeze("C", [(SMALL, ratios), (LARGE, [*ratios, 0.5])], upper=True, note="largest ratio")
    ranges = {"size": Range(16, 32), "family": Range(words=("plain",))}
    assert found == Constant("C", ratios[-1], Provenance.FITTED, "largest ratio", len(ratios), ranges)
