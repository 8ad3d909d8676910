"""`upper_orthant` beside scipy's bivariate normal and Owen's T: accuracy next to time, in one run.

`extra_info` of each benchmark holds the largest relative error over the points of its box (NaN counts as
infinite), against ball arithmetic by another formula, and the microseconds per point.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import ndtr, owens_t
from scipy.stats import multivariate_normal

from fsrcheck.gaussian import relu_product_mean, upper_orthant
from tests.gaussian.ball_reference import pair_reference

Array = NDArray[np.float64]
Method = Callable[[Array, Array, Array], Array]

BOXES = {
    "moderate": ((0.0, 2.0), (0.0, 0.9)),
    "tail": ((2.0, 6.0), (0.0, 0.9)),
    "negative": ((2.0, 6.0), (-0.95, -0.2)),
}
NUM_TIMED, NUM_CHECKED = 100_000, 100


def draw(box: str) -> tuple[Array, Array, Array]:
    """Return h1, h2, rho, each of shape (NUM_TIMED,), uniform in the box."""
    generator = np.random.default_rng(0)
    (low, high), (least, most) = BOXES[box]
    h1, h2 = generator.uniform(low, high, (2, NUM_TIMED))
    return h1, h2, generator.uniform(least, most, NUM_TIMED)


def by_fsrcheck(h1: Array, h2: Array, rho: Array) -> Array:
    return upper_orthant(*(torch.from_numpy(x) for x in (h1, h2, rho))).numpy()


def by_owens_t(h1: Array, h2: Array, rho: Array) -> Array:
    """Owen (1956): L = (Q(h1) + Q(h2))/2 - T(h1, a1) - T(h2, a2) for h1, h2 > 0."""
    spread = np.sqrt((1 - rho) * (1 + rho))
    first = owens_t(h1, (h2 - rho * h1) / (h1 * spread))
    second = owens_t(h2, (h1 - rho * h2) / (h2 * spread))
    return (ndtr(-h1) + ndtr(-h2)) / 2 - first - second


def by_scipy(h1: Array, h2: Array, rho: Array) -> Array:
    """One call a point: scipy takes one covariance at a time."""
    points = zip(h1, h2, rho, strict=True)
    return np.array([multivariate_normal.cdf([-a, -b], cov=[[1.0, r], [r, 1.0]]) for a, b, r in points])


# method, points timed: scipy is some hundred times slower per point.
METHODS: dict[str, tuple[Method, int]] = {
    "fsrcheck": (by_fsrcheck, NUM_TIMED),
    "owens_t": (by_owens_t, NUM_TIMED),
    "scipy_cdf": (by_scipy, 500),
}


def largest_error(method: Method, points: tuple[Array, Array, Array]) -> float:
    """Return the largest relative error over the first points whose value is above 1e-290."""
    some = [x[:NUM_CHECKED] for x in points]
    reference = np.array([pair_reference("orthant", *map(float, point)) for point in zip(*some, strict=True)])
    error = np.nan_to_num(np.abs(method(*some) - reference), nan=np.inf)
    kept = reference > 1e-290
    return float((error[kept] / reference[kept]).max())


@pytest.fixture(autouse=True)
def one_thread():  # type: ignore[no-untyped-def]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("box", BOXES)
def test_orthant(benchmark, box: str, name: str) -> None:  # type: ignore[no-untyped-def]
    method, num_points = METHODS[name]
    points = draw(box)
    timed = tuple(x[:num_points] for x in points)
    benchmark.group = f"upper orthant, {box}"
    benchmark.pedantic(method, args=timed, rounds=3, warmup_rounds=1)
    benchmark.extra_info["max_relative_error"] = largest_error(method, points)
    if benchmark.stats:  # absent with --benchmark-disable
        benchmark.extra_info["microseconds_per_point"] = 1e6 * benchmark.stats.stats.min / num_points


@pytest.mark.parametrize("function", [upper_orthant, relu_product_mean])
def test_a_million_points(benchmark, function) -> None:  # type: ignore[no-untyped-def]
    generator = torch.Generator().manual_seed(0)
    uniform = torch.rand(3, 10**6, generator=generator, dtype=torch.float64)
    points = (6 * uniform[0], 6 * uniform[1], -0.95 + 1.949 * uniform[2])
    benchmark.group = "a million points, thresholds in [0, 6], rho in [-0.95, 0.999], one thread"
    benchmark.pedantic(function, args=points, rounds=3, warmup_rounds=1)
