"""``pytest --fsr-compare`` on the example paper; with workers, on a package of somebody else's statements."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch  # noqa: F401  # a session in this process forgets the modules that it loads, which torch does not survive

import fsrcheck.pytest_plugin as plugin
import fsrcheck.runs.checking as checking
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.registry import Registry
from fsrcheck.runs.baseline import read_baseline
from fsrcheck.statement import Paper
from tests.example import SQUARE, THEOREM
from tests.installing import install
from tests.invoking import invoke_on, paper_of

pytest_plugins = "pytester"

ROOT = Path(__file__).parents[1]
TESTS = """
from fsrcheck.pytest_plugin import statement_tests

test_statement = statement_tests("{paper}")

def test_of_another_kind():
    pass
"""
SECTION = "*comparison with the baseline*"


class Project:
    """A project that tests the example paper, in this process; the paper may be changed between sessions."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester, self.monkeypatch = pytester, monkeypatch
        self.baseline = pytester.path / "reports/baseline.json"
        pytester.makepyfile(test_statements=TESTS.format(paper="coins"))
        self.change()

    def change(self, **changes: object) -> None:
        """Let the theorem be another one."""
        registry = Registry([paper_of(replace(THEOREM, **changes), SQUARE)])
        for module in (plugin, checking):
            self.monkeypatch.setattr(module, "installed", lambda: registry)

    def run(self, *words: str) -> pytest.RunResult:
        """A session of all statements."""
        return self.pytester.runpytest_inprocess("-p", "no:cacheprovider", *(words or ("-m", "lemma")))

    def compare(self, *words: str) -> pytest.RunResult:
        """A session of all statements that is compared with the baseline."""
        return self.run("-m", "lemma", "--fsr-compare", *words)


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a baseline."""
    found = Project(pytester, monkeypatch)
    result = found.run("-m", "lemma", "--fsr-update-baseline")
    assert result.ret == 0
    result.stdout.fnmatch_lines([SECTION, "*2 new.", "written to *reports/baseline.json"])
    return found


def looser() -> tuple[Constant, ...]:
    return (Constant("C", 0.7, Provenance.DERIVED),)


def test_a_session_that_changed_nothing_passes_and_writes_nothing(project: Project) -> None:
    before = project.baseline.read_text()
    result = project.compare()
    result.assert_outcomes(passed=2, deselected=1)
    result.stdout.fnmatch_lines([SECTION, "Statements compared: 2. Found: 0 regressions, 0 improvements*"])
    assert result.ret == 0
    assert project.baseline.read_text() == before


def test_a_regression_fails_a_session_in_which_every_test_passes(project: Project) -> None:
    project.change(constants=looser())
    result = project.compare("--fsr-seed", "7")
    result.assert_outcomes(passed=2, deselected=1)
    result.stdout.fnmatch_lines(
        [
            SECTION,
            "REGRESSION coins.T.2: constant 'C': 0.6 -> 0.7*",
            "  replay: fsrcheck check coins.T.2 --scale quick --seed 7 --device *",
        ]
    )
    assert result.ret == 1
    assert project.compare("--fsr-compare-fail=constant:20%").ret == 0


def test_an_improvement_passes_and_is_told(project: Project) -> None:
    project.change(constants=(Constant("C", 0.55, Provenance.DERIVED),))
    result = project.compare()
    result.stdout.fnmatch_lines(["IMPROVEMENT coins.T.2: constant 'C': 0.6 -> 0.55*", "*--fsr-update-baseline*"])
    assert result.ret == 0


def test_an_update_accepts_what_is_worse(project: Project) -> None:
    project.change(constants=looser())
    assert project.run("-m", "lemma", "--fsr-update-baseline", "--fsr-seed", "8").ret == 0
    found = read_baseline(project.baseline, ["coins"]).statements
    assert [entry.seeds for entry in found.values()] == [(8,), (8,)]
    assert project.compare().ret == 0


def test_a_session_that_fails_accepts_nothing(project: Project) -> None:
    before = project.baseline.read_text()
    project.change(expected=Verdict.PROVED)
    result = project.run("-m", "lemma", "--fsr-update-baseline")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["not accepted: the run did not pass"])
    assert project.baseline.read_text() == before


def test_only_what_was_run_is_compared(project: Project) -> None:
    result = project.run("-k", "sq", "--fsr-compare")
    result.stdout.fnmatch_lines(["Statements compared: 1. Found: 0 regressions*"])
    assert result.ret == 0


def test_a_comparison_of_nothing_does_not_pass(project: Project) -> None:
    result = project.run("-k", "another_kind", "--fsr-compare")
    result.assert_outcomes(passed=1, deselected=2)
    result.stdout.fnmatch_lines(["no statement was compared"])
    assert result.ret == 1


@pytest.mark.parametrize(
    ("content", "word"),
    [(None, "no file"), ('{"format": "fsrche', "torn"), ('{"format": "other"}', "other"), ("full", "scale")],
)
def test_without_a_baseline_to_compare_with_the_session_ends_with_3(
    project: Project, content: str | None, word: str
) -> None:
    whole = project.baseline.read_text()
    project.baseline.unlink()
    if content is not None:
        project.baseline.write_text(whole.replace('"quick"', '"full"') if content == "full" else content)
    result = project.compare()
    assert result.ret == 3
    assert [line for line in result.errlines if "fsrcheck: baseline must" in line and word in line]
    assert "passed" not in result.stdout.str()


@pytest.mark.parametrize("path", ["other.json", "reports/baseline.json"])
def test_another_file_can_be_named(project: Project, path: str) -> None:
    project.baseline.rename(project.pytester.path / path)
    assert project.run("-k", "sq", f"--fsr-compare={path}").ret == 0


@pytest.mark.parametrize("words", [("--fsr-compare", "--fsr-compare-fail=speed:1"), ("--fsr-compare-fail=slack:10%",)])
def test_bad_words_are_a_usage_error(project: Project, words: tuple[str, ...]) -> None:
    result = project.run("-m", "lemma", *words)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: --fsr-compare-fail*"])


PACKAGE = """
from dataclasses import replace
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.statement import Paper
from tests.example import SQUARE, THEOREM

