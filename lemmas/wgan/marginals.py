r"""Lemma 1: stationary points of the game with a (rectified) linear discriminator have the right row norms.

Setting: x*_i = phi(a*_i z), x_i = phi(a_i z); f_1(A, v) = E v^T x* - E v^T x, and f~_1 with R(x - C) in place of x, where
phi - C is odd and R the ReLU.

Statement (as printed, section 4): "suppose A = 0. Consider f_1 with activation that satisfies Assumption 1.2 and f~_1 with
activation that satisfies Assumption 1.1. The stationary points of such f_1 and f~_1 yield parameters A satisfying
||a_i|| = ||a*_i||, i in [d]." Restored: norms; the tilde; "A* != 0" or "A != 0" (the stroke is lost; the statement does
not need it, see below).

Checkable form: let m(r) = E phi(r g) (f_1) or E R(phi(r g) - C) (f~_1). With psi the even part of phi on (0, oo), or
(phi - C)/2 there, m(r) = E psi(r |g|). At a stationary point the derivative in v vanishes: m(||a_i||) = m(||a*_i||) for
every i; v = 0 and right norms are stationary. So the lemma says that m is one to one, and

    m(r) = (1 - s) r/sqrt(2 pi) for the leaky ReLU,    m'(r) = E |g| psi'(r |g|) > 0 where psi' > 0.

What is needed of psi is less than a strict increase: it does not fall and is not constant on (0, oo). (For r < r' and
q = r'/r, m(r) = m(r') forces psi(x) = psi(q x) for almost all x; being monotone, psi is then constant on every
(x, q x).) It is also necessary: a psi that is constant tells nothing, and phi = sign, or 1 + tanh read as a positive
even part that does not fall, satisfies the assumption if "increasing" is not strict.

Measured: for random A* and A with random norms, |m(||a_i||) - m(||a*_i||)| against |log(||a_i||/||a*_i||)| by quadrature;
and the gradients at v = 0 with equal norms but other directions.
Controls: a linear discriminator with tanh (every A is stationary); phi = sign with the rectified one; a sign in m.
Departures from the paper: "increasing" is strict. Source: section 4, Lemma 1.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy
import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.gaussian.kernels import RELU, SIGMOID, SOFTPLUS, TANH, PiecewiseLinear
from fsrcheck.model.streams import streams
from fsrcheck.statement import Control, Kind, Statement
from lemmas.wgan.even_parts import logistic

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": TANH,
    "sigmoid": SIGMOID,
    "softplus": SOFTPLUS,
    "relu": RELU,
    "leaky": PiecewiseLinear(0.2),
    "sign": torch.sign,
}
ODD = ("tanh", "sigmoid", "sign")
NODES, FARTHEST = 80, 9.0
LEAST, LARGEST = 0.3, 2.0  # of the norms


@dataclass(frozen=True)
class Marginals:
    """Which activation and discriminator."""

    function: str = "tanh"  # phi
    rectified: bool = True  # R(x - C) in place of x
    num_outputs: int = 4  # d

    def __post_init__(self) -> None:
        """Refuse an unknown activation and sizes below 1."""
        if self.function not in FUNCTIONS:
            raise InputError(f"function must be one of {', '.join(FUNCTIONS)}, got {self.function!r}")
        if self.num_outputs < 1:
            raise InputError(f"num_outputs must be at least 1, got {self.num_outputs}")


def half_line() -> tuple[Tensor, Tensor]:
    """Nodes x > 0 and weights of Gauss's rule for E over |g|."""
    points, weights = np.polynomial.legendre.leggauss(NODES)
    nodes = FARTHEST * (torch.as_tensor(points) + 1) / 2
    density = torch.exp(-nodes * nodes / 2) * math.sqrt(2 / math.pi)
    return nodes, torch.as_tensor(weights) * FARTHEST / 2 * density


def seen(parameters: Marginals) -> Callable[[Tensor], Tensor]:
    """psi on (0, oo): what the discriminator sees of the output, averaged over the sign of its argument."""
    function = FUNCTIONS[parameters.function]
    centre = function(torch.zeros((), dtype=torch.float64))

    def mean(x: Tensor) -> Tensor:
        if parameters.rectified:
            return (torch.relu(function(x) - centre) + torch.relu(function(-x) - centre)) / 2
        return (function(x) + function(-x)) / 2

    return mean


def marginal_mean(parameters: Marginals, norms: Tensor) -> Tensor:
    """m(r) for every norm r; differentiable."""
    nodes, weights = (tensor.to(norms.device) for tensor in half_line())
    return (seen(parameters)(norms[..., None] * nodes) * weights).sum(dim=-1)


