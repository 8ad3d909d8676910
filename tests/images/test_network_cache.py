"""A trained network is trained once, found again by the same run of the same code, and by no other."""

from dataclasses import replace
from pathlib import Path

import pytest

from fsrcheck.errors import InputError
from fsrcheck.images.network_cache import FOLDER_VARIABLE, network_folder, trained
from tests.images.multiscale_cases import SMALL, STEPS, identical, small_gan


def steps_of(gan, code: str, folder: Path) -> int:
    """How many steps it takes to have the network."""
    steps: list[int] = []
    trained(gan, code, folder=folder, progress=lambda losses: steps.append(losses.step))
    assert gan.step == gan.num_steps
    return len(steps)


def test_a_network_is_trained_once(tmp_path):
    first, again = small_gan(), small_gan()
    assert steps_of(first, "code", tmp_path) == STEPS
    assert steps_of(again, "code", tmp_path) == 0
    assert identical(first.state(), again.state())


@pytest.mark.parametrize(
    ("seed", "settings", "code"), [(2, SMALL, "code"), (1, replace(SMALL, step_size=2e-3), "code"), (1, SMALL, "other")]
)
def test_another_run_or_other_code_is_another_network(tmp_path, seed, settings, code):
    steps_of(small_gan(), "code", tmp_path)
    assert steps_of(small_gan(settings, seed), code, tmp_path) == STEPS
    assert len(list(tmp_path.glob("*.network"))) == 2


def test_the_folder_is_that_of_the_variable_or_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "here"))
    assert network_folder() == tmp_path / "here"
    trained(small_gan(), "code")
    assert list((tmp_path / "here").glob("*.network"))
    monkeypatch.setenv(FOLDER_VARIABLE, "~/there")
    assert network_folder() == Path.home() / "there"
    monkeypatch.delenv(FOLDER_VARIABLE)
    assert network_folder().parts[-2:] == ("fsrcheck", "networks")


def test_a_folder_that_is_none_is_named_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        InputError, match=f"^{FOLDER_VARIABLE} must be a folder that can be written, got .*file"
    ) as caught:
        trained(small_gan(), "code", folder=tmp_path / "file" / "below")
    assert "\n" not in str(caught.value)
