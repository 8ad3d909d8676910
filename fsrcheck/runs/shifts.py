"""Whether new trials lie beyond old ones by more than chance: exact, and without a word on how trials are distributed.

Each trial of a case is an independent draw. Where nothing has changed, old and new trials are therefore exchangeable,
and the j highest of all n + N of them are all new with probability C(N, j) / C(N + n, j): the test of S. Rosenbaum
(1954), which needs nothing of the old trials but their extremes and their number. Cases have trials of their own, so
their probabilities combine by R. A. Fisher's rule (1932); since these are discrete, the result errs on the safe side.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

FALSE_ALARM = 1e-6  # of one comparison in which nothing has changed
ROOM = 2**14  # how many quantities that vary by chance a baseline may hold, cases and claims together
SHARE = FALSE_ALARM / ROOM  # a change this improbable is one
SUSPICION = 5e-4  # a change this improbable is told, and never fails; 7 trials beyond 7 others are (1 in 3432)
SMALLEST = 1e-300  # keeps logarithms finite


@dataclass(frozen=True)
class Sample:
    """What some trials gave for one quantity of one case.

    Attributes:
        low, median, high: of the trials.
        trials: how many there are, at least 1.
        values: all of them; empty in a sample that was read from a file, with which others are only compared.
    """

    low: float
    median: float
    high: float
    trials: int
    values: tuple[float, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, values: Sequence[float]) -> "Sample | None":
        """The sample of these values; None if there is none that is a number."""
        found = tuple(value for value in values if not math.isnan(value))
        return cls(min(found), median(found), max(found), len(found), found) if found else None

    def scaled(self, factor: float) -> "Sample":
        """The sample in other units: every value times a factor that is positive and finite."""
        values = tuple(factor * value for value in self.values)
        return Sample(factor * self.low, factor * self.median, factor * self.high, self.trials, values)


Samples = Mapping[str, Sample]


@dataclass(frozen=True)
class Shift:
    """A quantity that moved further than the tolerance, and not obviously by chance.

    Attributes:
        where: the case, or how many cases together; empty where there is no other.
        before, after: medians (of the case that moved most).
        change: relative, as ``relative_change``; the median over cases.
        probability: that chance alone makes as much of it.
        better: whether it is for the better.
    """

    where: str
    before: float
    after: float
    change: float
    probability: float
    better: bool

    @property
    def is_decided(self) -> bool:
        """Whether chance is excluded within this comparison's share of ``FALSE_ALARM``."""
        return self.probability <= SHARE


def relative_change(before: float, after: float) -> float:
    """``(after - before) / |before|``: 0 for two equal infinities, -1 for all of an infinity lost."""
    if before == after:
        return 0.0
    if math.isinf(before):
        return -math.copysign(1.0, before)
    return math.copysign(math.inf, after - before) if before == 0 else (after - before) / abs(before)


def chance(old: Sample, new: Sample, *, rise: bool) -> float:
    """Probability with which chance alone puts as many new trials above (below) all old ones; ties do not count."""
    beyond = sum(value > old.high if rise else value < old.low for value in new.values)
    total = len(new.values)
    return math.comb(total, beyond) / math.comb(total + old.trials, beyond)


def combined(probabilities: Sequence[float]) -> float:
    """Fisher's combination of independent probabilities: the upper tail of chi-squared with 2k degrees of freedom."""
    x = -sum(math.log(max(probability, SMALLEST)) for probability in probabilities)
    term = total = math.exp(-x)
    for degree in range(1, len(probabilities)):
        term *= x / degree
        total += term
    return min(total, 1.0)


def shifts(old: Samples, new: Samples, tolerance: float, *, high_is_better: bool) -> list[Shift]:
    """How a quantity moved between the cases that both have: all together if that is decided, else case by case.

    What is only suspected is told where nothing is decided.
    """
    found = [
        shift for better in (False, True) for shift in _moved(old, new, tolerance, better, better == high_is_better)
    ]
    decided = [shift for shift in found if shift.is_decided]
    return decided or found


def _moved(old: Samples, new: Samples, tolerance: float, better: bool, rise: bool) -> list[Shift]:
    """Shifts in one direction."""
    single = [_shift(name, old[name], new[name], better, rise) for name in old if name in new]
    if not single:
        return []
    together = _together(single, rise)
    likely = [shift for shift in (together, *single) if _is_seen(shift, tolerance, rise)]
    decided = [shift for shift in likely if shift.is_decided]
    found = decided or likely
    return [together] if together in found else found


def _is_seen(shift: Shift, tolerance: float, rise: bool) -> bool:
    far = shift.change > tolerance if rise else shift.change < -tolerance
    return far and shift.probability <= SUSPICION


def _shift(name: str, old: Sample, new: Sample, better: bool, rise: bool) -> Shift:
    change = relative_change(old.median, new.median)
    return Shift(name, old.median, new.median, change, chance(old, new, rise=rise), better)


def _together(single: Sequence[Shift], rise: bool) -> Shift:
    """All cases as one: the median of their changes, shown by the case that moved most."""
    if len(single) == 1:
        return single[0]
    most = (max if rise else min)(single, key=lambda shift: shift.change)
    where = f"{len(single)} cases, most at {most.where}"
    change = median(shift.change for shift in single)
    probability = combined([shift.probability for shift in single])
    return Shift(where, most.before, most.after, change, probability, most.better)
