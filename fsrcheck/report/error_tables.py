"""Calibration of the whole: what stored runs say of false alarms and controls, and tables that were worked out elsewhere."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fsrcheck.errors import InputError
from fsrcheck.evidence.claim import Interval
from fsrcheck.evidence.frequency import clopper_pearson
from fsrcheck.report.entries import Entry
from fsrcheck.runs.stored import BEYOND, StoredEvidence

SHAPE = '{"tables": [{"title": ..., "text": ..., "columns": [...], "rows": [[...], ...]}]}'
OTHER_CODE = "Made by other code than the present one, or it is not said by which."


@dataclass(frozen=True)
class Table:
    """A table for the page.

    Attributes:
        title: one line.
        text: what it shows, LaTeX between dollar signs.
        columns: their names.
        rows: of numbers, text, truth values or nothing; as long as ``columns`` each.
    """

    title: str
    text: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, eq=False)
class StoredRow:
    """Stored runs of one statement, or of all statements together.

    Attributes:
        entry: the statement; None for the sum of all.
        runs, false_alarms, inconclusive: counts.
        caught, controls: control runs that were caught, of how many.
        weakest: share of the runs that the least caught control was caught in; None if there is none.
        present: whether all of it was made by the code of this report.
    """

    entry: Entry | None
    runs: int
    false_alarms: int
    inconclusive: int
    caught: int
    controls: int
    weakest: Interval | None
    present: bool

    @property
    def share_of_alarms(self) -> Interval:
        """Share of the runs that are false alarms, with exact limits."""
        return clopper_pearson(self.false_alarms, self.runs, BEYOND)

    @property
    def share_caught(self) -> Interval | None:
        """Share of the control runs that were caught, with exact limits; None without controls."""
        return clopper_pearson(self.caught, self.controls, BEYOND) if self.controls else None


def stored_rows(entries: Sequence[Entry]) -> list[StoredRow]:
    """One row for each line of stored evidence, in the order of the statements; with several, their sum comes last."""
    rows = [_stored_row(entry, stored) for entry in entries for stored in entry.stored]
    return [*rows, _sum(rows)] if len(rows) > 1 else rows


def _stored_row(entry: Entry, stored: StoredEvidence) -> StoredRow:
    shares = [stored.share_caught(name) for name in stored.controls]
    return StoredRow(
        entry,
        stored.runs,
        stored.false_alarms,
        stored.inconclusive,
        caught=sum(stored.caught(name) for name in stored.controls),
        controls=stored.runs * len(stored.controls),
        weakest=min(shares, key=lambda share: share.value, default=None),
        present=stored.code == entry.code,
    )


def _sum(rows: Sequence[StoredRow]) -> StoredRow:
    weakest = [row.weakest for row in rows if row.weakest is not None]
    return StoredRow(
        None,
        runs=sum(row.runs for row in rows),
        false_alarms=sum(row.false_alarms for row in rows),
        inconclusive=sum(row.inconclusive for row in rows),
        caught=sum(row.caught for row in rows),
        controls=sum(row.controls for row in rows),
        weakest=min(weakest, key=lambda share: share.value, default=None),
        present=all(row.present for row in rows),
    )


def read_tables(path: Path, code: str) -> list[Table]:
    """The tables of a JSON file such as ``{"code": ..., "tables": [{"title", "text", "columns", "rows"}]}``.

    Tables that were made by other code than ``code`` say so.

    Raises:
        InputError: the file cannot be read or is of another shape.
    """
    content = read_json(path)
    tables = tables_in(content, path)
    return tables if content.get("code") == code else [replace(it, text=f"{OTHER_CODE} {it.text}") for it in tables]


def read_json(path: Path) -> Any:
    """The content of a file.

    Raises:
        InputError: it cannot be read or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"tables must be in a readable file, got {str(path)!r} ({error.strerror})") from None
    except ValueError as error:
        raise InputError(f"{path} must be JSON, got {error}") from None


def tables_in(content: Any, path: Path) -> list[Table]:
    """The list "tables" of what was read from ``path``.

    Raises:
        InputError: it is of another shape.
    """
    found = content.get("tables") if isinstance(content, dict) else None
    if not isinstance(found, list):
        raise InputError(f"{path} must be {SHAPE}, got no list 'tables'")
    return [_table(item, f"{path}: table {number}") for number, item in enumerate(found, start=1)]


def _table(item: Any, where: str) -> Table:
    if not isinstance(item, dict) or not all(isinstance(item.get(name), str) for name in ("title", "text")):
        raise InputError(f"{where} must have a title and a text, got {_short(item)}")
    columns, rows = item.get("columns"), item.get("rows")
    if not isinstance(columns, list) or not columns or not all(isinstance(name, str) for name in columns):
        raise InputError(f"{where} must name its columns, got {_short(columns)}")
    if not isinstance(rows, list) or not all(_fits(row, len(columns)) for row in rows):
        raise InputError(f"{where} must have rows of {len(columns)} numbers, texts, truth values or nulls each")
    return Table(item["title"], item["text"], tuple(columns), tuple(map(tuple, rows)))


def _fits(row: Any, width: int) -> bool:
    plain = (str, int, float, bool, type(None))
    return isinstance(row, list) and len(row) == width and all(isinstance(cell, plain) for cell in row)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
