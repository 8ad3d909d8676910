r"""Lemmas 6 and 7: from approximate second-order points in A to approximate first-order points in Z to the solution.

Setting: as in Definitions 1 and 2 (``approximate_points``), with an orthonormal basis of the column space; P projects on it.
G = (c(Z) - c(Z*)) o c'(Z), S = G - diag(lambda), mu = min c' > 0 on [-1, 1], Delta = Z - Z*, r the rank of Z.

Statements (as printed, section 6.3). Lemma 6: "let latent dimension k = d. For an eps-SOSP of function (4) with A and lambda, it
infers an eps-FOSP of function (5) with Z, sigma and S that satisfies: Z = A A^T, sigma = lambda and S = grad_Z g(A A^T) -
sum_i lambda_i X_i" (the end of the sum is lost). Lemma 7: "if Z is an eps-FOSP of function (5), then ||Z - Z*||_F <= O(eps)".

Checkable form: Lemma 6 with the same eps; at points of rank below k even S >= -(eps/2) I. Lemma 7:
||Z - Z*||_F <= sqrt(d + r) eps / mu^2 <= sqrt(2 d) eps / mu^2.

Proof of 6. The first-order parts are the same. If A has rank d, then P = I and S >= -||S P|| I >= -eps I. If not, k = d
leaves a unit w with A w = 0. For a unit u, B = u w^T has A B^T = 0, so it is tangent, and its second-order form is 2 u^T S u.
Proof of 7. The diagonals of Z and Z* agree, hence <S, Delta> = <G, Delta> >= mu^2 ||Delta||_F^2. With N = I - P,

    <S, Delta> = <P S P, P Delta P> + 2 <P S N, P Delta N> + <N S N, N Delta N>.

As Z N = 0, N Delta N = -N Z* N <= 0, and N S N >= -eps N gives <N S N, N Delta N> <= eps tr(N Z* N) <= eps sqrt(d - r)
||N Delta N||_F. By Cauchy and Schwarz the whole is at most (||P S P||_F^2 + 2 ||P S N||_F^2 + (d - r) eps^2)^(1/2)
||Delta||_F, and ||P S P||_F^2 + ||P S N||_F^2 = ||S P||_F^2 <= r eps^2, so that the root is at most sqrt(d + r) eps.

The same for observations X_n in place of c(Z*): with S_n, eps_n from G_n = (c(Z) - X_n) o c'(Z), c' <= c'(1) gives
mu^2 ||Delta||_F <= sqrt(2 d) eps_n + c'(1) ||offdiag(X_n - c(Z*))||_F (used for Theorem 4).

Measured: the least eps of both definitions with lambda = diag(G Z) at random points of full and of lower rank, at points
on the way of a descent and where it ends; Lemma 7 at the same points and at matrices of rank one.
Controls: k = 1 < d (no w is left); the condition S >= -eps I dropped; a skewed spanning set in place of the orthonormal
one: with lambda_i = lambda_min(G) for all i, S >= 0 has a null vector, and every Z of rank d passes with any eps; |x|.
Departures from the paper: an orthonormal basis of the column space, see Definitions 1 and 2.
Source: section 6.3, Lemmas 6 and 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.statement import Control, Kind, Statement
from fsrcheck.training.one_layer_wgan import PopulationObjective, correlations, unit_rows
from lemmas.wgan.approximate_points import first_order_residual, second_order_residual, semidefinite_residual
from lemmas.wgan.joint import rank_one_points
from lemmas.wgan.setting import Generators, activation_named, least_slope, random_rows

STEP = 0.3
STOPS = (0, 3, 30, 100)  # steps of the descent after which points are taken
ROUNDING = 1e-9  # added to eps: at a solution both sides vanish
ORTHONORMAL, SKEWED = "orthonormal", "skewed"


@dataclass(frozen=True)
class Parameters(Generators):
    """Parameters of Lemmas 6 and 7."""

    num_points: int = 4  # random starts for every rank
    basis: str = ORTHONORMAL  # of the column space in the definition
    semidefinite: bool = True  # whether eps includes S >= -eps I

    def __post_init__(self) -> None:
        """Refuse less than one point and an unknown basis."""
        super().__post_init__()
        if self.num_points < 1:
            raise InputError(f"num_points must be at least 1, got {self.num_points}")
        if self.basis not in (ORTHONORMAL, SKEWED):
            raise InputError(f"basis must be {ORTHONORMAL!r} or {SKEWED!r}, got {self.basis!r}")


@dataclass(frozen=True)
class Points:
    """Points A of one objective, (seed, point, d, k), and S there."""

    rows: Tensor
    slack: Tensor


def starts(parameters: Parameters, seeds: Sequence[int], device: str) -> Tensor:
    """Random points of every rank up to k, (seed, point, d, k)."""
    size, latents = parameters.num_outputs, parameters.num_latents
    found = []
    for rank in range(1, latents + 1):
        rows = random_rows(seeds, f"points of rank {rank}", (parameters.num_points, size, rank), device)
        found.append(torch.nn.functional.pad(rows, (0, latents - rank)))
    return torch.cat(found, dim=1)


def along_descents(objective: PopulationObjective, rows: Tensor) -> Points:
    """The starts, points on the way down, and the matrices of rank one; projected steps keep the rank."""
    found = []
    for step in range(STOPS[-1] + 1):
        if step in STOPS:
            found.append(rows)
        rows = unit_rows(rows - STEP * objective.gradient(rows))
    signs = rank_one_points(rows.shape[-2], rows.shape[-1], str(rows.device))
    points = torch.cat([*found, signs.expand(len(rows), *signs.shape)], dim=1)
    return Points(points, objective.slack(points))


def skewed_residual(slack: Tensor, rows: Tensor) -> Tensor:
    """The first-order part for vectors that span the column space and nearly agree with the one that S moves least."""
    basis, sizes, _ = torch.linalg.svd(rows, full_matrices=False)
    outside = (sizes <= 1e-9 * sizes[..., :1])[..., None, :]
    moved = slack @ basis.masked_fill(outside, 0.0)
    beyond = 1e9 * outside[..., 0, :].to(slack)
    return torch.linalg.eigvalsh(moved.mT @ moved + torch.diag_embed(beyond))[..., 0].clamp(min=0).sqrt()


def first_order_eps(objective: PopulationObjective, points: Points, parameters: Parameters) -> Tensor:
    """The least eps of Definition 2, (seed, point), with lambda = diag(G Z).

    With a skewed spanning set lambda_i = lambda_min(G) for all i serves better: S >= 0 has a null vector.
    """
    if parameters.basis == SKEWED:
        slope = objective.slope(points.rows)
        eye = torch.eye(slope.shape[-1], dtype=slope.dtype, device=slope.device)
        slack = slope - torch.linalg.eigvalsh(slope)[..., :1, None] * eye
        return torch.maximum(skewed_residual(slack, points.rows), semidefinite_residual(slack))
    eps = first_order_residual(points.slack, points.rows)
    return torch.maximum(eps, semidefinite_residual(points.slack)) if parameters.semidefinite else eps


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """The largest ratio of both sides, for both lemmas."""
    truth = random_rows(seeds, "target", (1, parameters.num_outputs, parameters.true_latents), device)
    objective = PopulationObjective(activation_named(parameters.activation, parameters.leak), correlations(truth))
    points = along_descents(objective, starts(parameters, seeds, device))
    below = torch.maximum(
        first_order_residual(points.slack, points.rows), second_order_residual(objective, points.rows)
    )
    eps = first_order_eps(objective, points, parameters)
    rank = torch.linalg.matrix_rank(points.rows, rtol=1e-9)
    error = objective.error(points.rows)
    allowed = (parameters.num_outputs + rank).sqrt() * (eps + ROUNDING) / least_slope(objective.activation) ** 2
    inferred, distance = eps / (below + ROUNDING), error / allowed
    premises = {
        "rising kernel": least_slope(objective.activation) - 1e-6,
        "latents": float(parameters.num_latents - parameters.num_outputs),
    }
    return [
        Observation(
            premises,
            {
                "inferred": Measurement(float(inferred[i].max())),
                "distance": Measurement(float(distance[i].max())),
            },
            {"points": points.rows.shape[1]},
        )
        for i in range(len(seeds))
    ]


def _unit(parameters: Parameters) -> float:
    return 1.0


CASES = (
    *(Parameters(name, num_outputs=d, num_latents=d) for name in ("tanh", "sigmoid", "leaky") for d in (2, 4)),
    Parameters("tanh", num_outputs=5, num_latents=5, true_latents=2),
)
ONE = Constant("one", 1.0, Provenance.DERIVED, "the proof in the module")
DEPARTURES = ("an orthonormal basis of the column space in place of any spanning vectors (see Definitions 1 and 2)",)

LEMMA_6 = Statement(
    id="wgan.L.6",
    label="Lemma 6",
    kind=Kind.LEMMA,
    title="Approximate second-order points in A are approximate first-order points in Z",
    printed=r"let $k = d$; for an $\epsilon$-SOSP of (4) with $A$ and $\lambda$, it infers an $\epsilon$-FOSP of (5) with $Z = A "
    r"A^\top$, $\sigma = \lambda$ and $S = \nabla_Z g(A A^\top) - \sum_i \lambda_i X_i$",
    checkable=r"with the same $\epsilon$: $\|S P\|$ is the same number, and $S \succeq -\epsilon I$",
    source="section 6.3, Lemma 6",
    evidence="measured at points of every rank; the proof is in the module",
    claims=(
        Bound(
            "same eps",
            r"the least $\epsilon$ of Definition 2 is at most that of Definition 1",
            "inferred",
            "one",
            _unit,
        ),
    ),
    controls=(
        Control(
            "few latents",
            "k = 1 < d: no direction of the null space is left to test S in",
            "same eps",
            {"num_latents": 1},
            {"activation": "tanh", "num_outputs": 4},
            premises=("latents",),
            trials=8,
        ),
    ),
    expected=Verdict.SUPPORTED,
    parameters=Parameters,
    cases={"quick": CASES},
    trials={"quick": 7, "standard": 60},
    run=run,
    constants=(ONE,),
    departures=DEPARTURES,
)

LEMMA_7 = Statement(
    id="wgan.L.7",
    label="Lemma 7",
    kind=Kind.LEMMA,
    title="Approximate first-order points in Z are near the solution",
    printed=r"if $Z$ is an $\epsilon$-FOSP of (5), then $\|Z - Z^*\|_F \le O(\epsilon)$",
    checkable=r"$\|Z - Z^*\|_F \le \sqrt{d + r}\, \epsilon/\mu^2$ with $\mu = \min_{[-1, 1]} c' > 0$ and $r$ the rank of $Z$",
    source="section 6.3, Lemma 7",
    evidence="measured at points of every rank; the proof is in the module",
    claims=(Bound("distance", r"$\|Z - Z^*\|_F \le \sqrt{d + r}\, \epsilon/\mu^2$", "distance", "one", _unit),),
    controls=(
        Control(
            "skewed spanning set",
            "vectors that span the column space but nearly agree, as the printed definition allows",
            "distance",
            {"basis": SKEWED},
            {"activation": "tanh", "num_outputs": 2},
            trials=8,
        ),
        Control(
            "no lower bound on S",
            "S >= -eps I dropped: matrices of rank one with the wrong signs pass",
            "distance",
            {"semidefinite": False},
            {"activation": "tanh", "num_outputs": 4},
            trials=4,
        ),
        Control(
            "absolute",
            "the absolute value: other signs solve as well",
            "distance",
            {"activation": "absolute"},
            {"activation": "leaky", "num_outputs": 2},
            premises=("rising kernel",),
            trials=8,
        ),
    ),
    expected=Verdict.SUPPORTED,
    parameters=Parameters,
    cases={"quick": CASES},
    trials={"quick": 7, "standard": 60},
    run=run,
    constants=(ONE,),
    departures=DEPARTURES,
)

STATEMENTS = (LEMMA_6, LEMMA_7)
