"""Means of the smoothed ReLU of a Gaussian: exact by quadrature, and by a correction of the plain ReLU.

ReLU~(z) = E ReLU(z - U) with U = zeta B, B of the Beta(2, 2) distribution on [0, 1], because ReLU~'' = 6 u (1 - u)/zeta is
the density of U (section 2, l.80, with the interpolant of ``model.activations``). So its mean
is an average of plain ones,

    E ReLU~(alpha g - beta) = E alpha A((beta + U) / alpha),    A(t) = phi(t) - t Q(t),

and, as U has mean zeta/2 and variance zeta^2/20, it is alpha A(tau) + zeta^2 phi(tau) / (40 alpha) up to a term of
order zeta^4, tau = (beta + zeta/2) / alpha. The uncorrected ReLU without the shift is off by zeta Q(t)/2.

float64 torch, broadcasting, differentiable; relative accuracy in the tail as that of ``relu_mean``.
"""

import torch
from torch import Tensor

from fsrcheck.gaussian.quadrature import gauss_legendre
from fsrcheck.gaussian.univariate import as_float64, density, relu_mean, require, tail

NUM_NODES = 24
# E (U - zeta/2)^4 = 3 zeta^4 / 560, over 4!.
FOURTH = 3 / 560 / 24


def smoothed_relu_mean(alpha: Tensor | float, beta: Tensor | float, smoothing: Tensor | float) -> Tensor:
    """Return E ReLU~(alpha g - beta) with transition width `smoothing`; shapes broadcast.

    Raises:
        InputError: alpha or smoothing is not positive, or anything is infinite.
    """
    scale, offset, weights = _spread_out(alpha, beta, smoothing)
    return (scale * relu_mean(offset / scale)) @ weights


def smoothed_firing(alpha: Tensor | float, beta: Tensor | float, smoothing: Tensor | float) -> Tensor:
    """Return E ReLU~'(alpha g - beta), minus the derivative of ``smoothed_relu_mean`` by beta; shapes broadcast.

    Raises:
        InputError: as for ``smoothed_relu_mean``.
    """
    scale, offset, weights = _spread_out(alpha, beta, smoothing)
    return tail(offset / scale) @ weights


def corrected_relu_mean(alpha: Tensor | float, beta: Tensor | float, smoothing: Tensor | float) -> Tensor:
    """Return alpha A(tau) + zeta^2 phi(tau) / (40 alpha), tau = (beta + zeta/2) / alpha; shapes broadcast.

    Differs from ``smoothed_relu_mean`` by at most ``correction_error(alpha, smoothing)``.

    Raises:
        InputError: as for ``smoothed_relu_mean``.
    """
    scale, offset, width = _checked(alpha, beta, smoothing)
    tau = (offset + width / 2) / scale
    return scale * relu_mean(tau) + width * width * density(tau) / (40 * scale)


def correction_error(alpha: Tensor | float, smoothing: Tensor | float) -> Tensor:
    """Return 3 zeta^4 / (13440 sqrt(2 pi) alpha^3): Taylor's theorem, with |(t^2 - 1) phi(t)| <= phi(0)."""
    scale, width = as_float64(alpha, smoothing)
    return FOURTH * width**4 * density(torch.zeros_like(scale)) / scale**3


def _checked(alpha: Tensor | float, beta: Tensor | float, smoothing: Tensor | float) -> tuple[Tensor, Tensor, Tensor]:
    scale, offset, width = torch.broadcast_tensors(*as_float64(alpha, beta, smoothing))
    require((scale <= 0) | scale.isinf(), scale, "alpha", "positive and finite")
    require((width <= 0) | width.isinf(), width, "smoothing", "positive and finite")
    return scale, offset, width


def _spread_out(
    alpha: Tensor | float, beta: Tensor | float, smoothing: Tensor | float
) -> tuple[Tensor, Tensor, Tensor]:
    """alpha and beta + U at the nodes of U, with a new last axis, and the weights of the nodes."""
    scale, offset, width = _checked(alpha, beta, smoothing)
    nodes, weights = gauss_legendre(NUM_NODES, scale.device)
    shifted = offset[..., None] + width[..., None] * nodes
    return scale[..., None].expand_as(shifted), shifted, weights * 6 * nodes * (1 - nodes)
