"""Searches for violations of Fact D.3 and of footnotes 13, 15 and 19: small instances, with every entry a coordinate.

Fact D.3: two channels in three dimensions; footnotes 15 and 19: non-negative sums of two waves in the plane.
"""

import torch
from torch import Tensor

from lemmas.fsr.adversary import Search
from lemmas.fsr.contraction_search import leaky

NEAR_OPTIMUM = 1e-3  # nearer to an optimum both sides are almost 0: no instance


def decoded(*columns: Tensor) -> Tensor:
    """D.3, the larger ratio of its two bounds.

    Args:
        columns: the entries of E = W - W*, where W* is the first two columns of the unit matrix, row by row (6); the
            target's codes (2), the learner's pre-activations (2) and zeta.
    """
    error = torch.stack(columns[:6], dim=1).reshape(-1, 3, 2)
    codes, before, zeta = torch.stack(columns[6:8], dim=1), torch.stack(columns[8:10], dim=1), columns[10]
    target = torch.eye(3, 2, dtype=error.dtype, device=error.device)
    norm, leak = torch.linalg.matrix_norm(error, ord=2), zeta * (1 - zeta) / 2
    wanted = _decode(target + error, target.expand_as(error), codes, zeta)
    bound = norm * codes.norm(dim=1) + leak * (codes > 0).sum(dim=1).double().sqrt()
    own = leaky(before, zeta.unsqueeze(1))
    found = _decode(target + error, target + error, own, zeta)
    own_bound = (2 * norm + norm**2) * own.norm(dim=1) + leak * (own > 0).sum(dim=1).double().sqrt()
    own_bound = own_bound + (1 - zeta) * own.clamp(max=0).norm(dim=1)
    return torch.maximum((wanted - codes).norm(dim=1) / bound, (found - own).norm(dim=1) / own_bound)


def _decode(atoms: Tensor, generating: Tensor, codes: Tensor, zeta: Tensor) -> Tensor:
    """LeakyReLU(W^T X) for X = generating codes; (instance, channel)."""
    patches = (generating @ codes.unsqueeze(2)).squeeze(2)
    return leaky((atoms.mT @ patches.unsqueeze(2)).squeeze(2), zeta.unsqueeze(1))


def growth(a: Tensor, v: Tensor, weight: Tensor) -> Tensor:
    """fn.13: (K+1)/(2K) (v - v*)^2 over max F - F(v), F(v) = a o_K(v) - v^2, K = ``weight``."""
    largest = torch.where(a > 0, weight * a / 2, a / 2)  # v*, and F there is its square
    lost = largest**2 - a * torch.where(v > 0, weight * v, v) + v**2
    distance = (v - largest).abs()
    valid = distance > 0.1
    ratio = (weight + 1) / (2 * weight) * distance**2 / torch.where(valid, lost, 1.0)
    return torch.where(valid, ratio, 0.0)


def _waves(columns: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Phases <f_i, x>, weights w_i and frequencies f_i of sum_i w_i (1 + cos <f_i, x>), and its gradient.

    Columns: x (2), w (2), f_1 (2), f_2 (2).
    """
    point, weights = torch.stack(columns[:2], dim=1), torch.stack(columns[2:4], dim=1)
    frequencies = torch.stack(columns[4:8], dim=1).reshape(-1, 2, 2)
    phases = (frequencies @ point.unsqueeze(2)).squeeze(2)
    slope = -((weights * phases.sin()).unsqueeze(1) @ frequencies).squeeze(1)
    return phases, weights, frequencies, slope


def _smoothness(weights: Tensor, frequencies: Tensor) -> Tensor:
    """L = sum_i w_i |f_i|^2."""
    return (weights * frequencies.square().sum(dim=2)).sum(dim=1)


def decrease(*columns: Tensor) -> Tensor:
    """fn.15: eta (1 - eta L/2) |grad f|^2 over what the step lowers f by; the last column is eta L."""
    phases, weights, frequencies, slope = _waves(columns)
    smoothness, square = _smoothness(weights, frequencies), slope.square().sum(dim=1)
    step = columns[8] / smoothness
    turn = step.unsqueeze(1) * (frequencies @ slope.unsqueeze(2)).squeeze(2)  # by which every phase falls
    lowered = -2 * (weights * (phases - turn / 2).sin() * (turn / 2).sin()).sum(dim=1)
    valid = square > NEAR_OPTIMUM
    return torch.where(valid, step * (1 - columns[8] / 2) * square / torch.where(valid, lowered, 1.0), 0.0)


def non_negative(*columns: Tensor) -> Tensor:
    """fn.19: |grad f|^2 / (2 L f)."""
    phases, weights, frequencies, slope = _waves(columns)
    value = 2 * (weights * (phases / 2).cos().square()).sum(dim=1)
    valid = value > NEAR_OPTIMUM
    bound = 2 * _smoothness(weights, frequencies) * torch.where(valid, value, 1.0)
    return torch.where(valid, slope.square().sum(dim=1) / bound, 0.0)


WAVES = {
    **dict.fromkeys(("x_1", "x_2"), (-3.0, 3.0)),
    **dict.fromkeys(("w_1", "w_2"), (0.1, 1.0)),
    **dict.fromkeys(("f_11", "f_12", "f_21", "f_22"), (-2.0, 2.0)),
}
DECODED = Search(
    decoded,
    {
        **{f"E_{row}{column}": (-0.2, 0.2) for row in (1, 2, 3) for column in (1, 2)},
        **dict.fromkeys(("code_1", "code_2"), (0.01, 3.0)),
        **dict.fromkeys(("before_1", "before_2"), (-3.0, 3.0)),
        "zeta": (0.01, 0.5),
    },
    1.0,
    (-0.19981, -0.1981, -0.16619, -0.1683, -0.061459, 0.061448, 0.73511, 0.61795, -2.9774, 1.5759, 0.2946),
)
GROWTH = Search(growth, {"a": (-2.0, 2.0), "v": (-3.0, 3.0), "K": (1.0, 20.0)}, 1.0, (1.9428, -2.994, 3.0821))
DECREASE = Search(
    decrease,
    {**WAVES, "eta L": (0.05, 1.0)},
    1.0,
    (2.82344, -1.08069, 0.968417, 0.99366, -1.85963, -1.94657, -1.85767, -1.94017, 0.05014),
)
NON_NEGATIVE = Search(
    non_negative, WAVES, 0.999735, (0.0475515, 1.73328, 0.984469, 0.934685, -0.88278, -1.80705, 0.880745, 1.80713)
)
