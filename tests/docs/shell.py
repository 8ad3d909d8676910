"""Runs the commands of a document in a folder of its own, as far as that can be done in seconds.

Statements that are installed are checked on one trial of their first case. What runs all statements or needs another machine
is read by the command line, with everything it names, and not run; ``make`` and installers are looked up.
"""

import importlib
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fsrcheck.cli import main
from fsrcheck.commands.sweeping import varied
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.registry import Registry, installed
from fsrcheck.statement import Paper, Statement
from tests.installing import install

ROOT = Path(__file__).parents[2]
RUN_WHOLE = {
    "list",
    "show",
    "new",
}  # whatever they name; the others only if they name statements and are not in ONLY_READ
ONLY_READ = {"calibrate", "compare", "gather", "peers", "report", "sweep"}
COLLECTED = re.compile(r"^\d+(/\d+)? tests collected|^Exit: fsrcheck: baseline must be there", re.MULTILINE)


def tiny(statement: Statement) -> Statement:
    """One trial of the first case; without controls nothing is expected."""
    cases = {"quick": tuple(statement.cases.get("quick", ()))[:1]}
    return replace(statement, cases=cases, trials={"quick": 1}, controls=(), expected=Verdict.OPEN)


def tiny_registry(papers: list[Paper]) -> Registry:
    """What is installed, made tiny, and packages of the document's own as they are."""
    small = [replace(paper, statements=tuple(map(tiny, paper.statements))) for paper in installed().papers]
    return Registry([*small, *papers])


@dataclass
class Shell:
    """The state of a document's commands.

    Attributes:
        folder: where they run.
        prepend: makes a folder importable for as long as the test runs.
        papers: packages that the document made and installed.
    """

    folder: Path
    prepend: Callable[[Path], None]
    papers: list[Paper] = field(default_factory=list)

    def run(self, line: str) -> str:
        """Run a line and return what its last command printed.

        Raises:
            AssertionError: a command fails, or is not known.
        """
        printed = ""
        for command in line.split("&&"):
            words = shlex.split(command, comments=True)
            with chdir(self.folder):
                printed = self._run(words) if words else printed
        return printed

    def _run(self, words: list[str]) -> str:
        program, *arguments = words
        known = {"cd": self._enter, "fsrcheck": self._fsrcheck, "make": look_up_target, "pip": self._install}
        known |= {"pytest": self._pytest, "python": self._python, ".venv/bin/pre-commit": look_up_hooks}
        assert program in known, f"nothing is known of {program!r}"
        return known[program](arguments) or ""

    def _enter(self, arguments: list[str]) -> None:
        self.folder /= arguments[0]
        assert self.folder.is_dir()

    def _install(self, arguments: list[str]) -> None:
        assert arguments == ["install", "-e", "."]
        declared = tomllib.loads((self.folder / "pyproject.toml").read_text())["project"]
        papers = declared["entry-points"]["fsrcheck.papers"]
        install(self.folder, declared["name"], papers)
        self.prepend(self.folder)
        self.papers += [load(value) for value in papers.values()]

    def _fsrcheck(self, arguments: list[str]) -> str:
        context = read(arguments, Registry([*installed().papers, *self.papers]))
        name = str(context.info_name)
        if name not in RUN_WHOLE and (name in ONLY_READ or not context.params.get("names")):
            return ""
        registry = context.obj if name in RUN_WHOLE else tiny_registry(self.papers)
        result = CliRunner().invoke(main, arguments, obj=registry)
        assert result.exit_code in (0, 1, 3), result.stderr
        assert isinstance(result.exception, SystemExit | None), result.exception
        return result.stdout

    def _pytest(self, arguments: list[str]) -> str:
        """In a package of the document's own, the tests are run; of this repository's, the statements are collected."""
        if (self.folder / "pyproject.toml").exists():
            return self._python(["-m", "pytest", "-p", "no:cacheprovider", *arguments])
        return collect(arguments)

    def _python(self, arguments: list[str]) -> str:
        paths = os.pathsep.join([str(self.folder), str(ROOT)])
        environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, *arguments]
        found = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        assert found.returncode == 0, found.stdout + found.stderr
        return found.stdout


def read(arguments: list[str], registry: Registry) -> click.Context:
    """Let the command line read words without running them; what they name must exist."""
    name, *words = arguments
    with main.make_context("fsrcheck", [name], obj=registry) as parent:
        command = main.get_command(parent, name)
        assert command is not None, f"there is no command {name!r}"
        context = command.make_context(name, words, parent=parent)
    named = context.params.get("names") or ()
    for statement in registry.select(named) if named else ():
        if "grid" in context.params:
            varied(statement, context.params["scale"], context.params["grid"], context.params["trials"])
    return context


def collect(arguments: list[str]) -> str:
    """Let pytest read words and select statements by them; without a baseline, it may say that there is none."""
    words = [*arguments, "--collect-only", "-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]
    printed = StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        pytest.main([*words, str(ROOT / "tests" / "test_statements.py")])
    assert COLLECTED.search(printed.getvalue()), printed.getvalue()
    return printed.getvalue()


def load(value: str) -> Paper:
    """The paper that an entry point names."""
    module, _, attribute = value.partition(":")
    paper: Paper = getattr(importlib.import_module(module), attribute)
    return paper


def look_up_target(arguments: list[str]) -> None:
    """A target of the Makefile."""
    lines = (ROOT / "Makefile").read_text().splitlines()
    for name in arguments:
        assert any(line.startswith((f"{name}:", f"{name} ")) for line in lines), f"there is no target {name!r}"


def look_up_hooks(arguments: list[str]) -> None:
    """The tool that runs the hooks, and what tells it which."""
    assert arguments == ["install"]
    assert (Path(sys.executable).parent / "pre-commit").exists()
    assert (ROOT / ".pre-commit-config.yaml").exists()
