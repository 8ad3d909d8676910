"""Checkpoints of Algorithm 4: where a run stands, in a file that only the same run goes on from.

A file is one line, ``fsrcheck checkpoint 1 DIGEST``, and after it a ``torch.save`` of dictionaries, lists, numbers, words and
tensors, whose SHA-256 is DIGEST. It is read with ``weights_only``, so that no object is unpickled, and written aside and then
moved: a killed run leaves the last whole one. Tensors keep their strides, on which the last bits of a product may depend.
"""

import io
import os
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from fsrcheck.errors import InputError
from fsrcheck.model.target import FirstLevel, HigherLevel
from fsrcheck.training.level_samples import LevelSamples, chunks
from fsrcheck.training.minmax_gan import HandOver, MinmaxGan, State
from fsrcheck.training.minmax_settings import MinmaxSettings, Structure
from fsrcheck.training.minmax_stages import Start

MAGIC = b"fsrcheck checkpoint 1 "
FIRST_SAMPLES = 8
SHOWN = 60  # characters of a value in a complaint
_KINDS = {kind.__name__: kind for kind in (State, HandOver, Start, FirstLevel, HigherLevel)}
_UNREADABLE = (AttributeError, EOFError, KeyError, RuntimeError, TypeError, ValueError, pickle.UnpicklingError)


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
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return Reached()
        except OSError as error:
            raise InputError(f"checkpoint {self.path} must be a file that can be read, got: {error.strerror}") from None
        found = self._content(content)
        self._require_same(found["fingerprint"])
        return Reached(found["state"], found["seconds"])

    def save(self, state: State, seconds: float = 0.0) -> None:
        """Write where the run stands; readers see the old or the new file, never half of one.

        Raises:
            OSError: it cannot be written.
        """
        stream = io.BytesIO()
        torch.save({"fingerprint": dict(self.fingerprint), "state": _plain(state), "seconds": seconds}, stream)
        payload = stream.getvalue()
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with temporary.open("wb") as file:
            file.write(MAGIC + sha256(payload).hexdigest().encode() + b"\n" + payload)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.path)

    def _content(self, content: bytes) -> dict[str, Any]:
        """Fingerprint, state and seconds."""
        head, _, payload = content.partition(b"\n")
        if not head.startswith(MAGIC):
            raise InputError(f"checkpoint {self.path} must be a checkpoint of Algorithm 4, got something else")
        if head != MAGIC + sha256(payload).hexdigest().encode():
            raise InputError(f"checkpoint {self.path} must be whole, got a torn or damaged file")
        try:
            found = torch.load(io.BytesIO(payload), map_location=self.device, weights_only=True)
            return {**found, "fingerprint": dict(found["fingerprint"]), "state": _restored(found["state"])}
        except _UNREADABLE as error:
            reason = type(error).__name__
            raise InputError(f"checkpoint {self.path} must hold a run of Algorithm 4, got: {reason}") from None

    def _require_same(self, other: Mapping[str, Any]) -> None:
        different = [
            f"{name} {_shown(other, name)} there and {_shown(self.fingerprint, name)} here"
            for name in {**self.fingerprint, **other}
            if (name in other, other.get(name)) != (name in self.fingerprint, self.fingerprint.get(name))
        ]
        if different:
            raise InputError(f"checkpoint {self.path} must be of this run, got another: {'; '.join(different)}")


def _shown(values: Mapping[str, Any], name: str) -> str:
    text = repr(values[name]) if name in values else "missing"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


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
