"""Searches for violations of Propositions C.23 to C.27: their two sides as functions of tensors, over boxes.

Every ratio is measured/bound (``adversary``). Thresholds, correlations and shifts stay where the closed forms of
``fsrcheck.gaussian`` keep their relative accuracy and where differences of logarithms keep nine digits. The shifts of
C.26 change with the other variable: one value where the numerator's event happens and another where it does not.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from fsrcheck.gaussian import density, relu_mean, relu_product_mean, tail, upper_orthant
from lemmas.fsr.adversary import Search
from lemmas.fsr.pair_slopes import (
    EXCESS,
    both_slopes,
    conditional,
    shift_bound,
    slope_bound,
    tilt_bound,
    weighted_slopes,
)

THRESHOLD, CORRELATION, STEP, SIGNED, SHARE = (0.5, 6.0), (-0.9, 0.9), (0.01, 0.3), (-1.0, 1.0), (0.0, 1.0)
PAIR = {"b_1": THRESHOLD, "b_2": THRESHOLD, "rho": CORRELATION}
NODE_WIDTH = 0.15  # of the sum over the common part of equally correlated Gaussians: exact to rounding for xi <= 0.8
HAZARD = float(EXCESS[0])


def negative_part(rho: Tensor) -> Tensor:
    """rho_- = max(-rho, 0)."""
    return (-rho).clamp(min=0)


def equally_correlated(thresholds: Tensor, xi: Tensor) -> Tensor:
    """Pr[g_i >= b_i for i <= n] for every n, correlations all xi; thresholds (instance, n); returns the same shape."""
    common = torch.arange(-9.0, 12.0, NODE_WIDTH, dtype=torch.float64, device=xi.device)
    shifted = thresholds.unsqueeze(-1) - xi.sqrt()[:, None, None] * common
    given = tail(shifted / (1 - xi).sqrt()[:, None, None]).cumprod(dim=1)
    return NODE_WIDTH * (given * density(common)).sum(dim=-1)


def all_fire(b_1: Tensor, b_2: Tensor, b_3: Tensor, b_4: Tensor, xi: Tensor) -> Tensor:
    """C.23 for equal correlations; the largest ratio for n = 2, 3, 4."""
    b = torch.stack([b_1, b_2, b_3, b_4], dim=1)
    others = torch.arange(4, dtype=torch.float64, device=b.device)
    bound = torch.exp(-b.square().cumsum(dim=1) / (2 * (1 + others * xi.unsqueeze(1)))) / 2
    return (equally_correlated(b, xi) / bound)[:, 1:].amax(dim=1)


def window(b: Tensor, shift: Tensor, slope: Tensor, half: Tensor) -> Tensor:
    """C.24 for windows: delta_1 = shift + slope (g - b - shift) on the window, constant outside; the worse side."""
    reach = half / (1 - slope)
    step = shift.abs() + slope.abs() * reach
    found = (tail(b + shift - reach) - tail(b + shift + reach)) / (tail(b - half) - tail(b + half))
    above = torch.exp((b + half) * step - step**2 / 2) / (1 - slope.abs())
    below = torch.exp(-(b + half) * step - step**2 / 2) / (1 + slope.abs())
    return torch.maximum(found / above, below / found)


def moved_tail(b_1: Tensor, b_2: Tensor, rho: Tensor, step: Tensor, by_1: Tensor, by_2: Tensor) -> Tensor:
    """C.25(a): both thresholds moved by ``by_i * step``."""
    moved = upper_orthant(b_1 + by_1 * step, b_2 + by_2 * step, rho).log() - upper_orthant(b_1, b_2, rho).log()
    return moved.abs() / (step * both_slopes(b_1 + step, b_2 + step, rho, negative_part(rho), 0))


def moved_conditional_tail(b_2: Tensor, value: Tensor, rho: Tensor, step: Tensor, by: Tensor) -> Tensor:
    """C.25(b): the threshold moved by ``by * step``, given g_1 = ``value``, X = |value|."""
    square = 1 - rho**2
    moved = tail(conditional(b_2 + by * step, value, rho)).log() - tail(conditional(b_2, value, rho)).log()
    return moved.abs() / (step * ((b_2 + step + (rho * value).abs()) / square + HAZARD / square.sqrt()))


def near_threshold(b_1: Tensor, b_2: Tensor, rho: Tensor, step: Tensor) -> Tensor:
    """C.25(c): the window of half-width ``step`` around the second threshold."""
    inside = upper_orthant(b_1, b_2 - step, rho) - upper_orthant(b_1, b_2 + step, rho)
    slope = slope_bound(b_2 + step, b_1 + step, rho, negative_part(rho))
    return inside / (2 * torch.sinh(step * slope) * upper_orthant(b_1, b_2, rho))


def moved_condition(
    own: Tensor, given: Tensor, rho: Tensor, step: Tensor, by: Tensor, above: Tensor, below: Tensor, order: int
) -> Tensor:
    """C.26 (a) (order 0) and (b) (order 1, zeta = 0): a tail or mean of one variable given the other, eta = 0.

    Its threshold is moved by ``by * step``; the condition by ``above * step`` where the variable exceeds that, and by
    ``below * step`` where it does not.
    """
    mean = (tail, relu_mean)[order]
    threshold = own + by * step
    where_above, where_below = given + above * step, given + below * step
    start = conditional(threshold, where_above, rho)
    mass_above = tail(start).log() - where_above**2 / 2
    mass_below = tail(-conditional(threshold, where_below, rho)).log() - where_below**2 / 2
    after = mean(start).log() - where_above**2 / 2 - torch.logaddexp(mass_above, mass_below)
    before = mean(conditional(own, given, rho)).log()
    return (after - before).abs() / shift_bound(own, given, rho, rho.abs(), step, order)


def weighted_mean(b_1: Tensor, b_2: Tensor, rho: Tensor) -> Tensor:
    """E[(g_1 - b_1)_+ 1{g_2 > b_2} g_1], by Gaussian integration by parts."""
    return upper_orthant(b_1, b_2, rho) + rho * mean_at_threshold(b_1, b_2, rho)


def mean_at_threshold(b_1: Tensor, b_2: Tensor, rho: Tensor) -> Tensor:
    """E[(g_1 - b_1)_+ | g_2 = b_2] phi(b_2)."""
    return density(b_2) * (1 - rho**2).sqrt() * relu_mean(conditional(b_1, b_2, rho))


Mean = Callable[[Tensor, Tensor, Tensor], Tensor]
MEANS: dict[str, Mean] = {"a": weighted_mean, "b": relu_product_mean, "c": mean_at_threshold, "d": upper_orthant}


def cut(b_1: Tensor, b_2: Tensor, rho: Tensor, width: Tensor, by_1: Tensor, by_2: Tensor, letter: str) -> Tensor:
    """C.27 with zeta = 0: thresholds raised by ``by_i * width``, width = 2 b; minus the log of new/old."""
    mean = MEANS[letter]
    fallen = mean(b_1, b_2, rho).log() - mean(b_1 + by_1 * width, b_2 + by_2 * width, rho).log()
    first, second, negative = b_1 + width, b_2 + width, negative_part(rho)
    if letter == "c":
        return fallen.abs() / tilt_bound(b_1, b_2, rho, rho.abs(), width, 1)
    if letter == "a":
        return fallen / (width * weighted_slopes(first, second, rho, negative, b_1))
    return fallen / (width * both_slopes(first, second, rho, negative, {"b": 1, "d": 0}[letter]))


MOVED_CONDITION = {
    "own": THRESHOLD,
    "given": THRESHOLD,
    "rho": CORRELATION,
    "delta": STEP,
    "by": SIGNED,
    "above": SIGNED,
    "below": SIGNED,
}
CUT = {**PAIR, "2b": STEP, "by_1": SHARE, "by_2": SHARE}

ALL_FIRE = Search(
    all_fire,
    {**{f"b_{i}": (0.0, 6.0) for i in range(1, 5)}, "xi": (0.0, 0.8)},
    0.795079,
    (9.6623e-05, 7.1144e-05, 1.8795, 4.5828, 0.79996),
)
WINDOW = Search(
    window,
    {"b": (0.6, 6.0), "shift": (-0.3, 0.3), "slope": (-0.5, 0.5), "a": STEP},
    0.999898,
    (1.0508, 0.0054754, -0.0030515, 0.011704),
)
MOVED_TAIL = Search(
    moved_tail,
    {**PAIR, "delta": STEP, "by_1": SIGNED, "by_2": SIGNED},
    0.94709,
    (5.9995, 5.9988, -0.89994, 0.010059, 1.0, 0.99999),
)
MOVED_CONDITIONAL_TAIL = Search(
    moved_conditional_tail,
    {"b_2": THRESHOLD, "g_1": (-6.0, 6.0), "rho": CORRELATION, "delta": STEP, "by": SIGNED},
    0.97138,
    (5.9979, -5.9997, 0.89991, 0.010002, 0.99999),
)
NEAR_THRESHOLD = Search(near_threshold, {**PAIR, "delta": STEP}, 0.939606, (5.9993, 5.9997, -0.89997, 0.010001))
MOVED_CONDITION_TAIL = Search(
    partial(moved_condition, order=0),
    MOVED_CONDITION,
    0.965698,
    (3.0535, 5.9998, -3.277e-06, 0.010113, 0.99976, 0.99985, -0.9998),
)
MOVED_CONDITION_MEAN = Search(
    partial(moved_condition, order=1),
    MOVED_CONDITION,
    0.954145,
    (2.8117, 5.9968, 4.0022e-06, 0.01009, 0.99969, 0.99991, -0.99998),
)
TIGHTEST_CUTS = {
    "a": (0.934129, (5.9999, 5.9994, -0.89997, 0.010019, 0.99999, 0.99999)),
    "b": (0.920936, (5.9999, 5.9995, -0.89998, 0.010018, 0.99999, 0.99999)),
    "c": (0.974197, (0.50011, 5.9966, 1.7259e-05, 0.010026, 0.99997, 0.99999)),
    "d": (0.9471, (5.9998, 5.9994, -0.89998, 0.010019, 0.99999, 0.99999)),
}
CUTS = {letter: Search(partial(cut, letter=letter), CUT, *found) for letter, found in TIGHTEST_CUTS.items()}
