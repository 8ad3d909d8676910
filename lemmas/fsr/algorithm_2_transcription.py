"""Algorithm 2 for one instance, line by line (l.364-377), to hold the batched form against.

Plain Python over patches, channels, samples and pairs; lines 3-5 train one neuron after the other; gradients by hand.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from math import exp, log, nan

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Draw = Callable[[], tuple[Array, Array]]  # X* (sample, patch, patch_dim) and z (sample, latent)


@dataclass(frozen=True)
class Play:
    """T of Algorithm 6, T of its inner loop, and eta of the generator and of the discriminator."""

    num_steps: int
    inner_steps: int
    step_size: float
    inner_step_size: float


@dataclass(frozen=True)
class Discriminators:
    """b, zeta, the K of o_K, the constants C by pair of neurons, and the poly(k) and tau of R5."""

    cutoff: float
    smoothing: float
    weight: float
    constants: Array
    exponent: float
    margin: float


@dataclass
class Learner:
    """W (patch, patch_dim, channel), alpha and beta (patch, channel), and the rows V_r/||V_r|| (neuron, latent)."""

    dictionary: Array
    scales: Array
    thresholds: Array
    rows: Array

    def input(self, j: int, r: int, z: Array) -> float:
        """alpha <V_r/||V_r||, z> - beta."""
        row = self.rows[j * self.scales.shape[1] + r]
        return float(self.scales[j, r] * (row @ z) - self.thresholds[j, r])

    def patch(self, j: int, z: Array, zeta: float) -> Array:
        """X_j."""
        codes = np.array([leaky(self.input(j, r, z), zeta) for r in range(self.scales.shape[1])])
        image: Array = self.dictionary[j] @ codes
        return image


def relu(z: float, zeta: float) -> float:
    """ReLU~."""
    if z >= zeta:
        return z - zeta / 2
    return z**3 / zeta**2 - z**4 / (2 * zeta**3) if z > 0 else 0.0


def relu_1(z: float, zeta: float) -> float:
    """ReLU~'."""
    if z >= zeta:
        return 1.0
    return 3 * (z / zeta) ** 2 - 2 * (z / zeta) ** 3 if z > 0 else 0.0


def relu_2(z: float, zeta: float) -> float:
    """ReLU~''."""
    return 6 * (z / zeta) * (1 - z / zeta) / zeta if 0 < z < zeta else 0.0


def leaky(z: float, zeta: float) -> float:
    """LeakyReLU, as repaired (fsr.leaky)."""
    return zeta * z + (1 - zeta) * relu(z, zeta)


def leaky_1(z: float, zeta: float) -> float:
    """Its derivative."""
    return zeta + (1 - zeta) * relu_1(z, zeta)


def gate(v: float, weight: float) -> float:
    """o_K."""
    return weight * max(v, 0.0) - max(-v, 0.0)


def gate_1(v: float, weight: float) -> float:
    """Its derivative."""
    return weight if v > 0 else 1.0 if v < 0 else 0.0


def train_neuron(learner: Learner, seen: Discriminators, draw: Draw, play: Play, start: float, j: int, r: int) -> None:
    """Line 4."""
    zeta, b, detector = seen.smoothing, seen.cutoff, learner.dictionary[j][:, r]  # line 1: W^D = W
    parameters = [start, start]
    for _ in range(play.num_steps):
        real, latents = draw()
        true = [float(detector @ patches[j]) for patches in real]
        fake = [float(detector @ learner.patch(j, z, zeta)) for z in latents]
        gaps = [
            float(np.mean([f(s - cut, zeta) for s in true]) - np.mean([f(s - cut, zeta) for s in fake]))
            for f, cut in ((relu, 2 * b), (relu_1, b))
        ]
        for _ in range(play.inner_steps):
            parameters = [
                v + play.inner_step_size * (gate_1(v, seen.weight) * gap - 2 * v)
                for v, gap in zip(parameters, gaps, strict=True)
            ]
        means, rates = (gate(v, seen.weight) for v in parameters)
        by_scale = by_threshold = 0.0
        for s, z in zip(fake, latents, strict=True):
            slope = means * relu_1(s - 2 * b, zeta) + rates * relu_2(s - b, zeta)
            slope *= float(detector @ detector) * leaky_1(learner.input(j, r, z), zeta)
            by_scale -= slope * float(learner.rows[j * learner.scales.shape[1] + r] @ z) / len(latents)
            by_threshold += slope / len(latents)
        learner.scales[j, r] -= play.step_size * by_scale
        learner.thresholds[j, r] -= play.step_size * by_threshold


def neurons(learner: Learner) -> Iterator[tuple[int, int]]:
    """All (j, r)."""
    return ((j, r) for j in range(learner.scales.shape[0]) for r in range(learner.scales.shape[1]))


