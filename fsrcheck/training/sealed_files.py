"""Files of tensors and plain values that are whole or refused, and that only the run they are of goes on from.

A file is one line, a magic word with the SHA-256 of the rest, and then a ``torch.save`` of dictionaries, lists, numbers, words
and tensors. It is read with ``weights_only``, so that no object is unpickled, and written aside and then moved: a killed run
leaves the last whole one. Tensors keep their strides, on which the last bits of a product may depend.
"""

import io
import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from fsrcheck.errors import InputError

UNREADABLE = (AttributeError, EOFError, KeyError, RuntimeError, TypeError, ValueError, pickle.UnpicklingError)
"""What reading a file whose content is not as expected may raise."""
SHOWN = 60  # characters of a value in a complaint


@dataclass(frozen=True)
class SealedFile:
    """One such file.

    Attributes:
        path: of the file.
        magic: its first bytes.
        kind: of which run it holds the state, for complaints.
    """

    path: Path
    magic: bytes
    kind: str

    def write(self, content: Mapping[str, Any]) -> None:
        """Write plain values and tensors; readers see the old or the new file, never half of one.

        Raises:
            OSError: it cannot be written.
        """
        stream = io.BytesIO()
        torch.save(dict(content), stream)
        payload = stream.getvalue()
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with temporary.open("wb") as file:
            file.write(self.magic + sha256(payload).hexdigest().encode() + b"\n" + payload)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.path)

    def read(self, device: torch.device | str) -> Any:
        """What was written, tensors on ``device``; None without a file.

        Raises:
            InputError: the file cannot be read, is torn or something else.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"checkpoint {self.path} must be a file that can be read, got: {error.strerror}") from None
        payload = self._payload(content)
        try:
            return torch.load(io.BytesIO(payload), map_location=device, weights_only=True)
        except UNREADABLE as error:
            raise self.unfit(error) from None

    def unfit(self, error: Exception) -> InputError:
        """The complaint about a whole file with another content."""
        return InputError(f"checkpoint {self.path} must hold a run of {self.kind}, got: {type(error).__name__}")

    def require_same(self, here: Mapping[str, Any], there: Mapping[str, Any]) -> None:
        """Compare what this run follows from with what the run in the file does.

        Raises:
            InputError: they differ; the line says in what.
        """
        different = [
            f"{name} {_shown(there, name)} there and {_shown(here, name)} here"
            for name in {**here, **there}
            if (name in there, there.get(name)) != (name in here, here.get(name))
        ]
        if different:
            raise InputError(f"checkpoint {self.path} must be of this run, got another: {'; '.join(different)}")

    def _payload(self, content: bytes) -> bytes:
        head, _, payload = content.partition(b"\n")
        if not head.startswith(self.magic):
            raise InputError(f"checkpoint {self.path} must be a checkpoint of {self.kind}, got something else")
        if head != self.magic + sha256(payload).hexdigest().encode():
            raise InputError(f"checkpoint {self.path} must be whole, got a torn or damaged file")
        return payload


def _shown(values: Mapping[str, Any], name: str) -> str:
    text = repr(values[name]) if name in values else "missing"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
