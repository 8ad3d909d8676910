"""``gather``: check statements under many fresh seeds and store how they came out."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from fsrcheck.commands import options
from fsrcheck.commands.options import current_registry, print_json, seed_or_fresh, selected
from fsrcheck.commands.progress import shown
from fsrcheck.commands.tables import print_exact, print_fields, print_line, print_table
from fsrcheck.errors import InputError
from fsrcheck.registry import Registry
from fsrcheck.report.numbers import interval
from fsrcheck.runs.environment import resolve_device
from fsrcheck.runs.gathering import Gathering, gather_side_by_side
from fsrcheck.runs.result import ExitCode
from fsrcheck.runs.stored import StoredEvidence, read_evidence
from fsrcheck.runs.tasks import Showing
from fsrcheck.runs.unfinished import require_folder
from fsrcheck.statement import Statement


@click.command("gather")
@click.argument("names", metavar="[ID]...", nargs=-1)
@click.option("--runs", type=click.IntRange(min=1), default=300, show_default=True, help="Checks of each statement.")
@options.scale_option
@options.seed_option
@options.device_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports/evidence.jsonl"),
    show_default=True,
    help="File to add the counts to.",
)
@options.work_option
@options.jobs_option
@options.json_option
@click.pass_context
def gather(
    context: click.Context,
    names: tuple[str, ...],
    runs: int,
    scale: str,
    seed: int | None,
    device: str,
    out: Path,
    folder: Path,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Check statements many times under fresh seeds, and count false alarms and caught controls.

    All statements that make trials if none is named. Counts of other seeds by the same code add up in the file; a
    seed that is there is not counted again. Exit code 1 if there is a false alarm.
    """
    registry = current_registry()
    statements = with_trials(registry, names)
    place = resolve_device(device)
    require_evidence_file(out)
    require_folder(folder)
    chosen = seed_or_fresh(seed)
    gathering = Gathering(registry, place, chosen, runs, scale, folder)
    workers = min(jobs or options.usual_jobs(registry, place), len(statements))
    found = []
    with closing(gathered(gathering, statements, out, workers, partial(shown, as_json))) as lines:
        for evidence in lines:
            found.append(evidence)
            if not as_json:
                _print(evidence)
    if as_json:
        places = {statement.id: place for place, statement in enumerate(statements)}
        print_json([evidence.to_json() for evidence in sorted(found, key=lambda line: places[line.statement])])
    else:
        print_exact(f"seed {chosen}, added to {out}")
    alarmed = any(evidence.false_alarms for evidence in found)
    context.exit(ExitCode.UNEXPECTED if alarmed else ExitCode.EXPECTED)


def gathered(
    gathering: Gathering, statements: Sequence[Statement], out: Path, workers: int, shown: Showing
) -> Generator[StoredEvidence, None, None]:
    """The statements' lines in the file ``out``: made in this process, in turn, or in several, as they are there."""
    if workers > 1:
        yield from gather_side_by_side(options.WORKER_REGISTRY, gathering, statements, out, workers, shown)
        return
    for statement in statements:
        with shown() as progress:
            line = replace(gathering, progress=progress).gather(statement, out)
        yield line


def require_evidence_file(out: Path) -> None:
    """See that evidence can be added to a file; to be called before a long run.

    Raises:
        InputError: it is no file, or its folder cannot be written.
        RecordError: it holds something else.
    """
    if out.is_dir():
        raise InputError(f"evidence must go to a file, got the folder {str(out)!r}")
    require_folder(out.parent)
    if out.exists():
        read_evidence(out)


def with_trials(registry: Registry, names: tuple[str, ...]) -> list[Statement]:
    """The named statements, or all that make trials.

    Raises:
        InputError: an unknown name, or a named statement that makes none.
    """
    statements = selected(registry, names)
    for statement in statements if names else ():
        if not statement.needs_trials:
            raise InputError(f"{statement.id} needs no trials: every run of it is the same")
    return [statement for statement in statements if statement.needs_trials]


def _print(found: StoredEvidence) -> None:
    share = interval(found.share_of_alarms)
    print_line(found.statement, style="bold")
    print_fields(
        [
            ("runs", f"{found.runs}, {found.as_expected} of them {found.expected} as expected"),
            ("false alarms", f"{found.false_alarms}, share {share}"),
            ("inconclusive", str(found.inconclusive)),
            ("trials", f"{found.trials}, scale {found.scale}, {', '.join(found.hardware)}"),
        ]
    )
    print_table(
        ("control", "caught", "share, 95 % limits"),
        [
            (name, f"{found.caught(name)} of {found.runs}", interval(found.share_caught(name)))
            for name in found.controls
        ],
    )
    for command in found.replays:
        print_exact(f"false alarm: {command}", indent=2)
    print_line()
