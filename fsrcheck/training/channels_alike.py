r"""Algorithms 2 and 1 where all channels are alike: what their exact minimisation leaves, for any number of channels.

One patch, m independent channels S*_p = alpha (g_p - t)_+ of one law, and a dictionary whose columns are all tilted by delta
towards the sum of the others, W_p = (1 - delta^2/2) W*_p + c sum_{q != p} W*_q, which is what Algorithm 5 leaves on the
population. A target is read as W^T W* S*, a learner as W^T W S. By symmetry the learner has one scale, one threshold and one
correlation of its channels, and the sum over the m - 1 others is a closed form (``fsrcheck.gaussian.shared_reads``).

- D4 (l.1177): E (s - 2b)_+ and Pr[s > b] agree, at orthogonal latent weights, where Algorithm 2 starts: two equations.
- D5: E (s_p - b)_+ (s_q - b)_+ agree. Only the directions of the latent weights move, so rho >= -1/(m - 1), or their Gram
  matrix would not be positive semidefinite; where even that leaves too large a moment, D5 ends there. (The moment is convex in
  each correlation, D5's maximum over signed pairs convex in the moments: their symmetric mean is no worse than any Gram matrix.)
- Algorithm 1: E 1{W_p^T X > bb} X agree, W fixed in the indicator: x W*_p + y sum_{q != p} W*_q, two equations again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import atan2, inf, log, sin, sqrt

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.bivariate import upper_orthant
from fsrcheck.gaussian.lattice_sums import Channel
from fsrcheck.gaussian.shared_reads import Reading, code_moments, first_moments, pair_moment, with_shared_factor
from fsrcheck.gaussian.univariate import inverse_tail, relu_mean

NEWTON_STEPS, STEP_LIMIT, DIFFERENCE, SOLVED = 40, 0.3, 1e-5, 1e-8
LARGEST_CORRELATION = 0.05
PAIR_STEPS, PAIR_SOLVED = 8, 1e-3  # of the gap at the start
FIXED_POINT_STEPS, DAMPING = 60, 0.8


@dataclass(frozen=True)
class Tilt:
    """m channels whose columns are all off by ``dictionary_error`` = delta towards the sum of the others.

    Attributes:
        num_channels: m >= 3.
        expected_active: k = m Pr[S_p > 0]; E[S | S > 0] = 1.
        dictionary_error: delta, in (0, 1).
    """

    num_channels: int
    expected_active: float
    dictionary_error: float

    def __post_init__(self) -> None:
        """Refuse what is no such dictionary."""
        if self.num_channels < 3 or not 0 < self.dictionary_error < 1:
            given = f"{self.num_channels} and {self.dictionary_error}"
            raise InputError(f"num_channels must be at least 3 and dictionary_error in (0, 1), got {given}")

    @property
    def target(self) -> Channel:
        """The law of S*, shape ()."""
        firing = torch.tensor(self.expected_active / self.num_channels, dtype=torch.float64)
        threshold = inverse_tail(firing)
        return Channel(firing / relu_mean(threshold), threshold)

    @property
    def own(self) -> float:
        """<W_p, W*_p>."""
        return 1 - self.dictionary_error**2 / 2

    @property
    def other(self) -> float:
        """<W_p, W*_q>: a chord of length delta spans the angle 2 asin(delta/2)."""
        return self.dictionary_error * sqrt((1 - self.dictionary_error**2 / 4) / (self.num_channels - 1))

    @property
    def of_target(self) -> Reading:
        """A row of W^T W*."""
        return Reading(self.own, self.other, self.num_channels - 1)

    @property
    def of_learner(self) -> Reading:
        """A row of W^T W."""
        return Reading(*self.through(self.own, self.other), self.num_channels - 1)

    def through(self, own: float, other: float) -> tuple[float, float]:
        """The entries on and beside the diagonal of W^T W', where W'_p = own W*_p + other sum_{q != p} W*_q."""
        rest = self.num_channels - 1
        beside = self.own * other + self.other * own + (rest - 1) * self.other * other
        return self.own * own + rest * self.other * other, beside


@dataclass(frozen=True)
class Learned:
    """What Algorithm 2 leaves.

    Attributes:
        channel: the learner's law, shape ().
        correlation: rho of every pair of channels.
        pair_gap: log of learner's over target's pair moment that is left; 0 where D5 reached the target.
    """

    channel: Channel
    correlation: float
    pair_gap: float


def learn_marginals(tilt: Tilt, cutoff: float) -> Channel | None:
    """The learner's law at which D4's two moments agree, by Newton's method from the target's; None if it finds none."""
    wanted = torch.stack(first_moments(tilt.target, tilt.of_target, cutoff))
    point = torch.stack([tilt.target.scale.log(), tilt.target.threshold])
    around = DIFFERENCE * torch.tensor([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]], dtype=torch.float64)
    for _ in range(NEWTON_STEPS):
        nearby = point + around
        found = torch.stack(first_moments(Channel(nearby[:, 0].exp(), nearby[:, 1]), tilt.of_learner, cutoff))
        gaps = (found / wanted[:, None]).log()
        slopes = torch.stack([gaps[:, 1] - gaps[:, 2], gaps[:, 3] - gaps[:, 4]], dim=-1) / (2 * DIFFERENCE)
        if not bool(slopes.isfinite().all()) or float(torch.linalg.det(slopes).abs()) < 1e-12:
            return None
        step = torch.linalg.solve(slopes, gaps[:, 0])
        size = float(step.abs().max())
        point = point - step * min(1.0, STEP_LIMIT / size)
        if size < SOLVED:
            return Channel(point[0].exp(), point[1])
    return None


def learn(tilt: Tilt, cutoff: float) -> Learned | None:
    """D4, then D5; None if D4's equations have no solution within reach."""
    channel = learn_marginals(tilt, cutoff)
    if channel is None:
        return None
    wanted = log(float(pair_moment(tilt.target, tilt.of_target, cutoff)))

    def gap(correlation: float) -> float:
        (value,) = with_shared_factor(channel, correlation, lambda c: (pair_moment(c, tilt.of_learner, cutoff),))
        return log(value) - wanted

    start = gap(0.0)
    end = -1 / (tilt.num_channels - 1) if start > 0 else LARGEST_CORRELATION
    return Learned(channel, *_nearest_root(gap, start, end))


