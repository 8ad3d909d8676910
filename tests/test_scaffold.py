"""`fsrcheck new`: the package it writes passes as it is, and nothing is ever overwritten."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fsrcheck.cli import main
from fsrcheck.scaffold.writing import render
from tests.installing import install


def new(*words: object) -> Result:
    return CliRunner().invoke(main, ["new", *map(str, words)])


def test_the_package_passes_as_it_is(tmp_path: Path) -> None:
    assert new("my_paper", "--out", tmp_path).exit_code == 0
    project = tmp_path / "my_paper"
    declared = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    install(project, declared["name"], declared["entry-points"]["fsrcheck.papers"])
    command = [sys.executable, "-m", "pytest", "-m", "lemma", "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTHONPATH": str(project), "OMP_NUM_THREADS": "1"}
    found = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout
    assert "1 passed" in found.stdout
    assert "SUPPORTED" in found.stdout


def test_the_templates_are_clean_code(tmp_path: Path) -> None:
    new("my_paper", "--out", tmp_path)
    rules = Path(__file__).parents[1] / "pyproject.toml"
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--config", str(rules), str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


def test_the_name_is_put_in_everywhere() -> None:
    files = render("hoeffding")
    assert "hoeffding/__init__.py" in files
    assert 'statement_tests("hoeffding")' in files["tests/test_statements.py"]
    assert not [name for name, text in files.items() if "{{" in text or "{%" in text]


def test_json_names_the_files(tmp_path: Path) -> None:
    told = json.loads(new("my_paper", "--out", tmp_path, "--json").stdout)
    assert sorted(told["files"]) == sorted(str(path) for path in (tmp_path / "my_paper").rglob("*") if path.is_file())


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "my_paper").mkdir()
    result = new("my_paper", "--out", tmp_path)
    assert result.exit_code == 2
    assert "must not exist yet" in result.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["my_paper"]


@pytest.mark.parametrize("name", ["my-paper", "2013", "class", "../up", "", "été", "_paper", "numpy", "random"])
def test_unusable_names_are_refused(tmp_path: Path, name: str) -> None:
    result = new(name, "--out", tmp_path)
    assert result.exit_code == 2
    assert result.stderr.startswith("fsrcheck: PAPER must")
    assert not list(tmp_path.iterdir())


def test_an_unwritable_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file")
    result = new("my_paper", "--out", tmp_path / "occupied")
    assert result.exit_code == 2
    assert result.stderr.startswith("fsrcheck: output folder must be writable")
