"""``fsrcheck peers``: Algorithms 5 and 1 beside FastICA, dictionary learning and tensor power, on the same patches."""

import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import click

from fsrcheck.commands.options import json_option, print_json
from fsrcheck.commands.tables import print_exact, print_line, print_table
from fsrcheck.report import require_writable
from fsrcheck.report.numbers import plain
from fsrcheck.training.peers import require_peers
from lemmas.fsr.peers_comparison import SETTINGS, Cell, Row, compare
from lemmas.fsr.peers_rows import as_record, read, to_text

CSV = "peers.csv"

FIRST = Cell("independent_channels", 8, 1000, 0)
"""Run before the clock starts: whoever comes first would pay for loading everything."""


@click.command("peers")
@click.option(
    "--family", "families", type=click.Choice(list(SETTINGS)), multiple=True, help="Families; all if none is named."
)
@click.option(
    "--size",
    "channels",
    type=click.IntRange(min=4),
    multiple=True,
    default=(16, 32, 64),
    show_default=True,
    help="Channels m of a patch; repeatable.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=100),
    multiple=True,
    default=(20_000,),
    show_default=True,
    help="N; repeatable.",
)
@click.option("--runs", type=click.IntRange(min=1), default=3, show_default=True, help="Instances of each kind.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the first instance.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0),
    help="Begin no data set after this time, the largest ones last; default: no limit.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports"),
    show_default=True,
    help="Folder for peers.md, peers.csv and peers.svg.",
)
@click.option("--keep", is_flag=True, help="Keep the rows in peers.csv that the same code made, and add to them.")
@json_option
def peers(
    families: tuple[str, ...],
    channels: tuple[int, ...],
    samples: tuple[int, ...],
    runs: int,
    seed: int,
    minutes: float | None,
    out: Path,
    keep: bool,
    as_json: bool,
) -> None:
    """Compare the paper's learner of the output layer with what a user would take instead.

    Algorithm 5, then Algorithm 1 on the same patches, beside FastICA, dictionary learning and whitened tensor power: column
    errors and wall times, on one thread. Needs the extra `peers` (scikit-learn).
    """
    instances = product(sorted(samples), sorted(channels), range(seed, seed + runs), families or SETTINGS)
    cells = [Cell(family, m, n, one) for n, m, one, family in instances]
    require_peers()
    require_writable(out)
    kept = read(out / CSV) if keep else []
    known = {row.cell for row in kept}
    rows = kept + run_cells([cell for cell in cells if cell not in known], minutes, quiet=as_json)
    files = _write(rows, out)
    if as_json:
        from lemmas.fsr.peers_report import findings, provenance

        records = [plain(as_record(row)) for row in rows]
        print_json({"findings": findings(rows), "provenance": provenance(rows), "files": files, "rows": records})
    else:
        _print(rows)
        print_exact(f"read {files[0]}")


def run_cells(cells: Sequence[Cell], minutes: float | None, quiet: bool) -> list[Row]:
    """Compare on one cell after the other, telling each on standard error unless ``quiet``.

    No cell but the first begins after ``minutes``.
    """
    rows: list[Row] = []
    if cells:
        compare(FIRST)
    begin = time.monotonic()
    for done, cell in enumerate(cells):
        if done and minutes is not None and time.monotonic() - begin > 60 * minutes:
            click.echo(f"time is up: {len(cells) - done} of {len(cells)} data sets left out", err=True)
            break
        before = time.monotonic()
        rows += compare(cell)
        if not quiet:
            name = f"{cell.family}, m = {cell.num_channels}, N = {cell.num_samples}, seed {cell.seed}"
            click.echo(f"{done + 1} of {len(cells)}: {name}: {time.monotonic() - before:.1f} s", err=True)
    return rows


def _write(rows: Sequence[Row], out: Path) -> list[str]:
    """Write the report, its rows and its plot; return the paths, the report first."""
    from lemmas.fsr.peers_figure import figure_svg  # loads matplotlib, which `--help` should not wait for
    from lemmas.fsr.peers_report import markdown

    texts = {"peers.md": markdown(rows, "peers.svg"), CSV: to_text(rows), "peers.svg": figure_svg(rows)}
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8")
    return [str(out / name) for name in texts]


def _print(rows: Sequence[Row]) -> None:
    from lemmas.fsr.peers_report import READING, duels, findings, gains, sizes, table

    for num_samples, num_channels in sizes(rows):
        print_line(f"m = {num_channels}, N = {num_samples}", style="bold")
        print_table(*table(rows, num_samples, num_channels))
        print_line()
    print_line(" ".join(READING.split()))
    print_line()
    print_table(*duels(rows))
    print_table(*gains(rows))
    print_line()
    for text in findings(rows):
        print_line(text.replace("**", ""), indent=2)
