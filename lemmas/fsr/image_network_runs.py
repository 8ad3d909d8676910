"""What the statements on Figures 1 to 8 on pictures share: networks by number, the worst of them, what is a bound's right side.

What is said is said of each of the networks (five at scale standard), so what is judged is the one of them that speaks most
against it; nothing is inferred about networks that were not trained. A trial is one measurement of the same trained networks: its
seed draws latents, and nothing of the training.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.images.multiscale_gan import MultiscaleGan
from fsrcheck.images.multiscale_networks import MultiscaleGenerator
from lemmas.fsr.image_networks import EMOJI, JOINT, PATCHES, network, pictures_of

PREMISE = "pictures installed"
GROUPS = 8  # of samples, whose spread gives standard errors of medians
EACH = "{name}, network {number}"
Measured = Mapping[str, tuple[float, float]]
"""Values with their standard errors, by name."""


@dataclass(frozen=True)
class Parameters:
    """Which networks, and how they are measured."""

    pictures: str = EMOJI  # emoji or patches
    networks: int = 5  # numbers 0, 1, ...
    samples: int = 2048
    trained: bool = True  # else as they are at random initialization

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        require_one_of("pictures", self.pictures, (EMOJI, PATCHES))
        if self.networks < 1 or self.samples < 64:
            raise InputError(f"networks must be at least 1 and samples 64, got {self.networks} and {self.samples}")


def observe(
    parameters: Parameters,
    seeds: Sequence[int],
    measure: Callable[[int, int], Measured],
    at_least: Collection[str] = (),
) -> list[Observation]:
    """``measure(number, seed)`` of every network, and under its bare name what speaks most against the claim.

    Args:
        parameters: of the statement.
        seeds: of the trials.
        measure: what is measured of one network.
        at_least: names that claims bound from below; all others are bounded from above.
    """
    try:
        pictures_of(parameters.pictures)
    except InputError:
        return [Observation({PREMISE: -1.0}, {}) for _ in seeds]
    return [Observation({PREMISE: 0.0}, _one(parameters, seed, measure, at_least)) for seed in seeds]


def _one(
    parameters: Parameters, seed: int, measure: Callable[[int, int], Measured], at_least: Collection[str]
) -> dict[str, Measurement]:
    found = [
        {name: Measurement(*given) for name, given in measure(k, seed).items()} for k in range(parameters.networks)
    ]
    each = {
        EACH.format(name=name, number=number): given for number, of in enumerate(found) for name, given in of.items()
    }
    worst = {name: _worst([of[name] for of in found], name in at_least) for name in found[0]}
    return {**worst, **each}


def _worst(given: Sequence[Measurement], at_least: bool) -> Measurement:
    """The extreme one; one that is not a number is worse than all."""
    unusable = [one for one in given if not one.is_usable]
    return unusable[0] if unusable else (min if at_least else max)(given, key=lambda one: one.value)


def worst_level(values: Iterable[tuple[float, float]], *, at_least: bool) -> tuple[float, float]:
    """Of values with standard errors at several levels the least where large ones are good, else the largest; nan if one is."""
    found = _worst([Measurement(*value) for value in values], at_least)
    return found.value, found.standard_error


def require_one_of(name: str, value: str, known: Collection[str]) -> None:
    """Refuse a word that is none of those known.

    Raises:
        InputError: it is another.
    """
    if value not in known:
        raise InputError(f"{name} must be one of {', '.join(known)}, got {value!r}")


def generator_of(parameters: Parameters, number: int, arm: str = JOINT, device: str = "cpu") -> MultiscaleGenerator:
    """The averaged generator of a network at the end of its training, or at random initialization."""
    gan = network(parameters.pictures, arm, number, device)
    return gan.averaged if parameters.trained else gan.snapshot(0)


@torch.no_grad()
def samples_of(gan: MultiscaleGan, generator: MultiscaleGenerator, number: int, seed: int) -> list[Tensor]:
    """Images X_1, ..., X_L of a generator of this run, in [0, 1] but not clipped; see ``MultiscaleGan.sample``."""
    return [(level + 1) / 2 for level in generator(gan.latents(number, seed))]


def by_groups(values: Sequence[float]) -> tuple[float, float]:
    """Mean over independent groups and its standard error."""
    return fmean(values), stdev(values) / len(values) ** 0.5


@torch.no_grad()
def code_groups(
    gan: MultiscaleGan, generator: MultiscaleGenerator, level: int, samples: int, seed: int
) -> Iterator[Tensor]:
    """Codes S_level of a generator of this run, (sample, channel, size, size), in ``GROUPS`` equal groups."""
    for latents in gan.latents(samples, seed).chunk(GROUPS):
        yield generator.codes(latents, level)[-1]


def median_rate(
    gan: MultiscaleGan, generator: MultiscaleGenerator, level: int, samples: int, seed: int, threshold: float = 0.0
) -> tuple[float, float]:
    """Median over channels of Pr[S_p > threshold], over samples and places."""
    groups = code_groups(gan, generator, level, samples, seed)
    return by_groups([float((codes > threshold).double().mean(dim=(0, 2, 3)).median()) for codes in groups])


def one(parameters: Parameters) -> float:
    """The right-hand side of a bound that is its constant."""
    return 1.0
