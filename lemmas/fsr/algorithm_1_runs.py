"""Runs of Algorithm 1 as printed, transcribed, and in its stable forms: their parameters, and what is measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.gaussian import truncated_moment
from fsrcheck.model.discriminators import TruncatedMomentDiscriminator
from fsrcheck.model.factor_codes import FactorCodes
from fsrcheck.model.families import neuron_units
from fsrcheck.model.streams import streams
from fsrcheck.model.target import TargetNetwork
from fsrcheck.training.output_layer import PRINTED_POWER, OutputLayerGame, SharpenSettings, sharpen, unit_columns
from fsrcheck.training.printed_output_layer import printed_game
from fsrcheck.training.sgda import Game, SGDASettings, descend_ascend
from fsrcheck.training.truncated_moments import FAKE_SAMPLES, REAL_SAMPLES, PopulationMoments, SampledMoments
from lemmas.fsr.algorithm_1_transcription import transcribe
from lemmas.fsr.found_columns import perturbed_columns
from lemmas.fsr.targets import TargetParameters, build_target, premise_margins, require_word

COMPARE, PRINTED, UNDERFLOW, STABLE = "compare", "printed", "underflow", "stable"
LARGEST_DROPPED = 0.25  # of the smallest E[S 1{S > bb}]
RANGES = {
    "error_ratio": (1e-6, 2.0),
    "cutoff_ratio": (0.01, 100.0),
    "decay": (1e-4, 1.0),
    "machine_decay": (0.0, 1.0),
    "power": (2.0, 1e4),
    "sign": (-1.0, 1.0),
    "num_steps": (1, 100_000),
    "inner_steps": (0, 10_000),
}


@dataclass(frozen=True)
class Parameters(TargetParameters):
    """Parameters of Algorithm 1."""

    task: str = STABLE  # compare: against the transcription; printed, underflow: the game on exact moments; or stable
    error_ratio: float = 1.0  # delta m^1/2
    cutoff_ratio: float = 9.0  # bb / delta
    decay: float = 1.0  # c, of the printed game
    power: float = PRINTED_POWER  # P, of the stable form
    sign: float = 1.0  # of the discriminator's ascent in the stable form; 0 freezes it
    num_steps: int = 3000  # T
    inner_steps: int = 0  # of the printed game; 0 takes the inner maximum in closed form
    num_samples: int = 60  # N, in the comparison
    exchange_rates: bool = False  # in the transcription only: eta of the players
    machine_decay: float = 0.0  # c in the loss that is differentiated by machine; 0 for the same

    def __post_init__(self) -> None:
        """Refuse an unknown task and what no run can have."""
        super().__post_init__()
        require_word("task", self.task, (COMPARE, PRINTED, UNDERFLOW, STABLE))
        for name, (least, largest) in RANGES.items():
            if not least <= getattr(self, name) <= largest:
                raise InputError(f"{name} must be in [{least:g}, {largest:g}], got {getattr(self, name)}")
        if self.num_patches != 1:
            raise InputError(
                f"num_patches must be 1, as Algorithm 1 takes every patch on its own, got {self.num_patches}"
            )

    @property
    def dictionary_error(self) -> float:
        """delta."""
        return self.error_ratio * self.num_channels**-0.5

    @property
    def rates(self) -> tuple[float, float]:
        """eta of W and of V in the printed game.

        On exact moments R moves with W at rates of about e = E[S 1{S > bb}], and V is at its maximum, (a / (1 + c))^(1/c)
        at gaps a of about e delta: eta is half of the inverse curvature e^2 dV/da.
        """
        if self.task != PRINTED:
            return (5.0, 0.02) if self.task == COMPARE else (1.0, 1.0)
        threshold, scale = neuron_units(self.firing)
        cutoff = self.cutoff_ratio * self.dictionary_error
        captured = float(scale * truncated_moment(threshold, threshold + cutoff / scale, 1))
        gap, c = captured * self.dictionary_error, self.decay
        return 0.5 * c * (1 + c) ** (1 / c) * gap ** (1 - 1 / c) / captured**2, 1.0

    @property
    def settings(self) -> SGDASettings:
        """What ``descend_ascend`` is told."""
        return SGDASettings(self.num_steps, self.inner_steps, *self.rates)


@dataclass(frozen=True)
class Instances:
    """W*, the law of the codes, W at the start, and bb: a row for every seed."""

    atoms: Tensor
    codes: FactorCodes
    start: Tensor
    cutoff: Tensor

    @property
    def population(self) -> PopulationMoments:
        """The exact oracle."""
        return PopulationMoments(self.atoms, self.codes, self.codes, self.start, self.cutoff)

    def error(self, dictionary: Tensor) -> Tensor:
        """Largest ||W_p - W*_p||, (row,); infinite for a dictionary that is none."""
        return (dictionary - self.atoms).norm(dim=1).amax(dim=-1).nan_to_num(nan=inf)


def build(parameters: Parameters, target: TargetNetwork, seeds: Sequence[int]) -> Instances:
    """One instance for every seed."""
    atoms, codes = target.first.dictionary[:, 0], FactorCodes.of_patch(target.first, 0)
    cutoff = atoms.new_full((len(seeds),), parameters.cutoff_ratio * parameters.dictionary_error)
    return Instances(atoms, codes, perturbed_columns(atoms, parameters.dictionary_error, seeds), cutoff)


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Run one of the three tasks; every measurement is a list over instances."""
    target = build_target(parameters, seeds, device)
    instances = build(parameters, target, seeds)
    premises = premise_margins(target, parameters, seeds)
    if parameters.task == COMPARE:
        measured = _compared(parameters, instances, seeds)
    else:
        dropped = instances.population.dropped(instances.start).tolist()
        premises = [{**known, "false_activations": LARGEST_DROPPED - dropped[i]} for i, known in enumerate(premises)]
        measured = (_stable if parameters.task == STABLE else _printed)(parameters, instances)
    return [
        Observation(premises[i], {name: Measurement(float(values[i])) for name, values in measured.items()})
        for i in range(len(seeds))
    ]


