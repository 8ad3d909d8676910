"""Two standard normals g1, g2 at correlation rho: orthant probability and ReLU products, to the far tail.

Write L = Pr[g1 > h1, g2 > h2], N = E[1{g1 > h1} (g2 - h2)_+], M = E[(g1 - h1)_+ (g2 - h2)_+]. As
dL/drho = phi_2, dM/drho = L and dN/drho = phi(h1) Q((h2 - rho h1)/r), r = sqrt(1 - rho^2), each is its
value at rho = -1 plus an integral over u from -1 to rho in which *every term is positive*: nothing cancels.

    L = L(-1)                     + int phi_2(h1, h2; u) du
    N = N(-1)                     + int phi(h1) Q(z) du,  z = (h2 - u h1) / sqrt(1 - u^2)
    M = M(-1) + (1 + rho) L(-1)   + int (rho - u) phi_2(h1, h2; u) du

(Q(z) is taken as 1{z < 0} plus a remainder of at most 1/2 that falls off on both sides of z = 0.) The values
at rho = -1, where g2 = -g1, are zero when h1 + h2 >= 0 and univariate moments otherwise. The derivatives of
these three are these three again, or univariate: they can be differentiated any number of times.

Domain: finite thresholds of either sign, -1 < rho < 1. Relative error at most 1e-11 for |h1|, |h2| <= 6,
-0.95 <= rho <= 0.999 wherever the value is above 1e-290 (measured: 5e-13). Outside of that box: the same up
to rho = 1 - 1e-10; larger exponents cost their own size in ulp; and as rho tends to -1 with h1 + h2 slightly
negative, N and M lose the digits that their values at rho = -1 cancel. Far thresholds give 0, never NaN.

The pair probabilities of Assumption 2.2 (l.133) are L at the first level; section
C.6.2 of the paper (l.1924 ff.) bounds L.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from fsrcheck.errors import InputError
from fsrcheck.gaussian import correlation_integral
from fsrcheck.gaussian.univariate import as_float64, density, relu_mean, relu_moment, require, tail

# Points expanded into nodes at a time: some six arrays of CHUNK_SIZE x 40 numbers, which stay in cache.
CHUNK_SIZE = 2048

Real = Tensor | float


def upper_orthant(h1: Real, h2: Real, rho: Real, *, chunk_size: int = CHUNK_SIZE) -> Tensor:
    """Return L = Pr[g1 > h1, g2 > h2] at correlation rho; shapes broadcast, float64.

    Raises:
        InputError: a threshold is infinite, rho is not strictly between -1 and 1, or chunk_size < 1.
    """
    return _evaluate(_ORTHANT, h1, h2, rho, chunk_size)


def gated_relu_mean(h1: Real, h2: Real, rho: Real, *, chunk_size: int = CHUNK_SIZE) -> Tensor:
    """Return N = E[1{g1 > h1} (g2 - h2)_+] = -dM/dh1 at correlation rho; shapes broadcast, float64.

    Raises:
        InputError: a threshold is infinite, rho is not strictly between -1 and 1, or chunk_size < 1.
    """
    return _evaluate(_GATED, h1, h2, rho, chunk_size)


def relu_product_mean(h1: Real, h2: Real, rho: Real, *, chunk_size: int = CHUNK_SIZE) -> Tensor:
    """Return M = E[(g1 - h1)_+ (g2 - h2)_+] at correlation rho; shapes broadcast, float64.

    Raises:
        InputError: a threshold is infinite, rho is not strictly between -1 and 1, or chunk_size < 1.
    """
    return _evaluate(_PRODUCT, h1, h2, rho, chunk_size)


def pair_density(h1: Real, h2: Real, rho: Real) -> Tensor:
    """Return phi_2(h1, h2; rho) = dL/drho, the density of the pair; shapes broadcast, float64.

    Raises:
        InputError: a threshold is infinite, or rho is not strictly between -1 and 1.
    """
    return _density(*_checked(h1, h2, rho))


def _density(h1: Tensor, h2: Tensor, rho: Tensor) -> Tensor:
    # A sum of two positive terms: h1^2 + h2^2 - 2 rho h1 h2 would cancel next to rho = 1.
    exponent = (h1 + h2) ** 2 / (4 * (1 + rho)) + (h1 - h2) ** 2 / (4 * (1 - rho))
    return torch.exp(-exponent) / (2 * torch.pi * _spread(rho))


def _spread(rho: Tensor) -> Tensor:
    """Return sqrt(1 - rho^2), the standard deviation of g2 given g1."""
    return torch.sqrt((1 - rho) * (1 + rho))


def _conditional_threshold(h1: Tensor, h2: Tensor, rho: Tensor) -> Tensor:
    """Return (h2 - rho h1) / sqrt(1 - rho^2): g2 > h2 given g1 = h1, in units of the spread of g2."""
    root = torch.sqrt((1 - rho) / (1 + rho))
    return ((h1 + h2) * root - (h1 - h2) / root) / 2


def _boundary_tail(h1: Tensor, h2: Tensor, rho: Tensor) -> Tensor:
    """Return phi(h1) Pr[g2 > h2 | g1 = h1] = -dL/dh1 = dN/drho."""
    return density(h1) * tail(_conditional_threshold(h1, h2, rho))


def _boundary_mean(h1: Tensor, h2: Tensor, rho: Tensor) -> Tensor:
    """Return phi(h1) E[(g2 - h2)_+ | g1 = h1] = -dN/dh1."""
    return density(h1) * _spread(rho) * relu_mean(_conditional_threshold(h1, h2, rho))


class _Quantity(NamedTuple):
    """A function of (h1, h2, rho, chunk_size), all of shape (point,), and its partial derivatives."""

    value: Callable[[Tensor, Tensor, Tensor, int], Tensor]
    partials: tuple[Callable[[Tensor, Tensor, Tensor, int], Tensor], ...]


class _ClosedForm(Function):
    """A `_Quantity` with its derivatives, which are differentiable functions themselves."""

    @staticmethod
    def forward(ctx: Any, h1: Tensor, h2: Tensor, rho: Tensor, quantity: _Quantity, chunk_size: int) -> Tensor:
        ctx.save_for_backward(h1, h2, rho)
        ctx.quantity, ctx.chunk_size = quantity, chunk_size
        return quantity.value(h1, h2, rho, chunk_size)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        wanted = zip(ctx.quantity.partials, ctx.needs_input_grad[:3], strict=True)
        partials = [f(*ctx.saved_tensors, ctx.chunk_size) if needed else None for f, needed in wanted]
        return (*(None if partial is None else grads[0] * partial for partial in partials), None, None)


def _checked(h1: Real, h2: Real, rho: Real) -> tuple[Tensor, Tensor, Tensor]:
    first, second, correlation = torch.broadcast_tensors(*as_float64(h1, h2, rho))
    require(first.isinf(), first, "h1", "finite")
    require(second.isinf(), second, "h2", "finite")
    require(correlation.abs() >= 1, correlation, "rho", "strictly between -1 and 1")
    return first, second, correlation


def _evaluate(quantity: _Quantity, h1: Real, h2: Real, rho: Real, chunk_size: int) -> Tensor:
    if chunk_size < 1:
        raise InputError(f"chunk_size must be at least 1, got {chunk_size}")
    first, second, correlation = _checked(h1, h2, rho)
    flat = _apply(quantity, first.reshape(-1), second.reshape(-1), correlation.reshape(-1), chunk_size)
    return flat.reshape(first.shape)


def _apply(quantity: _Quantity, h1: Tensor, h2: Tensor, rho: Tensor, chunk_size: int) -> Tensor:
    result: Tensor = _ClosedForm.apply(h1, h2, rho, quantity, chunk_size)
    return result


def _opposed(h1: Tensor, h2: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return where h1 < -h2, and there the interval h1 < g < -h2, mirrored if that moves it to the right.

    Returns (index, low, high, mirrored), each of shape (some,). At rho = -1, g2 = -g1 and both exceed
    their thresholds on this interval; on the right its tails keep their digits.
    """
    index = (h1 + h2 < 0).nonzero()[:, 0]
    low, high = h1[index], -h2[index]
    mirrored = low + high < 0
    return index, torch.where(mirrored, -high, low), torch.where(mirrored, -low, high), mirrored


