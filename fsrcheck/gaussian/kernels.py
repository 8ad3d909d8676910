"""Kernels of activations: c(rho) = E f(u) f(v) for standard normals u, v at correlation rho, and Hermite coefficients.

With the normalised Hermite polynomials h_i (E h_i(g) h_j(g) = 1{i = j}) and sigma_i = E f(g) h_i(g),

    c(rho) = sum_{i >= 0} sigma_i^2 rho^i,    c'(rho) = E f'(u) f'(v),    c''(rho) = E f''(u) f''(v)

(Mehler's formula; the sum begins at 0, not at 1). Piecewise linear activations have closed forms (Y. Cho and L. Saul,
2009); smooth ones are summed up to a degree beyond which less than rounding is left, which is checked.

float64 torch on the device of rho; broadcasts; the kernels can be differentiated in rho.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from fsrcheck.errors import InputError
from fsrcheck.gaussian.univariate import as_float64, require

# The trapezoidal rule converges like exp(-2 pi d / STEP) for a function analytic within d of the real line.
# Even tanh (d = pi/2) is left with 1e-42; beyond REACH the weight is below 1e-30 for degrees up to MAX_DEGREE.
STEP, REACH = 0.1, 16.0
MAX_DEGREE = 200
BLOCK = 14  # near the square root of the number of terms
ROUNDING = 4e-15  # relative to E f^2: sums of a few hundred terms, each with a few roundings of 1.1e-16


class Activation(ABC):
    """An activation with its Gaussian expectations."""

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """f(x), elementwise."""

    @abstractmethod
    def square_mean(self) -> float:
        """E f(g)^2, the kernel at rho = 1."""

    @abstractmethod
    def coefficients(self, degree: int) -> Tensor:
        """sigma_0, ..., sigma_degree, shape (degree + 1,), on the CPU.

        Raises:
            InputError: a degree below 0 or above 200.
        """

    @abstractmethod
    def kernel(self, rho: Tensor | float, order: int = 0) -> Tensor:
        """The derivative of the given order (0, 1 or 2) of c at rho in [-1, 1], any shape.

        Raises:
            InputError: rho outside [-1, 1], or another order.
        """

    def tail_bound(self, degree: int) -> float:
        """An upper bound of the sum of sigma_i^2 over i > degree: E f^2 minus the sum up to there, plus rounding."""
        total = self.square_mean()
        return max(total - float(self.coefficients(degree).square().sum()), 0.0) + ROUNDING * total


@dataclass(frozen=True)
class PiecewiseLinear(Activation):
    """f(x) = x for x >= 0 and leak * x below: ReLU (0), leaky ReLU, the identity (1), |x| (-1).

    f = leak x + (1 - leak) ReLU and E u ReLU(v) = rho/2 give c = leak rho + (1 - leak)^2 c_ReLU.
    """

    leak: float = 0.0

    def __call__(self, x: Tensor) -> Tensor:
        """f(x), elementwise."""
        return self.leak * x + (1 - self.leak) * torch.relu(x)

    def square_mean(self) -> float:
        """(1 + leak^2) / 2."""
        return (1 + self.leak**2) / 2

    def coefficients(self, degree: int) -> Tensor:
        """Closed form; see ``Activation``."""
        _check_degree(degree)
        found = [(1 - self.leak) * _relu_coefficient(i) for i in range(degree + 1)]
        if degree >= 1:
            found[1] += self.leak
        return torch.tensor(found, dtype=torch.float64)

    def kernel(self, rho: Tensor | float, order: int = 0) -> Tensor:
        """Closed form; the second derivative is infinite at -1 and 1 (unless leak = 1)."""
        values = _correlations(rho, order)
        arc: Tensor = [_arc_value, _arc_slope, _arc_curvature][order](values)
        linear = (self.leak * values, torch.full_like(values, self.leak), torch.zeros_like(values))[order]
        return linear + (1 - self.leak) ** 2 * arc


@dataclass(frozen=True)
class Smooth(Activation):
    """An activation analytic in a strip of half-width at least pi/2 around the real line, such as tanh.

    Attributes:
        name: for messages.
        function: f, elementwise.
    """

    name: str
    function: Callable[[Tensor], Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        """f(x), elementwise."""
        return self.function(x)

    def square_mean(self) -> float:
        """E f(g)^2 by the trapezoidal rule."""
        nodes, weights = _rule()
        return float(weights @ self.function(nodes).square())

    def coefficients(self, degree: int) -> Tensor:
        """By the trapezoidal rule; see ``Activation``."""
        _check_degree(degree)
        return _smooth_coefficients(self)[: degree + 1]

    def kernel(self, rho: Tensor | float, order: int = 0) -> Tensor:
        """The sum over all degrees up to 200."""
        values = _correlations(rho, order)
        powers = _smooth_coefficients(self).square().to(values.device)
        for _ in range(order):
            powers = powers[1:] * torch.arange(1, len(powers), dtype=powers.dtype, device=powers.device)
        return _polynomial(powers, values)


RELU = PiecewiseLinear(0.0)
ABSOLUTE = PiecewiseLinear(-1.0)
TANH = Smooth("tanh", torch.tanh)
SIGMOID = Smooth("sigmoid", torch.sigmoid)
SOFTPLUS = Smooth("softplus", torch.nn.functional.softplus)


def _polynomial(coefficients: Tensor, x: Tensor) -> Tensor:
    """The sum of coefficients[i] x^i, in blocks of BLOCK powers: a tenth of the passes over x that Horner's rule makes."""
    blocks = torch.nn.functional.pad(coefficients, (0, -len(coefficients) % BLOCK)).unflatten(0, (-1, BLOCK))
    powers = [torch.ones_like(x), x]
    while len(powers) <= BLOCK:
        powers.append(powers[-1] * x)
    parts = torch.tensordot(blocks, torch.stack(powers[:-1]), dims=1)
    total = parts[-1]
    for part in parts[:-1].flip(0):
        total = total * powers[-1] + part
    return total


