"""Power laws fitted to trials, with intervals that come from the spread between instances.

``log y = c + exponent * log x`` by least squares over the means at each size. The standard error uses the variance
*within* sizes, pooled over them (independent instances), not the scatter of the means about the line: a curve that is
not a power law would otherwise pass its misfit off as noise. Whether the law is still changing is a question of its
own, answered by the quadratic term.
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
        quantile: multiple of a standard error that the limits are wide.
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
        ValueError: fewer than three sizes, or values that are not positive and finite.
    """
    sizes = sorted(values_by_size)
    if len(sizes) < 3:
        raise ValueError(f"a power law must be fitted over >= 3 sizes, got {len(sizes)}")
    logs = [np.log(np.asarray(values_by_size[size], dtype=float)) for size in sizes]
    if not all(np.isfinite(group).all() and group.size for group in logs):
        raise ValueError("values must be positive and finite")
    x, counts = np.log(sizes), np.array([group.size for group in logs])
    means = np.array([group.mean() for group in logs])
    variance, degrees = _pooled_variance(logs)
    quantile = float(stats.t.ppf(1 - false_alarm / 2, degrees)) if variance > 0 else 0.0
    centre = float(np.average(x, weights=counts))
    slope, slope_error = _contrast(_weights_of_slope(x, counts), means, variance, counts)
    intercept = float(np.average(means, weights=counts)) - slope * centre
    drift, drift_error = _contrast(_weights_of_drift(x, counts), means, variance, counts)
    return PowerLaw(
        exponent=_interval(slope, slope_error * quantile),
        prefactor=float(np.exp(intercept)),
        drift=_interval(drift, drift_error * quantile),
        local=tuple(_local_slopes(x, means, variance, counts, quantile)),
        sizes=tuple(sizes),
        means=tuple(means),
        errors=tuple(np.sqrt(variance / counts)),
        quantile=quantile,
        centre=centre,
        variance_at_centre=float(variance / counts.sum()),
    )


def _pooled_variance(logs: Sequence[np.ndarray]) -> tuple[float, int]:
    degrees = sum(group.size - 1 for group in logs)
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in logs)
    if degrees == 0:
        raise ValueError("the spread between instances needs >= 2 trials at some size")
    rounding = max(float(np.abs(group).max()) for group in logs) * 1e-14
    return (squares / degrees if squares / degrees > rounding**2 else 0.0), degrees


def _contrast(weights: np.ndarray, means: np.ndarray, variance: float, counts: np.ndarray) -> tuple[float, float]:
    """A linear combination of the means and its standard error."""
    return float(weights @ means), float(np.sqrt(variance * (weights**2 / counts).sum()))


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
    x: np.ndarray, means: np.ndarray, variance: float, counts: np.ndarray, quantile: float
) -> list[tuple[float, Interval]]:
    step, rise = np.diff(x), np.diff(means)
    errors = np.sqrt(variance * (1 / counts[1:] + 1 / counts[:-1])) / step
    middles = np.exp((x[1:] + x[:-1]) / 2)
    return [
        (float(middle), _interval(float(slope), float(error) * quantile))
        for middle, slope, error in zip(middles, rise / step, errors, strict=True)
    ]


def _interval(value: float, half: float) -> Interval:
    return Interval(value, value - half, value + half)
