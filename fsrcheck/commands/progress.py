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
    """A bar for every case that is running: one, or as many as there are processes; those done are taken away."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, label: str, done: int, total: int) -> None:
        if label not in self._tasks:
            self._tasks[label] = self._bars.add_task(escape(label), total=total)
        self._bars.update(self._tasks[label], completed=done, total=total)
        if done == total:
            self._bars.remove_task(self._tasks.pop(label))
