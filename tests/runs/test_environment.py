"""Devices by name, and a digest that changes with the code."""

import pytest

from fsrcheck.errors import InputError
from fsrcheck.runs import environment
from fsrcheck.runs.environment import code_digest, hardware, resolve_device, versions


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


def test_the_digest_changes_with_the_code_of_the_package_and_with_the_versions(tmp_path, monkeypatch):
    module = tmp_path / "lemma.py"
    digests = []
    for text in ("x = 1\n", "x = 2\n"):
        module.write_text(text)
        code_digest.cache_clear()
        digests.append(code_digest(str(module)))
    code_digest.cache_clear()
    monkeypatch.setattr(environment, "versions", lambda: {**versions(), "torch": "0"})
    digests.append(code_digest(str(module)))
    code_digest.cache_clear()
    assert len(set(digests)) == 3
