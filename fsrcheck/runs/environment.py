"""What a trial ran on: device, versions, and the files it read."""

import platform
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fsrcheck.errors import InputError

PACKAGES = ("fsrcheck", "numpy", "scipy", "torch")


def resolve_device(name: str) -> str:
    """Turn ``auto`` into ``cuda`` where a GPU is present and ``cpu`` elsewhere.

    Raises:
        InputError: an unknown device, or ``cuda`` where there is none.
    """
    import torch

    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"device must be auto, cpu or cuda, got {name!r}")
    present = torch.cuda.is_available()
    if name == "cuda" and not present:
        raise InputError("device must be cpu or auto where no CUDA device is present, got 'cuda'")
    return "cuda" if name == "cuda" or (name == "auto" and present) else "cpu"


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that produce numbers."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def hardware(device: str) -> str:
    """The hardware in words: the GPU's name, or the processor architecture and its number of threads used."""
    import torch

    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


def file_digests(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Digest of the content of every file that a parameter names, by parameter.

    A target of the user's own may change under its name; a text that names no file is only a word.
    """
    return {
        name: sha256(Path(value).read_bytes()).hexdigest()[:16]
        for name, value in parameters.items()
        if isinstance(value, str) and Path(value).is_file()
    }
