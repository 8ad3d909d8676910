"""A run of ``fsrcheck learn``: begun or gone on with, kept while it is under way, and written down."""

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fsrcheck.errors import InputError
from fsrcheck.model.target import TargetNetwork
from fsrcheck.model.target_files import save_target
from fsrcheck.runs.records import write_atomically
from fsrcheck.runs.unfinished import require_folder
from fsrcheck.training.minmax_files import Checkpoint
from fsrcheck.training.minmax_gan import Progress, State, learn
from lemmas.fsr.learn_account import GENERATOR, account, markdown
from lemmas.fsr.learn_inputs import Inputs

ACCOUNT, READABLE = "account.json", "account.md"


def learned_account(
    inputs: Inputs, out: Path, checkpoint: Path, progress: Progress, resumed: Callable[[State], None]
) -> dict[str, Any]:
    """Run or go on, write generator and account into ``out``, and return the account.

    The checkpoint stays, so that the same run is not made twice; ``resumed`` is called if there was one.

    Raises:
        InputError: before anything is run or written, if ``out`` or the checkpoint holds another run or cannot be written; too few
            samples to see every channel.
    """
    run = inputs.fingerprint()
    require_own(out, run)
    kept = Checkpoint(checkpoint, run, inputs.samples.device)
    reached = kept.load()
    for folder in (out, checkpoint.parent):
        require_folder(folder)
    if reached.state.history:
        resumed(reached.state)
    begin = time.monotonic() - reached.seconds
    learned = learn(
        inputs.samples,
        inputs.structure,
        inputs.settings,
        seeds=inputs.seeds,
        state=reached.state,
        save=lambda state: kept.save(state, time.monotonic() - begin),
        progress=progress,
    )
    told = account(learned, inputs, time.monotonic() - begin, run)
    _write(learned.network, told, out)
    return told


def require_own(out: Path, run: Mapping[str, Any]) -> None:
    """See that a folder has no generator or account of another run.

    Raises:
        InputError: it has.
    """
    there = [name for name in (GENERATOR, ACCOUNT, READABLE) if (out / name).exists()]
    if there and _run_of(out / ACCOUNT) != json.loads(json.dumps(run)):
        raise InputError(
            f"--out must be a folder without files of another run, got {str(out)!r} with {', '.join(there)}"
        )


def _run_of(path: Path) -> Any:
    """The fingerprint in an account; None if there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))["run"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(network: TargetNetwork, told: Mapping[str, Any], out: Path) -> None:
    """The account last: where it is whole, all is."""
    temporary = out / f".{GENERATOR}.{os.getpid()}"
    save_target(network, temporary)
    write_atomically(out / READABLE, markdown(told))
    os.replace(temporary, out / GENERATOR)
    write_atomically(out / ACCOUNT, json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
