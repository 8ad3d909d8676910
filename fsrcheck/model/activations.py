"""The paper's smoothed activations (section 2, l.78-86) and the repair of the one that cannot exist."""

import torch
from torch import Tensor

from fsrcheck.errors import InputError


def smoothed_relu(z: Tensor, smoothing: float) -> Tensor:
    """Smoothed ReLU, elementwise: 0 below 0, z - zeta/2 above zeta = `smoothing` > 0.

    In between it is the Hermite interpolant zeta (u^3 - u^4/2), u = z/zeta: f, f' and f'' are continuous,
    f' = 3u^2 - 2u^3 lies in [0, 1] and f'' = 6u(1 - u)/zeta in [0, 1.5/zeta]. Source: section 2, l.80.
    """
    _check_positive("smoothing", smoothing)
    u = (z / smoothing).clamp(0.0, 1.0)
    return smoothing * u**3 * (1 - u / 2) + torch.relu(z - smoothing)


def smoothed_leaky_relu(z: Tensor, leak: float | Tensor, smoothing: float | None = None) -> Tensor:
    """Repaired smoothed leaky ReLU: leak z + (1 - leak) ReLU~(z), elementwise.

    As printed (section 2, l.82-84) it would be z above zeta and zeta z below 0 with slope at most 1: then
    f(0) = 0 and f(zeta) = zeta force slope 1 on all of [0, zeta], but the slope at 0- is zeta < 1: f' jumps.
    The repaired function has slope `leak` below 0, slope 1 and offset -(1 - leak) smoothing/2 above
    `smoothing`, f' in [leak, 1] and f'' in [0, 1.5 (1 - leak)/smoothing].

    The paper uses one zeta for both; here `leak` in (0, 1] and the width `smoothing` > 0 (default: leak)
    are separate. A tensor of leaks broadcasts with z, needs a `smoothing`, and its range is not checked.
    """
    if isinstance(leak, Tensor):
        if smoothing is None:
            raise InputError("smoothing must be given with a tensor of leaks, got None")
        width = smoothing
    elif 0 < leak <= 1:
        width = leak if smoothing is None else smoothing
    else:
        raise InputError(f"leak must be in (0, 1], got {leak}")
    return leak * z + (1 - leak) * smoothed_relu(z, width)


def smoothed_abs(x: Tensor, cutoff: float, smoothing: float) -> Tensor:
    """abs~(x) = ReLU~(x - b) + ReLU~(-x - b), elementwise: 0 on [-b, b], b = `cutoff` >= 0 (section 4.3, l.386)."""
    return smoothed_relu(x.abs() - cutoff, smoothing)


def _check_positive(name: str, value: float) -> None:
    if not value > 0:
        raise InputError(f"{name} must be positive, got {value}")
