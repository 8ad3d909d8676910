"""The instances that the statements of this paper run on: their parameters, their construction, their premises."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from inspect import signature
from math import inf, isfinite
from pathlib import Path
from typing import Any

from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian import relu_mean, tail
from fsrcheck.model.assumptions import measure_assumptions
from fsrcheck.model.families import FAMILIES
from fsrcheck.model.premises import AssumptionConstants, premises
from fsrcheck.model.streams import streams
from fsrcheck.model.target import TargetNetwork
from fsrcheck.model.target_files import load_target

FROM_FILE = "file"
BLOCKS, COUNTED = 16, 4096  # 65536 samples in which the active channels of a higher level are counted

RANGES: dict[str, tuple[float, float]] = {
    "num_samples": (1, inf),
    "samples_per_pair": (1, inf),
    "num_anchors": (1, inf),
    "candidates": (1, inf),
    "max_iterations": (0, inf),
    "dictionary_error": (0.0, 2.0),  # a distance of unit vectors
    "cutoff": (0.0, 10.0),  # beyond it, S >= b is too rare to be sampled
    "transcript_cutoff": (0.0, 10.0),
    "noise_share": (1e-3, 1e3),
    "code_scale": (1e-3, 1e3),
}
"""The least and the largest value of numbers that mean the same in every statement that has them."""


@dataclass(frozen=True)
class TargetParameters:
    """What every statement on a target may set; the paper's letter in the comment."""

    family: str = "independent_channels"
    num_channels: int = 32  # m_l
    expected_active: float = 2.0  # m Pr[S_p > 0]
    num_patches: int = 1  # d_l
    correlation: float = 0.0  # of the latent variables, for the families that have one
    coherence: float = 0.0  # of the dictionary's atoms; the paper wants 0
    target: str = ""  # a file with a target of the user's own, for family "file"

    def __post_init__(self) -> None:
        """Refuse what no target can have, before anything runs."""
        for item in fields(self):
            _require_range(item.name, getattr(self, item.name))
        require_word("family", self.family, (*sorted(FAMILIES), FROM_FILE))
        if self.num_channels < 2:
            raise InputError(f"num_channels must be at least 2, got {self.num_channels}")
        if not 0 < self.expected_active < self.num_channels:
            raise InputError(
                f"expected_active must be above 0 and below num_channels = {self.num_channels}, got {self.expected_active}"
            )
        if self.num_patches < 1:
            raise InputError(f"num_patches must be at least 1, got {self.num_patches}")
        if (self.family == FROM_FILE) != bool(self.target):
            given = f"family = {self.family!r} and target = {self.target!r}"
            raise InputError(f"a target file must come with family {FROM_FILE!r} and the other way round, got {given}")

    @property
    def firing(self) -> float:
        """Pr[S_p > 0]."""
        return self.expected_active / self.num_channels


def _require_range(name: str, value: Any) -> None:
    if isinstance(value, float) and not isfinite(value):
        raise InputError(f"{name} must be a finite number, got {value}")
    if name in RANGES and not RANGES[name][0] <= value <= RANGES[name][1]:
        least, largest = RANGES[name]
        wanted = f"at least {least:g}" if largest == inf else f"in [{least:g}, {largest:g}]"
        raise InputError(f"{name} must be {wanted}, got {value}")


def require_word(name: str, value: str, words: Sequence[str]) -> None:
    """Raise ``InputError`` unless ``value`` is one of ``words``."""
    if value not in words:
        raise InputError(f"{name} must be one of {', '.join(words)}, got {value!r}")


def build_target(
    parameters: TargetParameters, seeds: Sequence[int], device: str, level: int = 1, **extra: Any
) -> TargetNetwork:
    """One target per seed; a target from a file is the same for every seed.

    ``level`` is the one that the sizes in ``parameters`` are of; ``extra`` goes to the family as it is.

    Raises:
        InputError: the family has no such parameter, or the sizes are not those of that level of the file.
    """
    if parameters.family == FROM_FILE:
        target = own_target(parameters.target, device)
        _require_sizes(target, parameters, level)
        return repeated(target, len(seeds))
    family = FAMILIES[parameters.family]
    given = {name: value for name in ("correlation", "coherence") if (value := getattr(parameters, name))} | extra
    for name in sorted(set(given) - set(signature(family).parameters)):
        raise InputError(f"{name} must be left out for family {parameters.family!r}, which has none, got {given[name]}")
    return family(
        parameters.num_channels,
        parameters.expected_active,
        seeds=seeds,
        num_patches=parameters.num_patches,
        device=device,
        **given,
    )


