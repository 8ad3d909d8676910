r"""Induction B.1 round after round: Algorithm 1 again and again, with cutoffs from the current error or from the schedule.

Setting: as in ``output_layer_runs``. A round takes W^D = W, codes learned to b, cutoff bb, and runs Algorithm 1.
- ``adaptive``: b = delta m^0.02 and bb = 10 delta, later 16 delta, from the delta that the round starts with;
- ``literal``: Algorithm 4's b_t = m^(-0.3 - 0.02 t) and bb_t = b_t m^0.152, whatever delta is.

The adaptive rounds know delta, which a learner would have to estimate (how far the moments are off tells it). The literal
schedule lowers b by m^-0.02 a stage, 8 % at m = 64; as codes are learned to b_t only, the error cannot fall faster:
1e-9 takes some two hundred stages.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf

import torch
from torch import Tensor

from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import Selection
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.model.learned_codes import BIAS, INDEPENDENT, learned_codes
from fsrcheck.statement import Control, Statement
from fsrcheck.training.output_layer import sharpen
from fsrcheck.training.truncated_moments import PopulationMoments
from lemmas.fsr.output_layer_runs import LARGEST_DROPPED, Instances, Parameters, build, settings
from lemmas.fsr.targets import require_word

ADAPTIVE, LITERAL = "adaptive", "literal"
COARSE_ERROR = 0.02
ERROR_AFTER = "error_after_round_{:03d}"  # 0 is the start


@dataclass(frozen=True)
class RoundParameters(Parameters):
    """Parameters of a sequence of rounds."""

    schedule: str = ADAPTIVE
    num_rounds: int = 20
    goal: float = 1e-9  # rounds are counted until the error is below

    def __post_init__(self) -> None:
        """Refuse an unknown schedule."""
        super().__post_init__()
        require_word("schedule", self.schedule, (ADAPTIVE, LITERAL))

    def accuracies(self, round_number: int, errors: Tensor) -> tuple[Tensor, Tensor]:
        """b and bb of one round, each (batch,), from the errors that it starts with."""
        if self.schedule == ADAPTIVE:
            ratios = torch.where(errors > COARSE_ERROR, self.cutoff_ratio, 1.6 * self.cutoff_ratio)
            return self.code_ratio * errors * self.num_channels**0.02, ratios * errors
        b = torch.full_like(errors, self.scheduled(round_number))
        return b, b * self.num_channels**0.152

    def scheduled(self, round_number: int) -> float:
        """b_t of the printed schedule."""
        return float(self.num_channels ** (-0.3 - 0.02 * round_number))


def run(parameters: RoundParameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Run all rounds on every instance; one that has reached the goal or diverged stands still, whatever the others do."""
    instances = build(parameters, seeds, device)
    dictionary, errors = instances.start, [instances.errors(instances.start)]
    running, dropped = torch.ones_like(errors[0], dtype=torch.bool), torch.zeros_like(errors[0])
    rounds = torch.zeros_like(errors[0])
    for number in range(1, parameters.num_rounds + 1):
        moved, missing, after = one_round(parameters, instances, dictionary, number, seeds)
        dropped = torch.where(running, torch.maximum(dropped, missing / errors[-1]), dropped)
        errors.append(torch.where(running, after, errors[-1]))
        dictionary = torch.where((running & after.isfinite())[:, None, None], moved, dictionary)
        rounds += running
        running = running & (after >= parameters.goal) & after.isfinite()
        if not bool(running.any()):
            break
    return [
        Observation(
            premises={**instances.margins[i], "false_activations": LARGEST_DROPPED - float(dropped[i])},
            measurements=course(parameters, [float(error[i]) for error in errors[: int(rounds[i]) + 1]]),
        )
        for i in range(len(seeds))
    ]


def course(parameters: RoundParameters, errors: Sequence[float]) -> dict[str, Measurement]:
    """What is measured of one instance's errors, before the first round and after each."""
    found = {
        "rounds": len(errors) - 1 if errors[-1] < parameters.goal else inf,
        "worst_gain": max(after / before for before, after in pairwise(errors)),
        "after": errors[-1],
        **{ERROR_AFTER.format(number): error for number, error in enumerate(errors)},
    }
    return {name: Measurement(value) for name, value in found.items()}


def one_round(
    parameters: RoundParameters, instances: Instances, dictionary: Tensor, number: int, seeds: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """The dictionary after one more run of Algorithm 1, what the closed form dropped, and the error, infinite if it diverged."""
    code_errors, cutoffs = parameters.accuracies(number, instances.errors(dictionary))
    learner = learned_codes(instances.target, code_errors, parameters.error_model, seeds)
    oracle = PopulationMoments(instances.atoms, instances.target, learner, dictionary, cutoffs)
    result = sharpen(oracle, dictionary, replace(settings(parameters), tolerance=1e-5))
    after = torch.where(result.diverged, inf, instances.errors(result.dictionary))
    return result.dictionary, oracle.dropped(dictionary), after


START = RoundParameters(num_channels=64, dictionary_error=0.125, cutoff_ratio=10.0)
CASES = {
    "quick": (
        *(replace(START, error_model=model) for model in (BIAS, INDEPENDENT)),
        replace(START, error_model=BIAS, schedule=LITERAL, dictionary_error=0.02, num_rounds=10),
    )
}
ON_ADAPTIVE, ON_LITERAL = Selection({"schedule": ADAPTIVE}), Selection({"schedule": LITERAL})

CLAIMS = (
    Bound(
        "rounds",
        r"with cutoffs set from the current $\delta$, at most 20 rounds lead from $\delta = m^{-1/2}$ to $10^{-9}$, $m = 64$",
        "rounds",
        "twenty",
        lambda parameters: 1.0,
        where=ON_ADAPTIVE,
    ),
    Bound(
        "every round",
        r"and every round at least halves the error",
        "worst_gain",
        "half",
        lambda parameters: 1.0,
        trivial=1.0,
        where=ON_ADAPTIVE,
    ),
    Bound(
        "printed schedule",
        r"after ten stages of $b_t = m^{-0.3 - 0.02 t}$ the error is still above $10^{-3}$",
        "after",
        "thousandth",
        lambda parameters: 1.0,
        upper=False,
        where=ON_LITERAL,
    ),
)
CONTROLS = (
    Control(
        "no discriminator",
        "the discriminator stays at 0",
        "every round",
        {"sign": 0.0, "num_rounds": 2, "max_steps": 3},
        {"schedule": ADAPTIVE},
        trials=8,
    ),
)
CONSTANTS = (
    Constant("twenty", 20.0, Provenance.CHOSEN, "a third above what calibrating runs took"),
    Constant("half", 0.5, Provenance.CHOSEN, "as in Lemma B.2"),
    Constant("thousandth", 1e-3, Provenance.CHOSEN, "a million times what the adaptive rounds reach"),
)


def with_rounds(statement: Statement) -> Statement:
    """The statement with its measured half added; what was deduced stays in front."""
    return replace(
        statement,
        claims=(*statement.claims, *CLAIMS),
        controls=(*statement.controls, *CONTROLS),
        constants=(*statement.constants, *CONSTANTS),
        expected=Verdict.SUPPORTED,
        parameters=RoundParameters,
        cases=CASES,
        trials={"quick": 7},
        batch=16,
        run=run,
    )
