"""Statements as tests: ``test_statement = statement_tests()`` in a test module gives one test for each.

They have the marker ``lemma``: ``pytest -m lemma`` runs them alone and ``-k A.1`` some of them. An
INCONCLUSIVE verdict fails unless expected. torch is imported when a statement is run, not when pytest starts.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from fsrcheck.errors import InputError
from fsrcheck.registry import installed
from fsrcheck.runs.checking import make_checker
from fsrcheck.runs.complaints import complaints
from fsrcheck.runs.replaying import check_command
from fsrcheck.runs.result import ExitCode, StatementResult
from fsrcheck.runs.seeds import fresh_seed
from fsrcheck.statement import SCALES, Statement

SEED = pytest.StashKey[int]()
SHARED_SEED = "fsr_seed"  # key under which the controller of pytest-xdist tells its workers the seed
STATEMENT, VERDICT, EXPECTED = "fsrcheck_statement", "fsrcheck_verdict", "fsrcheck_expected"


def statement_tests(*papers: str) -> Callable[..., None]:
    """Return a test function that runs once for every statement of ``papers`` (or of all papers).

    Raises:
        InputError: there is no such paper, or no statement: a test that looks at nothing must not pass.
    """
    registry = installed()
    unknown = set(papers) - {paper.id for paper in registry.papers}
    if unknown:
        raise InputError(f"papers must be installed, got {', '.join(sorted(unknown))}")
    statements = [statement for statement in registry.statements if not papers or statement.paper in papers]
    if not statements:
        raise InputError(f"there must be statements to test, got none in {', '.join(papers) or 'any installed paper'}")

    @pytest.mark.lemma
    @pytest.mark.parametrize("statement", statements, ids=lambda statement: statement.id)
    def test_statement(
        statement: Statement,
        fsr_check: Callable[[Statement], StatementResult],
        record_property: Callable[[str, object], None],
    ) -> None:
        result = fsr_check(statement)
        record_property(STATEMENT, statement.id)
        record_property(VERDICT, result.verdict.name)
        record_property(EXPECTED, statement.expected.name)
        if result.exit_code is not ExitCode.EXPECTED:
            pytest.fail(failure_message(result), pytrace=False)

    return test_statement


@pytest.fixture(scope="session")
def fsr_check(pytestconfig: pytest.Config) -> Callable[[Statement], StatementResult]:
    """Checks a statement at the scale, seed and device of this run."""
    import torch

    if hasattr(pytestconfig, "workerinput"):  # several processes share the cores
        torch.set_num_threads(1)
    scale, seed = pytestconfig.getoption("fsr_scale"), pytestconfig.stash[SEED]
    checker = make_checker(scale=scale, seed=seed, device=pytestconfig.getoption("fsr_device"))

    def check(statement: Statement) -> StatementResult:
        try:
            return checker.check(statement)
        except Exception as error:
            error.add_note(f"replay: {check_command(statement.id, scale, seed, checker.laboratory.device)}")
            raise

    return check


def failure_message(result: StatementResult) -> str:
    """The verdict, what went wrong and how to see it again."""
    verdict = f"{result.statement.id} is {result.verdict.name}, expected {result.statement.expected.name}"
    return "\n  ".join([verdict, *complaints(result), f"seed {result.seed}", f"replay: {result.replay}"])


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --fsr-scale, --fsr-seed and --fsr-device."""
    group = parser.getgroup("fsrcheck", "statements of papers")
    group.addoption("--fsr-scale", choices=SCALES, default="quick", help="how much to run (default: quick)")
    group.addoption("--fsr-seed", type=int, help="seed of the statements' trials; drawn if not given")
    group.addoption(
        "--fsr-device", choices=("auto", "cpu", "cuda"), default="auto", help="where to run (default: auto)"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and settle the seed: given, told by the controller, or drawn."""
    config.addinivalue_line("markers", "lemma: a statement of a paper, checked by fsrcheck")
    shared = getattr(config, "workerinput", {}).get(SHARED_SEED)
    seed = config.getoption("fsr_seed") if shared is None else shared
    config.stash[SEED] = fresh_seed() if seed is None else seed


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist the seed of the run."""
    node.workerinput[SHARED_SEED] = node.config.stash[SEED]


def pytest_report_header(config: pytest.Config) -> str:
    """Name the seed, so that every run can be repeated."""
    scale, device = config.getoption("fsr_scale"), config.getoption("fsr_device")
    return f"fsrcheck: --fsr-seed {config.stash[SEED]} --fsr-scale {scale} --fsr-device {device}"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Count the statements by verdict and name those that are not as expected."""
    by_verdict = defaultdict(list)
    for reports in terminalreporter.stats.values():
        for report in reports:
            told = dict(getattr(report, "user_properties", ()))
            if VERDICT in told and report.when == "call":
                by_verdict[told[VERDICT]].append(told)
    if by_verdict:
        terminalreporter.section("statements by verdict")
        for verdict, found in sorted(by_verdict.items()):
            terminalreporter.write_line(_summary_line(verdict, found))


def _summary_line(verdict: str, found: list[dict[str, str]]) -> str:
    surprises = [f"{f[STATEMENT]} (expected {f[EXPECTED]})" for f in found if f[EXPECTED] != verdict]
    return f"{verdict:<13}{len(found):>5}   {', '.join(surprises)}".rstrip()
