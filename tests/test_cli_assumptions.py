"""``fsrcheck assumptions``: a folder of pictures, its page and account, and bad input."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from fsrcheck.cli import main
from lemmas.fsr import assumptions_command
from lemmas.fsr.image_account import MET, MISSED, UNDECIDED, word_for
from tests.images.test_patch_study import cartoon
from tests.invoking import assert_one_line, content


def invoke(*words: object) -> Result:
    return CliRunner().invoke(main, ["assumptions", *map(str, words)])


def save(folder: Path, number: int, count: int = 6, size: int = 24) -> Path:
    folder.mkdir(exist_ok=True)
    for place in range(count):
        pixels = np.round(255 * cartoon(number + place, size).pixels[..., 0]).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{place}.png")
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = save(tmp_path_factory.mktemp("pictures"), 0)
    (folder / "broken.png").write_bytes(b"broken")
    return folder


@pytest.fixture(scope="module", autouse=True)
def small():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assumptions_command, "MOST_PER_PICTURE", 500)
        patch.setattr(assumptions_command, "ANCHORS", 64)
        yield


@pytest.fixture(scope="module")
def made(pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp("made")
    result = invoke(pictures, "--grey", "--patch", 3, "--seed", 5, "--out", out)
    assert result.exit_code == 0, result.output
    return result, out


def test_a_broken_file_is_skipped_with_a_warning_and_counted(made):
    result, out = made
    assert "skipped: picture" in result.stderr
    assert "broken.png cannot be read" in result.stderr
    told = json.loads((out / "assumptions.json").read_text())
    assert [one["name"] for one in told["skipped"]] == ["broken.png"]
    assert len(told["pictures"]) == 6
    assert "6 pictures of" in result.stdout
    assert "1 skipped" in result.stdout


def test_the_page_is_whole_and_loads_nothing(made):
    page = (made[1] / "assumptions.html").read_text()
    assert page.count("<svg") == 3
    assert page.count("<img") == page.count("data:image/png;base64,") == 3
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert "broken.png" in page


def test_the_same_seed_gives_the_same_account_as_json(made, pictures, tmp_path):
    again = invoke(pictures, "--grey", "--patch", 3, "--seed", 5, "--out", tmp_path, "--json")
    assert content(again) == json.loads((made[1] / "assumptions.json").read_text())
    assert (tmp_path / "assumptions.html").read_text() == (made[1] / "assumptions.html").read_text()


def test_the_account_has_pictures_and_controls_with_limits_and_intervals(made):
    told = json.loads((made[1] / "assumptions.json").read_text())
    assert next(iter(told["data"])) == "pictures"
    assert len(told["data"]) == 6
    assert told["limits"]["pair_probability"] == 16
    for data in told["data"].values():
        assert set(data["verdicts"]) == set(told["limits"])
        assert set(data["verdicts"].values()) <= {MET, MISSED, UNDECIDED}
        assert all({"value", "low", "high"} == set(one) for one in data["constants"].values())


@pytest.mark.parametrize(
    ("name", "low", "high", "word"),
    [
        ("pair_probability", 1, 4, MET),
        ("pair_probability", 1, 5, UNDECIDED),
        ("pair_probability", 4.5, 5, MISSED),
        ("sigma_min", 4, 9, MET),
        ("sigma_min", 3, 5, UNDECIDED),
        ("sigma_min", 1, 3, MISSED),
        ("sigma_min", float("nan"), 3, UNDECIDED),
        ("pair_probability", 1, float("nan"), UNDECIDED),
    ],
)
def test_a_limit_is_met_when_the_whole_interval_keeps_it(name, low, high, word):
    assert word_for(name, low, high, 4) == word


def test_no_folder_no_images_and_no_use_are_one_line(tmp_path):
    assert_one_line(invoke(tmp_path / "none"), "must be a folder that is there")
    (tmp_path / "file").write_text("")
    assert_one_line(invoke(tmp_path / "file"), "must be a folder that is there")
    (tmp_path / "empty").mkdir()
    assert_one_line(invoke(tmp_path / "empty"), "must have images in it, got none")
    (tmp_path / "empty" / "a.png").write_bytes(b"broken")
    assert_one_line(invoke(tmp_path / "empty"), "must have an image of use", "cannot be read")


def test_pictures_smaller_than_the_patch_are_one_line(tmp_path):
    folder = save(tmp_path / "small", 0, size=5)
    assert_one_line(invoke(folder, "--patch", 8), "at least 8 pixels wide and high, got 5 x 5")


def test_too_few_pictures_are_one_line(tmp_path):
    folder = save(tmp_path / "few", 0, count=3)
    assert_one_line(invoke(folder, "--patch", 3), "pictures must be at least 4", "got 3")


def test_pictures_of_one_colour_are_one_line(tmp_path):
    for place in range(4):
        Image.new("RGB", (20, 20), "red").save(tmp_path / f"{place}.png")
    result = invoke(tmp_path, "--patch", 3, "--out", tmp_path / "out")
    assert_one_line(result, "must vary in at least 8 directions")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [("--patch", 2), ("--patch", 11), ("--patch", "x"), ("--seed", -1)])
def test_impossible_options_are_one_line(pictures, words):
    assert_one_line(invoke(pictures, *words), words[0])


def test_an_output_that_is_a_file_is_refused_before_work_begins(pictures, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert_one_line(invoke(pictures, "--out", tmp_path / "file"), "--out must be a folder")
    assert (tmp_path / "file").read_text() == "mine"
