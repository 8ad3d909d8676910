"""``sweep``: make the trials of statements side by side, over sizes of one's own, and judge them."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from itertools import product
from os import cpu_count
from pathlib import Path

import click

from fsrcheck.commands import options
from fsrcheck.commands.gathering import with_trials
from fsrcheck.commands.options import WORKER_REGISTRY, current_registry, print_json, seed_or_fresh
from fsrcheck.commands.progress import shown
from fsrcheck.commands.results import print_result
from fsrcheck.commands.tables import print_exact, print_table
from fsrcheck.errors import InputError
from fsrcheck.runs.checking import Checker
from fsrcheck.runs.environment import resolve_device
from fsrcheck.runs.executors import dask_cluster, processes
from fsrcheck.runs.result import ExitCode, overall_exit_code
from fsrcheck.runs.sweeping import FAILURES, Failure, Sweep
from fsrcheck.runs.trying import Laboratory
from fsrcheck.runs.unfinished import WORK_FOLDER, require_folder
from fsrcheck.statement import Statement, parse_settings


def parse_grid(context: click.Context, parameter: click.Parameter, words: Sequence[str]) -> dict[str, list[str]]:
    """Turn ``name=value,value`` words into a mapping (a click callback).

    Raises:
        InputError: a word without ``=`` or without values, or a name given twice.
    """
    found: dict[str, list[str]] = {}
    for word in words:
        name, _, values = word.partition("=")
        if not name or not values or not all(values.split(",")):
            raise InputError(f"--grid must be given as name=value,value, got {word!r}")
        if name in found:
            raise InputError(f"--grid must name each parameter once, got {name!r} twice")
        found[name] = values.split(",")
    return found


@click.command("sweep")
@click.argument("names", metavar="[ID]...", nargs=-1)
@click.option(
    "--grid",
    metavar="NAME=V,V,...",
    multiple=True,
    callback=parse_grid,
    help="Put these values into every case; repeatable, all combinations are run.",
)
@click.option("--trials", type=click.IntRange(min=1), help="Trials of each case; those of the scale if not given.")
@options.scale_option
@options.seed_option
@options.device_option
@click.option("--jobs", type=click.IntRange(min=1), help="Processes; as many as there are cores if not given.")
@click.option("--scheduler", metavar="ADDRESS", help="Run on the Dask cluster of this scheduler instead.")
@click.option(
    "--store",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=WORK_FOLDER / "sweep",
    show_default=True,
    help="Keep trials and failures here: the same command with the same --seed goes on with them.",
)
@click.option("--retry-failed", is_flag=True, help="Run cells again that failed before.")
@options.json_option
@click.pass_context
def sweep(
    context: click.Context,
    names: tuple[str, ...],
    grid: dict[str, list[str]],
    trials: int | None,
    scale: str,
    seed: int | None,
    device: str,
    jobs: int | None,
    scheduler: str | None,
    folder: Path,
    retry_failed: bool,
    as_json: bool,
) -> None:
    """Make the trials of statements side by side, and judge them.

    All statements that make trials if none is named. A sweep that was stopped goes on where it was; a cell that raised is
    kept with its traceback and is not judged. Exit codes are those of `check`, and 1 if a cell failed.
    """
    registry = current_registry()
    statements = [varied(statement, scale, grid, trials) for statement in with_trials(registry, names)]
    place = resolve_device(device)
    require_folder(folder)
    executor, workers = chosen_executor(jobs, scheduler)
    chosen = seed_or_fresh(seed)

    def checker(laboratory: Laboratory) -> Checker:
        return Checker(registry, laboratory, registry.budget, chosen, scale)

    with shown(as_json) as progress:
        work = Sweep(WORKER_REGISTRY, executor, workers, folder, place, retry_failed, progress)
        requests = {statement.id: checker(Laboratory(place)).requests(statement) for statement in statements}
        failures = work.run(requests)
    failed = {failure.statement for failure in failures}
    results = [
        checker(Laboratory(place, work.store(statement))).check(statement)
        for statement in statements
        if statement.id not in failed
    ]
    if as_json:
        print_json({"results": [result.to_json() for result in results], "failed": [vars(f) for f in failures]})
    else:
        for result in results:
            print_result(result)
        print_failures(failures, folder)
        print_exact(f"seed {chosen}, trials in {folder}")
    context.exit(ExitCode.UNEXPECTED if failures else overall_exit_code(results))


def chosen_executor(jobs: int | None, scheduler: str | None) -> tuple[Callable[[], Executor], int]:
    """What makes executors, and how many cells run at once.

    Raises:
        InputError: both are given, or there is no such scheduler.
    """
    if scheduler is None:
        workers = jobs or cpu_count() or 1
        return partial(processes, workers), workers
    if jobs is not None:
        raise InputError("--jobs must be left out with --scheduler, whose cluster has workers of its own")
    return dask_cluster(scheduler)


def varied(statement: Statement, scale: str, grid: Mapping[str, Sequence[str]], trials: int | None) -> Statement:
    """The statement with every combination of the grid's values put into every case; without controls if there is a grid.

    Controls break nominal cases, which a grid replaces.

    Raises:
        InputError: an unknown parameter, or a value it cannot have.
    """
    if trials is not None:
        statement = replace(statement, trials={**statement.trials, scale: trials})
    if not grid:
        return statement
    combinations = [
        parse_settings(statement.parameters, dict(zip(grid, values, strict=True))) for values in product(*grid.values())
    ]
    cases = [replace(case, **values) for case in statement.cases_at(scale) for values in combinations]
    return replace(statement, cases={scale: tuple(dict.fromkeys(cases))}, controls=())


def print_failures(failures: Sequence[Failure], folder: Path) -> None:
    """The cells that failed, one row each."""
    if failures:
        rows = [(failure.statement, str(len(failure.seeds)), failure.cause) for failure in failures]
        print_table(("failed", "trials", "cause"), rows)
        print_exact(f"tracebacks in {folder / FAILURES}; --retry-failed runs them again")
