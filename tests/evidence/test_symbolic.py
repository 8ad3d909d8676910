"""``SymbolicIdentity``: equal means equal everywhere, whatever the symbols stand for."""

import math
from collections.abc import Sequence

import pytest
import sympy

from fsrcheck.evidence.claim import Strength
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.symbolic import SymbolicIdentity
from tests.evidence.making import NAN, evidence

a, b = sympy.symbols("a b")
x, y, rho = sympy.symbols("x y rho", real=True)
f, g = sympy.Function("f"), sympy.Function("g")
n = sympy.Symbol("n", integer=True, positive=True)
A, B = sympy.MatrixSymbol("A", n, n), sympy.MatrixSymbol("B", n, n)


def symbolic(*residuals: sympy.Basic, spots: Sequence[float] | None = None):
    checks = None if spots is None else lambda: spots
    return SymbolicIdentity("s", "left = right", lambda: residuals, checks).judge(evidence())


def test_an_identity_for_all_symbols_is_proved():
    judgement = symbolic((a + b) ** 2 - a**2 - 2 * a * b - b**2)
    assert judgement.outcome is Outcome.HOLDS
    assert judgement.strength is Strength.PROVED
    assert (judgement.claim, judgement.kind, judgement.text) == ("s", "SymbolicIdentity", "left = right")


def test_how_many_expressions_vanish_is_said():
    one, two = (symbolic(*[a - a] * count).certificate.summary for count in (1, 2))
    assert one.startswith("1 expression vanishes identically")
    assert two.startswith("2 expressions vanish identically")


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


def divergence_form(sign: int = 1) -> sympy.Expr:
    """p Lu - div(p Sigma grad u) for u = f(x) g(y) and p the density of a Gaussian pair."""
    p = sympy.exp(-(x**2 - 2 * rho * x * y + y**2) / (2 * (1 - rho**2)))
    u = f(x) * g(y)
    first, second = u.diff(x) + sign * rho * u.diff(y), rho * u.diff(x) + u.diff(y)
    operator = u.diff(x, 2) + 2 * rho * u.diff(x, y) + u.diff(y, 2) - x * u.diff(x) - y * u.diff(y)
    return p * operator - (p * first).diff(x) - (p * second).diff(y)


def test_an_identity_between_derivatives_of_unknown_functions_is_proved():
    assert symbolic(divergence_form()).outcome is Outcome.HOLDS


def test_the_same_with_one_sign_flipped_is_refuted():
    assert symbolic(divergence_form(sign=-1)).outcome is Outcome.VIOLATED


def test_integrals_are_evaluated():
    t = sympy.Symbol("t", real=True)
    moment = sympy.Integral(t**2 * sympy.exp(-(t**2) / 2), (t, -sympy.oo, sympy.oo))
    assert symbolic(moment - sympy.sqrt(2 * sympy.pi)).outcome is Outcome.HOLDS
    assert symbolic(moment - 2 * sympy.sqrt(2 * sympy.pi)).outcome is Outcome.VIOLATED


def test_integrals_of_unknown_functions_cancel():
    t = sympy.Symbol("t", real=True)
    left = sympy.Integral(f(t) + g(t), (t, 0, x))
    assert symbolic(left - sympy.Integral(f(t), (t, 0, x)) - sympy.Integral(g(t), (t, 0, x))).outcome is Outcome.HOLDS


def test_matrices_of_any_size_are_compared():
    assert symbolic((A * B).T - B.T * A.T).outcome is Outcome.HOLDS
    assert symbolic((A * B).T - A.T * B.T).outcome is Outcome.VIOLATED


def test_explicit_matrices_are_compared_entry_by_entry():
    rotation = sympy.Matrix([[sympy.cos(x), -sympy.sin(x)], [sympy.sin(x), sympy.cos(x)]])
    assert symbolic(rotation.T * rotation - sympy.eye(2)).outcome is Outcome.HOLDS
    assert symbolic(rotation * rotation - sympy.eye(2)).outcome is Outcome.VIOLATED


