"""``report``: check everything and write it down as one page."""

from contextlib import closing
from pathlib import Path

import click

from fsrcheck.commands import options
from fsrcheck.commands.options import RunOptions, current_registry, print_json, selected
from fsrcheck.commands.results import print_verdicts
from fsrcheck.commands.tables import print_exact
from fsrcheck.report import require_writable, write_report
from fsrcheck.report.error_tables import Table, read_tables
from fsrcheck.report.gallery import EMPTY, read_gallery
from fsrcheck.runs.environment import resolve_device
from fsrcheck.runs.result import overall_exit_code
from fsrcheck.runs.stored import read_evidence


@click.command("report")
@options.scale_option
@options.seed_option
@options.device_option
@click.option("--out", type=click.Path(path_type=Path), default="report", show_default=True, help="Folder to write to.")
@click.option("--stored", type=click.Path(path_type=Path), metavar="FILE", help="Show what `gather` has counted too.")
@click.option(
    "--error-rates",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Show the tables of `error_rates.json` too.",
)
@click.option(
    "--gallery",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Show the pictures and tables that `gallery` has written too.",
)
@options.jobs_option
@options.json_option
@click.pass_context
def report(
    context: click.Context,
    scale: str,
    seed: int | None,
    device: str,
    out: Path,
    stored: Path | None,
    error_rates: Path | None,
    gallery: Path | None,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Check all statements and write the report: HTML, Markdown, JSON and the plotted points.

    The exit code is that of `check`.
    """
    registry = current_registry()
    statements = selected(registry, ())
    evidence = read_evidence(stored) if stored is not None else []
    tables = _tables(error_rates) if error_rates is not None else []
    shown = read_gallery(gallery) if gallery is not None else EMPTY
    place = resolve_device(device)  # a mistake must not leave a new folder behind
    require_writable(out)
    run = RunOptions(scale, seed, device, settings={}, quiet=as_json, jobs=jobs or options.usual_jobs(registry, place))
    with closing(run.check(registry, statements)) as found:
        results = list(found)
    files = [str(path) for path in write_report(results, registry, out, evidence, tables=tables, gallery=shown)]
    if as_json:
        print_json({"seed": results[0].seed, "scale": scale, "files": files, "results": [r.to_json() for r in results]})
    else:
        print_verdicts(results)
        print_exact(f"\nseed {results[0].seed}; read {files[0]}")
    context.exit(overall_exit_code(results))


def _tables(path: Path) -> list[Table]:
    from fsrcheck.error_rates.measuring import measuring_code  # loads scipy, which `--help` should not wait for

    return read_tables(path, measuring_code())
