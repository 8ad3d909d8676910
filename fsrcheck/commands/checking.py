"""``check`` and ``replay``: run statements, or a single trial of one."""

from contextlib import closing
from pathlib import Path

import click

from fsrcheck.commands import options
from fsrcheck.commands.options import RunOptions, current_registry, print_json, selected
from fsrcheck.commands.results import print_result, print_trial
from fsrcheck.errors import InputError
from fsrcheck.runs.environment import resolve_device
from fsrcheck.runs.records import trial_to_json
from fsrcheck.runs.result import StatementResult, overall_exit_code
from fsrcheck.runs.trying import Laboratory


@click.command("check")
@click.argument("names", metavar="[ID]...", nargs=-1)
@options.scale_option
@options.seed_option
@options.set_option
@options.device_option
@options.target_option
@click.option("--store", type=click.Path(path_type=Path), metavar="FILE", help="Keep trials here; take those it has.")
@click.option(
    "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes, a statement at a time each."
)
@options.json_option
@click.pass_context
def check(
    context: click.Context,
    names: tuple[str, ...],
    scale: str,
    seed: int | None,
    settings: dict[str, str],
    device: str,
    target: Path | None,
    store: Path | None,
    jobs: int,
    as_json: bool,
) -> None:
    """Check statements (all of them if none is named).

    Exit code 0: every verdict is the expected one; 1: one is not; 2: bad input; 3: inconclusive.
    """
    registry = current_registry()
    statements = selected(registry, names)
    run = RunOptions(scale, seed, device, settings, target, store, quiet=as_json, jobs=jobs)
    found: list[StatementResult] = []
    with closing(run.check(registry, statements)) as results:
        for result in results:
            found.append(result)
            if not as_json:
                print_result(result)
    if as_json:
        print_json([result.to_json() for result in found])
    context.exit(overall_exit_code(found))


@click.command("replay")
@click.argument("name", metavar="ID")
@click.option(
    "--trial-seed",
    type=click.IntRange(min=0),
    required=True,
    help="Seed of the trial, as a failure names it.",
)
@options.scale_option
@options.set_option
@options.device_option
@options.target_option
@options.json_option
def replay(
    name: str,
    trial_seed: int,
    scale: str,
    settings: dict[str, str],
    device: str,
    target: Path | None,
    as_json: bool,
) -> None:
    """Run one trial of a statement and print what it measured, unjudged.

    The parameters are those of the statement's first case, with the values of --set put in.
    """
    statement = current_registry().find(name)
    if not statement.needs_trials:
        raise InputError(f"{statement.id} has no trial to replay: it needs none")
    parameters = statement.cases_at(scale, settings, target)[0]
    trial = Laboratory(resolve_device(device)).run(statement, parameters, [trial_seed])[0]
    if as_json:
        print_json(trial_to_json(trial))
    else:
        print_trial(trial)
