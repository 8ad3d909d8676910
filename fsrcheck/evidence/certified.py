"""``Certified``: an inequality in one to three real variables, proved by ball arithmetic over an explicit box.

A part of infinite extent is covered by a substitution such as x = 1/u, with u in [0, 1/X], and a margin that is
written in u and can be evaluated at u = 0. Where equality holds at an end, no enclosure can tell 0 from a small
negative number: there, divide the margin by the factor that vanishes, or prove that it rises from an exact zero
(``Rising``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import ClassVar, Protocol

import flint
import sympy
from flint import arb

from fsrcheck.evidence.boxes import Gradient, Margin, Minimum, Search, ball, make_box, slope_along
from fsrcheck.evidence.claim import Certificate, Evidence, Judgement, Strength
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.rationals import Exact, exact_text, point_text

Sides = Mapping[str, tuple[Exact, Exact]]
SCOUTS = 100  # cells spent on looking for a negative value before a proof by monotonicity is tried
COLUMNS = ("part", "box", "outcome", "cells", "certified", "smallest found", "at")


@dataclass(frozen=True)
class Effort:
    """How hard to try.

    Attributes:
        max_cells: cells that may be enclosed for one box.
        polish: cells spent on sharpening a lower bound that is already positive.
    """

    max_cells: int = 20_000
    polish: int = 50


@dataclass(frozen=True)
class PartResult:
    """How one part came out: its outcome, what to say of it, and its rows of the certificate."""

    outcome: Outcome
    message: str
    rows: tuple[tuple[str, ...], ...]


class Part(Protocol):
    """A region on which a margin is shown to be positive."""

    def prove(self, effort: Effort) -> PartResult:
        """Try to prove it, at the current precision."""


@dataclass(frozen=True)
class Positive:
    """The margin is positive on a box because its enclosure is, cell by cell.

    Attributes:
        margin: takes one ball for every variable, in the order of ``box``, and returns a ball.
        box: the sides with exact ends (int, Fraction or text such as "0.1" and "1/3").
        gradient: partial derivatives; ``by_series(margin)`` where the margin works on power series. Saves most
            cells where the margin is small or attains its minimum at an end.
        where: what part of the claim this is, in words or LaTeX, with the substitution if there is one.
    """

    margin: Margin
    box: Sides
    gradient: Gradient | None = None
    where: str = ""

    def prove(self, effort: Effort) -> PartResult:
        """Bisect until decided."""
        found = Search(self.margin, self.gradient, effort.max_cells, effort.polish).minimum(make_box(self.box))
        return _result(found, self.where, self.box)


@dataclass(frozen=True)
class Rising:
    """The margin is positive on a box off one face, because it is at least 0 there and rises from there.

    Attributes:
        margin, box, where: as for ``Positive``; the margin must work on power series.
        variable: along which it rises.
        start: the end, "low" or "high", of that side from which it rises.
        zero: builds the exact value of the margin on that face, which sympy must show to be 0. Without it the
            margin is shown to be positive on the face.
    """

    margin: Margin
    box: Sides
    variable: str
    start: str = "low"
    zero: Callable[[], sympy.Expr] | None = None
    where: str = ""

    def prove(self, effort: Effort) -> PartResult:
        """Prove the rate positive on the box and the margin on the face at least 0; look for a negative value."""
        axis = list(self.box).index(self.variable)
        low, high = self.box[self.variable]
        end, sign = {"low": (low, 1), "high": (high, -1)}[self.start]
        face_box = {**self.box, self.variable: (end, end)}
        slope = slope_along(self.margin, axis)
        rate = Positive(lambda *x: sign * slope(*x), self.box, None, self._titled(f"rate in {self.variable}"))
        negative = self._negative_value()
        if negative is not None:
            return negative
        face = self._exact_zero(face_box) if self.zero else Positive(self.margin, face_box, None, self._titled("start"))
        results = [_as_doubt(rate.prove(effort)), face.prove(effort)]
        outcome = Outcome.worst(found.outcome for found in results)
        message = next((found.message for found in results if found.outcome is outcome), "")
        return PartResult(outcome, message, tuple(row for found in results for row in found.rows))

    def _negative_value(self) -> PartResult | None:
        """The refutation, if a short search for the minimum finds a negative value."""
        found = Search(self.margin, None, SCOUTS, 0).minimum(make_box(self.box))
        return _result(found, self.where, self.box) if found.is_negative_somewhere else None

    def _exact_zero(self, face: Sides) -> "_Zero":
        assert self.zero is not None
        return _Zero(self.margin, face, self.zero, self._titled("start"))

    def _titled(self, what: str) -> str:
        return f"{self.where}: {what}" if self.where else what


@dataclass(frozen=True)
class _Zero:
    """The margin vanishes on a face: exactly by computer algebra, and its ball does not say otherwise."""

    margin: Margin
    box: Sides
    zero: Callable[[], sympy.Expr]
    where: str

    def prove(self, effort: Effort) -> PartResult:
        cell = make_box(self.box)
        value = self.margin(*map(ball, cell.middle))
        residual = sympy.simplify(self.zero())
        is_zero = residual == 0 and value.contains(0)
        message = "" if is_zero else f"the value at the start must be 0, got {residual} and the enclosure {value}"
        outcome = Outcome.HOLDS if is_zero else Outcome.INCONCLUSIVE
        row = (self.where, cell.text(list(self.box)), _word(outcome), "1", "= 0", "0", "")
        return PartResult(outcome, message, (row,))


@dataclass(frozen=True)
class Certified:
    """An inequality holds on all its parts; together they cover the region that the text names.

    Attributes:
        name, text: see ``Claim``.
        parts: ``Positive`` or ``Rising``.
        max_cells, polish: see ``Effort``.
        precision: of the balls, in bits.
    """

    by_chance: ClassVar[bool] = False

    name: str
    text: str
    parts: tuple[Part, ...]
    max_cells: int = 20_000
    polish: int = 50
    precision: int = 64

    def judge(self, evidence: Evidence) -> Judgement:
        """Prove every part; a certainly negative margin violates, a cell that stays open is inconclusive."""
        effort = Effort(self.max_cells, self.polish)
        with flint.ctx.workprec(self.precision):
            results = [part.prove(effort) for part in self.parts]
        outcome = Outcome.worst(found.outcome for found in results)
        message = next((found.message for found in results if found.outcome is outcome), "")
        rows = tuple(row for found in results for row in found.rows)
        cells = sum(int(row[COLUMNS.index("cells")]) for row in rows)
        parts = "1 part" if len(self.parts) == 1 else f"{len(self.parts)} parts"
        summary = f"{parts}, {cells} cells, balls of {self.precision} bits"
        return Judgement(
            self.name,
            type(self).__name__,
            self.text,
            outcome,
            Strength.CERTIFIED,
            message,
            certificate=Certificate(summary, COLUMNS, rows),
        )


def _result(found: Minimum, where: str, box: Sides) -> PartResult:
    names = list(box)
    at = ", ".join(f"{name} = {point_text(value)}" for name, value in zip(names, found.at, strict=True))
    outcome, message = Outcome.HOLDS, ""
    if found.is_negative_somewhere:
        exact_point = ", ".join(f"{name} = {exact_text(value)}" for name, value in zip(names, found.at, strict=True))
        outcome, message = Outcome.VIOLATED, f"the margin must be positive, got {found.found.str(6)} at {exact_point}"
    elif not found.is_positive:
        cell = found.undecided
        place = cell.text(names) if cell else "a cell"
        outcome, message = Outcome.INCONCLUSIVE, f"{place} was not decided within {found.cells} cells"
    certified = f">= {_rounded(found.certified, ROUND_FLOOR)}" if outcome is Outcome.HOLDS else ""
    cells = str(found.cells)
    smallest = _rounded(found.found.upper(), ROUND_CEILING)
    sides = make_box(box).text(names)
    return PartResult(outcome, message, ((where, sides, _word(outcome), cells, certified, smallest, at),))


def _as_doubt(rate: PartResult) -> PartResult:
    """A margin that falls somewhere is not shown to be positive, and not shown to be negative either."""
    if rate.outcome is not Outcome.VIOLATED:
        return rate
    return PartResult(Outcome.INCONCLUSIVE, f"the margin does not rise everywhere: {rate.message}", rate.rows)


def _word(outcome: Outcome) -> str:
    return outcome.name.lower()


def _rounded(value: arb, rounding: str) -> str:
    """An exact number to six digits, rounded to the safe side."""
    number = float(value)
    if not abs(number) < float("inf"):
        return str(number)
    return f"{Context(prec=6, rounding=rounding).create_decimal(Decimal(number)):g}"
