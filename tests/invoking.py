"""Invokes the command line on papers of a test's own."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result

from fsrcheck.cli import main
from fsrcheck.registry import Registry
from fsrcheck.statement import Paper, Statement

Invoke = Callable[..., Result]


def invoke_on(*papers: Paper) -> Invoke:
    return lambda *words: CliRunner().invoke(main, list(map(str, words)), obj=Registry(papers))


def paper_of(*statements: Statement, constants_file: Path | None = None) -> Paper:
    return Paper("coins", "Probability inequalities", "W. Hoeffding", statements, constants_file)


def content(result: Result) -> object:
    return json.loads(result.stdout)


def assert_one_line(result: Result, *words: str) -> None:
    """Exit code 2, nothing on standard output, and the last line on standard error is the only complaint."""
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    complaints = [line for line in result.stderr.splitlines() if not re.fullmatch(r"seed \d+", line)]
    assert len(complaints) == 1
    assert complaints[0].startswith("fsrcheck: ")
    for word in words:
        assert word in complaints[0]
