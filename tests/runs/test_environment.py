"""Devices by name."""

import pytest

from fsrcheck.errors import InputError
from fsrcheck.runs.environment import hardware, resolve_device


def test_an_unknown_device_is_refused():
    with pytest.raises(InputError, match="device must be auto, cpu or cuda, got 'tpu'"):
        resolve_device("tpu")


def test_an_absent_gpu_is_refused_when_asked_for_and_passed_over_otherwise(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert resolve_device("auto") == "cpu"
    with pytest.raises(InputError, match="no CUDA device"):
        resolve_device("cuda")


def test_the_hardware_is_told_in_words():
    assert "CPU" in hardware("cpu")