def _require_sizes(target: TargetNetwork, parameters: TargetParameters, level: int) -> None:
    """A size set by hand beside a file would put the wrong limits to the file's target."""
    if not 1 <= level <= target.num_levels:
        raise InputError(f"level must be in 1..{target.num_levels} as in {parameters.target}, got {level}")
    _, num_patches, num_channels = target.levels[level - 1].thresholds.shape
    for name, size in (("num_channels", num_channels), ("num_patches", num_patches)):
        if getattr(parameters, name) != size:
            raise InputError(f"{name} must be {size} as in {parameters.target}, got {getattr(parameters, name)}")


def own_target(path: Path | str, device: str = "cpu") -> TargetNetwork:
    """Read a target of the user's own.

    Raises:
        InputError: the file is not a target, or one of several instances.
    """
    target = load_target(path, device)
    if target.batch_size != 1:
        raise InputError(f"target file {path}: must hold 1 instance, got {target.batch_size}")
    return target


def repeated(target: TargetNetwork, batch: int) -> TargetNetwork:
    """The single instance of ``target``, ``batch`` times without copying."""
    return TargetNetwork(tuple(_repeated_level(level, batch) for level in target.levels))


def _repeated_level(level: Any, batch: int) -> Any:
    return replace(
        level,
        **{
            item.name: value.expand(batch, *value.shape[1:])
            for item in fields(level)
            if item.name != "parents" and (value := getattr(level, item.name)) is not None
        },
    )


def premise_margins(
    target: TargetNetwork, parameters: TargetParameters, seeds: Sequence[int]
) -> list[dict[str, float]]:
    """Margins of Assumptions 2.2 and 2.3 on the first level for every instance, with the explicit constants of
    ``fsrcheck.model.premises``; for a target from a file also how far its channels are alike."""
    measured = measure_assumptions(target, seeds=seeds)
    margins = premises(measured, AssumptionConstants.defaults(parameters.expected_active, measured.patch_dim))
    if parameters.family == FROM_FILE:
        margins["alike_channels"] = alike_channels(target)
    return [{name: float(values[i]) for name, values in margins.items()} for i in range(len(seeds))]


def alike_channels(target: TargetNetwork) -> Tensor:
    """Margin, (batch,), by which the largest E S_p of the first level is at most twice the smallest.

    The paper allows a factor poly(k). The checkable forms are about channels that are all alike: their sample sizes
    and iterations follow from k alone, and a channel that is far rarer than the others is not to be found with those.
    """
    first = target.first
    norms = first.latent_weights.norm(dim=-1)
    means = (norms * relu_mean(first.thresholds / norms)).flatten(1)
    return 2 * means.amin(dim=1) / means.amax(dim=1) - 1


def adopt(parameters: Any, path: Path) -> Any:
    """The given parameters with the family and sizes of the first level of a target read from a file.

    Raises:
        InputError: the file is not a target of one instance.
    """
    return at_level(parameters, path, own_target(path), 1)


def at_level(parameters: Any, path: Path, target: TargetNetwork, level: int) -> Any:
    """The given parameters with the family and sizes of one level of the target that was read from ``path``.

    Raises:
        InputError: no channel of that level is ever active, or all always are.
    """
    _, num_patches, num_channels = target.levels[level - 1].thresholds.shape
    try:
        return replace(
            parameters,
            family=FROM_FILE,
            target=str(path),
            num_channels=num_channels,
            num_patches=num_patches,
            expected_active=active_on_average(target, level),
        )
    except InputError as error:
        raise InputError(f"target file {path}, level {level}: {error}") from None


def active_on_average(target: TargetNetwork, level: int) -> float:
    """m Pr[S_p > 0] in the mean over patches and channels of one level of a single instance.

    Closed form at the first level, to nine digits: a file holds rounded numbers, and 2 must not come out as
    2.000000000000001. Above it the mean over a fixed sample, to two digits.
    """
    if level == 1:
        first = target.first
        firing = tail(first.thresholds / first.latent_weights.norm(dim=-1)).mean(dim=(0, 1)).sum()
        return float(f"{float(firing):.9g}")
    generators = streams([0], "active on average")
    counts = [
        (target.sample_codes(generators, COUNTED)[level - 1] > 0).sum(dim=-1).double().mean() for _ in range(BLOCKS)
    ]
    return float(f"{float(sum(counts)) / BLOCKS:.2g}")
