r"""What Claims C.13, C.15 and C.17 say of every V, measured along real runs of D5 (``pair_descents``).

All of it is proved for W = W*, so a violation would be an error somewhere; where it holds the verdict stays what the proofs
make it. Everything is measured as measured/bound, at most 1; constants are those of ``pair_descents``.

- C.13, at every step: the premise is that the objective is at most its first value, which is at most 4 k^2/b (Fact C.12), and
  that Gamma >= (2/tau) log of it. Then |rho| <= 1 - tau/2, and s - s* is at most the first value over C within a patch, that is
  ``poly`` b (H + R)/m^2.
- C.15, at ``LOOKS`` steps, from V padded with zeros to 2 d_1 m_1 latents: S of Claim C.29 for the target's rows at the
  learner's lengths, V' = sqrt(1 - eta) V + sqrt(eta) S. Correlations of V' are (1 - eta) rho + eta rho* and its rows keep their
  lengths; ds/deta = alpha alpha' (rho* - rho) L at eta = 0 by a difference quotient, its error up to that of the second order;
  the three inequalities at eta in ``MOVES``, for pairs with |rho - rho*| >= ``RESOLVED``; and H + R never rises from one eta to
  the next.
- C.17, at a random V and at the same steps, on a small instance (2 patches, 4 channels, 16 latents): 2 G/sum(alpha^2) over
  minus the least eigenvalue of the Hessian, which automatic differentiation gives, and eta G over the decrease along the path.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import Claim, Selection
from fsrcheck.evidence.trial import Observation
from fsrcheck.gaussian import relu_product_mean, upper_orthant
from fsrcheck.gaussian.pair_series import PairSeries
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.statement import Control, Statement
from fsrcheck.training.first_hidden import LARGEST_CORRELATION, pair_indices
from fsrcheck.training.printed_first_hidden import unit_rows
from lemmas.fsr import c15_hessian_update, c17_descent
from lemmas.fsr.c10_correlations import narrowest
from lemmas.fsr.c14_update_direction import direction
from lemmas.fsr.c15_hessian_update import largest_rate
from lemmas.fsr.c_along_marginals import LIMIT, ROUNDING, along, worst
from lemmas.fsr.marginal_descents import observations
from lemmas.fsr.pair_descents import (
    ALONG,
    ANOTHER,
    AT_THE_END,
    PLAIN,
    RANDOM_ROWS,
    SEARCH,
    TILTED,
    Parameters,
    Run,
    make_run,
)
from lemmas.fsr.pair_objective import barrier, correlations, least_curvature, objective, promised_decrease

LOOKS = (0, 2, 4, 7)  # steps; the runs take fifty and more
QUOTIENT = 1e-3  # eta of the difference quotient
MOVES = (0.05, 0.3, 0.7, 0.95)
PATH = (0.0, 0.02, 0.1, 0.3, 0.6, 0.9, 1.0)
RESOLVED = 1e-3  # smallest |rho - rho*| of a pair whose move is judged: closer, rounding shows beside the slack
TILT = 0.1  # of S towards V, in a control


def kept(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """C.13 at every step."""
    run = make_run(parameters, seeds, device)
    first, second = pair_indices(run.rows.shape[-2], run.cutoff.device)
    series = PairSeries(run.heights[:, first], run.heights[:, second])
    goal = series(run.wanted)[0]
    rho = (run.rows @ run.rows.mT)[..., first, second].clamp(-LARGEST_CORRELATION, LARGEST_CORRELATION)
    x = run.weights.weight * (torch.stack([series(at)[0] for at in rho]) - goal)
    values = torch.logsumexp(torch.cat([x, -x, x, -x], dim=-1), dim=-1) + barrier(rho, run.weights)
    level = values[0]
    premises = {
        "objective at most the first": 1 + ROUNDING - (values / level).amax(dim=0),
        "start": 4 * parameters.expected_active**2 / run.cutoff / level - 1,
        "steep barrier": parameters.barrier * parameters.tau / 2 / level.log() - 1,
    }
    measured = {
        "correlations along runs": worst(rho.abs()) / (1 - parameters.tau / 2),
        "moments within": worst(x[..., run.within]) / level,
    }
    return observations(run.margins, premises, measured, {"steps": run.steps})


def moved(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """C.15 at ``LOOKS`` steps."""
    run = make_run(parameters, seeds, device)
    path = Path(run, run.rows[list(LOOKS)], parameters)
    apart = (path.rho - run.wanted).abs()
    resolved = apart >= RESOLVED
    moves = torch.stack([torch.where(resolved, path.move_use(eta), 0.0) for eta in MOVES]).amax(dim=0)
    values = torch.stack([path.objective(eta) for eta in PATH])
    measured = {
        "path": worst(torch.stack([path.gram_error(eta) for eta in PATH]).amax(dim=0)),
        "derivative": worst(torch.where(resolved, path.quotient_use(), 0.0)),
        "moves": worst(moves),
        "objective along the path": worst((values[1:] / values[:-1]).amax(dim=0)[..., None]),
    }
    premises = {"pairs apart": apart.amax(dim=-1).amin(dim=0) / RESOLVED - 1}
    return observations(run.margins, premises, measured, {"steps": run.steps})


class Path:
    """The update path of Definition C.14 from the rows of several steps; pairs are (step, batch, pair)."""

    def __init__(self, run: Run, rows: Tensor, parameters: Parameters) -> None:
        """Take unit rows (step, batch, neuron, neuron); the direction is that of ``parameters.direction_of``."""
        self.run, self.scales = run, run.channels.scales
        unit = torch.cat([rows, torch.zeros_like(rows)], dim=-1)
        target = torch.linalg.cholesky(run.law.correlations)
        if parameters.direction_of == ANOTHER:
            target = target.flip(-2)
        self.rows = self.scales[..., None] * unit
        wanted = (self.scales[..., None] * target).expand(len(rows), *target.shape)
        self.step = direction(self.rows.flatten(0, 1), wanted.flatten(0, 1)).view_as(self.rows)
        if parameters.direction_of == TILTED:
            self.step = self.step + TILT * self.rows
        self.rho = correlations(self.rows)
        first, second = pair_indices(self.scales.shape[-1], run.cutoff.device)
        self.h1, self.h2 = (run.heights[:, index].expand_as(self.rho) for index in (first, second))
        self.now, self.end = self.moments(self.rho), self.moments(run.wanted.expand_as(self.rho))
        self.both = [upper_orthant(self.h1, self.h2, at) for at in (self.rho, run.wanted.expand_as(self.rho))]

    def at(self, eta: float) -> Tensor:
        """V', (step, batch, neuron, latent)."""
        return (1 - eta) ** 0.5 * self.rows + eta**0.5 * self.step

    def moments(self, rho: Tensor) -> Tensor:
        """s over alpha alpha'."""
        return relu_product_mean(self.h1, self.h2, rho)

    def objective(self, eta: float) -> Tensor:
        """H + R at V', (step, batch)."""
        return objective(self.at(eta), self.run.instance(self.rows), self.run.weights)

    def gram_error(self, eta: float) -> Tensor:
        """By how much correlations and lengths at V' miss what Definition C.14 says, over ``ROUNDING``."""
        rows = self.at(eta)
        lengths = (rows.norm(dim=-1) / self.scales - 1).abs().amax(dim=-1, keepdim=True)
        between = (1 - eta) * self.rho + eta * self.run.wanted
        return torch.maximum((correlations(rows) - between).abs(), lengths) / ROUNDING

    def quotient_use(self) -> Tensor:
        """s' - s - eta (rho* - rho) L over eta^2 (rho* - rho)^2 / (4 pi r), at least 0 by convexity; its absolute value."""
        change = self.moments(correlations(self.at(QUOTIENT))) - self.now
        apart = self.run.wanted - self.rho
        spread = narrowest(*self._ends())
        return (change - QUOTIENT * apart * self.both[0]).abs() / ((QUOTIENT * apart) ** 2 / (4 * torch.pi * spread))

    def move_use(self, eta: float) -> Tensor:
        """The worst of the three inequalities, bound over change or change over bound; infinite for the wrong direction."""
        change, gap = self.moments(correlations(self.at(eta))) - self.now, self.end - self.now
        share = change / (eta * gap)
        x = largest_rate(self.h1, self.h2, *self._ends()) * (self.rho - self.run.wanted).abs()
        least = torch.where(gap > 0, self.both[0] / self.both[1], 1.0)
        most = torch.where(gap > 0, 1.0, x / -torch.expm1(-x))
        return torch.where(share > 0, torch.maximum(least / share, share / most), torch.inf)

    def _ends(self) -> tuple[Tensor, Tensor]:
        """The smaller and the larger one of rho and rho*."""
        wanted = self.run.wanted.expand_as(self.rho)
        return torch.minimum(self.rho, wanted), torch.maximum(self.rho, wanted)


