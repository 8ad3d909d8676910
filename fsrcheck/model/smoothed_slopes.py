"""The derivatives of the smoothed ReLU (section 2, l.78-86), with the interpolant of ``activations``."""

import torch
from torch import Tensor

from fsrcheck.errors import InputError


def smoothed_step(z: Tensor, smoothing: float) -> Tensor:
    """ReLU~', elementwise: 0 below 0, 1 above zeta = ``smoothing`` > 0, and 3u^2 - 2u^3 in between, u = z/zeta."""
    u = _inside(z, smoothing)
    return u * u * (3 - 2 * u)


def smoothed_bump(z: Tensor, smoothing: float) -> Tensor:
    """ReLU~'', elementwise: 6u(1 - u)/zeta in [0, zeta], u = z/zeta, and 0 elsewhere; zeta = ``smoothing`` > 0."""
    u = _inside(z, smoothing)
    return 6 * u * (1 - u) / smoothing


def smoothed_leaky_step(z: Tensor, leak: float | Tensor, smoothing: float) -> Tensor:
    """The derivative of ``smoothed_leaky_relu``: leak + (1 - leak) ReLU~'(z), elementwise."""
    return leak + (1 - leak) * smoothed_step(z, smoothing)


def smoothed_leaky_pair(z: Tensor, leak: float | Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """``smoothed_leaky_relu`` and its derivative, in one pass over z."""
    u = _inside(z, smoothing)
    square = u * u
    step = square * (3 - 2 * u)
    above = smoothing * square * u * (1 - u / 2) + torch.relu(z - smoothing)
    return leak * z + (1 - leak) * above, leak + (1 - leak) * step


def smoothed_abs_slope(x: Tensor, cutoff: float, smoothing: float) -> Tensor:
    """The derivative of ``smoothed_abs``, elementwise: 0 on [-b, b], +-1 beyond b + zeta."""
    return x.sign() * smoothed_step(x.abs() - cutoff, smoothing)


def _inside(z: Tensor, smoothing: float) -> Tensor:
    """u = z/zeta, cut off at 0 and 1."""
    if not smoothing > 0:
        raise InputError(f"smoothing must be positive, got {smoothing}")
    return torch.clamp(z / smoothing, 0.0, 1.0)
