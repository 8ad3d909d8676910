"""``error-rates``: judge simulated trials whose truth is known, and count how often the judging is wrong."""

from pathlib import Path

import click

from fsrcheck.commands import options
from fsrcheck.commands.options import current_registry, print_json, seed_or_fresh
from fsrcheck.commands.progress import shown
from fsrcheck.commands.tables import print_exact, print_line, print_table
from fsrcheck.report import require_writable
from fsrcheck.report.numbers import word
from fsrcheck.runs.records import write_atomically
from fsrcheck.runs.result import ExitCode

NAME = "error_rates"


@click.command("error-rates")
@click.option(
    "--runs",
    type=click.IntRange(min=2, max=10**6),
    default=10_000,
    show_default=True,
    help="Simulated runs of each kind.",
)
@options.seed_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports"),
    show_default=True,
    help="Folder for error_rates.md, .csv, .json and .svg.",
)
@options.json_option
@click.pass_context
def error_rates(context: click.Context, runs: int, seed: int | None, out: Path, as_json: bool) -> None:
    """Measure how often true claims are violated and false ones pass, and how small a violation is caught.

    Exit code 1 if a stated level is not kept or a simulated value is not the exact one, 3 if a broken judge is not seen.
    """
    from fsrcheck.error_rates.figure import figure_svg  # loads scipy and matplotlib, which `--help` should not wait for
    from fsrcheck.error_rates.measuring import measure
    from fsrcheck.error_rates.tables import findings, json_text, tables, to_csv, to_json, to_markdown

    share = current_registry().budget.share
    require_writable(out)
    chosen = seed_or_fresh(seed)
    with shown(as_json) as progress:
        found = measure(runs, chosen, share, progress)
    texts = {
        f"{NAME}.md": to_markdown(found, f"{NAME}.svg"),
        f"{NAME}.csv": to_csv(found),
        f"{NAME}.json": json_text(found),
        f"{NAME}.svg": figure_svg(found.curves),
    }
    for name, text in texts.items():
        write_atomically(out / name, text)
    if as_json:
        print_json({**to_json(found), "files": [str(out / name) for name in texts]})
    else:
        for table in (table for table in tables(found) if table.title != "Power"):  # a hundred rows, for the files
            print_line(table.title, style="bold")
            print_table(table.columns, [[word(cell) for cell in row] for row in table.rows])
            print_line()
        for line in findings(found):
            print_line(line)
        print_exact(f"seed {chosen}; read {out / NAME}.md")
    if found.not_kept or found.disagreements:
        context.exit(ExitCode.UNEXPECTED)
    context.exit(ExitCode.INCONCLUSIVE if found.not_seen else ExitCode.EXPECTED)
