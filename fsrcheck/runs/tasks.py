"""Runs tasks in processes, one at a time each; results come in the order of the tasks all the same.

What a worker tells while it works travels on a pipe: the driver shows it, or writes it down, and no worker writes.
"""

import os
import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

from fsrcheck.errors import FsrcheckError
from fsrcheck.runs.executors import prepare_worker, processes, worker_context
from fsrcheck.runs.trying import Progress

POLL = 0.05  # seconds between two looks at whether a result is there

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
    context = worker_context()
    reader, writer = context.Pipe(duplex=False)
    held, leash = context.Pipe(duplex=False)
    executor = processes(min(jobs, len(tasks)), _begin, (writer, context.Lock(), held))
    try:
        for future in _submitted(executor, tasks):
            with shown() as progress:
                found = _waited_for(future, reader, progress, hear)
            yield found
    except BrokenExecutor:
        raise FsrcheckError("a process was killed; fewer --jobs need less memory") from None
    finally:  # after an error or an interrupt nobody waits for what is still running
        leash.close()
        executor.shutdown(wait=True, cancel_futures=True)


def tell(*words: Any) -> None:
    """Tell the driver of this worker something."""
    _send("heard", *words)


def tell_progress(label: str, done: int, total: int) -> None:
    """Let the driver of this worker show progress."""
    _send("progress", label, done, total)


def _submitted(executor: Executor, tasks: Sequence[Task]) -> list[Future[Any]]:
    """Hand out all tasks, the largest first: a long one begun last would keep the others waiting."""
    futures: dict[int, Future[Any]] = {}
    for place in sorted(range(len(tasks)), key=lambda place: tasks[place].work, reverse=True):
        futures[place] = executor.submit(tasks[place].function, *tasks[place].arguments)
    return [futures[place] for place in range(len(tasks))]


def _waited_for(future: Future[Any], reader: Connection, progress: Progress, hear: Hearing) -> Any:
    """Take in what workers tell until the future is done, and return its result."""

    def take_in(timeout: float) -> None:
        while reader.poll(timeout):
            kind, *words = reader.recv()
            (progress if kind == "progress" else hear)(*words)
            timeout = 0.0

    while not future.done():
        take_in(POLL)
    take_in(0.0)  # what was told before the result is on the pipe by now
    return future.result()


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
