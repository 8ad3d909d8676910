"""Exact finite-size laws against which the warm start is judged (independent channels).

Units: first-level codes S = α (g - t)_+ with Pr[S > 0] = expected_active / num_channels and E[S | S > 0] =
1.
"""

from math import atan, ceil, sin, sqrt
from typing import NamedTuple

from scipy.stats import norm

ACTIVE_SAMPLES = 512
"""Least expected number of samples in which a channel is active (see `samples_for`)."""


class _Moments(NamedTuple):
    """π_b, E[S 1{S >= b}], E[S] and E[S²]."""

    above: float
    above_mean: float
    mean: float
    second: float


def _moments(num_channels: int, expected_active: float, cutoff: float) -> _Moments:
    firing = expected_active / num_channels
    threshold = float(norm.isf(firing))
    scale = firing / (float(norm.pdf(threshold)) - threshold * firing)
    lower = threshold + cutoff / scale
    above = float(norm.sf(lower))
    second = scale**2 * ((1 + threshold**2) * firing - threshold * float(norm.pdf(threshold)))
    return _Moments(above, scale * (float(norm.pdf(lower)) - threshold * above), firing, second)


def population_limit(num_channels: int, expected_active: float, cutoff: float) -> float:
    """Return the error |v' - W_p| of line 8 of Algorithm 5 (l.565) for independent channels.

    If the indicator fires exactly when S_p >= cutoff = b, then E[1 X] = e_b W_p + π_b e Σ_{q≠p} W_q with
    π_b = Pr[S >= b], e_b = E[S 1{S >= b}], e = E[S]: an angle of atan(π_b e sqrt(m - 1) / e_b) with W_p.
    """
    moments = _moments(num_channels, expected_active, cutoff)
    angle = atan(moments.above * moments.mean * sqrt(num_channels - 1) / moments.above_mean)
    return 2 * sin(angle / 2)


def noise_share(num_channels: int, expected_active: float, cutoff: float, num_samples: int) -> float:
    """Return the mean squared sampling noise of v' across W_p, divided by the square of the population limit.

    Each of the m - 1 coordinates of the mean of 1 X has expectation π_b e and variance (π_b E[S²] - (π_b
    e)²) / N, so both squares carry the factor (m - 1) / e_b² and the share is (E[S²] / (π_b e²) - 1) / N.
    At cutoff 1 this is close to 4.5 m² / (k² N), k = expected_active.
    """
    moments = _moments(num_channels, expected_active, cutoff)
    return (moments.second / (moments.above * moments.mean**2) - 1) / num_samples


def samples_for(num_channels: int, expected_active: float, cutoff: float, share: float) -> int:
    """Return the N at which the noise share is `share`, and no channel is active in fewer than 512 samples.

    The second condition lets all columns be found: a channel passes the gap test through its sample mean of
    S³, whose relative standard error is about 4 / sqrt(N k / m) for the nearly exponential tails here, 0.18
    at 512 (at 128, the smallest of 16 means was below half its expectation in one run of twenty).
    """
    for_noise = noise_share(num_channels, expected_active, cutoff, 1) / share
    return ceil(max(for_noise, ACTIVE_SAMPLES * num_channels / expected_active))