theorem = replace(THEOREM, id="tosses.A.1", constants=(Constant("C", 0.7, Provenance.DERIVED),))
PAPER = Paper("tosses", "Tosses", "Nobody", (theorem, replace(SQUARE, id="tosses.A.2")))
"""


@pytest.mark.slow
def test_workers_compare_and_the_session_puts_it_together(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What two workers found of a baseline is told once, and what both ran is written."""
    before = Paper("tosses", "", "", (replace(THEOREM, id="tosses.A.1"), replace(SQUARE, id="tosses.A.2")))
    assert invoke_on(before)("compare", "--update", "--seed", 7).exit_code == 0
    pytester.makepyfile(tosses=PACKAGE, test_statements=TESTS.format(paper="tosses"))
    install(pytester.path, "tosses", {"tosses": "tosses:PAPER"})
    monkeypatch.setenv("PYTHONPATH", f"{pytester.path}:{ROOT}")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    words = ("-n", "2", "-m", "lemma", "--fsr-seed", "8", "--fsr-compare", "--fsr-update-baseline")
    result = pytester.runpytest_subprocess(*words)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            SECTION,
            "REGRESSION tosses.A.1: constant 'C': 0.6 -> 0.7*",
            "  replay: fsrcheck check tosses.A.1 --scale quick --seed 8 --device *",
            "Statements compared: 2. Found: 1 regression, *",
        ]
    )
    written = read_baseline(pytester.path / "reports/baseline.json", ["tosses"]).statements
    assert {name: entry.seeds for name, entry in written.items()} == {"tosses.A.1": (8,), "tosses.A.2": (8,)}
    assert written["tosses.A.1"].constants["C"].value == 0.7
