"""Where the cells of a sweep run: processes of this machine, or the workers of a Dask cluster."""

import multiprocessing
import os
from concurrent.futures import Executor, ProcessPoolExecutor
from threading import Thread

from fsrcheck.errors import InputError


def processes(workers: int) -> Executor:
    """Return a pool of ``workers`` processes with one torch thread each.

    They are forked from a server that has imported torch and done nothing with it, where the system can do so: a worker
    that dies is replaced in no time.
    """
    forked = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if forked else "spawn")
    if forked:
        context.set_forkserver_preload(["torch", "fsrcheck.runs.sweeping"])
    return ProcessPoolExecutor(workers, mp_context=context, initializer=prepare_worker)


def prepare_worker() -> None:
    """Let torch use one thread in this process, as workers are what runs side by side; and end with the driver.

    A worker whose driver was killed would wait for its next cell for ever.
    """
    import torch  # a worker's first task; the driver may not need it

    torch.set_num_threads(1)
    Thread(target=_end_with_driver, daemon=True).start()


def _end_with_driver() -> None:
    driver = multiprocessing.parent_process()
    if driver is not None:
        driver.join()
        os._exit(1)


def dask_cluster(address: str) -> tuple[Executor, int]:
    """Return an executor on the Dask cluster at ``address``, and the number of its threads.

    Raises:
        InputError: Dask is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client
    except ImportError:
        raise InputError("--scheduler needs Dask: install fsrcheck[dask]") from None
    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise InputError(f"--scheduler must be the address of a Dask scheduler, got {address!r} ({error})") from None
    executor: Executor = client.get_executor()
    return executor, sum(client.nthreads().values()) or 1