def bent(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """C.17 at a random V and at ``LOOKS`` steps."""
    run = make_run(parameters, seeds, device)
    size = run.rows.shape[-2:]
    numbers = standard_normal(streams(seeds, "rows of V"), (size[0], 2 * size[1]), device)
    rows = run.rows[list(LOOKS)]
    points = torch.cat([unit_rows(numbers)[None], torch.cat([rows, torch.zeros_like(rows)], dim=-1)])
    points = run.channels.scales[..., None] * points
    promised = promised_decrease(run.instance(points), run.weights)
    if parameters.hessian == AT_THE_END:
        end = run.rows[-1]
        points = (run.channels.scales[..., None] * torch.cat([end, torch.zeros_like(end)], dim=-1)).expand_as(points)
    curvature = -least_curvature(run.instance(points), run.weights)
    bound = 2 * promised / run.channels.scales.square().sum(dim=-1)
    measured = {
        "curvature along runs": worst(torch.where(curvature > 0, bound / curvature, torch.inf)[..., None]),
        "decrease": worst(decrease_use(run, rows, promised[1:], parameters)[..., None]),
    }
    premises = {"promised": promised.amin(dim=0) - c17_descent.RESOLVED}
    return observations(run.margins, premises, measured, {"steps": run.steps})


def decrease_use(run: Run, rows: Tensor, promised: Tensor, parameters: Parameters) -> Tensor:
    """The largest eta G over Obj(V) - Obj(V(eta)), (step, batch)."""
    path = Path(run, rows, parameters)
    before = path.objective(0.0)
    falls = torch.stack([(before - path.objective(eta)) / eta for eta in PATH[1:]])
    return torch.where(falls > 0, promised / falls, torch.inf).amax(dim=0)


RUNS = Selection({"part": ALONG})
WHOLE, SMALL = Parameters(), Parameters(num_channels=4, poly=1.0)
DESCENTS = (WHOLE, replace(WHOLE, form=PLAIN, num_steps=200))

CLAIM_13, CLAIM_17 = c17_descent.STATEMENTS

C_13: tuple[Claim, ...] = (
    along("correlations along runs", r"at every step of runs all correlations are in $[-1 + \tau/2, 1 - \tau/2]$"),
    along(
        "moments within",
        r"at every step of runs $s - s^\star \le \mathrm{poly}(k)\, b (H + R)_0/m^2$ within a patch, $(H + R)_0$ the first value",
    ),
)
C_15: tuple[Claim, ...] = (
    along(
        "path",
        r"along runs the direction exists in $2 d_1 m_1$ latents: correlations of $\mathbf{V}'$ are $(1 - \eta) \rho + \eta "
        r"\rho^\star$ and rows keep their lengths, to $10^{-9}$",
        RUNS,
    ),
    along(
        "derivative",
        r"along runs $|s' - s - \eta\, \alpha \alpha' (\rho^\star - \rho) L| \le \alpha \alpha' \eta^2 (\rho^\star - "
        r"\rho)^2/(4 \pi r)$",
        RUNS,
    ),
    along("moves", "along runs every pair moves as the three inequalities say", RUNS),
    along("objective along the path", r"along runs $H + R^{(5)}$ never rises from one $\eta$ to the next", RUNS),
)
C_17: tuple[Claim, ...] = (
    along(
        "curvature along runs",
        r"at random $\mathbf{V}$ and along runs $\lambda_{\min}(\nabla^2 \mathrm{Obj}) \le -2 G/\sum_r \alpha_r^2$",
        RUNS,
    ),
    along(
        "decrease",
        r"along runs $\mathrm{Obj}(\mathbf{V}(\eta)) \le \mathrm{Obj}(\mathbf{V}) - \eta G$ on the whole path",
        RUNS,
    ),
)


def _control(name: str, breaks: str, claim: str, changes: Mapping[str, object]) -> Control:
    return Control(name, breaks, claim, changes, {"part": ALONG}, trials=8)


ASCENT = Control(
    "ascent",
    "the sign of the gradient",
    "moments within",
    {"step": -1.0},
    {"form": PLAIN},
    premises=("objective at most the first",),
    trials=8,
)
OTHER_TARGET = {"direction_of": ANOTHER}
C_15_CONTROLS = (
    _control("another target", "S leads to another target", "moves", OTHER_TARGET),
    _control("another end", "S leads to another target", "objective along the path", OTHER_TARGET),
    _control("tilted", "S has a tenth of V in it", "derivative", {"direction_of": TILTED}),
)
C_17_CONTROLS = (
    _control("at the end", "the Hessian is that of the learned V", "curvature along runs", {"hessian": AT_THE_END}),
    _control("another target", "S leads to another target", "decrease", OTHER_TARGET),
)


def moved_or_searched(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """C.15: along runs, or the search for violations."""
    if parameters.part == SEARCH:
        return list(c15_hessian_update.STATEMENT.run(parameters, seeds, device))
    return moved(parameters, seeds, device)


def bent_or_random(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """C.17: along runs, or on rows in random directions."""
    if parameters.part == RANDOM_ROWS:
        rows = c17_descent.Parameters(num_rows=parameters.num_rows, latent=2 * parameters.num_rows)
        return c17_descent.run(rows, seeds, device)
    return bent(parameters, seeds, device)


def _only(statement: Statement, part: str) -> Statement:
    """The statement with its own measured claims restricted to cases of this part."""

    def restricted(claim: Claim | None) -> Claim | None:
        return replace(claim, where=Selection({"part": part})) if isinstance(claim, Bound) else claim

    return replace(
        statement,
        claims=tuple(restricted(claim) or claim for claim in statement.claims),
        controls=tuple(
            replace(control, altered_claim=restricted(control.altered_claim)) for control in statement.controls
        ),
    )


def _with_runs(statement: Statement, claims: Sequence[Claim], controls: Sequence[Control], **how: object) -> Statement:
    """The statement with its measured half added; what was deduced stays in front and decides the verdict."""
    return replace(
        statement,
        evidence=f"{statement.evidence}; real runs",
        claims=(*statement.claims, *claims),
        controls=(*statement.controls, *controls),
        constants=(*statement.constants, LIMIT),
        parameters=Parameters,
        **how,  # type: ignore[arg-type]
    )


TRIALS = {"quick": 7, "standard": 14}
SEARCHED, RANDOM = replace(SMALL, part=SEARCH), replace(SMALL, part=RANDOM_ROWS)
LARGER = replace(WHOLE, num_channels=32)

STATEMENTS = (
    _with_runs(
        CLAIM_13,
        C_13,
        (ASCENT,),
        cases={"quick": DESCENTS, "standard": (*DESCENTS, *(replace(case, num_channels=32) for case in DESCENTS))},
        trials=TRIALS,
        run=kept,
    ),
    _with_runs(
        _only(c15_hessian_update.STATEMENT, SEARCH),
        C_15,
        C_15_CONTROLS,
        cases={"quick": (SEARCHED, WHOLE), "standard": (SEARCHED, WHOLE, LARGER)},
        trials={"quick": 7, "standard": 32},
        run=moved_or_searched,
    ),
    _with_runs(
        _only(CLAIM_17, RANDOM_ROWS),
        C_17,
        C_17_CONTROLS,
        cases={"quick": (RANDOM, SMALL), "standard": (RANDOM, replace(RANDOM, num_rows=4), SMALL)},
        trials={"quick": 7, "standard": 32},
        run=bent_or_random,
    ),
)
