"""What ``fsrcheck learn`` is given: samples, the sizes of the network, and the settings, from files and words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from fsrcheck.errors import InputError
from fsrcheck.model.target import TargetNetwork
from fsrcheck.model.target_files import load_target
from fsrcheck.runs.code_digest import code_digest
from fsrcheck.runs.environment import file_digests
from fsrcheck.statement import parse_settings
from fsrcheck.training import minmax_gan
from fsrcheck.training.level_samples import LevelSamples, TargetSamples
from fsrcheck.training.minmax_files import fingerprint
from fsrcheck.training.minmax_settings import MinmaxSettings, Structure
from fsrcheck.training.sample_files import load_samples
from fsrcheck.training.sample_needs import expected_error, firing_rates, numbers_of_channels, samples_needed


@dataclass(frozen=True)
class Inputs:
    """What a run learns from.

    Attributes:
        samples, structure, settings, seeds: as ``learn`` takes them.
        source: the file, under the name of its option.
        target: the network that made the samples, where it is known.
    """

    samples: LevelSamples
    structure: Structure
    settings: MinmaxSettings
    seeds: tuple[int, ...]
    source: Mapping[str, str]
    target: TargetNetwork | None = None

    def fingerprint(self) -> dict[str, Any]:
        """What the run follows from, the content of its file and the learner's code included.

        Raises:
            InputError: sizes that do not fit the samples.
        """
        origin = {f"{name} file": digest for name, digest in file_digests(self.source).items()}
        code = code_digest(minmax_gan.__file__)
        return fingerprint(self.samples, self.structure, self.settings, self.seeds, {**origin, "code": code})

    @cached_property
    def lowest_rates(self) -> list[float]:
        """k/m of every level as the samples tell it, in the patch where it is lowest."""
        return [float(rates.amin()) for rates in firing_rates(self.samples, self.structure.num_channels)]

    @property
    def neurons(self) -> int:
        """Of the first level, all patches together."""
        return self.samples.shapes[0][1] * self.structure.num_channels[0]

    @property
    def expected_error(self) -> float:
        """The relative coupling RMS that the rule of ``sample_needs`` expects."""
        return expected_error(self.neurons, min(self.lowest_rates), self.samples.num_samples)

    def require_enough(self, accuracy: float | None) -> None:
        """See that there are enough samples for a relative coupling RMS.

        Raises:
            InputError: there are not; the line says how many are needed.
        """
        if accuracy is None:
            return
        needed, found = samples_needed(self.neurons, min(self.lowest_rates), accuracy), self.samples.num_samples
        if found < needed:
            raise InputError(f"samples must be at least {needed} for --accuracy {accuracy:g}, got {found}")


def from_target(path: Path, num_samples: int, settings: MinmaxSettings, draw: Callable[[], int], device: str) -> Inputs:
    """Samples of a target, and its structure; instance i has the seed ``draw() + i``, drawn when the file is seen to be good.

    Raises:
        InputError: no target in the file; one with more latents than the learned network can have.
    """
    target = load_target(path, device)
    neurons = target.first.thresholds[0].numel()
    if target.latent_dim > neurons:
        raise InputError(
            f"target file {path}: latents must be at most {neurons}, the first level's neurons, got {target.latent_dim}"
        )
    seeds = _seeds(draw(), target.batch_size)
    samples = TargetSamples(target, seeds=seeds, num_samples=num_samples)
    return Inputs(samples, Structure.of(target), settings, seeds, {"target": str(path)}, target)


def from_samples(
    path: Path, num_channels: tuple[int, ...] | None, settings: MinmaxSettings, draw: Callable[[], int], device: str
) -> Inputs:
    """Samples of a file; without ``num_channels`` they are the ranks of the second moments.

    Raises:
        InputError: no samples in the file; channels that cannot be told, or do not fit.
    """
    found = load_samples(path, device)
    if num_channels is None:
        try:
            num_channels = numbers_of_channels(found.samples)
        except InputError as error:
            raise InputError(f"samples file {path}: {error}; --channels names them") from error
    elif len(num_channels) != len(found.samples.shapes):
        raise InputError(
            f"--channels must be {len(found.samples.shapes)} numbers, a level each, got {len(num_channels)}"
        )
    seeds = _seeds(draw(), found.samples.shapes[0][0])
    return Inputs(found.samples, Structure(num_channels, found.parents), settings, seeds, {"samples": str(path)})


def _seeds(first: int, batch: int) -> tuple[int, ...]:
    return tuple(range(first, first + batch))


def settings_of(words: Mapping[str, str], *, printed: bool) -> MinmaxSettings:
    """The working or the printed schedule with the values of ``--set`` put in; ``bridge`` is numbers with commas, or nothing.

    Raises:
        InputError: an unknown name, or a value that a setting cannot have.
    """
    base = MinmaxSettings.printed() if printed else MinmaxSettings()
    values = parse_settings(MinmaxSettings, {name: text for name, text in words.items() if name != "bridge"})
    if "bridge" in words:
        values["bridge"] = _numbers(words["bridge"])
    return replace(base, **values)


def _numbers(text: str) -> Sequence[float]:
    try:
        return tuple(float(word) for word in text.split(",") if word)
    except ValueError:
        raise InputError(f"bridge must be numbers with commas between them, got {text!r}") from None
