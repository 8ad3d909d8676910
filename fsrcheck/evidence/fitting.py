"""Power laws fitted to trials, with intervals that come from the spread between instances.

``log y = c + exponent * log x`` by least squares over the means at each size. The standard error uses the
variance *within* sizes (independent instances), not the scatter of the means about the line: a curve that is
not a power law would otherwise pass its misfit off as noise. The variance is not pooled: the spread often
shrinks with the size, and a pooled one would make the limits too narrow by orders of magnitude of their
level. The degrees of freedom are those of F. E. Satterthwaite (1946). Whether the law is still changing is a
question of its own, answered by the quadratic term.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from fsrcheck.evidence.claim import Interval


@dataclass(frozen=True)
class PowerLaw:
    """A fitted power law.

    Attributes:
        exponent: the slope with its limits.
        prefactor: y at x = 1.
        drift: change of the local slope between the smallest and the largest size, with limits.
        local: pairs (geometric mean of two neighbouring sizes, slope between them with limits).
        sizes, means, errors: mean of log y at each size and the standard error of that mean.
        quantile: multiple of a standard error that the limits of the exponent are wide; 0 without any spread.
        centre, variance_at_centre: of the fitted line, for drawing its band.
    """

    exponent: Interval
    prefactor: float
    drift: Interval
    local: tuple[tuple[float, Interval], ...]
    sizes: tuple[float, ...]
    means: tuple[float, ...]
    errors: tuple[float, ...]
    quantile: float
    centre: float
    variance_at_centre: float

    def band(self, sizes: Sequence[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The fitted line and its lower and upper limits at ``sizes``."""
        offset = np.log(np.asarray(sizes, dtype=float)) - self.centre
        line = np.log(self.prefactor) + self.exponent.value * (offset + self.centre)
        slope_variance = ((self.exponent.high - self.exponent.value) / self.quantile) ** 2 if self.quantile else 0.0
        half = self.quantile * np.sqrt(self.variance_at_centre + slope_variance * offset**2)
        return np.exp(line), np.exp(line - half), np.exp(line + half)


def fit_power_law(values_by_size: Mapping[float, Sequence[float]], false_alarm: float) -> PowerLaw:
    """Fit a power law to positive values by size; two-sided limits at level 1 - ``false_alarm``.

    Raises:
        ValueError: fewer than three sizes, one with fewer than two values, or values not positive and finite.
    """
    sizes = sorted(values_by_size)
    if len(sizes) < 3:
        raise ValueError(f"a power law must be fitted over >= 3 sizes, got {len(sizes)}")
    logs = _logarithms([values_by_size[size] for size in sizes])
    x, counts = np.log(sizes), np.array([group.size for group in logs])
    means = np.array([group.mean() for group in logs])
    variances = np.array([_variance_of_mean(group) for group in logs])
    centre = float(np.average(x, weights=counts))
    slope = _weights_of_slope(x, counts)
    exponent = _contrast(slope, means, variances, counts, false_alarm)
    return PowerLaw(
        exponent=exponent,
        prefactor=float(np.exp(np.average(means, weights=counts) - exponent.value * centre)),
        drift=_contrast(_weights_of_drift(x, counts), means, variances, counts, false_alarm),
        local=tuple(_local_slopes(x, means, variances, counts, false_alarm)),
        sizes=tuple(sizes),
        means=tuple(means),
        errors=tuple(np.sqrt(variances)),
        quantile=_quantile(slope**2 * variances, counts, false_alarm),
        centre=centre,
        variance_at_centre=float((counts**2 * variances).sum() / counts.sum() ** 2),
    )


def _logarithms(groups: Sequence[Sequence[float]]) -> list[np.ndarray]:
    found = [np.asarray(group, dtype=float) for group in groups]
    if not all(((group > 0) & (group < np.inf)).all() for group in found):
        raise ValueError("values must be positive and finite")
    if any(group.size < 2 for group in found):
        raise ValueError("the spread between instances needs >= 2 trials at every size")
    return [np.log(group) for group in found]


def _variance_of_mean(group: np.ndarray) -> float:
    """Squared standard error of a mean; 0 where the values differ by no more than rounding."""
    rounding = float(np.abs(group).max()) * 1e-14
    variance = float(group.var(ddof=1))
    return variance / group.size if variance > rounding**2 else 0.0


def _quantile(terms: np.ndarray, counts: np.ndarray, false_alarm: float) -> float:
    """Student's two-sided quantile for a variance estimated by the sum of ``terms``; 0 where that is 0."""
    if not terms.sum() > 0:
        return 0.0
    degrees = 1 / ((terms / terms.sum()) ** 2 / (counts - 1)).sum()
    return float(stats.t.isf(false_alarm / 2, degrees))


def _contrast(
    weights: np.ndarray, means: np.ndarray, variances: np.ndarray, counts: np.ndarray, false_alarm: float
) -> Interval:
    """A linear combination of the means with its limits."""
    terms = weights**2 * variances
    half = _quantile(terms, counts, false_alarm) * float(np.sqrt(terms.sum()))
    value = float(weights @ means)
    return Interval(value, value - half, value + half)


def _weights_of_slope(x: np.ndarray, counts: np.ndarray) -> np.ndarray:
    design = np.stack([np.ones_like(x), x], axis=1)
    return _least_squares(design, counts)[1]


def _weights_of_drift(x: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Weights that give the change of the local slope over the range: 2 * (quadratic coefficient) * range."""
    centred = x - x.mean()
    design = np.stack([np.ones_like(x), centred, centred**2], axis=1)
    return _least_squares(design, counts)[2] * 2 * (x.max() - x.min())


def _least_squares(design: np.ndarray, counts: np.ndarray) -> np.ndarray:
    weighted = design.T * counts
    return np.linalg.solve(weighted @ design, weighted)


def _local_slopes(
    x: np.ndarray, means: np.ndarray, variances: np.ndarray, counts: np.ndarray, false_alarm: float
) -> list[tuple[float, Interval]]:
    found = []
    for i, step in enumerate(np.diff(x)):
        pair = slice(i, i + 2)
        weights = np.array([-1.0, 1.0]) / step
        slope = _contrast(weights, means[pair], variances[pair], counts[pair], false_alarm)
        found.append((float(np.exp(x[pair].mean())), slope))
    return found
