"""One standard normal g: tails, and moments of (g - t)_+, accurate relative to their own size.

phi(t) - t Q(t) and the recurrence E (g-t)_+^n = (n-1) E (g-t)_+^(n-2) - t E (g-t)_+^(n-1) cancel for t > 0.
Here every moment is a quadrature with positive terms instead, so it keeps its digits at any threshold.

All functions take tensors or numbers, broadcast, compute in float64 on the device of their tensors and can be
differentiated any number of times. NaN propagates. A first-level code of the paper is a multiple of
(g - t)_+; its moments are what section C.6.1 (Facts C.19 to C.21) estimates.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from fsrcheck.errors import InputError
from fsrcheck.gaussian.quadrature import gauss_legendre, pieces

MAX_ORDER = 4
NUM_NODES = 48
CHUNK_SIZE = 4096
# phi falls to exp(-REACH^2 / 2) = 5e-22 of its start within the interval of integration, so that even
# the fourth moment loses less than 1e-16 beyond it.
REACH = 9.9


def tail(x: Tensor | float) -> Tensor:
    """Return Q(x) = Pr[g > x], any shape; relative error about 1e-15 (1 + x^2), zero beyond x = 38."""
    return 0.5 * torch.erfc(as_float64(x)[0] / math.sqrt(2.0))


def density(x: Tensor | float) -> Tensor:
    """Return phi(x) = exp(-x^2/2) / sqrt(2 pi), any shape."""
    (values,) = as_float64(x)
    return torch.exp(-0.5 * values * values) / math.sqrt(2.0 * math.pi)


def inverse_tail(probability: Tensor | float) -> Tensor:
    """Return x with Q(x) = probability, any shape.

    The threshold of a channel that fires with probability expected_active / num_channels.

    Raises:
        InputError: a probability is not strictly between 0 and 1 (NaN propagates).
    """
    (wanted,) = as_float64(probability)
    require((wanted <= 0) | (wanted >= 1), wanted, "probability", "strictly between 0 and 1")
    return -torch.special.ndtri(wanted)


def relu_mean(threshold: Tensor | float) -> Tensor:
    """Return E (g - t)_+ = phi(t) - t Q(t) at t = `threshold`, any shape."""
    return relu_moment(threshold, 1)


def relu_moment(threshold: Tensor | float, order: int) -> Tensor:
    """Return E (g - t)_+^order at t = `threshold`, any shape; order 0 is the tail.

    Raises:
        InputError: order is not one of 0..4, or a threshold is infinite.
    """
    return truncated_moment(threshold, threshold, order)


def truncated_moment(threshold: Tensor | float, lower: Tensor | float, order: int) -> Tensor:
    """Return E[(g - t)^order 1{g > lower}] at t = `threshold`; shapes broadcast.

    The moments of a code (g - t)_+ above a cutoff: `lower` >= `threshold` keeps every term positive.

    Raises:
        InputError: order is not one of 0..4, an argument is infinite, or lower < threshold.
    """
    if order not in range(MAX_ORDER + 1):
        raise InputError(f"order must be one of 0, 1, 2, 3, 4, got {order!r}")
    thresholds, starts = torch.broadcast_tensors(*as_float64(threshold, lower))
    require(thresholds.isinf(), thresholds, "threshold", "finite")
    require(starts.isinf(), starts, "lower", "finite")
    require(starts < thresholds, starts, "lower", "at least the threshold")
    moment: Tensor = _TruncatedMoment.apply(thresholds, starts, order)
    return moment


def as_float64(*values: Tensor | float) -> tuple[Tensor, ...]:
    """Return the values as float64 tensors on the device of the first tensor among them (else the CPU)."""
    device = next((value.device for value in values if isinstance(value, Tensor)), None)
    return tuple(torch.as_tensor(value, dtype=torch.float64, device=device) for value in values)


def require(refused: Tensor, values: Tensor, name: str, wanted: str) -> None:
    """Raise InputError with the first of the refused values; `refused` is a mask of the shape of `values`."""
    if bool(refused.any()):
        raise InputError(f"{name} must be {wanted}, got {values[refused].flatten()[0].item():.6g}")


class _TruncatedMoment(Function):
    """E[(g - t)^order 1{g > lower}]; the derivatives are moments again, so they differentiate in turn."""

    @staticmethod
    def forward(ctx: Any, threshold: Tensor, lower: Tensor, order: int) -> Tensor:
        ctx.save_for_backward(threshold, lower)
        ctx.order = order
        offset, start = (lower - threshold).reshape(-1), lower.reshape(-1)
        everything = torch.arange(len(start), device=start.device)
        parts = [_integral(offset[i], start[i], order) for i in pieces(everything, CHUNK_SIZE)]
        return torch.cat([*parts, start[:0]]).reshape(lower.shape)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        threshold, lower = ctx.saved_tensors
        order = ctx.order
        by_lower = -((lower - threshold) ** order) * density(lower)
        if order == 0:
            return torch.zeros_like(lower), grads[0] * by_lower, None
        by_threshold = -order * _TruncatedMoment.apply(threshold, lower, order - 1)
        return grads[0] * by_threshold, grads[0] * by_lower, None


def _integral(offset: Tensor, lower: Tensor, order: int) -> Tensor:
    """Return the integral of (x - t)^order phi(x) over x > lower; offset = lower - t; shapes (point,)."""
    start = lower.clamp(min=-REACH)
    # The end where phi is down by REACH on its value at max(start, 0), written without cancellation.
    positive = start.clamp(min=0.0)
    length = REACH**2 / (torch.sqrt(positive * positive + REACH**2) + positive) + (positive - start)
    nodes, weights = gauss_legendre(NUM_NODES, lower.device)
    step = length[:, None] * nodes
    x = start[:, None] + step
    values = torch.exp(-0.5 * x * x)
    if order > 0:
        values = values * ((offset + (start - lower))[:, None] + step) ** order
    return length * (values @ weights) / math.sqrt(2.0 * math.pi)
