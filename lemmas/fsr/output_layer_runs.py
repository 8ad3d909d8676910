r"""Runs of Algorithm 1 that the statements of Appendix B look at: their parameters, their instances, what is measured.

A run starts with every column of W at distance delta from W*, W^D = W, bb = ``cutoff_ratio`` delta, and codes learned to
relative accuracy b = ``code_ratio`` delta m^0.02 in the sense of one error model (the conclusion of Lemmas C.6 and C.10, here
a premise; ``fsrcheck.model.learned_codes``). It descends on the truncated moments until they agree, and normalises.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.gaussian import relu_mean
from fsrcheck.model.factor_codes import FactorCodes
from fsrcheck.model.learned_codes import ERROR_MODELS, EXACT, learned_codes, relative_errors
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.output_layer import Sharpened, SharpenSettings, sharpen, unit_columns
from fsrcheck.training.truncated_moments import MomentGap, MomentOracle, PopulationMoments, SampledMoments
from lemmas.fsr.targets import TargetParameters, build_target, premise_margins, require_word

POPULATION, SAMPLES, FIXED = "population", "samples", "fixed samples"
RANDOM, TOWARDS_ALL = "random", "towards all"
LARGEST_DROPPED = 0.05  # of delta: what the closed form leaves out
ERROR_STEPS = (0, *(2**power for power in range(12)))  # at which the error is kept
ERROR_AT = "error_at_step_{:04d}"
RANGES = {
    "code_ratio": (0.0, 1e9),
    "cutoff_ratio": (0.0, 1e3),
    "power": (2.0, 1e4),
    "samples_per_channel": (0.0, inf),
    "max_steps": (1, inf),
    "sign": (-1.0, 1.0),
}


@dataclass(frozen=True)
class Parameters(TargetParameters):
    """Parameters of a run of Algorithm 1."""

    oracle: str = POPULATION  # samples: fresh ones at every step, as Algorithm 6 says; fixed samples: the same at each
    dictionary_error: float = 0.1  # delta, of every column at the start
    direction: str = RANDOM  # of the columns' errors; "towards all" is what Algorithm 5 leaves
    error_model: str = EXACT  # in which sense the codes are learned
    code_ratio: float = 1.0  # b / (delta m^0.02)
    cutoff_ratio: float = 8.0  # bb / delta
    power: float = 2.0  # P of the objective; 1001 is the paper's
    samples_per_channel: float = 0.0  # N / m, on samples
    max_steps: int = 300
    sign: float = 1.0  # of the discriminator's ascent

    def __post_init__(self) -> None:
        """Refuse unknown words, and what Algorithm 1 cannot be run on here."""
        super().__post_init__()
        for name, (least, largest) in RANGES.items():
            if not least <= getattr(self, name) <= largest:
                raise InputError(f"{name} must be in [{least:g}, {largest:g}], got {getattr(self, name)}")
        require_word("oracle", self.oracle, (POPULATION, SAMPLES, FIXED))
        require_word("direction", self.direction, (RANDOM, TOWARDS_ALL))
        require_word("error_model", self.error_model, ERROR_MODELS)
        if self.num_patches != 1:
            raise InputError(
                f"num_patches must be 1, as Algorithm 1 takes every patch on its own, got {self.num_patches}"
            )
        if (self.oracle == POPULATION) != (self.samples_per_channel == 0):
            given = f"oracle = {self.oracle!r} and samples_per_channel = {self.samples_per_channel}"
            raise InputError(f"samples_per_channel must be positive on samples and 0 on the population, got {given}")

    @property
    def code_error(self) -> float:
        """b."""
        return self.code_ratio * self.dictionary_error * self.num_channels**0.02

    @property
    def output_cutoff(self) -> float:
        """bb."""
        return self.cutoff_ratio * self.dictionary_error

    @property
    def num_samples(self) -> int:
        """N of Algorithm 6, at each step."""
        return round(self.samples_per_channel * self.num_channels)

    @property
    def moment_error(self) -> float:
        """eps_4 = bb^2 / m + bb / m^1.5, with poly(k) = 1."""
        return self.output_cutoff**2 / self.num_channels + self.output_cutoff / self.num_channels**1.5


@dataclass(frozen=True)
class Instances:
    """A batch of instances: W*, the laws of S* and S, and the dictionary at the start, (batch, patch_dim, channel)."""

    atoms: Tensor
    target: FactorCodes
    learner: FactorCodes
    start: Tensor
    margins: Sequence[Mapping[str, float]]

    @property
    def theta(self) -> Tensor:
        """theta_p = E S_p / E S*_p, (batch, channel)."""
        means = [codes.scales * relu_mean(codes.thresholds) for codes in (self.learner, self.target)]
        return means[0] / means[1]

    def errors(self, dictionary: Tensor) -> Tensor:
        """||W_p - W*_p|| of the largest column, (batch,)."""
        return (dictionary - self.atoms).norm(dim=1).amax(dim=-1)


def build(parameters: Parameters, seeds: Sequence[int], device: str) -> Instances:
    """One instance per seed."""
    target = build_target(parameters, seeds, device)
    atoms = target.first.dictionary[:, 0]
    codes = FactorCodes.of_patch(target.first, 0)
    learner = learned_codes(codes, parameters.code_error, parameters.error_model, seeds)
    margins = premise_margins(target, parameters, seeds)
    for margin, error in zip(margins, relative_errors(codes, learner), strict=True):
        margin["learned"] = parameters.code_error * (1 + 1e-9) + 1e-12 - float(error)
    return Instances(atoms, codes, learner, perturbed(atoms, parameters, seeds), margins)


def perturbed(atoms: Tensor, parameters: Parameters, seeds: Sequence[int]) -> Tensor:
    """Unit columns at distance delta from the atoms, (batch, patch_dim, channel)."""
    if parameters.direction == RANDOM:
        drawn = standard_normal(streams(seeds, "start of Algorithm 1"), atoms.shape[1:], atoms.device)
    else:
        drawn = atoms.sum(dim=-1, keepdim=True).expand_as(atoms)
    beside = unit_columns(drawn - atoms * (drawn * atoms).sum(dim=1, keepdim=True))
    half = parameters.dictionary_error / 2  # a chord of length delta spans the angle 2 asin(delta / 2)
    return (1 - 2 * half**2) * atoms + 2 * half * (1 - half**2) ** 0.5 * beside


def oracle_of(parameters: Parameters, instances: Instances, seeds: Sequence[int]) -> MomentOracle:
    """The oracle that the parameters ask for, with W^D the dictionary at the start."""
    cutoff = torch.full((len(seeds),), parameters.output_cutoff, dtype=torch.float64, device=instances.atoms.device)
    shown = (instances.atoms, instances.target, instances.learner, instances.start, cutoff)
    if parameters.oracle == POPULATION:
        return PopulationMoments(*shown)
    return SampledMoments(*shown, seeds=seeds, num_samples=parameters.num_samples, fresh=parameters.oracle == SAMPLES)


def settings(parameters: Parameters) -> SharpenSettings:
    """Half of Polyak's step until the moments agree; a quarter, as often as asked, on samples, where they never do."""
    if parameters.oracle != POPULATION:
        return SharpenSettings(parameters.power, parameters.max_steps, 0.0, 0.25, parameters.sign)
    tolerance = 1e-11 if parameters.error_model == EXACT else 1e-7
    return SharpenSettings(parameters.power, parameters.max_steps, tolerance, 0.5, parameters.sign)


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Run Algorithm 1 once on every instance and measure what Appendix B speaks of."""
    instances = build(parameters, seeds, device)
    oracle = oracle_of(parameters, instances, seeds)
    if isinstance(oracle, PopulationMoments):
        result = sharpen(oracle, instances.start, settings(parameters), Watch(instances, oracle))
        dropped = dropped_share(oracle, instances, result) / parameters.dictionary_error
    else:
        result = sharpen(oracle, instances.start, settings(parameters))
        dropped = torch.zeros(len(seeds))
    measured = measurements(instances, result, parameters)
    return [
        Observation(
            premises={**instances.margins[i], "false_activations": LARGEST_DROPPED - float(dropped[i])},
            measurements={name: Measurement(float(values[i])) for name, values in measured.items()},
            counts={"steps": int(result.steps[i]), "samples": oracle.samples_drawn},
        )
        for i in range(len(seeds))
    ]


def dropped_share(oracle: PopulationMoments, instances: Instances, result: Sharpened) -> Tensor:
    """What the closed form leaves out at the start or at the end, (batch,); at the start alone for a run that diverged."""
    ended = torch.where(result.diverged[:, None, None], instances.start, result.dictionary)
    return torch.maximum(oracle.dropped(instances.start), oracle.dropped(ended))


def measurements(instances: Instances, result: Sharpened, parameters: Parameters) -> dict[str, Tensor]:
    """The error after, its ratio to delta, the ratios theta, and on the population what was watched, each (batch,)."""
    after = torch.where(result.diverged, inf, instances.errors(result.dictionary))
    record = result.watched
    along = {} if record is None else along_the_run(record) | at_steps(record, parameters.max_steps)
    theta = (instances.theta - 1).abs().amax(dim=-1)
    return {"after": after, "gain": after / parameters.dictionary_error, "theta": theta, **along}


@dataclass(frozen=True)
class Watch:
    """What is recorded at one step, (batch, 5): the largest ||W_p - W*_p||; ||R*_p - R_p||; how far that is from the norm of
    sum_q mu'_pq (W*_q - theta_q W_q); ||W*_p - theta_p W_p||; and the first of these after normalising (line 4)."""

    instances: Instances
    oracle: PopulationMoments

    def __call__(self, dictionary: Tensor, state: MomentGap) -> Tensor:
        """Record one step."""
        moved = self.instances.atoms - self.instances.theta[:, None] * dictionary
        gaps = state.gap.norm(dim=-1)
        linear = (self.oracle.target_weights @ moved.mT).norm(dim=-1)
        sizes = (gaps.amax(-1), (gaps - linear).abs().amax(-1), moved.norm(dim=1).amax(-1))
        errors = [self.instances.errors(columns) for columns in (dictionary, unit_columns(dictionary))]
        return torch.stack([errors[0], *sizes, errors[1]], dim=-1)


def along_the_run(record: Tensor) -> dict[str, Tensor]:
    """What the claims of Appendix B bound, at its largest over all steps, from ``Watch``, (step, batch, 5)."""
    errors, gaps, departures, moved, _ = record.unbind(-1)
    return {
        "excursion": errors.amax(dim=0),
        "start_gap": gaps[0],
        "growth": gaps.amax(dim=0) / gaps[0],
        "departure": departures.amax(dim=0),
        "inversion": (moved / (gaps + departures)).amax(dim=0),
    }


def at_steps(record: Tensor, max_steps: int) -> dict[str, Tensor]:
    """The error that the normalised columns would have after ``ERROR_STEPS``, from ``Watch``; a run that has stopped keeps
    its last one."""
    last = len(record) - 1
    return {ERROR_AT.format(step): record[min(step, last), :, -1] for step in ERROR_STEPS if step < max_steps}
