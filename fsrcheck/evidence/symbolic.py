"""``SymbolicIdentity``: expressions vanish for all values of their symbols, proved by computer algebra.

The symbols may stand for numbers, for undefined functions (``sympy.Function("f")`` with its derivatives and integrals)
and for matrices of symbolic size (``sympy.MatrixSymbol``). An identity between vectors in any dimension is best
written with one symbol for every inner product. What simplifies to 0 is proved; what does not is put to the test:
functions and matrices are replaced by concrete ones and symbols by numbers, and a value that is not 0 refutes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import sympy

from fsrcheck.evidence.claim import Certificate, Evidence, Judgement, Strength
from fsrcheck.evidence.outcome import Outcome

SIZE = 3  # of the concrete matrices
DIGITS = 40
NOISE = 1e-20  # a value above this is not 0: it was computed to DIGITS digits


@dataclass(frozen=True)
class SymbolicIdentity:
    """Expressions vanish for all values of their symbols.

    Attributes:
        name, text: see ``Claim``.
        residuals: builds the sympy expressions, left minus right.
        spot_checks: computes the two sides at some points by another route than sympy (quadrature, sampling-free
            code of the package) and returns their relative differences. Without it, the residuals as they were
            written down are evaluated numerically, before any simplification, with concrete functions and matrices.
        tolerance: what a relative difference may be by rounding.
    """

    by_chance: ClassVar[bool] = False

    name: str
    text: str
    residuals: Callable[[], Sequence[sympy.Basic]]
    spot_checks: Callable[[], Sequence[float]] | None = None
    tolerance: float = 1e-12

    def judge(self, evidence: Evidence) -> Judgement:
        """Prove or refute every residual; a proof that the spot checks contradict is no proof."""
        residuals = [sympy.sympify(expression) for expression in self.residuals()]
        rows = [_judge_residual(expression) for expression in residuals]
        outcome = Outcome.worst(found for found, _ in rows)
        message = next((text for found, text in rows if found is outcome), "")
        count = "1 expression vanishes" if len(rows) == 1 else f"{len(rows)} expressions vanish"
        summary = f"{count} identically" if outcome is Outcome.HOLDS else "not proved"
        evaluated = (found for expression in residuals for found in _evaluated(expression))
        differences = [abs(found) for found in (self.spot_checks() if self.spot_checks else evaluated)]
        if differences or self.spot_checks:
            outcome, message = self._confronted(outcome, message, differences)
            largest = max(differences, default=math.nan)
            summary += f"; {len(differences)} spot checks, relative differences {largest:.2g}"
        certificate = Certificate(summary)
        return Judgement(
            self.name, type(self).__name__, self.text, outcome, Strength.PROVED, message, certificate=certificate
        )

    def _confronted(self, outcome: Outcome, message: str, differences: Sequence[float]) -> tuple[Outcome, str]:
        """What the proof is worth beside the spot checks."""
        usable = [found for found in differences if found <= self.tolerance]
        if len(usable) == len(differences) > 0 or outcome is Outcome.VIOLATED:
            return outcome, message
        if not differences or any(map(math.isnan, differences)):
            return Outcome.INCONCLUSIVE, "spot checks must give numbers, got none or NaN"
        found = f"{max(differences):.3g}, above {self.tolerance:g}"
        if outcome is Outcome.HOLDS:
            return Outcome.INCONCLUSIVE, f"proved, but a spot check by another route differs by {found}"
        return Outcome.VIOLATED, f"a spot check by another route differs by {found}"


def _judge_residual(expression: sympy.Basic) -> tuple[Outcome, str]:
    """0 holds, a concrete value that is not 0 violates, anything else is inconclusive."""
    simplified = _simplified(expression)
    if _is_zero(simplified):
        return Outcome.HOLDS, ""
    if _differs_somewhere(simplified):
        return Outcome.VIOLATED, f"left - right must be 0, got {simplified}"
    return Outcome.INCONCLUSIVE, f"left - right was not simplified to 0: {simplified}"


def _simplified(expression: sympy.Basic) -> sympy.Basic:
    evaluated = expression.doit()
    for step in (sympy.expand, sympy.simplify):
        evaluated = step(evaluated)
        if _is_zero(evaluated):
            break
    return evaluated


def _is_zero(expression: sympy.Basic) -> bool:
    if isinstance(expression, sympy.MatrixBase):
        return expression.is_zero_matrix is True
    return isinstance(expression, sympy.ZeroMatrix) or bool(expression == 0)


def _differs_somewhere(expression: sympy.Basic) -> bool:
    """Whether some concrete functions, matrices and numbers in place of the symbols give a value that is not 0."""
    concrete = _with_matrices(_with_functions(expression))
    entries = list(concrete) if isinstance(concrete, sympy.MatrixBase) else [concrete]
    return any(_is_certainly_not_zero(_value(entry, _numbers(entry, shift))) for entry in entries for shift in range(3))


def _evaluated(expression: sympy.Basic) -> list[float]:
    """The value of a residual at three points relative to its terms; points where it makes no sense are left out.

    So are residuals with integrals, whose numerical value is expensive: give such an identity spot checks of its own.
    """
    if expression.has(sympy.Integral):
        return []
    concrete = _with_matrices(_with_functions(expression))
    entries = list(concrete) if isinstance(concrete, sympy.MatrixBase) else [concrete]
    found = []
    for entry in entries:
        for shift in range(3):
            numbers = _numbers(entry, shift)
            terms = [_value(term, numbers) for term in sympy.Add.make_args(entry)]
            if all(term.is_number and term.is_finite for term in terms):
                scale = float(sum(abs(term) for term in terms))
                found.append(float(abs(sum(terms))) / scale if scale else 0.0)
    return found


def _with_functions(expression: sympy.Basic) -> sympy.Basic:
    """Every undefined function replaced by a smooth concrete one, another for each name."""
    names = sorted({call.func.__name__ for call in expression.atoms(sympy.core.function.AppliedUndef)})
    for index, name in enumerate(names, start=2):

        def concrete(*arguments: sympy.Expr, index: int = index) -> sympy.Expr:
            mixed = sum((position + index) * x / 3 for position, x in enumerate(arguments, start=1))
            return sympy.sin(mixed + index) + mixed**3 / (5 * index)

        expression = expression.replace(sympy.Function(name), concrete)
    return expression.doit()


def _with_matrices(expression: sympy.Basic) -> sympy.Basic:
    """Every matrix symbol replaced by a matrix of numbers, symbolic sizes by 3."""
    symbols = expression.atoms(sympy.MatrixSymbol)
    sizes = {size: SIZE for symbol in symbols for size in symbol.shape if not size.is_Integer}
    if not symbols:
        return expression
    sized = expression.subs(sizes)
    entries = {
        symbol: _matrix(symbol, index) for index, symbol in enumerate(sorted(sized.atoms(sympy.MatrixSymbol), key=str))
    }
    found = sized.xreplace(entries).doit()
    return found.as_explicit() if isinstance(found, sympy.MatrixExpr) else found


def _matrix(symbol: sympy.MatrixSymbol, index: int) -> sympy.Matrix:
    """Small numbers without pattern, so that no symmetry hides a difference."""
    rows, columns = map(int, symbol.shape)
    return sympy.Matrix(
        rows, columns, lambda i, j: sympy.Rational((17 * i + 29 * j + 13 * index + 7 * i * i * j + 5) % 23 - 11, 7)
    )


def _numbers(expression: sympy.Basic, shift: int) -> dict[sympy.Symbol, sympy.Rational]:
    """A number for every symbol."""
    symbols = sorted(expression.free_symbols, key=str)
    return {symbol: _number(symbol, 5 * index + 7 * shift) for index, symbol in enumerate(symbols)}


def _value(expression: sympy.Basic, numbers: dict[sympy.Symbol, sympy.Rational]) -> sympy.Basic:
    """The value with these numbers in place of the symbols."""
    return expression.subs(numbers).doit().evalf(DIGITS)


def _number(symbol: sympy.Symbol, place: int) -> sympy.Rational:
    """A number between 0 and 1, where most formulas make sense; a whole one, or a negative one, if it must be."""
    if symbol.is_integer:
        return sympy.Integer(2 + place % 5)
    size = sympy.Rational(place % 29 + 1, 31)
    return -size if symbol.is_negative else size


def _is_certainly_not_zero(value: sympy.Basic) -> bool:
    return bool(value.is_number and value.is_finite and abs(value) > NOISE)
