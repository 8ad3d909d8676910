"""``calibrate``: fit constants and freeze them in the paper's data file."""

import os
from pathlib import Path
from typing import Any

import click

from fsrcheck.commands import options
from fsrcheck.commands.listing import print_constants
from fsrcheck.commands.options import current_registry, print_json, seed_or_fresh, selected
from fsrcheck.commands.progress import shown
from fsrcheck.commands.tables import print_exact, print_line
from fsrcheck.errors import InputError
from fsrcheck.registry import Registry
from fsrcheck.runs.calibration import Calibration, calibrate, fitted_claims, save_constants
from fsrcheck.runs.code_digest import trials_digest
from fsrcheck.runs.environment import resolve_device
from fsrcheck.runs.trying import Laboratory
from fsrcheck.runs.unfinished import Unfinished, require_folder
from fsrcheck.statement import Statement


@click.command("calibrate")
@click.argument("names", metavar="[ID]...", nargs=-1)
@options.seed_option
@options.device_option
@options.work_option
@options.json_option
def calibrate_statements(names: tuple[str, ...], seed: int | None, device: str, folder: Path, as_json: bool) -> None:
    """Fit the constants of statements (of all that have some if none is named) and write them down.

    Calibration seeds and the seeds of `check` never meet, whatever --seed is.
    """
    registry = current_registry()
    statements = _with_constants(registry, names)
    files = {statement.id: constants_file(registry, statement) for statement in statements}
    place = resolve_device(device)
    require_folder(folder)
    chosen = seed_or_fresh(seed)
    saved = []
    for statement in statements:
        work = _work(statement, chosen, place, folder)
        with shown(as_json) as progress:
            found = calibrate(statement, chosen, Laboratory(place, work.trials(), progress))
        save_constants(registry.paper(statement), found)
        work.finish()
        saved.append(_to_json(found, files[statement.id]))
        if not as_json:
            _print(found, files[statement.id])
    if as_json:
        print_json(saved)


def constants_file(registry: Registry, statement: Statement) -> Path:
    """The data file of a statement's paper.

    Raises:
        InputError: the paper names none, or it cannot be written: said before the trials are made, not after.
    """
    path = registry.paper(statement).constants_file
    if path is None:
        raise InputError(f"paper {statement.paper!r} names no file for its constants")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"folder of the constants must be writable, got {str(path.parent)!r}")
    return path


def _with_constants(registry: Registry, names: tuple[str, ...]) -> list[Statement]:
    statements = selected(registry, names)
    for statement in statements if names else ():
        if not fitted_claims(statement):
            raise InputError(f"{statement.id} has no constant to fit")
    return [statement for statement in statements if fitted_claims(statement)]


def _work(statement: Statement, seed: int, device: str, folder: Path) -> Unfinished:
    code = trials_digest(statement)
    return Unfinished(folder / f"calibrate-{statement.id}-{device}-{seed}-{code}", code)


def _to_json(found: Calibration, path: Path) -> dict[str, Any]:
    constants = [
        {
            "name": constant.name,
            "value": constant.value,
            "provenance": constant.provenance.name.lower(),
            "trials": constant.trials,
            "ranges": {name: str(span) for name, span in constant.ranges.items()},
        }
        for constant in found.constants
    ]
    return {"id": found.statement.id, "seed": found.seed, "file": str(path), "constants": constants}


def _print(found: Calibration, path: Path) -> None:
    print_line(f"{found.statement.id}  {found.statement.label}", style="bold")
    print_constants(list(found.constants))
    print_exact(f"seed {found.seed}, written to {path}\n", indent=2)
