"""The instances that the statements of this paper run on: their parameters, their construction, their premises."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from fsrcheck.errors import InputError
from fsrcheck.gaussian import tail
from fsrcheck.model.assumptions import measure_assumptions
from fsrcheck.model.families import FAMILIES
from fsrcheck.model.premises import AssumptionConstants, premises
from fsrcheck.model.target import TargetNetwork
from fsrcheck.model.target_files import load_target

FROM_FILE = "file"


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
        if self.family not in (*FAMILIES, FROM_FILE):
            raise InputError(f"family must be one of {', '.join(sorted(FAMILIES))}, got {self.family!r}")
        if self.num_channels < 2:
            raise InputError(f"num_channels must be at least 2, got {self.num_channels}")
        if not 0 < self.expected_active < self.num_channels:
            raise InputError(
                f"expected_active must be above 0 and below num_channels = {self.num_channels}, got {self.expected_active}"
            )
        if self.num_patches < 1:
            raise InputError(f"num_patches must be at least 1, got {self.num_patches}")

    @property
    def firing(self) -> float:
        """Pr[S_p > 0]."""
        return self.expected_active / self.num_channels


def build_target(parameters: TargetParameters, seeds: Sequence[int], device: str, **extra: Any) -> TargetNetwork:
    """One target per seed; a target from a file is the same for every seed.

    ``extra`` goes to the family as it is (the number of levels, say).
    """
    if parameters.family == FROM_FILE:
        return repeated(load_target(parameters.target, device), len(seeds))
    given = {name: value for name in ("correlation", "coherence") if (value := getattr(parameters, name))}
    return FAMILIES[parameters.family](
        parameters.num_channels,
        parameters.expected_active,
        seeds=seeds,
        num_patches=parameters.num_patches,
        device=device,
        **given,
        **extra,
    )


def repeated(target: TargetNetwork, batch: int) -> TargetNetwork:
    """The single instance of ``target``, ``batch`` times without copying.

    Raises:
        InputError: the target holds several instances.
    """
    if target.batch_size != 1:
        raise InputError(f"a target of your own must hold 1 instance, got {target.batch_size}")
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
    ``fsrcheck.model.premises``."""
    measured = measure_assumptions(target, seeds=seeds)
    margins = premises(measured, AssumptionConstants.defaults(parameters.expected_active, measured.patch_dim))
    return [{name: float(values[i]) for name, values in margins.items()} for i in range(len(seeds))]


def adopt(parameters: Any, path: Path) -> Any:
    """The given parameters with the family and sizes of a target read from a file.

    Raises:
        InputError: the file is not a target of one instance.
    """
    first = repeated(load_target(path), 1).first
    firing = tail(first.thresholds / first.latent_weights.norm(dim=-1)).mean()
    _, num_patches, num_channels = first.thresholds.shape
    return replace(
        parameters,
        family=FROM_FILE,
        target=str(path),
        num_channels=num_channels,
        num_patches=num_patches,
        expected_active=float(firing) * num_channels,
    )
