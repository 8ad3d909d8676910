"""Writes the report's files so that a reader never sees half of one, whatever goes wrong on the way."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from fsrcheck.errors import InputError
from fsrcheck.registry import Registry
from fsrcheck.report.errata import errata_markdown
from fsrcheck.report.error_tables import Table
from fsrcheck.report.gallery import EMPTY, Gallery
from fsrcheck.report.schema import SCHEMA_NAME, schema_text
from fsrcheck.report.scoreboard import results_json, scoreboard_markdown
from fsrcheck.runs.result import StatementResult
from fsrcheck.runs.stored import StoredEvidence


def write_report(
    results: Sequence[StatementResult],
    registry: Registry,
    out: Path,
    stored: Sequence[StoredEvidence] = (),
    created: date | None = None,
    tables: Sequence[Table] = (),
    gallery: Gallery = EMPTY,
) -> list[Path]:
    """Write the page, ``scoreboard.md``, ``errata.md``, ``results.json``, its schema and ``csv/*.csv`` into the folder ``out``.

    Everything is rendered first, then written into a temporary folder inside ``out``, then moved file by
    file, the page last: a failure on the way leaves the report that was there as it was. Other files stay.

    Args:
        results: at most one for each statement; a statement of the registry without one is shown as not run.
        registry: the papers that the report is about.
        out: made if it is not there.
        stored: what ``fsrcheck gather`` has counted, shown as stored.
        created: the date on the page; today if not given.
        tables: further tables for the page, such as measured error rates.
        gallery: pictures for the page, and tables of what drew them.

    Returns:
        The files written, the page first.

    Raises:
        InputError: ``out`` cannot be written.
        FsrcheckError: two results of one statement, or a result of a statement that is not in the registry.
    """
    from fsrcheck.report.page import render_page  # loads matplotlib, which no other command should wait for

    page = render_page(results, registry, stored, created, tables, gallery)
    files = {
        **{f"csv/{name}": text for name, text in page.csv.items()},
        SCHEMA_NAME: schema_text(),
        "results.json": results_json(results, registry, stored),
        "errata.md": errata_markdown(results, registry),
        "scoreboard.md": scoreboard_markdown(results, registry, stored),
        "index.html": page.html,
    }
    with _naming_the_folder(out):
        _write_all(files, out)
    return [out / name for name in reversed(files)]


def require_writable(out: Path) -> None:
    """Make the folder and see that a file can be put there; to be called before a long run.

    Raises:
        InputError: it cannot.
    """
    with _naming_the_folder(out):
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()


@contextmanager
def _naming_the_folder(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"report folder must be writable, got {str(out)!r} ({reason})") from None


def _write_all(files: Mapping[str, str], out: Path) -> None:
    """Write everything aside, then move it; aside is inside ``out``: outside may be another file system."""
    existed = out.exists()
    out.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".report-", dir=out))
    try:
        for name, text in files.items():
            (aside / name).parent.mkdir(exist_ok=True)
            (aside / name).write_text(text, encoding="utf-8")
        for name in files:
            (out / name).parent.mkdir(exist_ok=True)
            os.replace(aside / name, out / name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        if not existed and not any(out.iterdir()):
            out.rmdir()
