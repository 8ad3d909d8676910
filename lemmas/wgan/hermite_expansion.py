r"""Claim 1: the kernel of an activation from its Hermite coefficients.

Setting: phi in L^2 of the Gaussian measure, sigma_i = E phi(g) h_i(g) with the normalised Hermite polynomials h_i.

Statement (as printed, section 5.1, after Ge et al. 2017, Claim 4.2): "let its Hermite expansion be phi = sum_{i=1}^oo
sigma_i h_i. Then, for any unit vectors u, v: E_x phi(u^T x) phi(v^T x) = sum_{i=0}^oo sigma_i^2 (u^T v)^i". The
expansion of phi is given from i = 0 a few lines above. From 1 it misses sigma_0: 1/4 of E sigmoid^2 = 0.2934. (The
sum over products does begin at 0; the conversion keeps digits, so that this is a misprint.)

Checkable form: the same with phi = sum_{i >= 0} sigma_i h_i, and for all D

    |E phi(u^T x) phi(v^T x) - sum_{i=0}^D sigma_i^2 (u^T v)^i| <= E phi^2 - sum_{i=0}^D sigma_i^2.

Proof: exp(s g - s^2/2) = sum_i s^i h_i(g)/sqrt(i!), and E exp(s u^T x - s^2/2) exp(t v^T x - t^2/2) = exp(s t u^T v);
comparing powers, E h_i(u^T x) h_j(v^T x) = 1{i = j} (u^T v)^i. For unit vectors |u^T v| <= 1 bounds the tail.

Measured: the left side by quadrature in the plane of u and v, by Gauss's rule on the angles between the kinks of a
piecewise linear phi and by the trapezoidal rule in two variables for others; the sum up to D = 200, and up to D = 20.
Controls: the sum from 1 (sigmoid); vectors of norm 1.5; the cross term of the generating function.
Departures from the paper: the index of the expansion. Source: section 5.1, Claim 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.identity import Identity
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.gaussian.kernels import SIGMOID, Activation, PiecewiseLinear
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement
from lemmas.wgan.setting import activation_named, random_rows

DEGREE, SHORT = 200, 20
ROUNDING = 1e-13


@dataclass(frozen=True)
class Parameters:
    """Which activation, and what a control changes."""

    activation: str = "tanh"  # phi
    leak: float = 0.2
    dimension: int = 5  # d
    norm: float = 1.0  # of u and v
    first: int = 0  # where the sum begins

    def __post_init__(self) -> None:
        """Refuse an unknown activation and a dimension below 2."""
        activation_named(self.activation, self.leak)
        if self.dimension < 2:
            raise InputError(f"dimension must be at least 2, got {self.dimension}")


def product_mean(activation: Activation, rho: Tensor, norm: float = 1.0) -> Tensor:
    """E phi(u^T x) phi(v^T x) for vectors of this norm at correlation rho, by quadrature; the shape of rho."""
    if isinstance(activation, PiecewiseLinear):
        return norm**2 * _by_angles(activation, rho)
    count, step = 120, 0.1
    nodes = step * torch.arange(-count, count + 1, dtype=torch.float64, device=rho.device)
    weights = step * torch.exp(-nodes * nodes / 2) / math.sqrt(2 * math.pi)
    flat = rho.reshape(-1, 1, 1)
    second = flat * nodes[:, None] + torch.sqrt(1 - flat * flat) * nodes
    return torch.einsum("i,j,i,nij->n", weights, weights, activation(norm * nodes), activation(norm * second)).reshape(
        rho.shape
    )


def _by_angles(activation: PiecewiseLinear, rho: Tensor) -> Tensor:
    """r^2 has mean 2, and the angle is uniform: smooth between the angles where an argument changes sign."""
    points, weights = (torch.as_tensor(x, device=rho.device) for x in np.polynomial.legendre.leggauss(20))
    angle = torch.acos(rho)[..., None]
    quarter = math.pi / 2
    kinks = torch.cat(
        [torch.full_like(angle, s * quarter) for s in (-1, 1, 3)] + [angle - quarter, angle + quarter], -1
    )
    kinks = kinks.sort(dim=-1).values
    low, width = kinks[..., :-1, None], kinks.diff(dim=-1)[..., None]
    at = low + width * (points + 1) / 2
    values = activation(torch.cos(at)) * activation(torch.cos(at - angle[..., None]))
    return (values * weights * width / 2).sum(dim=(-2, -1)) / math.pi


def partial_sum(activation: Activation, rho: Tensor, degree: int, first: int = 0) -> Tensor:
    """sum_{i = first}^degree sigma_i^2 rho^i."""
    squares = activation.coefficients(degree).square().to(rho.device)
    exponents = torch.arange(degree + 1, dtype=torch.float64, device=rho.device)
    return (squares * rho[..., None] ** exponents)[..., first:].sum(dim=-1)


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Both sides at random unit vectors (or, in a control, vectors of another norm)."""
    activation = activation_named(parameters.activation, parameters.leak)
    pairs = parameters.norm * random_rows(seeds, "pairs", (2, parameters.dimension), device)
    inner = (pairs[:, 0] * pairs[:, 1]).sum(dim=-1)
    left = product_mean(activation, inner / parameters.norm**2, parameters.norm)
    size = activation.square_mean()
    long = (left - partial_sum(activation, inner, DEGREE, parameters.first)).abs() / size
    short = (left - partial_sum(activation, inner, SHORT, parameters.first)).abs()
    beyond = max(long_tail(parameters), ROUNDING)
    return [
        Observation(
            {"unit vectors": 1e-9 - abs(parameters.norm - 1)},
            {"excess": Measurement(max(float(a) - beyond, 0.0)), "remainder": Measurement(float(b))},
        )
        for a, b in zip(long, short, strict=True)
    ]


