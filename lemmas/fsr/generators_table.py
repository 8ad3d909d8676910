"""``fsrcheck generators``: Algorithm 4 beside a copula, a GAN and resampled patches, on the same samples."""

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
from lemmas.fsr.generators_comparison import SETTINGS, Cell, Row, compare
from lemmas.fsr.generators_rows import as_record, read, to_text

CSV = "generators.csv"


@click.command("generators")
@click.option(
    "--family", "families", type=click.Choice(list(SETTINGS)), multiple=True, help="Families; all if none is named."
)
@click.option("--size", "channels", type=click.IntRange(min=4), default=16, show_default=True, help="Channels m.")
@click.option(
    "--samples",
    type=click.IntRange(min=1000),
    multiple=True,
    default=(20_000,),
    show_default=True,
    help="N; repeatable.",
)
@click.option("--runs", type=click.IntRange(min=1), default=1, show_default=True, help="Instances of each kind.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the first instance.")
@click.option(
    "--gan-steps", type=click.IntRange(min=1), default=4000, show_default=True, help="Steps of a GAN's training."
)
@click.option("--minutes", type=click.FloatRange(min=0), help="Begin no data set after this time; default: no limit.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports"),
    show_default=True,
    help="Folder for generators.md, generators.csv and generators.svg.",
)
@click.option("--keep", is_flag=True, help="Keep the rows in generators.csv that the same code made, and add to them.")
@json_option
def generators(
    families: tuple[str, ...],
    channels: int,
    samples: tuple[int, ...],
    runs: int,
    seed: int,
    gan_steps: int,
    minutes: float | None,
    out: Path,
    keep: bool,
    as_json: bool,
) -> None:
    """Compare generators learned from the same samples: Algorithm 4 with what a user would fit instead.

    Two-sample tests, pair and triple statistics, bounds of the 2-Wasserstein distance. Needs the extra `peers` (scikit-learn).
    """
    instances = product(sorted(samples), range(seed, seed + runs), families or SETTINGS)
    cells = [Cell(family, channels, n, one, gan_steps) for n, one, family in instances]
    require_peers()
    require_writable(out)
    kept = read(out / CSV) if keep else []
    known = {row.cell for row in kept}
    rows = run_cells([cell for cell in cells if cell not in known], kept, minutes, out, quiet=as_json)
    files = _write(rows, out)
    if as_json:
        from lemmas.fsr.generators_report import findings, provenance

        records = [plain(as_record(row)) for row in rows]
        print_json({"findings": findings(rows), "provenance": provenance(rows), "files": files, "rows": records})
    else:
        _print(rows)
        print_exact(f"read {files[0]}")


def run_cells(cells: Sequence[Cell], kept: Sequence[Row], minutes: float | None, out: Path, quiet: bool) -> list[Row]:
    """Compare on one cell after the other, telling each on standard error unless ``quiet``; return all rows.

    The CSV is written after every cell, so that a run that is killed can be taken up with ``--keep``. No cell but the first
    begins after ``minutes``.
    """
    rows, begin = list(kept), time.monotonic()
    for done, cell in enumerate(cells):
        if done and minutes is not None and time.monotonic() - begin > 60 * minutes:
            click.echo(f"time is up: {len(cells) - done} of {len(cells)} data sets left out", err=True)
            break
        before = time.monotonic()
        rows += compare(cell)
        (out / CSV).write_text(to_text(rows), encoding="utf-8")
        if not quiet:
            name = f"{cell.family}, m = {cell.num_channels}, N = {cell.num_samples}, seed {cell.seed}"
            click.echo(f"{done + 1} of {len(cells)}: {name}: {time.monotonic() - before:.1f} s", err=True)
    return rows


def _write(rows: Sequence[Row], out: Path) -> list[str]:
    """Write the report, its rows and its plot; return the paths, the report first."""
    from lemmas.fsr.generators_figure import figure_svg  # loads matplotlib, which `--help` should not wait for
    from lemmas.fsr.generators_report import markdown

    texts = {"generators.md": markdown(rows, "generators.svg"), CSV: to_text(rows), "generators.svg": figure_svg(rows)}
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8")
    return [str(out / name) for name in texts]


def _print(rows: Sequence[Row]) -> None:
    from lemmas.fsr.generators_report import READING, findings, keys, table, title

    for key in keys(rows):
        print_line(title(key), style="bold")
        heading, lines = table(rows, key)
        print_table(heading, [[cell.replace("**", "") for cell in line] for line in lines])
        print_line()
    for text in READING.splitlines():
        print_line(text)
    print_line()
    for text in findings(rows):
        print_line(text.replace("`", ""), indent=2)
