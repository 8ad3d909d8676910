"""Sweeps on a real Dask cluster of several workers on this machine."""

import builtins
import json
import os
import random
import signal
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from fsrcheck.commands import sweeping
from fsrcheck.errors import InputError
from fsrcheck.runs.checking import Request
from fsrcheck.runs.executors import dask_cluster
from fsrcheck.runs.sweeping import Failure, Sweep
from tests.invoking import assert_one_line, invoke_on
from tests.runs.sweeper import SEEDS, STATEMENT, Tossed, cases, registry
from tests.runs.test_sweeping import ROOT, assert_complete, kept

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.slow
WORKERS = 3


@pytest.fixture(scope="module")
def cluster():
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    with (
        dask.config.set({"distributed.nanny.environ.PYTHONPATH": paths}),
        distributed.LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as found,
    ):
        yield found


@pytest.fixture(autouse=True)
def no_client_is_left():
    yield
    with suppress(ValueError):  # there is none
        distributed.default_client().close()


def sweep_on(cluster, folder: Path, parameters: list[Tossed], retry: bool = False) -> list[Failure]:
    executor, workers = dask_cluster(cluster.scheduler_address)
    assert workers == WORKERS
    requests = [Request(case, range(SEEDS)) for case in parameters]
    return Sweep(registry, executor, workers, folder, retry=retry).run({STATEMENT.id: requests})


def test_a_cluster_makes_the_trials_of_one_process(cluster, tmp_path):
    assert sweep_on(cluster, tmp_path, cases(0.0)) == []
    assert_complete(tmp_path, cases(0.0))


def test_a_cell_that_raises_is_recorded_with_its_traceback_and_retried_on_request(cluster, tmp_path):
    trouble = tmp_path / "trouble"
    trouble.touch()
    parameters = [Tossed(100), Tossed(200, trouble=str(trouble))]
    failures = sweep_on(cluster, tmp_path, parameters)
    assert {failure.cause.startswith("RuntimeError: no coins for") for failure in failures} == {True}
    assert len(kept(tmp_path)) == SEEDS
    trouble.unlink()
    assert sweep_on(cluster, tmp_path, parameters, retry=True) == []
    assert_complete(tmp_path, cases(0.0))


def test_workers_that_are_killed_lose_nothing_that_was_kept(cluster, tmp_path):
    done, kills = Event(), []

    def kill_now_and_then() -> None:
        chance = random.Random(1)
        while not done.wait(chance.uniform(0.1, 0.4)) and len(kills) < WORKERS:
            process = chance.choice([nanny.process for nanny in cluster.workers.values()])
            if process is not None and process.pid is not None:
                os.kill(process.pid, signal.SIGKILL)
                kills.append(process.pid)

    killer = Thread(target=kill_now_and_then)
    killer.start()
    failures = sweep_on(cluster, tmp_path, cases(0.3))
    done.set()
    killer.join()
    assert kills, "the kills must come in the middle of the work"
    assert failures == []
    assert_complete(tmp_path, cases(0.3))


def test_the_command_line_takes_the_address_of_a_cluster(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(sweeping, "WORKER_REGISTRY", registry)
    invoke = invoke_on(*registry().papers)
    words = ("sweep", "--seed", 3, "--json", "--store", tmp_path / "here", "--scheduler", cluster.scheduler_address)
    swept, checked = invoke(*words), invoke("check", STATEMENT.id, "--seed", 3, "--json")
    assert json.loads(swept.stdout) == {"results": json.loads(checked.stdout), "failed": []}


def test_no_scheduler_and_no_dask_are_told_in_a_line(tmp_path, monkeypatch):
    invoke = invoke_on(*registry().papers)
    words = ("sweep", "--store", tmp_path, "--scheduler", "tcp://127.0.0.1:1")
    assert_one_line(invoke(*words), "--scheduler", "tcp://127.0.0.1:1")
    importing = builtins.__import__

    def without_dask(name, *rest):
        if name == "distributed":
            raise ImportError(name)
        return importing(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_dask)
    with pytest.raises(InputError, match=r"install fsrcheck\[dask\]"):
        dask_cluster("tcp://127.0.0.1:1")