def seen_by_all(learner: Learner, patches: Array) -> list[float]:
    """<W^D_{j,r}, Y_j> of all neurons."""
    return [float(learner.dictionary[j][:, r] @ patches[j]) for j, r in neurons(learner)]


def products(seen: Discriminators, inputs: list[list[float]]) -> Array:
    """E ReLU~(s - b) ReLU~(s' - b) of every pair, over samples."""
    active = [[relu(s - seen.cutoff, seen.smoothing) for s in each] for each in inputs]
    pairs = combinations(range(len(active[0])), 2)
    return np.array([np.mean([f[i] * f[k] for f in active]) for i, k in pairs])


def image(learner: Learner, z: Array, zeta: float) -> Array:
    """X, all patches."""
    return np.array([learner.patch(j, z, zeta) for j in range(len(learner.scales))])


def train_rows(learner: Learner, seen: Discriminators, draw: Draw, play: Play) -> None:
    """Line 6, with u = raw/||raw||_1 (footnote 16) and V_r/||V_r||."""
    rows, zeta = learner.rows.copy(), seen.smoothing
    raw = np.ones((len(seen.constants), 2))
    for _ in range(play.num_steps):
        real, latents = draw()
        learner.rows = np.array([row / np.linalg.norm(row) for row in rows])
        fake = [seen_by_all(learner, image(learner, z, zeta)) for z in latents]
        gap = products(seen, [seen_by_all(learner, patches) for patches in real]) - products(seen, fake)
        for _ in range(play.inner_steps):
            raw = raw + play.inner_step_size * simplex_gradient(seen.constants * gap, raw)
        shares = raw / np.abs(raw).sum()
        descent = row_gradient(learner, seen, seen.constants * (shares[:, 0] - shares[:, 1]), fake, latents)
        descent += barrier_gradient(learner.rows, seen)
        for i, row in enumerate(rows):
            unit, size = row / np.linalg.norm(row), np.linalg.norm(row)
            rows[i] = row - play.step_size * (descent[i] - (descent[i] @ unit) * unit) / size
    learner.rows = np.array([row / np.linalg.norm(row) for row in rows])


def simplex_gradient(advantage: Array, raw: Array) -> Array:
    """Derivative of <u, +-a> - sum u log u by raw, u = raw/||raw||_1."""
    size = np.abs(raw).sum()
    logs = [[log(p / size) if p > 0 else nan for p in both] for both in raw]
    plain = [[a - up - 1, -a - down - 1] for a, (up, down) in zip(advantage, logs, strict=True)]
    mean = sum(g * p / size for gs, ps in zip(plain, raw, strict=True) for g, p in zip(gs, ps, strict=True))
    return np.array([[(g - mean) / size for g in gs] for gs in plain])


def row_gradient(
    learner: Learner, seen: Discriminators, weights: Array, fake: list[list[float]], latents: Array
) -> Array:
    """Derivative of minus the sum over pairs of weight E ReLU~ ReLU~ by the unit rows."""
    gradient = np.zeros_like(learner.rows)
    names, zeta = list(neurons(learner)), seen.smoothing
    for inputs, z in zip(fake, latents, strict=True):
        by_seen = [0.0] * len(names)
        for weight, (i, k) in zip(weights, combinations(range(len(names)), 2), strict=True):
            for one, other in ((i, k), (k, i)):
                partner = relu(inputs[other] - seen.cutoff, zeta)
                by_seen[one] -= weight * relu_1(inputs[one] - seen.cutoff, zeta) * partner
        for i, (j, r) in enumerate(names):
            columns = learner.dictionary[j]
            back = sum(by_seen[n] * float(columns[:, q] @ columns[:, r]) for n, (p, q) in enumerate(names) if p == j)
            gradient[i] += back * leaky_1(learner.input(j, r, z), zeta) * learner.scales[j, r] * z / len(latents)
    return gradient


def barrier_gradient(rows: Array, seen: Discriminators) -> Array:
    """Derivative of R5 by the unit rows."""
    gradient, edge = np.zeros_like(rows), 1 - seen.margin
    for i, k in combinations(range(len(rows)), 2):
        rho = float(rows[i] @ rows[k])
        slope = seen.exponent * (exp(seen.exponent * (rho - edge)) - exp(seen.exponent * (-rho - edge)))
        gradient[i] += slope * rows[k]
        gradient[k] += slope * rows[i]
    return gradient


def transcribe(
    learner: Learner,
    seen: Discriminators,
    marginal_draws: Callable[[], Draw],
    pair_draw: Draw,
    marginal_play: Play,
    pair_play: Play,
    start: float,
) -> Learner:
    """Run Algorithm 2 from line 2's ``learner``, which is changed; ``marginal_draws`` begins the draws anew.

    ``start`` is that of v and w, of which the paper says nothing.
    """
    for j, r in neurons(learner):  # line 3
        train_neuron(learner, seen, marginal_draws(), marginal_play, start, j, r)
    train_rows(learner, seen, pair_draw, pair_play)
    return learner