def test_an_explicit_matrix_that_is_not_zero_is_refuted_without_spot_checks_of_its_own():
    assert symbolic(sympy.Matrix([[a, 0], [0, 0]]), spots=[0.0]).outcome is Outcome.VIOLATED
    assert symbolic(A - sympy.Identity(n), spots=[0.0]).outcome is Outcome.VIOLATED
    assert symbolic(sympy.Trace(A * B) - sympy.Trace(A), spots=[0.0]).outcome is Outcome.VIOLATED


def test_every_entry_of_a_matrix_is_evaluated():
    judgement = symbolic(sympy.Matrix([[(a + 1) ** 2 - a**2 - 2 * a - 1, 0], [0, 0]]))
    assert "12 spot checks" in judgement.certificate.summary


def test_points_where_a_term_is_infinite_are_left_out():
    first = sympy.Rational(1, 31)  # where a symbol is put first
    judgement = symbolic((a + 1) / (a - first) - a / (a - first) - 1 / (a - first))
    assert judgement.outcome is Outcome.HOLDS
    assert "2 spot checks" in judgement.certificate.summary


def test_integrals_are_not_evaluated_as_spot_checks():
    t = sympy.Symbol("t", real=True)
    judgement = symbolic(sympy.Integral(t, (t, 0, 1)) - sympy.Rational(1, 2))
    assert judgement.certificate.summary == "1 expression vanishes identically"


def test_symbols_that_must_be_integers_or_negative_are_given_such_numbers():
    z = sympy.Symbol("z", negative=True)
    assert symbolic(sympy.sqrt(z**2) - z).outcome is Outcome.VIOLATED
    assert symbolic((-1) ** (2 * n) - 1).outcome is Outcome.HOLDS


def test_spot_checks_within_rounding_leave_a_proof_as_it_is():
    judgement = symbolic(a - a, spots=[1e-16, -3e-13])
    assert judgement.outcome is Outcome.HOLDS
    assert judgement.certificate is not None
    assert "2 spot checks" in judgement.certificate.summary


@pytest.mark.parametrize("spots", [[1e-16, 2e-12], [NAN], [0.0, NAN], []])
def test_a_proof_that_spot_checks_do_not_bear_out_decides_nothing(spots):
    assert symbolic(a - a, spots=spots).outcome is Outcome.INCONCLUSIVE


def test_spot_checks_never_prove_and_never_excuse():
    unproved = sympy.Piecewise((1, sympy.Eq(a, 3)), (0, True))
    assert symbolic(unproved, spots=[0.0]).outcome is Outcome.INCONCLUSIVE
    assert symbolic(a, spots=[0.0]).outcome is Outcome.VIOLATED
    assert symbolic(a, spots=[]).outcome is Outcome.VIOLATED


def test_spot_checks_refute_what_could_not_be_simplified():
    unproved = sympy.Piecewise((1, sympy.Eq(a, 3)), (0, True))
    assert symbolic(unproved, spots=[1.0, math.inf]).outcome is Outcome.VIOLATED
    assert symbolic(unproved, spots=[0.25]).message.endswith("differs by 0.25, above 1e-12")


def test_without_spot_checks_the_residuals_are_evaluated_as_they_were_written():
    judgement = symbolic((a + 1) ** 2 - a**2 - 2 * a - 1)
    assert judgement.outcome is Outcome.HOLDS
    assert "3 spot checks" in judgement.certificate.summary


def test_a_simplification_that_the_values_contradict_proves_nothing(monkeypatch):
    monkeypatch.setattr("fsrcheck.evidence.symbolic._simplified", lambda expression: sympy.Integer(0))
    judgement = symbolic(a**2 - a)
    assert judgement.outcome is Outcome.INCONCLUSIVE
    assert "proved, but a spot check by another route differs" in judgement.message
