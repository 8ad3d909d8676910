"""The rows of a comparison of generators as CSV, with a digest of the code that made them."""

import csv
from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from inspect import getfile
from pathlib import Path

from fsrcheck.errors import InputError
from fsrcheck.report.points import to_csv
from fsrcheck.runs.code_digest import code_digest
from lemmas.fsr.generators_comparison import Cell, Row, compare


@cache
def code() -> str:
    """What numbers follow from beside the seed: our code and the versions of what it calls."""
    return f"{code_digest(getfile(compare))} scikit-learn {version('scikit-learn')}"


def as_record(row: Row) -> dict[str, object]:
    """One row as a flat mapping."""
    rest = {name: value for name, value in asdict(row).items() if name != "cell"}
    return {**asdict(row.cell), **rest, "code": code()}


def to_text(rows: Iterable[Row]) -> str:
    """All rows as CSV, with all digits."""
    return to_csv(as_record(row) for row in rows)


def read(path: Path) -> list[Row]:
    """The rows of a file that the present code made; none if there is no file.

    Raises:
        InputError: the file is something else.
    """
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    try:
        return [_row(line) for line in lines if line["code"] == code()]
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path} must hold the rows of a comparison of generators, got {error!r}") from None


def _row(line: dict[str, str]) -> Row:
    sizes = (int(line[name]) for name in ("num_channels", "num_samples", "seed", "gan_steps"))
    value, lower, upper = (float(line[name]) for name in ("value", "lower", "upper"))
    return Row(Cell(line["family"], *sizes), line["contender"], line["measure"], value, lower, upper, line["note"])