def long_tail(parameters: Parameters) -> float:
    """What the sum up to degree 200 may miss, relative to E phi^2."""
    activation = activation_named(parameters.activation, parameters.leak)
    return activation.tail_bound(DEGREE) / activation.square_mean()


def short_tail(parameters: Parameters) -> float:
    """E phi^2 minus the sum of sigma_i^2 up to degree 20."""
    return activation_named(parameters.activation, parameters.leak).tail_bound(SHORT)


def mehler(cross: int = 1) -> list[sympy.Expr]:
    """Exponent of the mean of the two generating functions minus s t rho; the variance of s u^T x + t v^T x is halved."""
    s, t, rho = sympy.symbols("s t rho", real=True)
    variance = s**2 + t**2 + 2 * cross * s * t * rho
    return [variance / 2 - s**2 / 2 - t**2 / 2 - s * t * rho]


def expansion_from_one() -> Counterexample:
    """The squared L^2 distance of the sigmoid from every sum over i >= 1: at least sigma_0^2 = 1/4."""
    distance = float(SIGMOID.coefficients(0)[0]) ** 2
    point = r"sigmoid: the least $E (\phi(g) - \sum_{i \ge 1} \sigma_i h_i(g))^2$"
    return Counterexample(point, 0.0, distance, distance > 0.2)


STATEMENT = Statement(
    id="wgan.claim.1",
    label="Claim 1",
    kind=Kind.CLAIM,
    title="Kernel of an activation from its Hermite coefficients",
    printed=r"let $\phi = \sum_{i=1}^\infty \sigma_i h_i$; then $E \phi(u^\top x) \phi(v^\top x) = "
    r"\sum_{i=0}^\infty \sigma_i^2 (u^\top v)^i$ for unit vectors $u, v$",
    checkable=r"$\phi = \sum_{i=0}^\infty \sigma_i h_i$, the same equation, and the sum up to degree $D$ is off by at most "
    r"$E \phi^2 - \sum_{i \le D} \sigma_i^2$",
    source="section 5.1, Claim 1",
    evidence="symbolic; quadrature at random vectors",
    claims=(
        SymbolicIdentity(
            "generating functions",
            r"$E e^{s u^\top x - s^2/2} e^{t v^\top x - t^2/2} = e^{s t u^\top v}$",
            mehler,
        ),
        Identity(
            "expansion",
            r"the two sides differ by no more than what the sum up to degree 200 may miss, relative to $E \phi^2$",
            "excess",
            0.0,
        ),
        Bound(
            "remainder",
            r"up to degree 20 they differ by at most $E \phi^2 - \sum_{i \le 20} \sigma_i^2$",
            "remainder",
            "one",
            short_tail,
        ),
    ),
    controls=(
        Control(
            "from one", "the sum of products begins at 1 as well", "expansion", {"first": 1}, {"activation": "sigmoid"}
        ),
        Control(
            "norm",
            "vectors of norm 1.5",
            "expansion",
            {"norm": 1.5},
            {"activation": "tanh"},
            premises=("unit vectors",),
        ),
        Control(
            "cross term",
            "the sign of the cross term of the variance",
            "generating functions",
            altered_claim=SymbolicIdentity("generating functions", "", lambda: mehler(-1)),
        ),
    ),
    errata=(
        Erratum(
            Defect.MISPRINT,
            r"The expansion of $\phi$ begins at $i = 1$; an activation with a mean, such as the sigmoid, has none such.",
            "section 5.1, Claim 1: the hypothesis; the sum of products begins at 0, as it must",
            r"$\phi = \sum_{i=0}^\infty \sigma_i h_i$",
            expansion_from_one,
        ),
    ),
    expected=Verdict.REPAIRED,
    parameters=Parameters,
    cases={
        "quick": tuple(Parameters(name) for name in ("tanh", "sigmoid", "softplus", "relu", "leaky", "absolute")),
    },
    trials={"quick": 8, "standard": 200},
    run=run,
    constants=(Constant("one", 1.0, Provenance.DERIVED, "the inequality itself"),),
)