def _compared(parameters: Parameters, instances: Instances, seeds: Sequence[int]) -> dict[str, Tensor]:
    """Largest distance of an entry of the dictionary from the transcription's and from the machine's."""
    here = instances
    shown = (here.atoms, here.codes, here.codes)
    oracle = SampledMoments(*shown, here.start, here.cutoff, seeds=seeds, num_samples=parameters.num_samples)
    decay = parameters.machine_decay or parameters.decay
    discriminator = TruncatedMomentDiscriminator(here.start, here.cutoff)
    machine = printed_game(*shown, discriminator, decay=decay, seeds=seeds, num_samples=parameters.num_samples)
    found = _play(OutputLayerGame(oracle, parameters.decay), parameters, here)
    transcript = torch.stack([_transcript(parameters, here, row, seed) for row, seed in enumerate(seeds)])
    return {
        "distance": (found.cpu() - transcript).abs().amax(dim=(1, 2)),
        "machine": (found - _play(machine, parameters, here)).abs().amax(dim=(1, 2)),
        "moved": (found - here.start).abs().amax(dim=(1, 2)),
    }


def _play(game: Game, parameters: Parameters, instances: Instances) -> Tensor:
    """Lines 2 to 4."""
    silent = torch.zeros_like(instances.start.mT)
    return unit_columns(descend_ascend(game, instances.start, silent, parameters.settings).outer)


def _transcript(parameters: Parameters, instances: Instances, row: int, seed: int) -> Tensor:
    (real,), (fake,) = (streams([seed], purpose) for purpose in (REAL_SAMPLES, FAKE_SAMPLES))
    given = instances.codes
    one = FactorCodes(*(value[row : row + 1].cpu() for value in (given.scales, given.thresholds, given.loadings)))
    atoms = instances.atoms[row].cpu().numpy()
    rates = parameters.rates[::-1] if parameters.exchange_rates else parameters.rates
    found = transcribe(
        lambda: np.array([atoms @ code for code in one.sample([real], parameters.num_samples)[0].numpy()]),
        lambda: one.sample([fake], parameters.num_samples)[0].numpy(),
        instances.start[row].cpu().numpy(),
        float(instances.cutoff[row]),
        parameters.decay,
        parameters.num_steps,
        parameters.inner_steps,
        *rates,
    )
    return torch.from_numpy(found)


def _printed(parameters: Parameters, instances: Instances) -> dict[str, Tensor]:
    """The printed game with its inner maximum in closed form."""
    oracle = instances.population
    found = _play(OutputLayerGame(oracle, parameters.decay), parameters, instances)
    largest = oracle.compare(instances.start).gap.norm(dim=-1).amax(dim=-1)
    return {
        "error": instances.error(found),
        "moved": (found - unit_columns(instances.start)).abs().amax(dim=(1, 2)),
        "places": -torch.log10(largest / (1 + parameters.decay)) / parameters.decay,
    }


def _stable(parameters: Parameters, instances: Instances) -> dict[str, Tensor]:
    """The stable form; a dictionary that ran away is infinitely far off."""
    settings = SharpenSettings(
        power=parameters.power, max_steps=parameters.num_steps, tolerance=1e-9, relaxation=0.5, sign=parameters.sign
    )
    result = sharpen(instances.population, instances.start, settings)
    return {
        "error": torch.where(result.diverged, inf, instances.error(result.dictionary)),
        "length": (result.dictionary.norm(dim=1) - 1).abs().amax(dim=-1),
    }


def error_limit(parameters: Parameters) -> float:
    """1e-9, or a tenth of delta for the printed game at c < 1, which slows down."""
    return parameters.dictionary_error / 10 if parameters.task == PRINTED and parameters.decay < 1 else 1e-9
