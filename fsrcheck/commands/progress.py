"""Progress of long work on standard error: a bar on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from fsrcheck.runs.trying import Progress as Callback
from fsrcheck.runs.trying import silent


@contextmanager
def shown(quiet: bool) -> Iterator[Callback]:
    """Yield the progress callback that suits standard error; one that shows nothing if ``quiet``."""
    if quiet:
        yield silent
    elif sys.stderr.isatty():
        with _bars() as bars:
            yield _Bar(bars)
    else:
        yield plain_line


def plain_line(label: str, done: int, total: int) -> None:
    """One line for each case that is finished."""
    if done == total:
        click.echo(f"{label}: {done} trials", err=True)


def _bars() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)


class _Bar:
    """The bar of the case that is running; the one before it is taken away."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._label = ""
        self._task: TaskID | None = None

    def __call__(self, label: str, done: int, total: int) -> None:
        if self._task is None or label != self._label:
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._task = self._bars.add_task(escape(label), total=total)
            self._label = label
        self._bars.update(self._task, completed=done, total=total)
