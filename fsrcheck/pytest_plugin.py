"""Statements as tests: ``test_statement = statement_tests()`` in a test module gives one test for each.

They have the marker ``lemma``: ``pytest -m lemma`` runs them alone and ``-k A.1`` some of them. An
INCONCLUSIVE verdict fails unless expected. torch is imported when a statement is run, not when pytest starts.

With ``--fsr-compare`` what was run is compared with the baseline (see ``runs.comparing``). Each test compares its own
statement, in whichever process it runs; the findings travel with its report, and the session puts them together.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fsrcheck.errors import InputError
from fsrcheck.registry import installed
from fsrcheck.runs.baseline import (
    BASELINE,
    Baseline,
    BaselineError,
    KeptStatement,
    baseline_of,
    read_baseline,
    statement_from_json,
    statement_to_json,
    write_baseline,
)
from fsrcheck.runs.checking import make_checker
from fsrcheck.runs.comparing import accepted, compare, compare_statement, require_scale
from fsrcheck.runs.complaints import complaints
from fsrcheck.runs.executors import use_one_thread
from fsrcheck.runs.findings import Comparison, Finding, finding_from_json
from fsrcheck.runs.keeping import kept
from fsrcheck.runs.replaying import check_command
from fsrcheck.runs.result import ExitCode, StatementResult
from fsrcheck.runs.seeds import fresh_seed
from fsrcheck.runs.tolerances import Tolerances, parse_tolerances
from fsrcheck.statement import SCALES, Statement

SEED = pytest.StashKey[int]()
SHARED_SEED = "fsr_seed"  # key under which the controller of pytest-xdist tells its workers the seed
STATEMENT, VERDICT, EXPECTED = "fsrcheck_statement", "fsrcheck_verdict", "fsrcheck_expected"
COMPARED = "fsrcheck_compared"  # property of a report: what was kept of the statement and what was found, as JSON


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
        fsr_compare: Callable[[StatementResult], None],
        record_property: Callable[[str, object], None],
    ) -> None:
        result = fsr_check(statement)
        fsr_compare(result)
        record_property(STATEMENT, statement.id)
        record_property(VERDICT, result.verdict.name)
        record_property(EXPECTED, statement.expected.name)
        if result.exit_code is not ExitCode.EXPECTED:
            pytest.fail(failure_message(result), pytrace=False)

    return test_statement


@pytest.fixture(scope="session")
def fsr_check(pytestconfig: pytest.Config) -> Callable[[Statement], StatementResult]:
    """Checks a statement at the scale, seed and device of this run."""
    if hasattr(pytestconfig, "workerinput"):  # several processes share the cores
        use_one_thread()
    scale, seed = pytestconfig.getoption("fsr_scale"), pytestconfig.stash[SEED]
    checker = make_checker(scale=scale, seed=seed, device=pytestconfig.getoption("fsr_device"))

    def check(statement: Statement) -> StatementResult:
        try:
            return checker.check(statement)
        except Exception as error:
            error.add_note(f"replay: {check_command(statement.id, scale, seed, checker.laboratory.device)}")
            raise

    return check


@pytest.fixture
def fsr_compare(
    pytestconfig: pytest.Config, record_property: Callable[[str, object], None]
) -> Callable[[StatementResult], None]:
    """Compares a result with the baseline, if this run was asked to, and leaves what it finds with the report."""
    asked = pytestconfig.stash.get(COMPARISON, None)

    def compare_result(result: StatementResult) -> None:
        if asked is not None:
            record_property(COMPARED, asked.told(result))

    return compare_result


def failure_message(result: StatementResult) -> str:
    """The verdict, what went wrong and how to see it again."""
    verdict = f"{result.statement.id} is {result.verdict.name}, expected {result.statement.expected.name}"
    return "\n  ".join([verdict, *complaints(result), f"seed {result.seed}", f"replay: {result.replay}"])


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --fsr-scale, --fsr-seed, --fsr-device and the options of a comparison."""
    group = parser.getgroup("fsrcheck", "statements of papers")
    group.addoption("--fsr-scale", choices=SCALES, default="quick", help="how much to run (default: quick)")
    group.addoption("--fsr-seed", type=int, help="seed of the statements' trials; drawn if not given")
    group.addoption(
        "--fsr-device", choices=("auto", "cpu", "cuda"), default="auto", help="where to run (default: auto)"
    )
    group.addoption(
        "--fsr-compare",
        nargs="?",
        const=BASELINE,
        type=Path,
        metavar="FILE",
        help=f"compare what is run with this baseline (default: {BASELINE} in the root folder)",
    )
    group.addoption(
        "--fsr-compare-fail", metavar="WORDS", help=f"what may be lost without failing (default: {Tolerances()})"
    )
    group.addoption(
        "--fsr-update-baseline", action="store_true", help="accept what is run, if all of it passes, as the baseline"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and settle the seed: given, told by the controller, or drawn."""
    config.addinivalue_line("markers", "lemma: a statement of a paper, checked by fsrcheck")
    shared = getattr(config, "workerinput", {}).get(SHARED_SEED)
    seed = config.getoption("fsr_seed") if shared is None else shared
    config.stash[SEED] = fresh_seed() if seed is None else seed
    asked = _comparison_asked(config)
    if asked is not None:
        config.stash[COMPARISON] = asked
        if not hasattr(config, "workerinput"):  # the controller alone puts things together
            config.pluginmanager.register(asked)


def _comparison_asked(config: pytest.Config) -> "SessionComparison | None":
    """What the options say of a comparison; a baseline that is missing, torn or foreign ends the session with 3."""
    path, update = config.getoption("fsr_compare"), config.getoption("fsr_update_baseline")
    words = config.getoption("fsr_compare_fail")
    if path is None and not update:
        if words is not None:
            raise pytest.UsageError("--fsr-compare-fail must come with --fsr-compare")
        return None
    path = config.rootpath / BASELINE if path in (None, BASELINE) else path
    registry = installed()
    try:
        tolerances = Tolerances() if words is None else parse_tolerances(words)
        fresh = update and not path.exists()
        baseline = baseline_of({}) if fresh else read_baseline(path, [paper.id for paper in registry.papers])
        require_scale(baseline, config.getoption("fsr_scale"), [statement.id for statement in registry.statements])
    except InputError as error:
        raise pytest.UsageError(f"--fsr-compare-fail: {error}") from None
    except BaselineError as error:
        pytest.exit(f"fsrcheck: {' '.join(str(error).split())}", returncode=ExitCode.INCONCLUSIVE)
    return SessionComparison(path, baseline, tolerances, update)


@dataclass
class SessionComparison:
    """What a session found of the baseline; a plugin of its own on the process that has all reports.

    Attributes:
        path: file of the baseline.
        baseline: what it holds.
        tolerances: what may be lost.
        update: whether what is run is to be accepted.
        kept, findings: of every statement that was run, by id, filled while reports come in.
        told_last: how the session ended, in a line.
    """

    path: Path
    baseline: Baseline
    tolerances: Tolerances
    update: bool
    kept: dict[str, KeptStatement] = field(default_factory=dict)
    findings: dict[str, list[Finding]] = field(default_factory=dict)
    told_last: str = ""

    def told(self, result: StatementResult) -> str:
        """Compare one result, and put what is kept of it and what was found into words that a report can carry."""
        name, entry = result.statement.id, kept([result])
        found = compare_statement(name, self.baseline.statements.get(name), entry, self.tolerances, result.replay)
        told = {"id": name, "kept": statement_to_json(entry), "findings": [finding.to_json() for finding in found]}
        return json.dumps(told, allow_nan=False)

    @property
    def comparison(self) -> Comparison:
        """All that was found."""
        return compare(self.baseline, self.findings, _installed_ids(), self.tolerances)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test found out of its report, whichever process ran it."""
        text = dict(report.user_properties).get(COMPARED)
        if report.when == "call" and text is not None:
            told = json.loads(str(text))
            self.kept[told["id"]] = statement_from_json(told["kept"])
            self.findings[told["id"]] = [finding_from_json(finding) for finding in told["findings"]]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Accept what was run, or let a regression fail the session; a comparison of nothing never passes."""
        if not self.kept:
            failed, self.told_last = True, "no statement was compared"
        elif not self.update:
            hint = "; accept what is meant with --fsr-update-baseline" if self.comparison.findings else ""
            failed, self.told_last = self.comparison.fails, f"compared with {self.path}{hint}"
        elif exitstatus != pytest.ExitCode.OK:
            failed, self.told_last = True, "not accepted: the run did not pass"
        else:
            write_baseline(self.path, accepted(self.baseline, self.kept, _installed_ids()))
            failed, self.told_last = False, f"written to {self.path}"
        if failed and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what was found, each finding with the command that shows it again."""
        terminalreporter.section("comparison with the baseline")
        for line in (*self.comparison.lines, self.told_last):
            terminalreporter.write_line(line)


COMPARISON = pytest.StashKey[SessionComparison]()


def _installed_ids() -> list[str]:
    return [statement.id for statement in installed().statements]


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