def hermite(degree: int, x: Tensor) -> Tensor:
    """The normalised Hermite polynomials h_0, ..., h_degree at x, stacked along a new first axis."""
    rows = [torch.ones_like(x), x]
    for i in range(1, degree):
        rows.append((x * rows[i] - math.sqrt(i) * rows[i - 1]) / math.sqrt(i + 1))
    return torch.stack(rows[: degree + 1])


@lru_cache(maxsize=1)
def _rule() -> tuple[Tensor, Tensor]:
    """Nodes and weights of the trapezoidal rule for E over a standard normal."""
    count = round(REACH / STEP)
    nodes = STEP * torch.arange(-count, count + 1, dtype=torch.float64)
    return nodes, STEP * torch.exp(-nodes * nodes / 2) / math.sqrt(2 * math.pi)


@lru_cache(maxsize=64)
def _smooth_coefficients(activation: Smooth) -> Tensor:
    """sigma_0, ..., sigma_200.

    Raises:
        InputError: they have not fallen below rounding by then.
    """
    nodes, weights = _rule()
    # The weight is shared out so that neither factor over- or underflows where the polynomials are huge.
    half = weights.sqrt()
    found: Tensor = (hermite(MAX_DEGREE, nodes) * half) @ (half * activation.function(nodes))
    if float(found[-10:].abs().max()) > math.sqrt(ROUNDING) * float(found.norm()):
        raise InputError(f"{activation.name} must be smooth: its Hermite coefficients do not vanish by {MAX_DEGREE}")
    return found


def _relu_coefficient(i: int) -> float:
    """sigma_i of ReLU: 1/sqrt(2 pi), 1/2, then (-1)^(i/2-1) (i-3)!! / sqrt(2 pi i!) for even i, 0 for odd i."""
    if i == 1:
        return 0.5
    if i % 2:
        return 0.0
    if i == 0:
        return 1 / math.sqrt(2 * math.pi)
    half = i // 2
    # (i - 3)!! = i! / (2^half half! (i - 1)), by logarithms because factorials overflow.
    log = math.lgamma(i + 1) / 2 - half * math.log(2) - math.lgamma(half + 1) - math.log(i - 1)
    return (-1) ** (half - 1) * math.exp(log) / math.sqrt(2 * math.pi)


class _ArcValue(Function):
    """c of ReLU, with c' as derivative also at rho = 1, where the square root has none."""

    @staticmethod
    def forward(ctx: Any, rho: Tensor) -> Tensor:
        ctx.save_for_backward(rho)
        return (torch.sqrt((1 - rho) * (1 + rho)) + rho * torch.acos(-rho)) / (2 * math.pi)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (rho,) = ctx.saved_tensors
        return grads[0] * _arc_slope(rho)


def _arc_value(rho: Tensor) -> Tensor:
    value: Tensor = _ArcValue.apply(rho)
    return value


def _arc_slope(rho: Tensor) -> Tensor:
    return torch.acos(-rho) / (2 * math.pi)


def _arc_curvature(rho: Tensor) -> Tensor:
    return 1 / (2 * math.pi * torch.sqrt((1 - rho) * (1 + rho)))


def _correlations(rho: Tensor | float, order: int) -> Tensor:
    if order not in (0, 1, 2):
        raise InputError(f"order must be one of 0, 1, 2, got {order!r}")
    (values,) = as_float64(rho)
    require(values.abs() > 1, values, "rho", "in [-1, 1]")
    return values


def _check_degree(degree: int) -> None:
    if not 0 <= degree <= MAX_DEGREE:
        raise InputError(f"degree must be in 0..{MAX_DEGREE}, got {degree}")
