"""One run of the example paper, shared by all tests of the report."""

from datetime import date
from pathlib import Path

import pytest

from fsrcheck.registry import Registry
from fsrcheck.report import write_report
from fsrcheck.report.entries import Entry, make_entries
from fsrcheck.runs.checking import check_many
from fsrcheck.runs.gathering import judging_digest
from fsrcheck.runs.result import StatementResult
from fsrcheck.runs.stored import StoredEvidence
from tests.example import PAPER, THEOREM
from tests.report import rich


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry([PAPER])


@pytest.fixture(scope="session")
def results(registry: Registry) -> list[StatementResult]:
    return check_many(registry=registry, seed=7, device="cpu")


@pytest.fixture(scope="session")
def stored(registry: Registry) -> StoredEvidence:
    """What a gathering of 200 runs might have counted, with one false alarm and one missed control."""
    return StoredEvidence(
        statement=THEOREM.id,
        scale="quick",
        device="cuda",
        versions={"torch": "9.9"},
        code=judging_digest(registry, THEOREM),
        expected="SUPPORTED",
        hardware=("a <big> GPU",),
        seeds={5: 200},
        verdicts={"SUPPORTED": 196, "INCONCLUSIVE": 3, "VIOLATED": 1},
        claims={"rate": {"HOLDS": 197, "INCONCLUSIVE": 2, "VIOLATED": 1}},
        controls={"loaded coin": {"VIOLATED": 199, "HOLDS": 1}, "loaded coins": {"VIOLATED": 200}},
        trials=10_000,
        alarms=(987654321,),
    )


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, results: list[StatementResult], registry: Registry) -> Path:
    out = tmp_path_factory.mktemp("report") / "out"
    write_report(results, registry, out, created=date(2026, 1, 2))
    return out


@pytest.fixture(scope="session")
def page(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def rich_results() -> list[StatementResult]:
    """A run of all statements of ``tests.report.rich``."""
    return check_many(registry=rich.REGISTRY, seed=7, device="cpu")


@pytest.fixture(scope="session")
def rich_entries(rich_results: list[StatementResult]) -> list[Entry]:
    return make_entries(rich_results, rich.REGISTRY)
