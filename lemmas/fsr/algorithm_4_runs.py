"""What ``fsr.alg.4.run`` runs: Algorithm 4 with every hand-over read off, and against its transcription."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.training.level_samples import TargetSamples
from fsrcheck.training.minmax_gan import Learned, State, learn
from fsrcheck.training.minmax_settings import MinmaxSettings, Structure
from lemmas.fsr import minmax_runs
from lemmas.fsr.algorithm_4_transcription import Transcript, transcribe
from lemmas.fsr.graph_readings import Reading, in_units, readings
from lemmas.fsr.lemma_graph import (
    BELOW,
    FALLS,
    INDUCTION,
    MEANS,
    PAIRS,
    PATCHES,
    RATES,
    READS,
    ROWS,
    START,
    WITHIN,
    noise,
)
from lemmas.fsr.minmax_runs import NotBegun, Ran, observations, run_all, target_of
from lemmas.fsr.targets import require_word

COMPARE, RUN = "compare", "run"
NOISES = 4.0  # standard errors of N samples that an edge may be off by
FIRST, ABOVE, ALL = (1,), (2, 3, 4, 5, 6), (1, 2, 3, 4, 5, 6)
GROUPS: Mapping[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "start": ((START,), ALL),
    "induction": ((INDUCTION,), ALL),
    "reads": ((READS,), FIRST),
    "reads above": ((READS,), ABOVE),
    "codes": ((RATES, MEANS, PAIRS), ALL),
    "codes alone": ((RATES, MEANS, PAIRS), ALL),
    "falls": ((FALLS,), ALL),
    "falls alone": ((FALLS,), ALL),
    "within": ((WITHIN,), ABOVE),
    "rows": ((ROWS,), FIRST),
    "below": ((BELOW,), ALL),
    "patches": ((PATCHES,), ALL),
}
"""Measurements of claims: the largest ratio over these edges on these levels."""
BARE = ("codes alone", "falls alone")  # those of them in which N is not allowed for


@dataclass(frozen=True)
class Parameters(minmax_runs.Parameters):
    """Parameters of a run of Algorithm 4 whose hand-overs are read."""

    task: str = RUN  # compare: against the transcription
    num_samples: int = 2**14
    super_steps: int = 800
    closing_steps: int = 800
    start_samples: int = 2**13
    moment_samples: int = 2**12  # of the learner's own for Algorithm 2
    pair_steps: int = 200  # of D5
    latents: int = 2**13  # for the readings
    line_5: bool = True  # whether the transcription sets b in every stage
    evaluation_samples: int = 1000

    def __post_init__(self) -> None:
        """Refuse an unknown task."""
        super().__post_init__()
        require_word("task", self.task, (COMPARE, RUN))

    @property
    def settings(self) -> MinmaxSettings:
        """Of Algorithm 4; T' of the printed schedule too is a parameter."""
        return replace(
            super().settings,
            first_stages=self.first_stages,
            higher_stages=self.higher_stages,
            moment_samples=self.moment_samples,
            warm_samples=self.start_samples,
        )

    @property
    def accuracy(self) -> float:
        """Eps, half the noise of V_1, as in Theorem 5.1."""
        return self.scale / 2


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Read a run, or compare with the transcription."""
    if parameters.task == COMPARE:
        return compared(parameters, seeds, device)
    return [seen for ran in run_all(parameters, seeds, device) for seen in _observed(parameters, ran)]


def _observed(parameters: Parameters, ran: Ran | NotBegun) -> list[Observation]:
    """What there is to read; a learner that cannot begin misses every claim."""
    measured = measure(parameters, ran) if isinstance(ran, Ran) else {}
    return observations([ran], lambda _: measured, tuple(measured) or tuple(GROUPS))


def measure(parameters: Parameters, ran: Ran) -> dict[str, Tensor]:
    """Every reading and the largest ratio of every group, each (batch,)."""
    found = readings(
        ran.learned, ran.target, seeds=ran.seeds, accuracy=parameters.accuracy, num_samples=parameters.latents
    )
    measured = {name: largest(found, name, parameters) for name in GROUPS}
    present = {name: ratio for name, ratio in measured.items() if ratio is not None}
    return present | {key: value for reading in found for key, value in named(reading).items()}


def allowance(reading: Reading, parameters: Parameters) -> float:
    """What N samples may be off by."""
    return NOISES * noise(reading.name, parameters.num_channels, parameters.firing, parameters.num_samples)


def largest(found: Iterable[Reading], group: str, parameters: Parameters) -> Tensor | None:
    """Of the ratios of a group, N allowed for but in ``BARE``, (batch,); None if there is no such edge."""
    names, levels = GROUPS[group]
    ratios = [
        replace(one, required=one.required + (0.0 if group in BARE else allowance(one, parameters))).ratio
        for one in found
        if one.name in names and one.level in levels
    ]
    return torch.stack(ratios).amax(dim=0) if ratios else None


def key(name: str, level: int, stage: int, what: str) -> str:
    """Name of the measurement of one number of a reading."""
    return f"{name} {level}.{stage} {what}"


def named(reading: Reading) -> dict[str, Tensor]:
    """Both numbers under their names."""
    at = (reading.name, reading.level, reading.stage)
    return {key(*at, "required"): reading.required, key(*at, "measured"): reading.measured}


def compared(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """The learner against the transcription on the same samples: what they learn, and after how many steps."""
    target = target_of(parameters, seeds, device)
    structure, settings = Structure.of(target), parameters.settings
    samples = TargetSamples(target, seeds=seeds, num_samples=parameters.num_samples)
    saved: list[State] = []
    learned = learn(samples, structure, settings, seeds=seeds, save=saved.append)
    transcript = transcribe(samples, structure, settings, seeds, line_5=parameters.line_5)
    off = difference(learned, transcript)
    length = abs(len(saved) - planned(settings, target.num_levels)) + abs(transcript.steps - len(saved))
    return [
        Observation(
            {}, {"difference": Measurement(float(value)), "length": Measurement(float(length))}, {"steps": len(saved)}
        )
        for value in off
    ]


def planned(settings: MinmaxSettings, num_levels: int) -> int:
    """Sum of T' + 2 over the levels."""
    return sum(settings.stages(level) + 2 for level in range(1, num_levels + 1))


def difference(learned: Learned, transcript: Transcript) -> Tensor:
    """The largest difference of a number of the networks, (batch,)."""
    network = in_units(learned.network, learned.units)
    found = [(learned.units - transcript.units).abs().amax(dim=0)]
    for own, other in zip(network.levels, transcript.levels, strict=True):
        for name in vars(own):
            if name != "parents":
                found.append((getattr(own, name) - getattr(other, name)).abs().flatten(1).amax(dim=1))
    return torch.stack(found).amax(dim=0).nan_to_num(nan=torch.inf)
