r"""Assumption 2 and Remark 2: activations that are odd up to a constant.

Setting: phi = sum_i sigma_i h_i with the normalised Hermite polynomials, h_{n+1} = (x h_n - sqrt(n) h_{n-1})/sqrt(n+1).

Statement (as printed, section 5.1): "phi is an odd function plus constant. In other words, its Hermite expansion satisfies
sigma_i = 0 for even i >= 2. Additionally we assume sigma_1 = 0." Remark 2: "common activations like tanh and sigmoid
satisfy Assumption 2". Restored: the last clause is sigma_1 != 0 (the stroke is lost): both functions of Remark 2 have
sigma_1 > 0, Theorem 3 and its Lemma 2 are false for c' vanishing at 0, and the same stroke is lost in Lemma 1.

Checkable form: h_n(-x) = (-1)^n h_n(x) for all n, by induction over the recurrence; since the h_n are complete in
L^2, phi - phi(0) is odd exactly where sigma_i = 0 for even i >= 2. Remark 2: phi(x) + phi(-x) is constant, and
sigma_1 = E phi'(g) with tanh' = 1/cosh^2 x >= exp(-x^2) (x^2 - 2 log cosh x vanishes with its derivative at 0 and has
second derivative 2 tanh^2), so that sigma_1(tanh) >= E exp(-g^2) = 3^(-1/2) = 0.577 (it is 0.606) and, with x/2 for x,
sigma_1(sigmoid) >= E exp(-g^2/4)/4 = (4 (3/2)^(1/2))^(-1) = 0.2041 (it is 0.2066). So much of any phi = c + sum_i w_i tanh(s_i x)
with w_i > 0 and 0 < s_i <= 1 is linear: sigma_1 >= sum_i w_i s_i (1 + 2 s_i^2)^(-1/2) >= 3^(-1/2) phi'(0), and
Var phi(g) <= E phi'(g)^2 <= phi'(0)^2 (Poincare's inequality), whence sigma_1 >= 3^(-1/2) (Var phi(g))^(1/2).

Measured (Assumption 2): the coefficients of tanh, of the sigmoid and of random sums of tanh with a constant.
Controls: softplus and |x| (even parts), x^3 - 3 x (odd, sigma_1 = 0: the clause as converted); in Remark 2 softplus.
Departures from the paper: none. Source: section 5.1, Assumption 2 and Remark 2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
from fsrcheck.gaussian.kernels import ABSOLUTE, SIGMOID, SOFTPLUS, TANH, Activation, Smooth
from fsrcheck.model.streams import streams
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement
from lemmas.wgan.even_parts import logistic

DEGREE = 60
RANDOM = "random odd"
FIXED: dict[str, Activation] = {
    "tanh": TANH,
    "sigmoid": SIGMOID,
    "softplus": SOFTPLUS,
    "absolute": ABSOLUTE,
    "cubic": Smooth("cubic", lambda x: x**3 - 3 * x),
}


@dataclass(frozen=True)
class Parameters:
    """Which activation."""

    function: str = "tanh"  # phi

    def __post_init__(self) -> None:
        """Refuse an unknown activation."""
        if self.function not in (*FIXED, RANDOM):
            raise InputError(f"function must be one of {', '.join([*FIXED, RANDOM])}, got {self.function!r}")


def random_odd(weights: Sequence[float], scales: Sequence[float], constant: float) -> Smooth:
    """A weighted sum of tanh(scale x) plus a constant."""

    def function(x: Tensor) -> Tensor:
        terms = [w * torch.tanh(s * x) for w, s in zip(weights, scales, strict=True)]
        return constant + torch.stack(terms).sum(dim=0)

    return Smooth("odd plus constant", function)


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """The norm of the even coefficients from degree 2 relative to (E phi^2)^(1/2), and |sigma_1| to (Var phi)^(1/2)."""
    found = []
    for generator in streams(seeds, "odd functions"):
        weights, scales = generator.uniform(0.2, 1, 3), generator.uniform(0.2, 1, 3)
        function = FIXED.get(parameters.function) or random_odd(list(weights), list(scales), generator.normal())
        coefficients = function.coefficients(DEGREE)
        square = function.square_mean()
        spread = (square - float(coefficients[0]) ** 2) ** 0.5
        even, first = float(coefficients[2::2].norm()) / square**0.5, abs(float(coefficients[1])) / spread
        found.append(Observation({}, {"even": Measurement(even), "first": Measurement(first)}))
    return found


def parity(sign: int = -1) -> list[sympy.Expr]:
    """h_n(-x) - (-1)^n h_n(x) for n = 0, 1 and the induction step; p = h_n(x), q = h_{n-1}(x), s = (-1)^n."""
    x, p, q, s = sympy.symbols("x p q s", real=True)
    n = sympy.Symbol("n", positive=True, integer=True)
    following = (x * p - sympy.sqrt(n) * q) / sympy.sqrt(n + 1)
    reflected = (-x * (s * p) - sympy.sqrt(n) * (-s * q)) / sympy.sqrt(n + 1)
    return [sympy.Integer(1) - 1, -x - sign * x, reflected - sign * s * following]


def first_coefficient_as_converted() -> Counterexample:
    """sigma_1 of tanh, which Remark 2 counts among the activations that satisfy the assumption."""
    value = float(TANH.coefficients(1)[1])
    return Counterexample(r"$\sigma_1$ of tanh", 0.0, value, value > 0.5)


ASSUMPTION_2 = Statement(
    id="wgan.asm.2",
    label="Assumption 2",
    kind=Kind.ASSUMPTION,
    title="Activations that are odd up to a constant",
    printed=r"$\phi$ is an odd function plus constant; in other words $\sigma_i = 0$ for even $i \ge 2$; additionally "
    r"$\sigma_1 = 0$ (so the converted text; meant is $\sigma_1 \ne 0$)",
    checkable=r"$h_n(-x) = (-1)^n h_n(x)$, so that the two forms are the same; $|\sigma_1| > 0$",
    source="section 5.1, Assumption 2",
    evidence="symbolic; measured on coefficients",
    claims=(
        SymbolicIdentity("parity", r"$h_n(-x) = (-1)^n h_n(x)$ by induction over the recurrence", parity),
        Identity("even", r"$\sigma_i = 0$ for even $2 \le i \le 60$, relative to $(E \phi^2)^{1/2}$", "even", 1e-13),
        Bound(
            "first",
            r"$|\sigma_1| \ge 3^{-1/2} (\mathrm{Var} \phi)^{1/2}$",
            "first",
            "first",
            lambda p: 1.0,
            upper=False,
        ),
    ),
    controls=(
        Control("softplus", "an even part", "even", {"function": "softplus"}, trials=2),
        Control("absolute", "the absolute value, all even", "even", {"function": "absolute"}, trials=2),
        Control("cubic", "the third Hermite polynomial: no linear part", "first", {"function": "cubic"}, trials=2),
        Control(
            "sign",
            "the sign of the induction",
            "parity",
            altered_claim=SymbolicIdentity("parity", "", lambda: parity(1)),
        ),
    ),
    errata=(
        Erratum(
            Defect.CONVERSION_SLIP,
            r"The converted text asks $\sigma_1 = 0$, which no activation of Remark 2 meets; $\sigma_1 \ne 0$ is meant.",
            "section 5.1, last sentence of Assumption 2",
            r"$\sigma_1 \ne 0$",
            first_coefficient_as_converted,
        ),
    ),
    expected=Verdict.SUPPORTED,
    parameters=Parameters,
    cases={"quick": tuple(Parameters(name) for name in ("tanh", "sigmoid", RANDOM))},
    trials={"quick": 8, "standard": 100},
    run=run,
    constants=(Constant("first", 3**-0.5, Provenance.DERIVED, "Poincare's inequality; see the module"),),
)

X = sympy.Symbol("x", real=True)


def odd_residuals(sigmoid: Callable[[sympy.Expr], sympy.Expr] = logistic) -> list[sympy.Expr]:
    """phi(x) + phi(-x) - 2 phi(0) for tanh and another function."""
    other = sigmoid(X) + sigmoid(-X) - 2 * sigmoid(sympy.Integer(0))
    return [sympy.tanh(X) + sympy.tanh(-X), other.rewrite(sympy.exp)]


def slope_residuals() -> list[sympy.Expr]:
    """x^2 - 2 log cosh x and its derivative at 0; its second derivative minus 2 tanh^2; the two sigmoid scalings."""
    rest = X**2 - 2 * sympy.log(sympy.cosh(X))
    second = sympy.diff(rest, X, 2) - 2 * sympy.tanh(X) ** 2
    sigmoid_slope = sympy.diff(logistic(X), X) - 1 / (4 * sympy.cosh(X / 2) ** 2)
    return [
        rest.subs(X, 0),
        sympy.diff(rest, X).subs(X, 0),
        second.rewrite(sympy.exp),
        sigmoid_slope.rewrite(sympy.exp),
    ]


TANH_BOUND = 1 / sympy.sqrt(3)


def mean_residuals(printed: sympy.Expr = TANH_BOUND) -> list[sympy.Expr]:
    """E exp(-g^2) and E exp(-g^2/4)/4 minus their values."""
    weight = sympy.exp(-(X**2) / 2) / sympy.sqrt(2 * sympy.pi)
    return [
        sympy.integrate(sympy.exp(-(X**2)) * weight, (X, -sympy.oo, sympy.oo)) - printed,
        sympy.integrate(sympy.exp(-(X**2) / 4) * weight, (X, -sympy.oo, sympy.oo)) / 4 - 1 / (2 * sympy.sqrt(6)),
    ]


def coefficient_checks() -> list[float]:
    """How far sigma_1 by quadrature falls below its bound; 0 where it does not, as it must."""
    pairs = ((TANH, 3**-0.5), (SIGMOID, 1 / (4 * 1.5**0.5)))
    return [max(0.0, bound - float(activation.coefficients(1)[1])) for activation, bound in pairs]


REMARK_2 = Statement(
    id="wgan.rem.2",
    label="Remark 2",
    kind=Kind.REMARK,
    title="Activations that satisfy Assumption 2",
    printed="common activations like tanh and sigmoid satisfy Assumption 2",
    checkable=r"$\phi(x) + \phi(-x) = 2 \phi(0)$ for both; $\sigma_1(\tanh) \ge 3^{-1/2}$ and "
    r"$\sigma_1(\mathrm{sigmoid}) \ge 1/(4 \sqrt{3/2})$",
    source="section 5.1, Remark 2",
    evidence="symbolic, all x",
    claims=(
        SymbolicIdentity("odd", r"$\phi(x) + \phi(-x) = 2 \phi(0)$", odd_residuals),
        SymbolicIdentity("slope", r"$1/\cosh^2 x \ge e^{-x^2}$: convexity of $x^2 - 2 \log \cosh x$", slope_residuals),
        SymbolicIdentity(
            "first coefficient",
            r"$E e^{-g^2} = 3^{-1/2} \le \sigma_1(\tanh)$ and $E e^{-g^2/4}/4 = 1/(4 \sqrt{3/2}) \le "
            r"\sigma_1(\mathrm{sigmoid})$",
            mean_residuals,
            coefficient_checks,
        ),
    ),
    controls=(
        Control(
            "softplus",
            "softplus in place of the sigmoid",
            "odd",
            altered_claim=SymbolicIdentity("odd", "", lambda: odd_residuals(lambda x: sympy.log(1 + sympy.exp(x)))),
        ),
        Control(
            "exponent",
            r"$3^{-1/2}$ replaced by $1/2$",
            "first coefficient",
            altered_claim=SymbolicIdentity("first coefficient", "", lambda: mean_residuals(sympy.Rational(1, 2))),
        ),
    ),
    expected=Verdict.PROVED,
)

STATEMENTS = (ASSUMPTION_2, REMARK_2)
