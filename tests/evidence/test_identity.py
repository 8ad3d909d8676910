"""``Identity`` and ``SymbolicIdentity``: equal means equal everywhere."""

import pytest
import sympy

from fsrcheck.evidence.claim import Selection, Strength
from fsrcheck.evidence.identity import Identity, SymbolicIdentity
from fsrcheck.evidence.outcome import Outcome
from tests.evidence.making import INFINITY, NAN, case, evidence

SMALL = Identity("i", "left = right", "y", 1e-12)
a, b = sympy.symbols("a b")


def symbolic(*residuals: sympy.Expr):
    return SymbolicIdentity("s", "left = right", lambda: residuals).judge(evidence())


def test_residuals_within_rounding_hold():
    assert SMALL.judge(evidence(case([0.0, 1e-13]))).outcome is Outcome.HOLDS


@pytest.mark.parametrize("value", [2e-12, -2e-12, INFINITY, -INFINITY])
def test_one_residual_beyond_rounding_violates_whatever_its_sign(value):
    assert SMALL.judge(evidence(case([0.0] * 99 + [value]))).outcome is Outcome.VIOLATED


def test_a_residual_that_is_nan_decides_nothing():
    assert SMALL.judge(evidence(case([0.0, NAN, 0.0]))).outcome is Outcome.INCONCLUSIVE


def test_a_residual_that_is_not_measured_decides_nothing():
    assert Identity("i", "", "absent", 1.0).judge(evidence(case([0.0]))).outcome is Outcome.INCONCLUSIVE


def test_no_selected_case_is_no_evaluation():
    claim = Identity("i", "", "y", 1.0, where=Selection({"size": 99}))
    assert claim.judge(evidence(case([0.0]))).outcome is Outcome.NOT_EVALUATED


def test_an_identity_for_all_symbols_is_proved():
    judgement = symbolic((a + b) ** 2 - a**2 - 2 * a * b - b**2)
    assert judgement.outcome is Outcome.HOLDS
    assert judgement.strength is Strength.PROVED


def test_one_residual_that_does_not_vanish_violates():
    judgement = symbolic(a - a, (a + b) ** 2 - a**2 - b**2)
    assert judgement.outcome is Outcome.VIOLATED
    assert "2*a*b" in judgement.message


def test_no_residuals_are_no_evaluation():
    assert symbolic().outcome is Outcome.NOT_EVALUATED


def test_a_residual_that_vanishes_at_most_points_only_does_not_hold():
    assert symbolic(sympy.Piecewise((1, sympy.Eq(a, 3)), (0, True))).outcome is not Outcome.HOLDS


@pytest.mark.parametrize("residual", [sympy.nan, sympy.zoo, sympy.oo])
def test_a_residual_without_a_value_never_holds(residual):
    assert symbolic(residual).outcome is not Outcome.HOLDS


def test_an_unknown_function_is_not_proved_to_vanish():
    f = sympy.Function("f")
    assert symbolic(f(a) - f(b)).outcome is not Outcome.HOLDS
