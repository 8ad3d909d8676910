r"""Second moments of a one-layer generator with rows of any norm: E f(a z) f(b z) for standard normal z.

With r = ||a||, s = ||b|| and rho the correlation of a z and b z,

    E f(a z) f(b z) = sum_i sigma_i(r) sigma_i(s) rho^i,    sigma_i(r) = E f(r g) h_i(g),

of which ``fsrcheck.gaussian.kernels`` is the case r = s = 1. A piecewise linear f is positively homogeneous, so that
there it is r s c(rho). The derivative in rho is r s E f'(r u) f'(s v): positive wherever f is increasing, while the
single products sigma_i(r) sigma_i(s) may have any sign. Can be differentiated in the rows (twice where f can).
"""

import math

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.kernels import MAX_DEGREE, REACH, STEP, Activation, PiecewiseLinear, hermite

LOST = 1e-10  # of E f(r g)^2 beyond the last degree, relative: larger norms than those that keep this are refused


def scaled_coefficients(activation: Activation, scale: Tensor, degree: int = MAX_DEGREE) -> Tensor:
    """sigma_0(r), ..., sigma_degree(r) for every r in ``scale``, shape (*scale.shape, degree + 1).

    Raises:
        InputError: the sum of squares misses more than a part 1e-10 of E f(r g)^2 (f too sharp at that scale).
    """
    count = round(REACH / STEP)
    nodes = STEP * torch.arange(-count, count + 1, dtype=torch.float64, device=scale.device)
    # The weight is shared out so that neither factor over- or underflows where the polynomials are huge.
    half = (STEP * torch.exp(-nodes * nodes / 2) / math.sqrt(2 * math.pi)).sqrt()
    values = half * activation(scale[..., None] * nodes)
    found: Tensor = values @ (hermite(degree, nodes) * half).mT
    total = values.square().sum(dim=-1)
    if bool((total - found.square().sum(dim=-1) > LOST * total).any()):
        raise InputError(f"the scale must leave the activation smooth, got coefficients that do not vanish by {degree}")
    return found


def output_moments(activation: Activation, rows: Tensor) -> Tensor:
    """E f(A z) f(A z)^T for rows A of shape (..., d, k), none of them 0; shape (..., d, d).

    Raises:
        InputError: as ``scaled_coefficients``.
    """
    norms = rows.norm(dim=-1)
    directions = rows / norms[..., None]
    # Exact ones on the diagonal: rounding beyond 1 would be refused, and the derivative of |a|^2/|a|^2 is 0.
    eye = torch.eye(rows.shape[-2], dtype=rows.dtype, device=rows.device)
    rho = (directions @ directions.mT * (1 - eye)).clamp(-1, 1) + eye
    if isinstance(activation, PiecewiseLinear):
        return norms[..., :, None] * norms[..., None, :] * activation.kernel(rho)
    coefficients = scaled_coefficients(activation, norms)
    total = torch.zeros_like(rho)
    for one in coefficients.flip(-1).unbind(-1):
        total = total * rho + one[..., :, None] * one[..., None, :]
    return total
