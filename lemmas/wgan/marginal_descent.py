r"""Theorem 2: gradient descent-ascent on the regularised marginal game finds the row norms.

Setting: as in Lemma 1; the game min_A max_v f_1(A, v) - ||v||^2/2 (or with f~_1).

Algorithm: alternately v <- v + eta_v (m(||a*||) - m(||a||) - v) and a_i <- a_i + eta v_i m'(||a_i||) a_i/||a_i||.

Statement (as printed, section 4): "in the same setting as Lemma 1, alternating gradient descent-ascent with proper learning
rates on min_A max_v {f_1(A, v) - ||v||^2/2}, or respectively f~_1, recovers A such that ||a_i|| = ||a*_i||, i in [d]."
Restored: minus sign, norms, tilde.

Checkable form: let 0 <= phi' <= L, eta_v = 1, 0 < eta <= 2 pi/L^2 and all rows of A(0) be different from 0. Then every
| ||a_i|| - ||a*_i|| | falls monotonically to 0. Proof: with eta_v = 1 the row a_i only changes its length r by
-eta (m(r) - m(r*)) m'(r). Since 0 <= psi' <= L/2, 0 < m'(r) = E |g| psi'(r|g|) <= L/sqrt(2 pi), so that the step points to
r* and is at most eta L^2 |r - r*|/(2 pi) <= |r - r*|: r never passes r*, and its limit, where the step vanishes, is r*. For the
leaky ReLU of slope s (m linear) the distance is multiplied by exactly 1 - eta (1 - s)^2/(2 pi) in each step.

A row a_i = 0 stays where phi has a smooth even part (softplus): m'(0) = 0, the gradient of phi(a_i z) averages to
phi'(0) E z = 0. That point is stationary, has the wrong norm, and Lemma 1's condition (A or A* not 0) does not
exclude it. It is a maximum over the length of that row, so that a random start avoids it.

Measured: distances after 400 steps, batched over runs; the largest rise of a distance; the contraction factor; eta_v = 0.3.
Controls: a linear discriminator with tanh; a row that starts at 0 (softplus); no regulariser on v; a step beyond 4 pi.
Departures from the paper: nonzero rows at the start. Source: section 4, Theorem 2.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import Selection
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.identity import Identity
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.model.streams import streams
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement
from lemmas.wgan.marginals import LARGEST, LEAST, Marginals, half_line, seen

LEAK = 0.2  # of the activation "leaky" in lemmas.wgan.marginals


@dataclass(frozen=True)
class Descent(Marginals):
    """Parameters of the descent."""

    step_size: float = 6.0  # eta
    ascent_step: float = 1.0  # eta_v
    num_steps: int = 400
    regularizer: float = 1.0  # factor of ||v||^2/2
    start: float = 1.0  # factor of the norms of A(0)

    def __post_init__(self) -> None:
        """Refuse step sizes that are not positive."""
        super().__post_init__()
        for name in ("step_size", "ascent_step", "num_steps"):
            if getattr(self, name) <= 0:
                raise InputError(f"{name} must be positive, got {getattr(self, name)}")


class Marginal:
    """m and m' by quadrature, for lengths of any shape."""

    def __init__(self, parameters: Marginals, device: str) -> None:
        self.psi = seen(parameters)
        self.nodes, self.weights = (tensor.to(device) for tensor in half_line())

    def __call__(self, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """m and m'."""
        point = lengths.detach().requires_grad_()
        value = (self.psi(point[..., None] * self.nodes) * self.weights).sum(dim=-1)
        (slope,) = torch.autograd.grad(value.sum(), point)
        return value.detach(), slope


def descend(parameters: Descent, wanted: Tensor, lengths: Tensor) -> Tensor:
    """The lengths r along the way, (step + 1, *lengths.shape); a negative one is the opposite row."""
    marginal = Marginal(parameters, str(wanted.device))
    target, _ = marginal(wanted)
    best = torch.zeros_like(lengths)  # v
    path = [lengths]
    for _ in range(parameters.num_steps):
        value, slope = marginal(lengths.abs())
        best = best + parameters.ascent_step * (target - value - parameters.regularizer * best)
        lengths = lengths + parameters.step_size * best * slope * torch.sign(lengths)
        path.append(lengths)
    return torch.stack(path)


def run(parameters: Descent, seeds: Sequence[int], device: str) -> list[Observation]:
    """Distances of the lengths along the way; all seeds in one batch."""
    draws = torch.stack(
        [
            torch.from_numpy(generator.uniform(math.log(LEAST), math.log(LARGEST), (2, parameters.num_outputs)))
            for generator in streams(seeds, "norms")
        ]
    ).to(device)
    wanted, lengths = draws.exp().unbind(dim=1)
    lengths = parameters.start * lengths
    distance = (descend(parameters, wanted, lengths).abs() - wanted).abs()
    rise = (distance[1:] - distance[:-1]).amax(dim=(0, 2)).clamp(min=0)
    factor = 1 - parameters.step_size * (1 - LEAK) ** 2 / (2 * math.pi)
    contraction = (distance[1] / distance[0] - factor).abs().amax(dim=-1)
    start = float(lengths.abs().min()) - 1e-3
    return [
        Observation(
            {"rows not zero": start},
            {
                "distance": Measurement(float(distance[-1, i].max())),
                "rise": Measurement(float(rise[i])),
                "contraction": Measurement(float(contraction[i])),
            },
            {"steps": parameters.num_steps},
        )
        for i in range(len(seeds))
    ]


def zero_row_stays() -> Counterexample:
    """Softplus, one row at 0 beside a row that is not: its length after 200 steps."""
    parameters = Descent("softplus", rectified=False, num_outputs=2, num_steps=200)
    wanted = torch.ones(2, dtype=torch.float64)
    lengths = torch.tensor([0.5, 0.0], dtype=torch.float64)
    final = descend(parameters, wanted, lengths)[-1]
    point = r"softplus, $\|a_1^*\| = \|a_2^*\| = 1$, $a_1(0) \ne 0$, $a_2(0) = 0$: $\|a_2\|$ after 200 steps"
    right = abs(float(final[0]) - 1) < 1e-6
    return Counterexample(point, 1.0, float(final[1]), right and float(final[1]) == 0.0)


def _unit(parameters: Descent) -> float:
    return 1.0


EVEN: dict[str, bool] = {"rectified": False}

STATEMENT = Statement(
    id="wgan.T.2",
    label="Theorem 2",
    kind=Kind.THEOREM,
    title="Descent-ascent on the marginal game finds the row norms",
    printed=r"alternating gradient descent-ascent with proper learning rates on $\min_A \max_v f_1(A, v) - \|v\|^2/2$ "
    r"(or $\tilde f_1$) recovers $A$ such that $\|a_i\| = \|a_i^*\|$",
    checkable=r"with $0 \le \phi' \le L$, $\eta_v = 1$, $0 < \eta \le 2 \pi/L^2$ and no row of $A(0)$ equal to 0, every "
    r"$| \|a_i\| - \|a_i^*\| |$ falls monotonically to 0; for the leaky ReLU by the factor $1 - \eta (1 - s)^2/(2 \pi)$",
    source="section 4, Theorem 2",
    evidence="measured on batches of runs; the proof is in the module",
    claims=(
        Bound("distance", r"$| \|a_i\| - \|a_i^*\| | \le 10^{-2}$ after 400 steps", "distance", "final", _unit),
        Identity(
            "monotone",
            r"no distance ever grows, up to rounding ($\eta_v = 1$)",
            "rise",
            1e-12,
            where=Selection({"ascent_step": 1.0}),
        ),
        Identity(
            "contraction",
            r"the first step multiplies every distance by $1 - \eta (1 - s)^2/(2 \pi)$ (leaky, $s = 0.2$)",
            "contraction",
            1e-9,
            where=Selection({"function": "leaky", "ascent_step": 1.0}),
        ),
    ),
    controls=(
        Control(
            "linear discriminator",
            "tanh without the rectifier",
            "distance",
            {"rectified": False},
            {"function": "tanh"},
            trials=4,
        ),
        Control(
            "zero rows",
            "all rows start at 0, where softplus has no slope",
            "distance",
            {"start": 0.0},
            {"function": "softplus"},
            premises=("rows not zero",),
            trials=4,
        ),
        Control(
            "no regulariser",
            "v has no regulariser: the two players circle",
            "distance",
            {"regularizer": 0.0},
            {"function": "relu"},
            trials=4,
        ),
        Control(
            "long step",
            r"$\eta = 13$, beyond $4 \pi$",
            "monotone",
            {"step_size": 13.0},
            {"function": "relu"},
            trials=4,
        ),
    ),
    errata=(
        Erratum(
            Defect.FALSE_STATEMENT,
            r"A row that starts at $a_i = 0$ stays there for an activation with a smooth even part, such as softplus.",
            "the appendix with the proof is not in the text; the condition of Lemma 1 speaks of the whole matrix",
            r"no row of $A(0)$ is 0",
            zero_row_stays,
        ),
    ),
    expected=Verdict.REPAIRED,
    parameters=Descent,
    cases={
        "quick": (
            Descent("tanh"),
            Descent("sigmoid", step_size=60.0),  # L = 1/4
            *(Descent(name, **EVEN) for name in ("softplus", "relu", "leaky")),
            Descent("tanh", ascent_step=0.3),
            Descent("leaky", ascent_step=0.3, **EVEN),
        )
    },
    trials={"quick": 8, "standard": 100},
    batch=100,
    run=run,
    constants=(Constant("final", 1e-2, Provenance.CHOSEN, "small against norms of 0.3 to 2"),),
)