def _nearest_root(gap: Callable[[float], float], start: float, end: float) -> tuple[float, float]:
    """Where the gap, ``start`` at 0, vanishes between 0 and ``end``, or ``end`` if it does not; with the gap there."""
    near, at_near, far, at_far = 0.0, start, end, gap(end)
    if at_far * start >= 0:
        return far, at_far
    for _ in range(PAIR_STEPS):
        middle = near - at_near * (far - near) / (at_far - at_near)
        value = gap(middle)
        if abs(value) < PAIR_SOLVED * abs(start):
            break
        if value * start > 0:
            near, at_near = middle, value
        else:
            far, at_far = middle, value
    return middle, value


def relative_errors(tilt: Tilt, learned: Learned) -> tuple[float, float, float]:
    """Of E S, of Pr[S > 0], and of how much more often than by chance a pair fires together: what Lemma B.2 presupposes."""
    channel, target = learned.channel, tilt.target
    mean = channel.scale * relu_mean(channel.threshold) / (target.scale * relu_mean(target.threshold))
    lift = upper_orthant(channel.threshold, channel.threshold, learned.correlation) / channel.firing**2
    return float(mean) - 1, float(channel.firing / target.firing) - 1, float(lift) - 1


def sharpened_error(tilt: Tilt, learned: Learned, output_cutoff: float) -> float:
    """The columns' error when Algorithm 1's moments agree and the columns are normalised; inf if that is not reached."""
    rest = tilt.num_channels - 1
    own, other = (float(value) for value in code_moments(tilt.target, tilt.of_target, output_cutoff))
    wanted = torch.tensor([own, other], dtype=torch.float64)
    column = torch.tensor([tilt.own, tilt.other], dtype=torch.float64)
    for _ in range(FIXED_POINT_STEPS):
        entries = tilt.through(*column.tolist())
        if min(entries) <= 0:
            return inf
        moments = partial(code_moments, reading=Reading(*entries, rest), cutoff=output_cutoff)
        own, other = with_shared_factor(learned.channel, learned.correlation, moments)
        matrix = torch.tensor([[own, rest * other], [other, own + (rest - 1) * other]], dtype=torch.float64)
        step = torch.linalg.solve(matrix, wanted) - column
        column = column + DAMPING * step
        if float(step.abs().max()) * sqrt(rest) < SOLVED:
            return _distance(column, rest)
    return inf


def _distance(column: Tensor, rest: int) -> float:
    """||W'_p/||W'_p|| - W*_p||."""
    return 2 * abs(sin(atan2(sqrt(rest) * float(column[1]), float(column[0])) / 2))
