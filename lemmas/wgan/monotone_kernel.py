r"""Lemma 2: the objective over Gram matrices has one stationary point.

Setting: g(Z) = sum_jk g_jk(z_jk) with g_jk(z) = (c(z*_jk) - c(z))^2/2 on -1 <= z <= 1, c the kernel of phi (Claim 1).

Statement (as printed, section 5.1): "for activations including leaky ReLU and functions satisfying Assumption 2, g(Z) has
a unique stationary point where Z = A* (A*)^T", because "the only zero point for g'_jk is z_jk = z*_jk". Restored: stars,
and the prime of g'_jk (the text has "g jk" with the gap of a lost sign).

Checkable form: g'_jk(z) = (c(z) - c(z*_jk)) c'(z), so that it is enough that c' > 0 on [-1, 1]:

    leaky ReLU of slope s: c'(z) = s + (1 - s)^2 arccos(-z)/(2 pi) >= s for every s > 0, with equality at z = -1;
    odd plus constant: c'(z) = sum over odd i of i sigma_i^2 z^(i-1) >= sigma_1^2: all powers are even.

For the plain ReLU (s = 0) c'(-1) = 0: z = -1 is stationary whatever z* is. For s < 0 the kernel falls below
z = -cos(2 pi |s|/(1-s)^2): a second stationary point, and two solutions of c(z) = c(z*); |x| has z = 0. "Polynomial
scalar function" (the paper on g_jk) is a power series, which need not converge beyond [-1, 1].

Measured: a search for sign changes of g'_jk on a grid of [-1, 1], at random z*; it corroborates.
Controls: |x|; slope -0.2; the leaky constant raised by 1 %; a sign in c'.
Departures from the paper: none. Source: section 5.1, Lemma 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sympy
import torch
from flint import arb

from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.certified import Certified, Positive, Sides
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.model.streams import streams
from fsrcheck.statement import Control, Kind, Statement
from lemmas.wgan.setting import activation_named, least_slope

GRID = 4000
TARGETS = 64


@dataclass(frozen=True)
class Parameters:
    """Which activation."""

    activation: str = "tanh"  # phi
    leak: float = 0.2

    def __post_init__(self) -> None:
        """Refuse an unknown activation."""
        activation_named(self.activation, self.leak)


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """The largest number of zeros of g'_jk over random z*."""
    activation = activation_named(parameters.activation, parameters.leak)
    rising = least_slope(activation) - 1e-6
    grid = torch.linspace(-1, 1, GRID, dtype=torch.float64, device=device)
    values, slopes = activation.kernel(grid), activation.kernel(grid, 1)
    found = []
    for generator in streams(seeds, "targets"):
        wanted = torch.from_numpy(generator.uniform(-0.99, 0.99, TARGETS)).to(device)
        signs = torch.sign((values - activation.kernel(wanted)[:, None]) * slopes)
        changes = (signs[:, 1:] * signs[:, :-1] < 0).sum(dim=1) + (signs[:, 1:-1] == 0).sum(dim=1)
        found.append(Observation({"rising kernel": rising}, {"zeros": Measurement(float(changes.max()))}))
    return found


Z, S = sympy.symbols("z s", real=True)


def leaky_residuals(sign: int = 1) -> list[sympy.Expr]:
    """c' of the leaky ReLU against the derivative of its kernel; the kernel is E phi phi by Cho and Saul (2009)."""
    arc = (sympy.sqrt(1 - Z**2) + Z * sympy.acos(-Z)) / (2 * sympy.pi)
    return [sympy.diff(S * Z + (1 - S) ** 2 * arc, Z) - S - sign * (1 - S) ** 2 * sympy.acos(-Z) / (2 * sympy.pi)]


def odd_residuals() -> list[sympy.Expr]:
    """The derivative of the term of degree 2 j + 1 is a square, and for j = 0 it is sigma_1^2."""
    weight = sympy.Symbol("sigma", real=True)
    j = sympy.Symbol("j", positive=True, integer=True)
    z = sympy.Symbol("z", positive=True)  # even powers: the sign of z does not matter
    term = sympy.diff(weight**2 * z ** (2 * j + 1), z)
    return [
        sympy.simplify(term - (sympy.sqrt(2 * j + 1) * weight * z**j) ** 2),
        sympy.diff(weight**2 * Z, Z) - weight**2,
    ]


def leaky_slope(share: str = "0.999") -> Certified:
    """c'/s >= share for slopes in [1/100, 99/100]; the angle theta = arccos(-z) is in [0, 22/7], which contains [0, pi]."""

    def margin(s: arb, theta: arb) -> arb:
        return 1 - arb(share) + (1 - s) ** 2 * theta / (2 * arb.pi() * s)

    box: Sides = {"s": ("1/100", "99/100"), "theta": (0, "22/7")}
    part = Positive(margin, box, None, r"$z = -\cos \theta$")
    return Certified("leaky slope", rf"$c'(z) \ge {share} s$ for $1/100 \le s \le 0.99$ and $|z| \le 1$", (part,))


STATEMENT = Statement(
    id="wgan.L.2",
    label="Lemma 2",
    kind=Kind.LEMMA,
    title="The objective over Gram matrices has one stationary point",
    printed=r"for activations including leaky ReLU and functions satisfying Assumption 2, $g(Z)$ has a unique stationary "
    r"point where $Z = A^* (A^*)^\top$",
    checkable=r"$c'(z) = s + (1 - s)^2 \arccos(-z)/(2 \pi) \ge s$ for the leaky ReLU of slope $s > 0$, and "
    r"$c'(z) \ge \sigma_1^2$ for odd $\phi$ plus a constant; so $g_{jk}'(z) = (c(z) - c(z^*)) c'(z)$ vanishes at $z^*$ alone",
    source="section 5.1, Lemma 2",
    evidence="symbolic and certified; a search corroborates",
    claims=(
        SymbolicIdentity("leaky", r"$c'(z) = s + (1 - s)^2 \arccos(-z)/(2 \pi)$", leaky_residuals),
        SymbolicIdentity("odd", r"the term of degree $2j+1$ of $c'$ is $(\sqrt{2j+1} \sigma z^j)^2$", odd_residuals),
        leaky_slope(),
        Bound(
            "zeros",
            r"$g_{jk}'$ has one zero, for random $z^*$",
            "zeros",
            "one",
            lambda parameters: 1.0,
            corroborates=True,
        ),
    ),
    controls=(
        Control(
            "absolute",
            "the absolute value, whose kernel is even",
            "zeros",
            {"activation": "absolute"},
            premises=("rising kernel",),
            trials=4,
        ),
        Control(
            "negative leak",
            "slope -0.2",
            "zeros",
            {"leak": -0.2},
            {"activation": "leaky"},
            premises=("rising kernel",),
            trials=4,
        ),
        Control("constant", "1.01 s in place of s", "leaky slope", altered_claim=leaky_slope("1.01")),
        Control(
            "sign",
            "the sign of the angle",
            "leaky",
            altered_claim=SymbolicIdentity("leaky", "", lambda: leaky_residuals(-1)),
        ),
    ),
    expected=Verdict.CERTIFIED,
    parameters=Parameters,
    cases={
        "quick": (
            *(Parameters(name) for name in ("tanh", "sigmoid", "softplus")),
            *(Parameters("leaky", leak) for leak in (0.01, 0.2, 0.5)),
        )
    },
    trials={"quick": 4, "standard": 50},
    run=run,
    constants=(Constant("one", 1.0, Provenance.DERIVED, "c' > 0"),),
)
