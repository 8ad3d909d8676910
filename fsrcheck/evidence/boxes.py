"""Adaptive bisection of a box: is a function, given in ball arithmetic, positive on all of it?

A ball (``flint.arb``) encloses every value that a formula takes on the numbers it stands for, rounding included.
The box is cut into cells until the enclosure on every cell is positive, or the function is certainly negative at
one rational point, or the allowed number of cells is spent: a cell that cannot be decided is reported, never
dropped (R. E. Moore, Interval Analysis, 1966; F. Johansson, Arb, 2017).
"""

import heapq
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cmp_to_key
from itertools import count, product
from typing import Any

from flint import arb, arb_series, fmpq

from fsrcheck.evidence.rationals import Exact, exact, exact_text, point_text

Margin = Callable[..., arb]  # one ball for every variable, in the order of the box
Gradient = Callable[..., Sequence[arb]]
Point = tuple[Fraction, ...]
TIGHT = 0.95  # of the smallest value found: a lower bound as good as that is not improved any further


@dataclass(frozen=True)
class Cell:
    """A box with rational ends, one entry for every variable; an axis may have width 0."""

    low: Point
    high: Point

    @property
    def middle(self) -> Point:
        """The midpoint."""
        return tuple((a + b) / 2 for a, b in zip(self.low, self.high, strict=True))

    @property
    def balls(self) -> tuple[arb, ...]:
        """A ball around every side."""
        return tuple(ball(a).union(ball(b)) for a, b in zip(self.low, self.high, strict=True))

    def corners(self) -> Iterator[Point]:
        """All corners."""
        return product(*({a, b} for a, b in zip(self.low, self.high, strict=True)))

    def with_side(self, axis: int, low: Fraction, high: Fraction) -> "Cell":
        """The cell with another side along one axis."""
        sides = [*zip(self.low, self.high, strict=True)]
        sides[axis] = (low, high)
        return Cell(tuple(a for a, _ in sides), tuple(b for _, b in sides))

    def halves(self, axis: int) -> tuple["Cell", "Cell"]:
        """The two halves along one axis."""
        low, middle, high = self.low[axis], self.middle[axis], self.high[axis]
        return self.with_side(axis, low, middle), self.with_side(axis, middle, high)

    def text(self, names: Sequence[str]) -> str:
        """The cell in words: ``x in [0, 0.5], y = 1``."""
        sides = zip(names, self.low, self.high, strict=True)
        return ", ".join(
            f"{name} = {point_text(a)}" if a == b else f"{name} in [{point_text(a)}, {point_text(b)}]"
            for name, a, b in sides
        )


@dataclass(frozen=True)
class Minimum:
    """What is known of the minimum of a function over a box.

    Attributes:
        certified: the function is at least this everywhere on the box (-inf if nothing is known).
        found: its enclosure at the point ``at``, the smallest value seen.
        cells: how many cells were enclosed.
        undecided: a cell on which the sign stayed open; None if the function is positive or a negative value was found.
    """

    certified: arb
    found: arb
    at: Point
    cells: int
    undecided: Cell | None = None

    @property
    def is_positive(self) -> bool:
        """Whether the function is certainly positive on the whole box."""
        return self.undecided is None and bool(self.certified > 0)

    @property
    def is_negative_somewhere(self) -> bool:
        """Whether it is certainly negative at the point ``at``."""
        return bool(self.found < 0)


def ball(value: Fraction) -> arb:
    """The tightest ball around a rational number at the current precision."""
    return arb(fmpq(value.numerator, value.denominator))


def make_box(sides: Mapping[str, tuple[Exact, Exact]]) -> Cell:
    """The box with these sides.

    Raises:
        ValueError: no variables, an end that is not an exact finite number, or ends in the wrong order.
    """
    ends = {name: (exact(low), exact(high)) for name, (low, high) in sides.items()}
    wrong = [f"{name} in [{exact_text(low)}, {exact_text(high)}]" for name, (low, high) in ends.items() if low > high]
    if wrong or not ends:
        raise ValueError(f"a box must have ends in ascending order, got {', '.join(wrong) or 'no sides'}")
    return Cell(tuple(low for low, _ in ends.values()), tuple(high for _, high in ends.values()))


def by_series(margin: Margin) -> Gradient:
    """The gradient of ``margin`` by automatic differentiation: it must also work on power series (``arb_series``).

    Arithmetic, ``sqrt``, ``exp``, ``log``, ``erfc`` and the functions of ``fsrcheck.gaussian.balls`` do.
    """

    return lambda *balls: [slope_along(margin, axis)(*balls) for axis in range(len(balls))]


def slope_along(margin: Margin, axis: int) -> Margin:
    """One partial derivative of ``margin``, as ``by_series``; NaN where a division by what may be 0 is refused."""

    def slope(*balls: arb) -> arb:
        arguments: list[Any] = list(balls)
        arguments[axis] = arb_series([balls[axis], 1], 2)
        try:
            value: Any = margin(*arguments)
        except (ValueError, ZeroDivisionError):
            return arb("nan")
        return value[1] if isinstance(value, arb_series) else arb(0)

    return slope


@dataclass(frozen=True)
class _Enclosed:
    """A cell with a lower bound of the function on it and the axis to cut next (None: a single point)."""

    cell: Cell
    lower: arb
    axis: int | None


