"""Statements side by side: what one process finds, in its order, whatever fails, dies or is interrupted."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fsrcheck.commands import options
from fsrcheck.errors import FsrcheckError
from fsrcheck.report import write_report
from fsrcheck.runs.side_by_side import _parts, _whole, check_in_turn, check_side_by_side
from tests.invoking import invoke_on
from tests.runs.side_by_side import LONG, SHORT, children, orders, registry, silent_showing

ROOT = Path(__file__).parents[2]
STATEMENTS = registry().statements


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as a worker has; what one process finds says so
    yield
    torch.set_num_threads(before)


def checked(jobs, statements=STATEMENTS, showing=silent_showing, **more):
    asked = orders(**more)
    return list(
        check_side_by_side(asked, statements, jobs, showing) if jobs > 1 else check_in_turn(asked, statements, showing)
    )


def comparable(text):
    """JSON without the time that rechecking an erratum took, which is not a finding."""

    def timeless(found):
        return {name: value for name, value in found.items() if name != "recheck_seconds"}

    return json.loads(text, object_hook=timeless)


def report_of(results, folder):
    """All files of a report by name, every erratum rechecked in no time."""
    timeless = [
        replace(found, errata=tuple(replace(erratum, seconds=0.0) for erratum in found.errata)) for found in results
    ]
    write_report(timeless, registry(), folder)
    return {path.name: path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_report_of_two_processes_is_that_of_one(tmp_path):
    alone, together = checked(1), checked(2)
    assert [result.statement.id for result in together] == [statement.id for statement in STATEMENTS]
    assert [result.cases for result in together] == [result.cases for result in alone]
    assert report_of(alone, tmp_path / "alone") == report_of(together, tmp_path / "together")


def test_a_result_travels_without_its_functions():
    (result,) = checked(1, [SHORT])
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(result.statement)
    assert result.controls
    assert result.errata
    assert _whole(result.statement, pickle.loads(pickle.dumps(_parts(result)))) == result


def test_progress_is_that_of_one_process():
    told = {1: Counter(), 2: Counter()}

    def telling(jobs):
        @contextmanager
        def showing():
            yield lambda *words: told[jobs].update([words])

        return showing

    for jobs in (1, 2):
        checked(jobs, showing=telling(jobs))
    assert told[1]
    assert told[1] == told[2]


def test_trials_are_kept_once_and_taken_again(tmp_path):
    checked(1, store=tmp_path / "alone")
    checked(2, store=tmp_path / "together")
    alone, together = ((tmp_path / name).read_text().splitlines() for name in ("alone", "together"))
    assert alone
    assert sorted(alone) == sorted(together)
    checked(2, store=tmp_path / "together")
    assert len((tmp_path / "together").read_text().splitlines()) == len(alone)


def test_an_error_comes_at_its_turn(tmp_path):
    (tmp_path / "trouble").touch()
    results = check_side_by_side(orders(trouble=tmp_path / "trouble", kind="fails"), [SHORT, LONG], 2, silent_showing)
    with pytest.raises(RuntimeError, match="no coins"):
        list(results)
    (tmp_path / "trouble").unlink()


def test_a_killed_process_is_told_in_a_line(tmp_path):
    (tmp_path / "trouble").touch()
    with pytest.raises(FsrcheckError, match="was killed"):
        checked(2, [SHORT, LONG], trouble=tmp_path / "trouble", kind="dies")


def test_results_that_nobody_waits_for_are_given_up():
    started = time.monotonic()
    with closing(check_side_by_side(orders(pause=0.2), [SHORT, LONG], 2, silent_showing)) as results:
        next(results)
    assert time.monotonic() - started < 3.2 + 6  # all of LONG pauses for longer than SHORT by 2.4 s at least


def test_the_command_line_has_it(monkeypatch):
    monkeypatch.setattr(options, "WORKER_REGISTRY", registry)
    invoke = invoke_on(*registry().papers)
    alone = invoke("check", "--seed", 3, "--json")
    together = invoke("check", "--seed", 3, "--json", "--jobs", 2)
    assert alone.exit_code == together.exit_code
    assert comparable(alone.stdout) == comparable(together.stdout)


def test_an_interrupt_ends_everything_at_once(tmp_path):
    """As from a terminal: the driver and the workers are interrupted together."""
    command = [sys.executable, "-m", "tests.runs.side_by_side", str(tmp_path / "trials.jsonl")]
    run = subprocess.Popen(
        command, cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE, text=True, preexec_fn=_heed_interrupts
    )
    _until(lambda: {"coins.T.1", "coins.T.3"} <= _kept(tmp_path / "trials.jsonl"))  # so both workers have begun
    workers = set(children(run.pid))
    assert len(workers) >= 2
    os.killpg(run.pid, signal.SIGINT)
    _, complaint = run.communicate(timeout=10)
    assert run.returncode == 130, complaint
    assert "Traceback" not in complaint
    _until(lambda: not any(Path(f"/proc/{worker}/stat").exists() for worker in workers))
    assert all(json.loads(line) for line in (tmp_path / "trials.jsonl").read_text().splitlines())


def _heed_interrupts():
    """A job that a shell has put in the background ignores them, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _kept(path):
    return (
        {line.get("statement") for line in map(json.loads, path.read_text().splitlines())} if path.exists() else set()
    )


def _until(true, seconds=30.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
