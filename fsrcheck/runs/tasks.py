"""Runs tasks in processes, one at a time each; results come as they are there, or in the order of the tasks all the same.

What a worker tells while it works travels on a pipe, and the driver shows it or writes it down.
"""

import os
import signal
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

from fsrcheck.errors import FsrcheckError
from fsrcheck.runs.executors import prepare_worker, processes, worker_context
from fsrcheck.runs.trying import Progress

POLL = 0.05  # seconds between two looks at whether a result is there
KILLED = "a process was killed; fewer --jobs need less memory"

Showing = Callable[[], AbstractContextManager[Progress]]
Hearing = Callable[..., None]


@dataclass(frozen=True)
class Task:
    """What a worker is asked to do.

    Attributes:
        function: of a module, so that a worker can find it.
        arguments: of the function; they are sent, as its result is.
        work: how much there is to do, in a unit of the caller's.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    work: int


def results_of(
    tasks: Sequence[Task], jobs: int, shown: Showing, hear: Hearing = lambda *words: None
) -> Generator[Any, None, None]:
    """Yield the result of every task, in their order, as soon as it and all before it are there.

    Args:
        tasks: at least one.
        jobs: number of processes.
        shown: opens a progress callback; it is open while a result is waited for, and closed while one is looked at.
        hear: called with what workers ``tell``.

    Raises:
        FsrcheckError: a process was killed.
        Exception: whatever a task raises, at its turn.
    """
    there: dict[int, Future[Any]] = {}
    with closing(finished(tasks, jobs, shown, hear)) as coming:
        for place in range(len(tasks)):
            while place not in there:
                there.update([next(coming)])
            yield result_of(there.pop(place))


def finished(
    tasks: Sequence[Task], jobs: int, shown: Showing, hear: Hearing = lambda *words: None
) -> Generator[tuple[int, Future[Any]], None, None]:
    """Yield place and future of every task as soon as it is done; arguments as for ``results_of``.

    Raises:
        FsrcheckError: a process was killed.
    """
    context = worker_context()
    reader, writer = context.Pipe(duplex=False)
    held, leash = context.Pipe(duplex=False)
    executor = processes(min(jobs, len(tasks)), _begin, (writer, context.Lock(), held))
    try:
        running = _submitted(executor, tasks)
        while running:
            with shown() as progress:
                done = _some_done(running, reader, progress, hear)
            for future in done:
                yield running.pop(future), future
    except BrokenExecutor:
        raise FsrcheckError(KILLED) from None
    finally:  # after an error or an interrupt nobody waits for what is still running
        leash.close()
        executor.shutdown(wait=True, cancel_futures=True)


def result_of(future: Future[Any]) -> Any:
    """The result of a task that is done.

    Raises:
        FsrcheckError: its process was killed.
        Exception: whatever the task has raised.
    """
    try:
        return future.result()
    except BrokenExecutor:
        raise FsrcheckError(KILLED) from None


def tell(*words: Any) -> None:
    """Tell the driver of this worker something."""
    _send("heard", *words)


def tell_progress(label: str, done: int, total: int) -> None:
    """Let the driver of this worker show progress."""
    _send("progress", label, done, total)


def _submitted(executor: Executor, tasks: Sequence[Task]) -> dict[Future[Any], int]:
    """Hand out all tasks, the largest first: a long one begun last would keep the others waiting."""
    places = sorted(range(len(tasks)), key=lambda place: tasks[place].work, reverse=True)
    return {executor.submit(tasks[place].function, *tasks[place].arguments): place for place in places}


def _some_done(
    running: Iterable[Future[Any]], reader: Connection, progress: Progress, hear: Hearing
) -> list[Future[Any]]:
    """Take in what workers tell until some task is done; return all that are."""

    def take_in(timeout: float) -> None:
        while reader.poll(timeout):
            kind, *words = reader.recv()
            (progress if kind == "progress" else hear)(*words)
            timeout = 0.0

    while not (done := [future for future in running if future.done()]):
        take_in(POLL)
    take_in(0.0)  # what was told before the result is on the pipe by now
    return done


_send: Callable[..., None]  # set as a worker begins


def _begin(writer: Connection, lock: Any, held: Connection) -> None:
    """Make this process a worker, which ends when its driver lets go and not by an interrupt meant for the driver."""
    global _send

    def send(*message: Any) -> None:
        with lock:
            writer.send(message)

    _send = send
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare_worker()
    Thread(target=_end_when_let_go, args=(held,), daemon=True).start()


def _end_when_let_go(held: Connection) -> None:
    try:
        held.recv()
    except (EOFError, OSError):
        os._exit(1)
