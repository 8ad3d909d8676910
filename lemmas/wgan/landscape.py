r"""Fewer latents than outputs: spurious local minima of Problem 1, in closed form and by ball arithmetic.

Setting: as Theorem 3, with k_0 <= k < d; c the kernel of phi, c' > 0.

What is printed (section 5.1): the "first-order stationary points are global optima when the generator is sufficiently
expressive, i.e., k >= k_0. In reality we won't know the latent dimension k_0, therefore we just choose k = d for
simplicity"; and of the experiments (section 7), whose generators have k = 2 and d = 3, 5, 7: "our algorithm always
achieves global convergence to the ground truth generators from any random initialization point".

A flipped row. Let the target have m rows at each of e_1..e_{k-1} and two at e_k (k = k_0, d = (k - 1) m + 2), and let
A have the same rows but the last, which is -e_k. Then the gradient vanishes: all gaps are 0 but that of the last two
rows, whose correlation is at -1, the end of its range. Move the rows of e_a by x_ai and the last two by y, y'. To
second order

    g = g_0 + c'(0)^2 [sum_{a<b,i,j} (x_ai.e_b + x_bj.e_a)^2 + sum_{a,i} ((x_ai.e_k + y.e_a)^2 + (x_ai.e_k - y'.e_a)^2)]
        - (c(1) - c(-1)) c'(-1) |y + y'|^2,

and as (u + v)^2 + (u - w)^2 >= (v + w)^2/2, this is a strict local minimum modulo rotations if

    m c'(0)^2 > 2 (c(1) - c(-1)) c'(-1),

and a saddle if < (take x_ai.e_k = -(y - y').e_a/2). There is such an m for every phi: with k = k_0 fixed, spurious
minima exist for all large d. For the leaky ReLU of slope s the condition is m (1 + s)^2 > 16 s: m = 1 (d = 3 at k = 2)
for s < 7 - 4 sqrt(3) = 0.0718, m = 3 (d = 5) for s = 0.2, m = 5 (d = 7) for the identity, s = 1; m = 6 (d = 8) for
tanh.

Three rows at 120 degrees. With k = 2, k_0 = 1, d = 3 and the target (1, 1, 1) the splay state is stationary by
symmetry, its Hessian is h''(2 pi/3) times the Laplacian of the triangle, h(t) = (c(cos t) - c(1))^2, and it is a
strict local minimum if

    (3/4) c'(-1/2)^2 > (c(1) - c(-1/2)) ((3/4) c''(-1/2) + (1/2) c'(-1/2)):

so for tanh and the sigmoid, by ball arithmetic. (For phi(x) = x both sides agree.) Here k > k_0: to be expressive is
not enough.

Source: section 5.1, before Theorem 3; section 7.
"""

import math

import sympy
import torch
from torch import Tensor

from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.gaussian.kernels import Activation, PiecewiseLinear
from fsrcheck.statement import Control, Counterexample, Defect, Erratum
from fsrcheck.training.one_layer_wgan import PopulationObjective, correlations
from lemmas.wgan.angle_kernels import LeakyAngles, OddAngles
from lemmas.wgan.spurious_minima import SpuriousMinimum

RHO, S, M = sympy.symbols("rho s m", positive=True)


def flipped_row(num_latents: int, copies: int) -> tuple[Tensor, Tensor]:
    """The target's rows and those of the stationary point, each (d, k) with d = (k - 1) copies + 2."""
    eye = torch.eye(num_latents, dtype=torch.float64)
    target = torch.cat([eye[:-1].repeat_interleave(copies, dim=0), eye[-1:], eye[-1:]])
    point = target.clone()
    point[-1] *= -1
    return target, point


def copies_needed(activation: Activation) -> int:
    """The least m for which the flipped row is a strict local minimum."""
    low, high = float(activation.kernel(-1.0)), float(activation.kernel(1.0))
    ratio = 2 * (high - low) * float(activation.kernel(-1.0, 1)) / float(activation.kernel(0.0, 1)) ** 2
    return math.floor(ratio + 1e-9) + 1


def flipped_residuals(factor: int = 16) -> list[sympy.Expr]:
    """m c'(0)^2 - 2 (c(1) - c(-1)) c'(-1) minus (1 + s)^2 ((1 + s)^2 m - 16 s)/16 for the leaky ReLU of slope s."""
    arc = (sympy.sqrt(1 - RHO**2) + RHO * (sympy.pi - sympy.acos(RHO))) / (2 * sympy.pi)
    kernel = S * RHO + (1 - S) ** 2 * arc
    rise = sympy.simplify(sympy.diff(kernel, RHO))
    margin = M * rise.subs(RHO, 0) ** 2 - 2 * (kernel.subs(RHO, 1) - kernel.subs(RHO, -1)) * rise.subs(RHO, -1)
    return [sympy.expand(margin - (1 + S) ** 2 * ((1 + S) ** 2 * M - factor * S) / 16)]


