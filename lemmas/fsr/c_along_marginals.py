r"""What Claims C.7, C.8 and C.9 say of every state, measured at every step of real runs of D4 (``marginal_descents``).

All of it is proved for W = W*, so a violation would be an error somewhere; where it holds the verdict stays what the proofs
make it. Everything is measured as measured/bound, at most 1. A state outside of the region that a claim speaks of (t >= 1;
for C.9 also b t <= alpha/4, alpha >= a and residuals up to r) gives NaN, which decides nothing.

- C.7: x/x* and y/y* in their ranges, for the start's own excesses e and f and the objective at most c times its first value
  (c = 1 for plain descent; the working form weighs both signs alike and may overshoot: c = 2); alpha and Pr[S > 0] between the
  bounds that x and y give; and all three between what these ranges leave of them: constants of the start alone.
- C.8: both updates with eta = +-1e-4, +-0.1 and +-0.3 are carried out. The change of a logarithm over log(1 + eta) lies
  between the rates at both ends, as all four rates fall with alpha; and the rates, from eta = +-1e-4, between their bounds.
- C.9: at every state with Obj >= b^2/m^2 the gradient is as long as promised, and a step 1/L lowers the objective by the
  share eta c/2 at least; so it falls below that floor in at most the number of steps that the least c promises.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import Claim, Selection
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.trial import Observation
from fsrcheck.gaussian import density, inverse_tail, relu_mean, tail
from fsrcheck.statement import Control, Statement
from fsrcheck.statement import Run as RunOfStatement
from lemmas.fsr import c7_self_regularization, c8_descent
from lemmas.fsr.c7_self_regularization import range_of_moment, range_of_scale
from lemmas.fsr.c19_gaussian_facts import THRESHOLD_FACTOR
from lemmas.fsr.descent_rates import LARGEST_MEAN_RATE, gradient_factor
from lemmas.fsr.marginal_descents import PLAIN, WORKING, Parameters, Run, make_run, observations
from lemmas.fsr.marginal_moments import HAZARD_RATIO

ROUNDING = 1e-9
NAME = "along the run"
LIMIT = Constant(
    NAME, 1 + ROUNDING, Provenance.DERIVED, "measured/bound where the bound holds, with an allowance for rounding"
)
UPDATES = (1e-4, -1e-4, 0.1, -0.1, 0.3, -0.3)  # eta; the first two give the rates
LOOKS = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377)  # steps of a run at which Claim C.8 is looked at


def worst(values: Tensor) -> Tensor:
    """The largest value of every instance, (batch,), over steps, channels and what follows; NaN if one is NaN."""
    return values.transpose(0, 1).flatten(1).amax(dim=1)


def inside(values: Tensor, region: Tensor) -> Tensor:
    """``values`` where the state is in the region that a claim speaks of, NaN elsewhere."""
    return torch.where(region, values, torch.nan)


def between(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """How much of its bounds a value uses: at most 1 if and only if 0 < low <= value <= high."""
    return torch.where(values > 0, torch.maximum(values / high, low / values), torch.inf)


def regularized(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """C.7 at every step."""
    run = make_run(parameters, seeds, device)
    moments, objective = run.moments(run.states), run.objective(run.states)
    low, high = moment_ranges(run, moments[0], parameters)
    share = moments / run.wanted
    premises = {
        "start above the target": worst((1 - share)[:1]).neg(),
        "weight above the start": worst(-low[None]).neg(),
        "objective at most c times the first": parameters.growth + ROUNDING - worst(objective / objective[0]),
    }
    measured = {
        "moments": worst(torch.maximum((share - 1) / (high - 1), (1 - share) / (1 - low))),
        "channels": worst(channel_use(run, moments, parameters.cutoff)),
        "kept": worst(kept_use(run, low * run.wanted, high * run.wanted, parameters.cutoff)),
    }
    return observations(run.margins, premises, measured, {"steps": run.steps})


def moment_ranges(run: Run, start: Tensor, parameters: Parameters) -> tuple[Tensor, Tensor]:
    """The least and the largest x/x* and y/y* by Claim C.7, (batch, channel, 2) each, for moments at the start."""
    excess, wanted = start / run.wanted - 1, run.wanted
    return range_of_moment(excess, excess.flip(-1), wanted.flip(-1) / wanted, parameters.growth, parameters.weight)


def channel_use(run: Run, moments: Tensor, cutoff: float) -> Tensor:
    """alpha, Pr[S > 0] and t against the bounds that x and y give, (step, batch, channel)."""
    (scale, bias), (mean, rate), t = run.states.unbind(-1), moments.unbind(-1), run.thresholds(run.states)
    low, high = range_of_scale(mean, rate, t, cutoff)
    most = rate * (float(HAZARD_RATIO) * cutoff * rate / mean).exp()
    uses = (between(scale, low, high), between(tail(bias / scale), rate, most), t / largest_threshold(rate))
    return inside(torch.stack(uses).amax(dim=0), t >= 1)


def largest_threshold(rate: Tensor) -> Tensor:
    """(2 log(1/(2y)))^(1/2) >= t."""
    return (2 * (1 / (2 * rate)).log()).sqrt()


def kept_use(run: Run, low: Tensor, high: Tensor, cutoff: float) -> Tensor:
    """alpha, beta + b, beta/alpha and Pr[S > 0] against what the ranges of x and y leave of them, (step, batch, channel)."""
    one = torch.ones_like(low[..., 1])
    least_rate, most_rate = low[..., 1], high[..., 1].minimum(tail(one))
    least_t, most_t = inverse_tail(most_rate).maximum(one), largest_threshold(least_rate)
    least = range_of_scale(low[..., 0], most_rate, least_t, cutoff)[0]
    most = range_of_scale(high[..., 0], least_rate, most_t, cutoff)[1]
    (scale, bias), t = run.states.unbind(-1), run.thresholds(run.states)
    likeliest = most_rate * (float(HAZARD_RATIO) * cutoff * most_rate / low[..., 0]).exp()
    uses = (
        between(scale, least, most),
        between(bias + cutoff, least_t * least, most_t * most),
        bias / scale / most_t,
        between(tail(bias / scale), least_rate, likeliest),
    )
    return inside(torch.stack(uses).amax(dim=0), t >= 1)


def updated(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """C.8 at ``LOOKS`` states of a run."""
    run = make_run(parameters, seeds, device)
    states = run.states[torch.tensor(LOOKS).clamp(max=len(run.states) - 1)]
    updates, slopes = [], []
    for eta in UPDATES:
        change, ends = carried_out(run, states, eta, parameters)
        updates.append(between(change, ends.amin(dim=0), ends.amax(dim=0)))
        slopes.append(change)
    rates = (slopes[0] + slopes[1]) / 2
    low, high = rate_bounds(run, states, parameters.cutoff)
    measured = {
        "updates": worst(torch.stack(updates).amax(dim=0)),
        "rates along runs": worst(inside(between(rates, low, high), (run.thresholds(states) >= 1)[..., None])),
    }
    return observations(run.margins, {}, measured, {"steps": run.steps})


def carried_out(run: Run, states: Tensor, eta: float, parameters: Parameters) -> tuple[Tensor, Tensor]:
    """Changes of log x and log y over log(1 + eta) by (a) and by (b), (step, batch, channel, 4), and the rates at both ends."""
    moved = 1 + eta * states.new_tensor([1.0, parameters.moves_threshold])
    ends = (states * moved, states * states.new_tensor([1 + eta, 1.0]))
    before = run.moments(states).log()
    changes = [(run.moments(end).log() - before) / states.new_tensor(eta).log1p() for end in ends]
    of_ends = (states, (1 + eta) * states), (states, ends[1])
    rates = [[rates_of(run, state, parameters.cutoff)[i] for state in pair] for i, pair in enumerate(of_ends)]
    return torch.cat(changes, dim=-1), torch.cat([torch.stack(pair) for pair in rates], dim=-1)


def rates_of(run: Run, states: Tensor, cutoff: float) -> tuple[Tensor, Tensor]:
    """d log x and d log y along (a) and along (b), (step, batch, channel, 2) each, as Claim C.8 has them."""
    shift, t = cutoff / states[..., 0], run.thresholds(states)
    excess, hazard = relu_mean(t + shift) / tail(t + shift), density(t) / tail(t)  # h(t_1) - t_1 and h(t)
    both = torch.stack([1 + 2 * shift / excess, shift * hazard], dim=-1)
    alone = torch.stack([1 + (t + shift) / excess, t * hazard], dim=-1)
    return both, alone


def rate_bounds(run: Run, states: Tensor, cutoff: float) -> tuple[Tensor, Tensor]:
    """The least and the largest rates of (a) and (b) by Claim C.8, (step, batch, channel, 4) each."""
    shift, t = cutoff / states[..., 0], run.thresholds(states)
    further = t + shift
    hazard = float(HAZARD_RATIO)
    low = (torch.ones_like(t), shift * t, further**2, t**2)
    high = (
        1 + 2 * shift * float(THRESHOLD_FACTOR) * further,
        hazard * shift * t,
        float(LARGEST_MEAN_RATE) * further**2,
        hazard * t**2,
    )
    return torch.stack(low, dim=-1), torch.stack(high, dim=-1)


def descended(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """C.9 at every step until Obj < b^2/m^2."""
    run = make_run(parameters, seeds, device)
    states, objective, gradient = run.states, run.objective(run.states), run.gradient(run.states)
    floor = (parameters.cutoff / parameters.num_channels) ** 2
    counted = objective >= floor
    factor = gradient_factor(states[..., 0], states[..., 1], parameters.cutoff)
    size = parameters.tried * run.largest_step
    share = size.abs() * factor / 2
    tried = states - size[..., None] * gradient
    before = in_region(run, states, parameters.cutoff)
    uses = {
        "gradient along runs": inside(factor * objective / gradient.square().sum(dim=-1), before),
        "decrease": inside(
            run.objective(tried) / ((1 - share) * objective), before & in_region(run, tried, parameters.cutoff)
        ),
    }
    measured = {name: worst(torch.where(counted, use, 0.0)) for name, use in uses.items()}
    measured["rounds"] = worst(rounds_use(objective, share, floor)[None])
    premises = {"start above the floor": worst(1 - objective[:1] / floor).neg()}
    return observations(run.margins, premises, measured, {"steps": counted.sum(dim=0).amax(dim=-1)})


def in_region(run: Run, states: Tensor, cutoff: float) -> Tensor:
    """Where t >= 1, b t <= alpha/4, alpha >= a and no residual exceeds r, (step, batch, channel)."""
    t, scale = run.thresholds(states), states[..., 0]
    residual = (run.moments(states) - run.wanted).abs().amax(dim=-1)
    return (t >= 1) & (cutoff * t <= scale / 4) & (scale >= run.scale) & (residual <= run.residual)


def rounds_use(objective: Tensor, share: Tensor, floor: float) -> Tensor:
    """Steps until the objective is below the floor over the number that the least share promises, (batch, channel).

    NaN where it is not below at the end.
    """
    counted = objective >= floor
    least = torch.where(counted, share, torch.inf).amin(dim=0)
    promised = 1 + (objective[0] / floor).log() / -torch.log1p(-least)
    return inside(counted.sum(dim=0) / promised, ~counted[-1])


def along(name: str, text: str, where: Selection | None = None) -> Bound:
    """The measurement of this name, a share of a proved bound, is at most 1."""
    return Bound(name, text, name, NAME, lambda _: 1.0, where=where or Selection(), corroborates=True)


DISTANT = Parameters(num_channels=16, expected_active=1.0)
SHORT = Parameters(
    num_channels=8, expected_active=1.0, start_rate=1.2, start_scale=2.0, weight=2.0, cutoff=0.02, num_steps=2500
)
WORKED = replace(DISTANT, form=WORKING, start_scale=1.8, growth=2.0)
CLOSER = replace(WORKED, start_rate=1.3, start_scale=1.5, weight=2.0, cutoff=0.02)

ASCENT = {"step": -0.1, "num_steps": 200}

MEASURED: dict[str, tuple[RunOfStatement, tuple[Parameters, ...], tuple[Claim, ...], tuple[Control, ...]]] = {
    "fsr.C.7": (
        regularized,
        (DISTANT, WORKED),
        (
            along(
                "moments",
                r"at every step of runs $1 - \theta \le x/x^\star \le 1 + K \theta$, and alike for $y$, $e$ and $f$ of the start",
            ),
            along(
                "channels",
                r"at every step of runs $t x/y \le \alpha \le 1.9043\, t (x/y + b)$, $y \le \Pr[S > 0] \le y e^{1.5252\, b y/x}$, "
                r"$t \le \sqrt{2 \log(1/(2y))}$",
            ),
            along(
                "kept",
                r"at every step of runs $\alpha$, $\beta$ and $\Pr[S > 0]$ are where the ranges of $x$ and $y$ leave them",
            ),
        ),
        (
            Control(
                "ascent",
                "the sign of the gradient",
                "moments",
                ASCENT,
                {"form": PLAIN},
                premises=("objective at most c times the first",),
                trials=8,
            ),
        ),
    ),
    "fsr.C.8": (
        updated,
        (DISTANT, WORKED),
        (
            along(
                "updates",
                r"along runs, both updates carried out with $\eta = \pm 10^{-4}, \pm 0.1, \pm 0.3$: the changes of $\log x$ and "
                r"$\log y$ over $\log(1 + \eta)$ are between the rates at both ends",
            ),
            along("rates along runs", "the rates so measured are between their bounds"),
        ),
        (
            Control(
                "threshold left behind",
                r"$\beta$ moves half as far as it should in (a)",
                "updates",
                {"moves_threshold": 0.5},
                trials=8,
            ),
        ),
    ),
    "fsr.C.9": (
        descended,
        (SHORT, CLOSER),
        (
            along("gradient along runs", r"at every step of runs $\|\nabla \mathrm{Obj}\|^2 \ge c\, \mathrm{Obj}$"),
            along(
                "decrease",
                r"from every state of runs with $\mathrm{Obj} \ge b^2/m^2$ a step $\eta = 1/L$ gives "
                r"$\mathrm{Obj}'' \le (1 - \eta c/2) \mathrm{Obj}$",
            ),
            along(
                "rounds",
                r"plain descent with $\eta = 1/L$ falls below $b^2/m^2$ in the number of steps that the least $c$ promises",
                Selection({"form": PLAIN}),
            ),
        ),
        (Control("ascent", "the sign of the gradient", "decrease", {"tried": -0.1, "num_steps": 50}, trials=8),),
    ),
}
"""How each statement is run, its cases at the quick scale, and what is claimed of them."""


def with_runs(statement: Statement) -> Statement:
    """The statement with its measured half added; what was deduced stays in front and decides the verdict."""
    run, cases, claims, controls = MEASURED[statement.id]
    return replace(
        statement,
        evidence=f"{statement.evidence}; every step of real runs",
        claims=(*statement.claims, *claims),
        controls=(*statement.controls, *controls),
        constants=(*statement.constants, LIMIT),
        parameters=Parameters,
        cases={"quick": cases, "standard": (*cases, *(replace(case, cutoff=1.5 * case.cutoff) for case in cases))},
        trials={"quick": 7, "standard": 14},
        run=run,
    )


STATEMENTS = tuple(with_runs(statement) for statement in (c7_self_regularization.STATEMENT, *c8_descent.STATEMENTS))
