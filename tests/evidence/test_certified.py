"""``Certified``: proved, refuted at a point, or open with a name; never anything else."""

import pytest
import sympy
from flint import arb

from fsrcheck.evidence.boxes import by_series
from fsrcheck.evidence.certified import Certified, Positive, Rising
from fsrcheck.evidence.claim import Strength
from fsrcheck.evidence.outcome import Outcome
from tests.evidence.making import evidence


def judge(*parts, **effort):
    return Certified("c", "", parts, **effort).judge(evidence())


def exponential(constant):
    """exp(x) >= constant x on [0, 4]: true up to e, attained at 1."""

    def margin(x):
        return x.exp() - arb(constant) * x

    return Positive(margin, {"x": (0, 4)}, by_series(margin), "all")


def test_an_inequality_up_to_its_tightest_constant_is_certified():
    judgement = judge(exponential("2.718"))
    assert judgement.outcome is Outcome.HOLDS
    assert judgement.strength is Strength.CERTIFIED


def test_a_constant_one_percent_beyond_the_tightest_is_violated_at_a_point():
    judgement = judge(exponential("2.7455"))
    assert judgement.outcome is Outcome.VIOLATED
    assert "at x = " in judgement.message


def test_the_certificate_names_box_cells_and_the_worst_margin():
    judgement = judge(exponential("2"))
    assert judgement.certificate is not None
    row = dict(zip(judgement.certificate.columns, judgement.certificate.rows[0], strict=True))
    least = 2 - 2 * float(sympy.log(2))
    assert row["part"] == "all"
    assert row["box"] == "x in [0, 4]"
    assert int(row["cells"]) > 1
    certified = float(row["certified"].removeprefix(">= "))
    assert 0.9 * least < certified <= least <= float(row["smallest found"])


def test_what_is_not_decided_is_inconclusive_and_named():
    judgement = judge(Positive(lambda x: (x - 1) ** 2, {"x": (0, 4)}), max_cells=50)
    assert judgement.outcome is Outcome.INCONCLUSIVE
    assert "not decided within" in judgement.message


def test_one_part_that_fails_spoils_the_others():
    open_part = Positive(lambda x: x * x, {"x": (0, 1)})
    assert judge(exponential("2"), open_part, max_cells=50).outcome is Outcome.INCONCLUSIVE
    assert judge(exponential("2"), open_part, exponential("3"), max_cells=50).outcome is Outcome.VIOLATED


def test_no_parts_are_no_evaluation():
    assert judge().outcome is Outcome.NOT_EVALUATED


def rising(rate, zero=lambda: sympy.exp(0) - 1, start="low", box=(0, 1)):
    """exp(x) - 1 - rate x, which vanishes at 0."""
    return Rising(lambda x: x.exp() - 1 - arb(rate) * x, {"x": box}, "x", start, zero)


def test_a_margin_that_rises_from_an_exact_zero_is_certified():
    assert judge(rising("0.99")).outcome is Outcome.HOLDS


def test_a_margin_that_rises_to_the_left_is_certified():
    assert judge(rising("1.01", start="high", box=(-1, 0))).outcome is Outcome.HOLDS


def test_a_margin_that_falls_below_zero_is_violated():
    assert judge(rising("2")).outcome is Outcome.VIOLATED


def test_without_an_exact_zero_the_start_must_be_positive():
    assert judge(rising("0.5", zero=None)).outcome is Outcome.INCONCLUSIVE
    assert judge(rising("0.5", zero=None, box=("0.01", 1))).outcome is Outcome.HOLDS


@pytest.mark.parametrize("zero", [lambda: sympy.Rational(1, 10**9), lambda: sympy.Symbol("s")])
def test_a_start_that_is_not_exactly_zero_proves_nothing(zero):
    assert judge(rising("0.5", zero=zero)).outcome is Outcome.INCONCLUSIVE


def test_a_zero_that_the_margin_does_not_have_proves_nothing():
    part = Rising(lambda x: x + arb("1e-9"), {"x": (0, 1)}, "x", zero=lambda: sympy.Integer(0))
    assert judge(part).outcome is Outcome.INCONCLUSIVE


def test_a_margin_that_does_not_rise_everywhere_is_not_shown_to_be_positive():
    part = Rising(lambda x: 1 + x * (1 - x), {"x": (0, "1.5")}, "x")
    judgement = judge(part)
    assert judgement.outcome is Outcome.INCONCLUSIVE
    assert "does not rise" in judgement.message


def test_in_two_variables_the_face_is_a_box():
    part = Rising(lambda x, y: y * y + 1 + x * y, {"x": (0, 1), "y": ("0.5", 2)}, "x")
    assert judge(part).outcome is Outcome.HOLDS


def test_precision_is_set_for_the_proof_and_put_back():
    import flint

    before = flint.ctx.prec
    seen = []

    def margin(x):
        seen.append(flint.ctx.prec)
        return x + 1

    judge(Positive(margin, {"x": (0, 1)}), precision=200)
    assert set(seen) == {200}
    assert flint.ctx.prec == before
