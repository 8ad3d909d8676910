"""``compare``: check statements and compare what came of it with the baseline."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from fsrcheck.commands import options
from fsrcheck.commands.options import RunOptions, current_registry, print_json, seed_or_fresh, selected
from fsrcheck.commands.tables import print_exact
from fsrcheck.errors import InputError
from fsrcheck.registry import Registry
from fsrcheck.report.comparison import comparison_markdown, not_compared_markdown
from fsrcheck.runs.baseline import (
    BASELINE,
    Baseline,
    BaselineError,
    KeptStatement,
    baseline_of,
    read_baseline,
    write_baseline,
)
from fsrcheck.runs.comparing import accepted, compare, compare_statement, require_scale
from fsrcheck.runs.findings import Comparison
from fsrcheck.runs.keeping import kept
from fsrcheck.runs.records import write_atomically
from fsrcheck.runs.result import ExitCode, StatementResult
from fsrcheck.runs.seeds import trial_seeds
from fsrcheck.runs.tolerances import Tolerances, parse_tolerances
from fsrcheck.runs.unfinished import require_folder
from fsrcheck.statement import Statement


def _tolerances(context: click.Context, parameter: click.Parameter, text: str | None) -> Tolerances:
    return Tolerances() if text is None else parse_tolerances(text)


@click.command("compare")
@click.argument("names", metavar="[ID]...", nargs=-1)
@click.option(
    "--baseline",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    default=BASELINE,
    show_default=True,
    help="What to compare with.",
)
@click.option(
    "--fail",
    "tolerances",
    metavar="WORDS",
    callback=_tolerances,
    help=f"What may be lost. [default: {Tolerances()}]",
)
@click.option("--update", is_flag=True, help="Accept what was run: write it into the baseline.")
@click.option("--runs", type=click.IntRange(min=1), default=1, show_default=True, help="Checks of each statement.")
@options.scale_option
@options.seed_option
@options.device_option
@click.option("--store", type=click.Path(path_type=Path), metavar="FILE", help="Keep trials here; take those it has.")
@click.option("--markdown", type=click.Path(path_type=Path), metavar="FILE", help="Write a summary for a pull request.")
@options.json_option
@click.pass_context
def compare_with_baseline(
    context: click.Context,
    names: tuple[str, ...],
    path: Path,
    tolerances: Tolerances,
    update: bool,
    runs: int,
    scale: str,
    seed: int | None,
    device: str,
    store: Path | None,
    markdown: Path | None,
    as_json: bool,
) -> None:
    """Check statements (all of them if none is named) and compare them with the baseline.

    What varies with the seed fails only where chance is excluded; more --runs find smaller changes. Exit code 0: nothing
    is worse, or it was accepted; 1: a regression; 2: bad input; 3: there is no baseline to compare with: it is missing,
    torn or foreign.
    """
    registry = current_registry()
    statements = selected(registry, names)
    _require_file(markdown)
    _require_file(path if update else None)
    try:
        baseline = _baseline(path, registry, update)
        require_scale(baseline, scale, [statement.id for statement in statements])
    except BaselineError as error:
        _tell_no_baseline(error, markdown)
        context.exit(ExitCode.INCONCLUSIVE)
    run = RunOptions(scale, seed_or_fresh(seed), device, settings={}, store=store, quiet=as_json)
    results = _results(run, registry, statements, runs)
    entries = {name: kept(found) for name, found in results.items()}
    installed = [statement.id for statement in registry.statements]
    comparison = _compared(baseline, entries, results, list(baseline.statements) if names else installed, tolerances)
    refused = _unexpected(results) if update else []
    updated = update and not refused
    if updated:
        write_baseline(path, accepted(baseline, entries, installed))
    if markdown is not None:
        write_atomically(markdown, comparison_markdown(comparison))
    if as_json:
        told = {"seed": run.seed, "scale": scale, "runs": runs, "baseline": str(path), "updated": updated}
        print_json({**told, "refused": refused, **comparison.to_json()})
    else:
        _print(comparison, path, updated, refused, run.seed)
    failed = bool(refused) if update else comparison.fails
    context.exit(ExitCode.UNEXPECTED if failed else ExitCode.EXPECTED)


def _require_file(path: Path | None) -> None:
    """See that a file can be written; to be called before a long run.

    Raises:
        InputError: it cannot.
    """
    if path is None:
        return
    if path.is_dir():
        raise InputError(f"a file must be given, got the folder {str(path)!r}")
    require_folder(path.parent)


def _baseline(path: Path, registry: Registry, update: bool) -> Baseline:
    """The baseline to compare with; an empty one where an update is to write the first."""
    papers = [paper.id for paper in registry.papers]
    return baseline_of({}) if update and not path.exists() else read_baseline(path, papers)


def _tell_no_baseline(error: BaselineError, markdown: Path | None) -> None:
    click.echo(f"fsrcheck: {' '.join(str(error).split())}", err=True)
    if markdown is not None:
        write_atomically(markdown, not_compared_markdown(str(error)))


def _results(
    run: RunOptions, registry: Registry, statements: Sequence[Statement], runs: int
) -> dict[str, list[StatementResult]]:
    """The results of every statement; one that makes no trials is the same in every run, so it is run once."""
    assert run.seed is not None
    seeds = [run.seed, *trial_seeds(run.seed, "compare", runs - 1, start=1)]
    results = defaultdict(list)
    for number, seed in enumerate(seeds):
        wanted = [statement for statement in statements if statement.needs_trials or number == 0]
        for result in replace(run, seed=seed).check(registry, wanted):
            results[result.statement.id].append(result)
    return dict(results)


def _compared(
    baseline: Baseline,
    entries: Mapping[str, KeptStatement],
    results: Mapping[str, Sequence[StatementResult]],
    installed: Sequence[str],
    tolerances: Tolerances,
) -> Comparison:
    findings = {
        name: compare_statement(name, baseline.statements.get(name), entry, tolerances, results[name][0].replay)
        for name, entry in entries.items()
    }
    return compare(baseline, findings, installed, tolerances)


def _unexpected(results: Mapping[str, Sequence[StatementResult]]) -> list[str]:
    """What must not be accepted: the runs that did not come out as expected, each with its replay command."""
    every = [result for found in results.values() for result in found]
    return [
        f"{result.statement.id} is {result.verdict.name}, expected {result.statement.expected.name}: {result.replay}"
        for result in every
        if result.exit_code is not ExitCode.EXPECTED
    ]


def _print(comparison: Comparison, path: Path, updated: bool, refused: Sequence[str], seed: int | None) -> None:
    for line in comparison.lines:
        print_exact(line)
    for line in refused:
        print_exact(f"not accepted: {line}")
    if updated:
        print_exact(f"seed {seed}, written to {path}")
    elif not refused:
        hint = "; accept what is meant with --update" if comparison.findings else ""
        print_exact(f"seed {seed}, compared with {path}{hint}")
