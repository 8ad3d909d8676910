"""Fits the constants of a statement on calibration seeds and keeps them in the paper's data file."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsrcheck.errors import FsrcheckError, InputError, RecordError
from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.constants import Constant, Provenance, Range, calibration_trials, freeze
from fsrcheck.evidence.trial import Trial
from fsrcheck.runs.environment import versions
from fsrcheck.runs.records import write_atomically
from fsrcheck.runs.replaying import trial_command
from fsrcheck.runs.seeds import calibration_seeds
from fsrcheck.runs.trying import Laboratory
from fsrcheck.statement import Paper, Statement


@dataclass(frozen=True)
class Calibration:
    """Fitted constants of one statement with the seed that gave them."""

    statement: Statement
    seed: int
    constants: tuple[Constant, ...]


def fitted_claims(statement: Statement) -> list[Bound]:
    """The claims whose constant the statement does not declare, so that it must be fitted."""
    declared = {constant.name for constant in statement.constants}
    return [claim for claim in statement.claims if isinstance(claim, Bound) and claim.constant not in declared]


def calibrate(statement: Statement, seed: int, laboratory: Laboratory) -> Calibration:
    """Fit every constant of a statement over its calibration cases.

    The cases are those of scale ``calibration`` if the statement has them and of ``quick`` otherwise.

    Raises:
        InputError: the statement has nothing to fit.
        FsrcheckError: a trial whose premises fail or that has no finite result (named with the command that runs
            it again), or a claim that cannot be fitted.
    """
    claims = fitted_claims(statement)
    if not claims:
        raise InputError(f"{statement.id} has no constant to fit")
    ratios: dict[str, list[tuple[Any, list[float]]]] = {claim.constant: [] for claim in claims}
    for parameters in statement.cases.get("calibration", statement.cases["quick"]):
        wanted = [claim for claim in claims if claim.where.admits(parameters)]
        if not wanted:
            continue
        trials = _trials(statement, seed, parameters, laboratory)
        for claim in wanted:
            ratios[claim.constant].append((parameters, _ratios(statement, seed, claim, parameters, trials)))
    return Calibration(statement, seed, tuple(_frozen(statement, seed, c, ratios[c.constant]) for c in claims))


def _trials(statement: Statement, seed: int, parameters: Any, laboratory: Laboratory) -> list[Trial]:
    """The calibration trials of one case, all of which must meet the premises."""
    seeds = calibration_seeds(seed, f"{statement.id}|{parameters}", calibration_trials())
    trials = laboratory.run(statement, parameters, seeds)
    for trial in trials:
        if failed := trial.failed_premises():
            raise _failure(statement, seed, f"premises must hold in calibration, got {failed} failing", trial)
    return trials


def _ratios(statement: Statement, seed: int, claim: Bound, parameters: Any, trials: Sequence[Trial]) -> list[float]:
    try:
        ratios = [claim.ratio(trial, parameters) for trial in trials]
    except ValueError as error:  # a shape that is not positive, whatever the trial
        raise _failure(statement, seed, str(error)) from error
    for trial, ratio in zip(trials, ratios, strict=True):
        if not math.isfinite(ratio):
            raise _failure(statement, seed, f"{claim.measured!r} / shape must be finite, got {ratio}", trial)
    return ratios


def _frozen(statement: Statement, seed: int, claim: Bound, ratios: Sequence[tuple[Any, Sequence[float]]]) -> Constant:
    try:
        return freeze(claim.constant, ratios, upper=claim.upper, note=claim.text)
    except ValueError as error:
        raise _failure(statement, seed, str(error)) from error


def _failure(statement: Statement, seed: int, problem: str, trial: Trial | None = None) -> FsrcheckError:
    again = f"; {trial_command(trial.statement, trial.parameters, trial.seed, trial.device)}" if trial else ""
    return FsrcheckError(f"{statement.id} was not calibrated with seed {seed}: {problem}{again}")


def load_constants(paper: Paper, statement: Statement) -> list[Constant]:
    """The fitted constants of a statement from its paper's data file; none if it was never calibrated.

    Raises:
        RecordError: the data file is not what ``fsrcheck calibrate`` writes.
    """
    entry = _read(paper.constants_file).get(statement.id)
    if entry is None:
        return []
    try:
        return [_constant_from_json(name, item) for name, item in entry["constants"].items()]
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{paper.constants_file}: entry {statement.id!r} is not a calibration ({error})") from None


def save_constants(paper: Paper, calibration: Calibration) -> Path:
    """Write the constants of one statement into its paper's data file, leaving the others as they are.

    Raises:
        InputError: the paper names no data file.
    """
    if paper.constants_file is None:
        raise InputError(f"paper {paper.id!r} names no file for its constants")
    content = dict(_read(paper.constants_file))
    content[calibration.statement.id] = {
        "seed": calibration.seed,
        "versions": versions(),
        "constants": {constant.name: _constant_to_json(constant) for constant in calibration.constants},
    }
    write_atomically(paper.constants_file, json.dumps(content, indent=1, sort_keys=True) + "\n")
    return paper.constants_file


def _read(path: Path | None) -> Mapping[str, Any]:
    if path is None or not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError:
        content = None
    if not isinstance(content, dict):
        raise RecordError(f"{path} must be a JSON object of constants; `fsrcheck calibrate` writes it")
    return content


def _constant_to_json(constant: Constant) -> dict[str, Any]:
    spans = {name: list(span.words) if span.words else [span.low, span.high] for name, span in constant.ranges.items()}
    return {"value": constant.value, "note": constant.note, "trials": constant.trials, "ranges": spans}


def _constant_from_json(name: str, item: Mapping[str, Any]) -> Constant:
    ranges = {
        key: Range(words=tuple(span)) if isinstance(span[0], str) else Range(low=span[0], high=span[1])
        for key, span in item["ranges"].items()
    }
    if int(item["trials"]) < calibration_trials():
        raise ValueError(f"{name!r} must rest on >= {calibration_trials()} trials, got {item['trials']}")
    return Constant(name, float(item["value"]), Provenance.FITTED, item["note"], int(item["trials"]), ranges)
