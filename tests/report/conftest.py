"""One run of the example paper, shared by all tests of the report."""

from datetime import date
from pathlib import Path

import pytest

from fsrcheck.registry import Registry
from fsrcheck.report import write_report
from fsrcheck.runs.checking import check_many
from fsrcheck.runs.result import StatementResult
from tests.example import PAPER


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry([PAPER])


@pytest.fixture(scope="session")
def results(registry: Registry) -> list[StatementResult]:
    return check_many(registry=registry, seed=7, device="cpu")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, results: list[StatementResult], registry: Registry) -> Path:
    out = tmp_path_factory.mktemp("report") / "out"
    write_report(results, registry, out, created=date(2026, 1, 2))
    return out


@pytest.fixture(scope="session")
def page(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")