def _orthant(h1: Tensor, h2: Tensor, rho: Tensor, chunk_size: int) -> Tensor:
    result = correlation_integral.integrate(correlation_integral.pair_density, h1, h2, rho, chunk_size)
    index, low, high, _ = _opposed(h1, h2)
    result[index] += tail(low) - tail(high)
    return result


def _gated(h1: Tensor, h2: Tensor, rho: Tensor, chunk_size: int) -> Tensor:
    signed = correlation_integral.signed_conditional_tail
    result = correlation_integral.integrate(signed, h1, h2, rho, chunk_size)
    result += density(h1) * _likely_length(h1, h2, rho)
    index, low, high, mirrored = _opposed(h1, h2)
    drop = relu_mean(low) - relu_mean(high)
    rising, falling = drop - (high - low) * tail(high), (high - low) * tail(low) - drop
    result[index] += torch.where(mirrored, rising, falling)
    return result


def _likely_length(h1: Tensor, h2: Tensor, rho: Tensor) -> Tensor:
    """Return the length of {-1 < u < rho: h2 < u h1}, where g2 > h2 is likely given g1 = h1; (point,)."""
    ratio = (h2 / h1.abs()).nan_to_num(nan=1.0).clamp(-1.0, 1.0)
    return torch.where(h1 < 0, torch.minimum(rho, -ratio) + 1, (rho - ratio).clamp(min=0.0))


def _product(h1: Tensor, h2: Tensor, rho: Tensor, chunk_size: int) -> Tensor:
    result = correlation_integral.integrate(correlation_integral.weighted_pair_density, h1, h2, rho, chunk_size)
    index, low, high, _ = _opposed(h1, h2)
    at_minus_one = (high - low) * (relu_mean(low) + relu_mean(high))
    at_minus_one = at_minus_one - (relu_moment(low, 2) - relu_moment(high, 2))
    result[index] += at_minus_one + (1 + rho[index]) * (tail(low) - tail(high))
    return result


_ORTHANT = _Quantity(
    value=_orthant,
    partials=(
        lambda h1, h2, rho, _: -_boundary_tail(h1, h2, rho),
        lambda h1, h2, rho, _: -_boundary_tail(h2, h1, rho),
        lambda h1, h2, rho, _: _density(h1, h2, rho),
    ),
)
_GATED = _Quantity(
    value=_gated,
    partials=(
        lambda h1, h2, rho, _: -_boundary_mean(h1, h2, rho),
        lambda h1, h2, rho, chunk: -_apply(_ORTHANT, h1, h2, rho, chunk),
        lambda h1, h2, rho, _: _boundary_tail(h1, h2, rho),
    ),
)
_PRODUCT = _Quantity(
    value=_product,
    partials=(
        lambda h1, h2, rho, chunk: -_apply(_GATED, h1, h2, rho, chunk),
        lambda h1, h2, rho, chunk: -_apply(_GATED, h2, h1, rho, chunk),
        lambda h1, h2, rho, chunk: _apply(_ORTHANT, h1, h2, rho, chunk),
    ),
)