def stuck() -> Counterexample:
    """The setting of the experiments, leaky ReLU 0.2, k = 2, d = 5: three rows e_1 and two e_2, the last one flipped."""
    target, point = flipped_row(2, 3)
    objective = PopulationObjective(PiecewiseLinear(0.2), correlations(target))
    values = torch.linalg.eigvalsh(objective.hessian(point))
    gauge = len(target) + 1  # a normal for every row, and one rotation
    is_strict = float(values[0]) > -1e-12 and float(values[gauge]) > 0.01
    is_stationary = float(objective.gradient(point).norm()) < 1e-12
    value = float(objective.value(point))
    place = (
        r"leaky ReLU of slope 0.2, $k = k_0 = 2$, $d = 5$, target rows $e_1, e_1, e_1, e_2, e_2$: $g$ at the strict local "
        r"minimum $e_1, e_1, e_1, e_2, -e_2$ (printed: 0 at every point where the algorithm ends)"
    )
    return Counterexample(place, 0.0, value, is_strict and is_stationary and value > 0.1)


EXPRESSIVE = Erratum(
    Defect.PROOF_GAP,
    r"The sentences before the theorem ask for $k \ge k_0$ only and call $k = d$ a choice for simplicity; with $k_0 \le k < d$ "
    r"there are spurious local minima: with $k = k_0$ for every $\phi$ with $c' > 0$ from some $d$ on, and even with $k > k_0$.",
    r'section 5.1: "global optima when the generator is sufficiently expressive, i.e., $k \ge k_0$"',
    r"$k \ge d$, as the theorem itself says, or points of rank below $k$",
    stuck,
)


def splay(name: str) -> SpuriousMinimum:
    """Three rows at 120 degrees for tanh or the sigmoid."""
    return SpuriousMinimum(
        f"splay, {name}",
        rf"{name}, $d = 3$, $k = 2 > k_0 = 1$, $Z^*$ all ones: three rows at $120^\circ$ are a strict local minimum",
        OddAngles(name),
        ("0", "0", "0"),
        ("0", "1/3", "2/3"),
        radius="0.0001",
    )


def splay_of_leaky() -> SpuriousMinimum:
    """The same for the leaky ReLU of slope 0.2, where it is a saddle."""
    return SpuriousMinimum("splay, tanh", "", LeakyAngles("0.2"), ("0", "0", "0"), ("0", "1/3", "2/3"))


def flipped(slope: str, last: str = "3/4") -> SpuriousMinimum:
    """The flipped row with d = 3, k = 2; ``last`` is the angle of the last row in turns, 3/4 for -e_2."""
    return SpuriousMinimum(
        "flipped row",
        rf"leaky ReLU of slope {slope}, $d = 3$, $k = k_0 = 2$, target rows $e_1, e_2, e_2$: $e_1, e_2, -e_2$ is a strict local "
        "minimum",
        LeakyAngles(slope),
        ("0", "1/4", "1/4"),
        ("0", "1/4", last),
    )


def two_pairs() -> SpuriousMinimum:
    """The slope of the experiments, d = 4: the target e_1, e_2, -e_2, -e_1."""
    return SpuriousMinimum(
        "slope 0.2",
        r"leaky ReLU of slope 0.2, $d = 4$, $k = k_0 = 2$, target rows $e_1, e_2, -e_2, -e_1$: a strict local minimum is near "
        "the angles 0, 0.5, 0.81065, 0.31065 (in turns)",
        LeakyAngles("0.2"),
        ("0", "1/4", "3/4", "1/2"),
        ("0", "1/2", "0.8106486", "0.3106486"),
    )


CLAIMS = (
    SymbolicIdentity(
        "flipped row, all slopes",
        r"$m c'(0)^2 - 2 (c(1) - c(-1)) c'(-1) = (1 + s)^2 ((1 + s)^2 m - 16 s)/16$: with $k = k_0$ the leaky ReLU has a "
        r"strict spurious minimum at $d = (k - 1) m + 2$ for $m > 16 s/(1 + s)^2$",
        flipped_residuals,
    ),
    flipped("0.05"),
    two_pairs(),
    splay("tanh"),
    splay("sigmoid"),
)

CONTROLS = (
    Control(
        "factor",
        "8 s in place of 16 s",
        "flipped row, all slopes",
        altered_claim=SymbolicIdentity("flipped row, all slopes", "", lambda: flipped_residuals(8)),
    ),
    Control(
        "large slope",
        r"slope 0.08, beyond $7 - 4 \sqrt 3$",
        "flipped row",
        altered_claim=flipped("0.08"),
    ),
    Control("elsewhere", "the last row an eighth of a turn away", "flipped row", altered_claim=flipped("0.05", "5/8")),
    Control(
        "saddle", "the leaky ReLU of slope 0.2, where it is a saddle", "splay, tanh", altered_claim=splay_of_leaky()
    ),
)
