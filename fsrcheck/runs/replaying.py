"""The commands that repeat a check, or a single trial, to the last digit."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NOTHING_SET: Mapping[str, str] = {}


def check_command(
    statement_id: str,
    scale: str,
    seed: int,
    device: str,
    settings: Mapping[str, str] = NOTHING_SET,
    target: Path | None = None,
) -> str:
    """The command that repeats a check; the device is ``cpu`` or ``cuda``, since they differ in the last digits."""
    words = ["fsrcheck", "check", statement_id, "--scale", scale, "--seed", str(seed), "--device", device]
    words += _assignments(settings)
    if target is not None:
        words += ["--target", str(target)]
    return shlex.join(words)


def trial_command(statement_id: str, parameters: Mapping[str, Any], trial_seed: int, device: str) -> str:
    """The command that runs one trial again; every parameter is given, whatever the statement's cases are."""
    words = ["fsrcheck", "replay", statement_id, "--trial-seed", str(trial_seed), "--device", device]
    return shlex.join([*words, *_assignments(parameters)])


def _assignments(values: Mapping[str, Any]) -> list[str]:
    return [word for name, value in values.items() for word in ("--set", f"{name}={value}")]
