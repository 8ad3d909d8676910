"""Laws of trials whose truth is known, most of them exactly on the boundary of what is claimed.

Every function returns a ``toys.Law``; the measurement is called ``y``, and the limit of a bound is 1.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import special, stats

from fsrcheck.error_rates.toys import Law, Point
from fsrcheck.evidence.trial import Measurement, Observation

Residual = Callable[[float, np.ndarray], np.ndarray]
"""Deviations of log y from the law at a size, of mean 0, from uniform numbers of shape (trial, draw)."""


def measured(values: np.ndarray, error: float = 0.0) -> Sequence[Observation]:
    """One observation for each value."""
    return [Observation({}, {"y": Measurement(value, error)}) for value in values.tolist()]


def exceeding(rate: float) -> Law:
    """Beyond the limit with exactly this probability."""
    return lambda point, draws: measured(np.where(draws[:, 0] < rate, 2.0, 0.5))


def noisy(value: float, noise: float, told: float = 1.0) -> Law:
    """Always ``value``, measured with normal noise of which ``told`` times its size is told as standard error."""
    return lambda point, draws: measured(value + noise * special.ndtri(draws[:, 0]), told * noise)


def event(probability: float) -> Law:
    """An event that happens with this probability, 1 or 0."""
    return lambda point, draws: measured((draws[:, 0] < probability).astype(float))


def successes(probability: float, attempts: int) -> Law:
    """A count of successes among independent attempts."""
    cumulative = stats.binom.cdf(np.arange(attempts), attempts, probability)

    def law(point: Point, draws: np.ndarray) -> Sequence[Observation]:
        hits = np.searchsorted(cumulative, draws[:, 0]).tolist()
        return [Observation({}, {}, {"hits": count, "attempts": attempts}) for count in hits]

    return law


def power_law(exponent: float, residual: Residual) -> Law:
    """``size ** exponent`` times the exponential of a residual."""
    return lambda point, draws: measured(point.size**exponent * np.exp(residual(point.size, draws)))


def normal(spread: float) -> Residual:
    """Normal residuals with this standard deviation at every size."""
    return lambda size, draws: spread * special.ndtri(draws[:, 0])


def shrinking(spread: float, power: float) -> Residual:
    """Normal residuals whose standard deviation is ``spread * size ** -power``."""
    return lambda size, draws: spread * size**-power * special.ndtri(draws[:, 0])


def heavy(spread: float, degrees: int = 3) -> Residual:
    """Student's t, whose fourth moment is infinite at 3 or 4 degrees of freedom."""
    return lambda size, draws: spread * special.stdtrit(degrees, draws[:, 0])


def skewed(spread: float) -> Residual:
    """Exponential residuals: few far up, at every size alike."""
    return lambda size, draws: spread * (-np.log(draws[:, 0]) - 1.0)


def skewed_at(sizes: Sequence[float], spread: float, sign: float) -> Residual:
    """Exponential residuals of one sign at some sizes, normal ones a tenth as wide elsewhere."""

    def residual(size: float, draws: np.ndarray) -> np.ndarray:
        if size in sizes:
            return sign * spread * (-np.log(draws[:, 0]) - 1.0)
        return 0.1 * spread * special.ndtri(draws[:, 0])

    return residual


def rare_at(size_with: float, rate: float, jump: float, spread: float) -> Residual:
    """Normal residuals and, at one size, a jump in a share ``rate`` of the trials, of mean 0 all the same."""

    def residual(size: float, draws: np.ndarray) -> np.ndarray:
        jumps = (draws[:, 1] < rate) - rate if size == size_with else 0.0
        return spread * special.ndtri(draws[:, 0]) + jump * jumps

    return residual
