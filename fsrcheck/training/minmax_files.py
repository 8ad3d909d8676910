"""Checkpoints of Algorithm 4: where a run stands, in a file that only the same run goes on from.

See ``sealed_files`` for what such a file is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from fsrcheck.model.target import FirstLevel, HigherLevel
from fsrcheck.training.level_samples import LevelSamples, chunks
from fsrcheck.training.minmax_gan import HandOver, MinmaxGan, State
from fsrcheck.training.minmax_settings import MinmaxSettings, Structure
from fsrcheck.training.minmax_stages import Start
from fsrcheck.training.sealed_files import UNREADABLE, SealedFile

MAGIC = b"fsrcheck checkpoint 1 "
FIRST_SAMPLES = 8
_KINDS = {kind.__name__: kind for kind in (State, HandOver, Start, FirstLevel, HigherLevel)}


def fingerprint(
    samples: LevelSamples,
    structure: Structure,
    settings: MinmaxSettings,
    seeds: Sequence[int],
    origin: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What a run follows from, as plain values by name: sizes, every setting, seeds, units, and what is known of the samples.

    The units depend on the first ``minmax_gan.UNIT_SAMPLES`` samples. What else is known of where samples are from, such as a
    digest of their file, goes into ``origin``.

    Raises:
        InputError: sizes or seeds that do not fit the samples.
    """
    units = MinmaxGan(samples, structure, settings, seeds).units
    values = {
        **asdict(structure),
        **asdict(settings),
        "seeds": seeds,
        "num_samples": samples.num_samples,
        "shapes": samples.shapes,
        "device": samples.device.type,
        "first_samples": _digest_of_first(samples),
        "units": units.tolist(),
        **(origin or {}),
    }
    return {name: _plain(value) for name, value in values.items()}


@dataclass(frozen=True)
class Reached:
    """What a checkpoint holds: the state, and the seconds that all runs together took to get there."""

    state: State = field(default_factory=State)
    seconds: float = 0.0


@dataclass(frozen=True)
class Checkpoint:
    """The checkpoint of one run.

    Attributes:
        path: of the file.
        fingerprint: of the run, see ``fingerprint``.
        device: where tensors are put.
    """

    path: Path
    fingerprint: Mapping[str, Any]
    device: torch.device | str = "cpu"

    def load(self) -> Reached:
        """Where the run stands; at the beginning if there is no file.

        Raises:
            InputError: the file is torn or something else, or of another run; the line says what differs.
        """
        found = self._file.read(self.device)
        if found is None:
            return Reached()
        try:
            there, reached = dict(found["fingerprint"]), Reached(_restored(found["state"]), found["seconds"])
        except UNREADABLE as error:
            raise self._file.unfit(error) from None
        self._file.require_same(self.fingerprint, there)
        return reached

    def save(self, state: State, seconds: float = 0.0) -> None:
        """Write where the run stands; readers see the old or the new file, never half of one.

        Raises:
            OSError: it cannot be written.
        """
        self._file.write({"fingerprint": dict(self.fingerprint), "state": _plain(state), "seconds": seconds})

    @property
    def _file(self) -> SealedFile:
        return SealedFile(self.path, MAGIC, "Algorithm 4")


def _digest_of_first(samples: LevelSamples) -> str:
    levels = range(1, len(samples.shapes) + 1)
    first = next(chunks(samples, levels, limit=FIRST_SAMPLES))
    return sha256(b"".join(level.cpu().contiguous().numpy().tobytes() for level in first)).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """Dataclasses as dictionaries that name their kind, sequences as lists; the rest as it is."""
    if is_dataclass(value):
        entries = {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
        return {"kind": type(value).__name__, **entries}
    return [_plain(item) for item in value] if isinstance(value, list | tuple | range) else value


def _restored(value: Any) -> Any:
    """The inverse of ``_plain``, with tuples for lists."""
    if isinstance(value, dict):
        entries = {name: _restored(item) for name, item in value.items() if name != "kind"}
        return _KINDS[value["kind"]](**entries)
    return tuple(_restored(item) for item in value) if isinstance(value, list) else value