@dataclass(frozen=True)
class Search:
    """Best-first search for the minimum of ``margin`` over a box: the least promising cell is always cut next.

    Attributes:
        margin: the function.
        gradient: its partial derivatives, if wanted: on every cell the mean-value form is then used beside the plain
            one, and an axis along which the function is monotone is reduced to the end with the smaller value.
        max_cells: how many cells may be enclosed before the search gives up.
        polish: once the function is known to be positive, at most so many cells are cut to sharpen its lower bound.
    """

    margin: Margin
    gradient: Gradient | None = None
    max_cells: int = 20_000
    polish: int = 50

    def minimum(self, box: Cell) -> Minimum:
        """Search the box; stops at the first point where the function is certainly negative.

        Raises:
            ValueError: the gradient is not that of the margin.
        """
        self._check_gradient(box)
        best = self._smallest([*box.corners(), box.middle])
        number, cells, extra = count(), 1, 0
        heap = [_entry(self._enclose(box, box), number)]
        while not best.is_negative_somewhere:
            worst = heap[0][-1]
            is_positive = bool(worst.lower > 0)
            if is_positive and (extra >= self.polish or bool(worst.lower >= TIGHT * best.found)):
                break
            if worst.axis is None or cells >= self.max_cells:
                best = replace(best, undecided=None if is_positive else worst.cell)
                break
            extra += is_positive
            heapq.heappop(heap)
            for half in worst.cell.halves(worst.axis):
                heapq.heappush(heap, _entry(self._enclose(half, box), number))
                best = _smaller(best, self._smallest([half.middle]))
            cells += 2
        lowest = min((entry[-1].lower for entry in heap), key=cmp_to_key(_order))
        return replace(best, certified=lowest, cells=cells)

    def _check_gradient(self, box: Cell) -> None:
        """By the mean value theorem between opposite corners."""
        if self.gradient is None:
            return
        low, high = (list(map(ball, corner)) for corner in (box.low, box.high))
        change = self.margin(*high) - self.margin(*low)
        steps = zip(self.gradient(*box.balls), low, high, strict=True)
        predicted = sum((slope * (b - a) for slope, a, b in steps), arb(0))
        if change.is_finite() and predicted.is_finite() and not change.overlaps(predicted):
            raise ValueError(f"the gradient must explain the change {change} of the margin, got {predicted}")

    def _smallest(self, points: Sequence[Point]) -> Minimum:
        values = [Minimum(arb("-inf"), self.margin(*map(ball, point)), point, 0) for point in points]
        best = values[0]
        for value in values[1:]:
            best = _smaller(best, value)
        return best

    def _enclose(self, cell: Cell, box: Cell) -> _Enclosed:
        balls = cell.balls
        widths = [b - a for a, b in zip(cell.low, cell.high, strict=True)]
        if self.gradient is None:
            weights = [w / (b - a) if w else w for w, a, b in zip(widths, box.low, box.high, strict=True)]
            return _Enclosed(cell, self.margin(*balls).lower(), _widest(weights))
        slopes = self.gradient(*balls)
        lower = self._mean_value(_downhill(cell, slopes), slopes)
        steepness = [float(slope.abs_upper()) * width for slope, width in zip(slopes, map(float, widths), strict=True)]
        return _Enclosed(cell, lower, _widest(steepness if all(map(math.isfinite, steepness)) else widths))

    def _mean_value(self, cell: Cell, slopes: Sequence[arb]) -> arb:
        """The better one of the plain lower bound and that of the mean-value form."""
        balls, middle = cell.balls, [ball(x) for x in cell.middle]
        plain = self.margin(*balls)
        form = self.margin(*middle)
        for slope, side, centre in zip(slopes, balls, middle, strict=True):
            form += slope * (side - centre)
        return _larger(plain.lower(), form.lower())


def _downhill(cell: Cell, slopes: Sequence[arb]) -> Cell:
    """The part of the cell's boundary on which the function takes its minimum, as far as slopes tell."""
    for axis, slope in enumerate(slopes):
        if bool(slope > 0):
            cell = cell.with_side(axis, cell.low[axis], cell.low[axis])
        elif bool(slope < 0):
            cell = cell.with_side(axis, cell.high[axis], cell.high[axis])
    return cell


def _widest(weights: Sequence[Fraction] | Sequence[float]) -> int | None:
    axis = max(range(len(weights)), key=weights.__getitem__)
    return axis if weights[axis] > 0 else None


def _entry(enclosed: _Enclosed, number: Iterator[int]) -> tuple[float, int, _Enclosed]:
    """An entry of the heap; what is not a number comes first, since nothing is known of it."""
    lower = float(enclosed.lower)
    return (-math.inf if math.isnan(lower) else lower, next(number), enclosed)


def _order(first: arb, second: arb) -> int:
    """The order of two exact numbers; what is not a number comes first."""
    return -1 if first.is_nan() or bool(first < second) else 1


def _smaller(first: Minimum, second: Minimum) -> Minimum:
    """The one with the smaller value; a value that is not a number loses."""
    if not first.found.is_finite():
        return second
    return second if bool(second.found.mid() < first.found.mid()) else first


def _larger(first: arb, second: arb) -> arb:
    return first if second.is_nan() or bool(first >= second) else second
