"""Where the cells of a sweep run: processes of this machine, or the workers of a Dask cluster."""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from multiprocessing.context import BaseContext
from threading import Thread
from typing import Any

from fsrcheck.errors import InputError


def prepare_worker() -> None:
    """Use one thread in this process, as workers are what runs side by side; and end with the driver.

    A worker whose driver was killed would wait for its next cell for ever.
    """
    use_one_thread()
    Thread(target=_end_with_driver, daemon=True).start()


def use_one_thread() -> None:
    """Let torch, and the linear algebra of NumPy and SciPy, use one thread in this process."""
    import scipy.linalg  # noqa: F401  a library is limited from where it is loaded on
    import torch  # a worker's first task; the driver may not need it
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)


def processes(workers: int, begin: Callable[..., None] = prepare_worker, given: tuple[Any, ...] = ()) -> Executor:
    """Return a pool of ``workers`` processes with one thread each; each begins with ``begin(*given)``."""
    return ProcessPoolExecutor(workers, mp_context=worker_context(), initializer=begin, initargs=given)


def worker_context() -> BaseContext:
    """What workers are made by, and what they share with the driver.

    They are forked from a server that has imported the large libraries and done nothing with them, where the system can
    do so: a worker that dies is replaced in no time.
    """
    forked = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if forked else "spawn")
    if forked:
        context.set_forkserver_preload(["torch", "scipy.stats", "sympy", "fsrcheck.runs.sweeping"])
    return context


def _end_with_driver() -> None:
    driver = multiprocessing.parent_process()
    if driver is not None:
        driver.join()
        os._exit(1)


def dask_cluster(address: str) -> tuple[Callable[[], Executor], int]:
    """Return what makes executors on the Dask cluster at ``address``, and the number of its threads.

    Its workers, those that join later too, compute with one thread for each of theirs.

    Raises:
        InputError: Dask is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client
        from distributed.cfexecutor import ClientExecutor
    except ImportError:
        raise InputError("--scheduler needs Dask: install fsrcheck[dask]") from None

    class ClusterExecutor(ClientExecutor):
        """Dask's own executor, with the signature of ``Executor.shutdown``."""

        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait=wait and not cancel_futures)

    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise InputError(f"--scheduler must be the address of a Dask scheduler, got {address!r} ({error})") from None
    client.register_worker_callbacks(use_one_thread)
    return partial(ClusterExecutor, client, pure=False), sum(client.nthreads().values()) or 1
