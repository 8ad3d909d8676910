"""Where a run took place: versions, hardware, seed, and the one command that repeats all of it."""

import platform
import shlex
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from fsrcheck.registry import Registry
from fsrcheck.report.numbers import word, words
from fsrcheck.runs.environment import versions
from fsrcheck.runs.result import StatementResult

DEDUCING_AND_DRAWING = ("sympy", "python-flint", "matplotlib")  # no number of a trial comes from these


def all_versions() -> dict[str, str]:
    """Versions of Python and of every package that a verdict or a plot of the page comes from."""
    return {**versions(), **{name: _version(name) for name in DEDUCING_AND_DRAWING}}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def run_facts(results: Sequence[StatementResult]) -> dict[str, str]:
    """What the run was made with, by name."""
    settings = list(dict.fromkeys(word(dict(found.settings)) for found in results if found.settings))
    targets = list(dict.fromkeys(str(found.target) for found in results if found.target))
    return {
        "Scale": words(found.scale for found in results) or "–",
        "Seed": words(found.seed for found in results) or "–",
        "Hardware": words(found.device for found in results) or "–",
        "System": f"{platform.system()} on {platform.machine()}",
        **({"Set by hand": "; ".join(settings)} if settings else {}),
        **({"Target": ", ".join(targets)} if targets else {}),
        "Trials": word(sum(found.trials for found in results)),
        **all_versions(),
    }


def replay_all(results: Sequence[StatementResult], registry: Registry) -> str:
    """The command that repeats the whole run; empty if no single one does: not all statements, several seeds, own settings."""
    kinds = {(found.scale, found.seed, found.device_kind) for found in results}
    own = any(found.settings or found.target for found in results)
    if len(kinds) != 1 or own or len(results) != len(registry.statements):
        return ""
    ((scale, seed, device),) = kinds
    return shlex.join(["fsrcheck", "report", "--scale", scale, "--seed", str(seed), "--device", device])
