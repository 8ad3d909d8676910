"""Processes that run side by side compute with one thread each."""

from collections.abc import Iterator

import pytest
import scipy.linalg  # noqa: F401  loads a library that is limited
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from fsrcheck.runs.executors import processes, use_one_thread


def threads() -> list[tuple[str, int]]:
    """The libraries that this process computes with, and their numbers of threads."""
    return [
        ("torch", torch.get_num_threads()),
        *((found["prefix"], found["num_threads"]) for found in threadpool_info()),
    ]


@pytest.fixture
def two_threads() -> Iterator[None]:
    """As on a machine with two cores, whatever the environment of these tests says."""
    before = torch.get_num_threads()
    with threadpool_limits(2):
        yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_linear_algebra_is_limited_like_torch() -> None:
    assert {number for name, number in threads() if "blas" in name} == {2}
    use_one_thread()
    assert {number for _, number in threads()} == {1}


def test_workers_begin_with_one_thread() -> None:
    with processes(1) as executor:
        found = executor.submit(threads).result()
    assert {number for _, number in found} == {1}
    assert any("blas" in name for name, _ in found)