def run(parameters: Marginals, seeds: Sequence[int], device: str) -> list[Observation]:
    """The least |m(r) - m(r*)| / |log(r/r*)| over the rows."""
    found = []
    for generator in streams(seeds, "norms"):
        logs = torch.from_numpy(generator.uniform(math.log(LEAST), math.log(LARGEST), (2, parameters.num_outputs)))
        means = marginal_mean(parameters, logs.to(device).exp())
        ratio = (means[0] - means[1]).abs() / (logs[0] - logs[1]).abs().to(device)
        rise = float(ratio.min())
        found.append(Observation({}, {"rise": Measurement(rise)}))
    return found


R, S = sympy.symbols("r s", positive=True)
X = sympy.Symbol("x", positive=True)
WEIGHT = sympy.exp(-(X**2) / 2) * sympy.sqrt(2 / sympy.pi)


def leaky_mean(sign: int = -1) -> list[sympy.Expr]:
    """E (phi(r |g|) + phi(-r |g|))/2 of the leaky ReLU minus (1 - s) r/sqrt(2 pi)."""
    psi = (R * X + sign * S * R * X) / 2
    return [sympy.integrate(psi * WEIGHT, (X, 0, sympy.oo)) - (1 - S) * R / sympy.sqrt(2 * sympy.pi)]


def slopes() -> list[sympy.Expr]:
    """The derivative of psi(r x) in r minus a product that is positive: tanh, sigmoid (rectified), softplus."""
    tanh = sympy.diff(sympy.tanh(R * X) / 2, R) - X / (2 * sympy.cosh(R * X) ** 2)
    sigmoid = sympy.diff((logistic(R * X) - sympy.Rational(1, 2)) / 2, R) - X / (8 * sympy.cosh(R * X / 2) ** 2)
    softplus = (sympy.log(1 + sympy.exp(R * X)) + sympy.log(1 + sympy.exp(-R * X))) / 2
    return [
        tanh.rewrite(sympy.exp),
        sigmoid.rewrite(sympy.exp),
        (sympy.diff(softplus, R) - X * sympy.tanh(R * X / 2) / 2).rewrite(sympy.exp),
    ]


STATEMENT = Statement(
    id="wgan.L.1",
    label="Lemma 1",
    kind=Kind.LEMMA,
    title="Stationary points of the marginal game have the right norms",
    printed=r"suppose $A \ne 0$; the stationary points of $f_1$ (Assumption 1.2) and $\tilde f_1$ (Assumption 1.1) yield "
    r"$A$ with $\|a_i\| = \|a_i^*\|$ for all $i$",
    checkable=r"$m(r) = E \psi(r |g|)$ is one to one, with $\psi$ the even part of $\phi$, or $(\phi - C)/2$, on "
    r"$(0, \infty)$: $m = (1 - s) r/\sqrt{2 \pi}$ for the leaky ReLU, and $\partial_r \psi(r x) > 0$ for the others; "
    r"enough (and necessary) is that $\psi$ does not fall and is not constant",
    source="section 4, Lemma 1",
    evidence="symbolic; quadrature at random norms corroborates",
    claims=(
        SymbolicIdentity("leaky", r"$m(r) = (1 - s) r/\sqrt{2 \pi}$, all $r$ and $s$", leaky_mean),
        SymbolicIdentity(
            "slopes",
            r"$\partial_r \psi(r x)$ is $x/(2 \cosh^2 r x)$ (tanh), $x/(8 \cosh^2(r x/2))$ (sigmoid) and "
            r"$x \tanh(r x/2)/2$ (softplus)",
            slopes,
        ),
        Bound(
            "rise",
            r"$|m(r) - m(r^*)| \ge 0.02 |\log(r/r^*)|$ for norms in $[0.3, 2]$",
            "rise",
            "rise",
            lambda parameters: 1.0,
            upper=False,
            corroborates=True,
        ),
    ),
    controls=(
        Control(
            "linear discriminator",
            "tanh without the rectifier: both means are 0",
            "rise",
            {"rectified": False},
            {"function": "tanh"},
            trials=4,
        ),
        Control(
            "sign",
            "an activation that is constant on each side",
            "rise",
            {"function": "sign"},
            {"function": "tanh"},
            trials=4,
        ),
        Control(
            "sign of the slope",
            "the sign of the slope below 0",
            "leaky",
            altered_claim=SymbolicIdentity("leaky", "", lambda: leaky_mean(1)),
        ),
    ),
    expected=Verdict.PROVED,
    parameters=Marginals,
    cases={
        "quick": (
            *(Marginals(name) for name in ("tanh", "sigmoid")),
            *(Marginals(name, rectified=False) for name in ("softplus", "relu", "leaky")),
        )
    },
    trials={"quick": 8, "standard": 100},
    run=run,
    constants=(Constant("rise", 0.02, Provenance.CHOSEN, "r m'(r) is smallest at an end of the range of norms"),),
    departures=(
        "'monotone increasing' of Assumption 1 is read strictly: for sign, odd and not falling, all norms are stationary",
        "the condition on A (or A*) is not used",
    ),
)
