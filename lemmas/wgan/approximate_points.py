r"""Definitions 1 and 2: approximate second-order points in A and first-order points in Z.

Setting: problem (4), min g(A A^T) over A with Tr(A^T X_i A) = y_i, and problem (5), min g(Z) over positive semidefinite Z with
Tr(X_i Z) = y_i; here X_i = e_i e_i^T, y_i = 1 and g = ||c(Z) - c(Z*)||_F^2/2, G its gradient in Z.

Statement (as printed, section 6.3): Definition 1: A is an epsilon-SOSP of (4) "if there exists a vector lambda such that:
Tr(A^T X_i A) = y_i; ||(grad_Z g(A A^T) - sum_i lambda_i X_i) a~_j|| <= eps ||a~_j||, {a~_j} span the column space of A;
Tr(B^T D grad_A L(A, lambda)[B]) >= -eps ||B||^2 for all B with Tr(B^T X_i A) = 0"; "when eps = 0 the above definition is
exactly the second-order KKT condition". Definition 2: Z is an epsilon-FOSP of (5) "iff there exist sigma and S such that
Tr(X_i Z) = y_i, Z >= 0, S >= -eps I, ||S a~_j|| <= eps ||a~_j||, S = grad_Z g(Z) - sum_i sigma_i X_i". Restored: norms and
inequality signs; the minus signs of -eps ||B||^2 and -eps I (the text has "eps B 2" and "S eps I"). A plus sign would
refuse the solution itself, where S = 0.

Checkable form: with lambda = diag(G Z), S = G - diag(lambda), the form in Definition 1 is the second derivative of g along
the surface of unit rows,

    Tr(B^T D grad_A L[B]) = 2 <S, B B^T> + <W, (B A^T + A B^T)^2>,    W = c'^2 + (c - c*) c'',  entrywise,

so that at eps = 0 the definition is the second-order KKT condition (the gradients 2 e_i e_i^T A of the constraints are
independent). A = A* meets both definitions with eps = 0 and S = 0. A matrix of rank one with rows e_1 or -e_1 is stationary
(S A = 0, eps = 0 in the first-order part) and for k >= 2 is refused by the second-order part unless Z = Z*: eps is at least
2 mu^2 ||Z - Z*||_F^2/d (Theorem 3; B = u w^T).

For eps > 0 the definitions depend on which vectors a~_j are taken to span the column space: two nearly parallel ones a~_1,
a~_2 with S a~_j small leave S (a~_1 - a~_2) free. Repair: an orthonormal basis, ||S P|| <= eps with P the projector.

Measured: both sides of the formula at random A and tangent B, the right one by differences along the curve of projected
rows; the least eps at the solution and at points of rank one.
Controls: the multipliers left out; |x| (points of rank one with the signs of another solution); random A in place of A*.
Departures from the paper: an orthonormal basis of the column space. Source: section 6.3, Definitions 1 and 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import Selection
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.identity import Identity
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement
from fsrcheck.training.one_layer_wgan import PopulationObjective, correlations, tangent, unit_rows
from lemmas.wgan.joint import rank_one_points
from lemmas.wgan.setting import Generators, activation_named, least_slope, normal_rows, random_rows

DIFFERENCE = 1e-3  # of the central difference of fourth order


@dataclass(frozen=True)
class Parameters(Generators):
    """Parameters of both definitions."""

    with_multipliers: bool = True
    at_solution: bool = True  # the point to be accepted is A*


def multipliers_slack(objective: PopulationObjective, rows: Tensor, with_multipliers: bool = True) -> Tensor:
    """S; G itself where a control leaves the multipliers out."""
    return objective.slack(rows) if with_multipliers else objective.slope(rows)


def first_order_residual(slack: Tensor, rows: Tensor) -> Tensor:
    """The least eps of the first-order part, ||S P|| with P the projector on the column space of A."""
    basis, sizes, _ = torch.linalg.svd(rows, full_matrices=False)
    kept = basis * (sizes > 1e-9 * sizes[..., :1])[..., None, :]
    return torch.linalg.matrix_norm(slack @ kept, ord=2)


def second_order_residual(objective: PopulationObjective, rows: Tensor) -> Tensor:
    """The least eps of the second-order part: minus the least eigenvalue on tangent directions, at least 0."""
    return -torch.linalg.eigvalsh(objective.hessian(rows))[..., 0].clamp(max=0)


def semidefinite_residual(slack: Tensor) -> Tensor:
    """The least eps with S >= -eps I."""
    return -torch.linalg.eigvalsh(slack)[..., 0].clamp(max=0)


def form(objective: PopulationObjective, rows: Tensor, direction: Tensor, slack: Tensor) -> Tensor:
    """Tr(B^T D grad_A L[B]) by the formula."""
    products = correlations(rows)
    kernel = objective.activation.kernel
    eye = torch.eye(rows.shape[-2], dtype=rows.dtype, device=rows.device)
    weights = (kernel(products, 1).square() + objective.gap(rows) * kernel(products * (1 - eye), 2)) * (1 - eye)
    moved = direction @ rows.mT + rows @ direction.mT
    return 2 * (slack * (direction @ direction.mT)).sum(dim=(-2, -1)) + (weights * moved.square()).sum(dim=(-2, -1))


def along_the_surface(objective: PopulationObjective, rows: Tensor, direction: Tensor) -> Tensor:
    """The second derivative of g along the rows A + t B divided by their norms, by differences."""
    weights = {-2: -1 / 12, -1: 4 / 3, 0: -5 / 2, 1: 4 / 3, 2: -1 / 12}
    values = [w * objective.value(unit_rows(rows + n * DIFFERENCE * direction)) for n, w in weights.items()]
    return torch.stack(values).sum(dim=0) / DIFFERENCE**2


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """The formula at random points, and the least eps at the solution and at points of rank one."""
    size, latents = parameters.num_outputs, parameters.num_latents
    truth = random_rows(seeds, "target", (size, latents), device)
    objective = PopulationObjective(activation_named(parameters.activation, parameters.leak), correlations(truth))
    rows = random_rows(seeds, "points", (size, latents), device)
    direction = tangent(normal_rows(seeds, "directions", (size, latents), device), rows)
    slack = multipliers_slack(objective, rows, parameters.with_multipliers)
    formula, reference = form(objective, rows, direction, slack), along_the_surface(objective, rows, direction)
    scale = direction.square().sum(dim=(-2, -1)) * objective.activation.square_mean() ** 2
    point = truth if parameters.at_solution else rows
    found = multipliers_slack(objective, point, parameters.with_multipliers)
    accepted = torch.stack(
        [first_order_residual(found, point), second_order_residual(objective, point), semidefinite_residual(found)]
    ).amax(dim=0)
    refused, stationary = rank_one_residuals(objective, parameters, device)
    return [
        Observation(
            {"rising kernel": least_slope(objective.activation) - 1e-6},
            {
                "formula": Measurement(float((formula[i] - reference[i]).abs() / scale[i])),
                "accepted": Measurement(float(accepted[i])),
                "refused": Measurement(float(refused[i])),
                "stationary": Measurement(float(stationary[i])),
            },
        )
        for i in range(len(seeds))
    ]


def rank_one_residuals(objective: PopulationObjective, parameters: Generators, device: str) -> tuple[Tensor, Tensor]:
    """At the points of rank one: the least second-order eps over 2 mu^2 ||Z - Z*||^2/d, and the largest first-order one."""
    points = rank_one_points(parameters.num_outputs, parameters.num_latents, device)
    spread = PopulationObjective(objective.activation, objective.target[:, None])
    slack = spread.slack(points)
    # The second-order part for directions u w^T with A w = 0 is 2 u^T S u.
    second = 2 * semidefinite_residual(slack)
    least = 2 * least_slope(objective.activation) ** 2 * spread.error(points).square() / parameters.num_outputs
    first = first_order_residual(slack, points.expand(*slack.shape[:-2], *points.shape[-2:]))
    return (second / least).amin(dim=-1), first.amax(dim=-1)


def spanning_set_matters() -> Counterexample:
    """S = diag(0, 1) and two spanning sets of the plane: e_1, e_1 + e_2/100 against e_1, e_2."""
    slack = torch.diag(torch.tensor([0.0, 1.0], dtype=torch.float64))
    skew = torch.tensor([[1.0, 1.0], [0.0, 0.01]], dtype=torch.float64)
    straight = torch.eye(2, dtype=torch.float64)
    least = [float(((slack @ basis).norm(dim=0) / basis.norm(dim=0)).max()) for basis in (skew, straight)]
    point = (
        r"$S = \mathrm{diag}(0, 1)$ on the plane: the least $\epsilon$ for the spanning set $e_1, e_1 + e_2/100$ "
        r"(left) and for $e_1, e_2$ (right)"
    )
    return Counterexample(point, least[0], least[1], least[1] > 50 * least[0])


def _unit(parameters: Parameters) -> float:
    return 1.0


ONE = Constant("one", 1.0, Provenance.DERIVED, "the proof of Theorem 3")
BASIS = Erratum(
    Defect.FALSE_STATEMENT,
    r"For $\epsilon > 0$ the definition depends on which vectors $\tilde a_j$ are chosen to span the column space.",
    "section 6.3, the condition on the spanning vectors; for $\\epsilon = 0$ all choices agree",
    r"$\|S P\| \le \epsilon$ with $P$ the orthogonal projector on the column space",
    spanning_set_matters,
)
CASES = tuple(Parameters(name, num_outputs=d, num_latents=d) for name in ("tanh", "sigmoid", "leaky") for d in (2, 4))
SHARED = Control(
    "random point",
    "a random matrix in place of the solution",
    "accepted",
    {"at_solution": False},
    {"activation": "tanh"},
    trials=4,
)
ACCEPTED = Identity(
    "accepted", r"the solution $A^*$ is accepted with $\epsilon = 0$, up to rounding", "accepted", 1e-12
)
STATIONARY = Identity(
    "stationary", r"at matrices of rank one the first-order part has $\epsilon = 0$", "stationary", 1e-12
)

DEFINITION_1 = Statement(
    id="wgan.def.1",
    label="Definition 1",
    kind=Kind.DEFINITION,
    title="Approximate second-order stationary points in A",
    printed=r"$\mathrm{Tr}(A^\top X_i A) = y_i$; $\|(\nabla_Z g - \sum_i \lambda_i X_i) \tilde a_j\| \le \epsilon \|\tilde a_j\|$ "
    r"for $\tilde a_j$ that span the column space of $A$; $\mathrm{Tr}(B^\top D \nabla_A L[B]) \ge -\epsilon \|B\|^2$ for all $B$ "
    r"with $\mathrm{Tr}(B^\top X_i A) = 0$; with $\epsilon = 0$ the second-order KKT condition",
    checkable=r"$\mathrm{Tr}(B^\top D \nabla_A L[B]) = 2 \langle S, B B^\top \rangle + \langle W, (B A^\top + A B^\top)^{\circ 2} "
    r"\rangle$ is the second derivative along the surface of unit rows; $A^*$ is accepted, matrices of rank one are refused",
    source="section 6.3, Definition 1",
    evidence="measured at random points",
    claims=(
        Identity(
            "form",
            "the formula is the second derivative along the surface, by differences",
            "formula",
            1e-6,
            Selection({"activation": "tanh"}),
        ),
        ACCEPTED,
        STATIONARY,
        Bound(
            "refused",
            r"their second-order part asks for $\epsilon \ge 2 \mu^2 \|Z - Z^*\|_F^2/d$",
            "refused",
            "one",
            _unit,
            upper=False,
        ),
    ),
    controls=(
        SHARED,
        Control(
            "no multipliers",
            "the constraints left out of the Lagrangian",
            "form",
            {"with_multipliers": False},
            trials=4,
        ),
        Control(
            "absolute",
            "the absolute value: other signs solve as well",
            "refused",
            {"activation": "absolute"},
            {"activation": "leaky", "num_outputs": 2},
            premises=("rising kernel",),
            trials=8,
        ),
    ),
    errata=(
        Erratum(
            Defect.CONVERSION_SLIP,
            r"The inequality of the second-order part has lost its sign: $\ge -\epsilon \|B\|^2$ is meant.",
            "section 6.3, third line of the definition",
            r"$\mathrm{Tr}(B^\top D \nabla_A L[B]) \ge -\epsilon \|B\|^2$",
        ),
        BASIS,
    ),
    expected=Verdict.REPAIRED,
    parameters=Parameters,
    cases={"quick": CASES},
    trials={"quick": 4, "standard": 100},
    run=run,
    constants=(ONE,),
)

DEFINITION_2 = Statement(
    id="wgan.def.2",
    label="Definition 2",
    kind=Kind.DEFINITION,
    title="Approximate first-order stationary points in Z",
    printed=r"there are $\sigma$ and $S$ with $\mathrm{Tr}(X_i Z) = y_i$, $Z \succeq 0$, $S \succeq -\epsilon I$, "
    r"$\|S \tilde a_j\| \le \epsilon \|\tilde a_j\|$ for $\tilde a_j$ that span the column space of $Z$, and "
    r"$S = \nabla_Z g(Z) - \sum_i \sigma_i X_i$",
    checkable=r"$Z^*$ is accepted with $S = 0$ and $\epsilon = 0$; sign matrices $s s^\top$ have $S s = 0$ and are refused by "
    r"$\lambda_{\min}(S) \le -\mu^2 \|Z - Z^*\|_F^2/d$",
    source="section 6.3, Definition 2",
    evidence="measured at random points",
    claims=(
        ACCEPTED,
        STATIONARY,
        Bound(
            "refused",
            r"at $Z = s s^\top$: $-\lambda_{\min}(S) \ge \mu^2 \|Z - Z^*\|_F^2/d$",
            "refused",
            "one",
            _unit,
            upper=False,
        ),
    ),
    controls=(
        SHARED,
        Control(
            "no multipliers",
            "S without its multipliers",
            "accepted",
            {"with_multipliers": False, "at_solution": False},
            trials=4,
        ),
        Control(
            "absolute",
            "the absolute value: other signs solve as well",
            "refused",
            {"activation": "absolute"},
            {"activation": "leaky", "num_outputs": 2},
            premises=("rising kernel",),
            trials=8,
        ),
    ),
    errata=(
        Erratum(
            Defect.CONVERSION_SLIP,
            r"The converted text has lost the sign in $S \succeq -\epsilon I$; without it the solution ($S = 0$) is refused.",
            "section 6.3, second line of the definition",
            r"$S \succeq -\epsilon I$",
        ),
        BASIS,
    ),
    expected=Verdict.REPAIRED,
    parameters=Parameters,
    cases={"quick": CASES},
    trials={"quick": 4, "standard": 100},
    run=run,
    constants=(ONE,),
)

STATEMENTS = (DEFINITION_1, DEFINITION_2)
