"""The pytest plugin with a package of somebody else's statements, run in a process of its own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fsrcheck.errors import InputError
from fsrcheck.pytest_plugin import statement_tests
from tests.installing import install

pytest_plugins = "pytester"

ROOT = Path(__file__).parents[1]
PACKAGE = """
from dataclasses import replace
from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.statement import Control, Paper
from tests.example import SQUARE, THEOREM, inverse_root

undecided = Bound("mean deviation", "", "deviation", "never fitted", inverse_root)
tail = THEOREM.claims[0]
seen = Control("loaded coin", "the coin is fair", "tail", {"bias": 0.2}, premises=("fair",))
blind = Control("same coin", "nothing", "mean deviation", {"repetitions": 500})

def named(number, statement, **changes):
    return replace(statement, id=f"tosses.{number}", **changes)

def crash(parameters, seeds, device):
    raise ZeroDivisionError

PAPER = Paper("tosses", "Tosses", "Nobody", (
    named("A.1", THEOREM),
    named("A.2", SQUARE),
    named("B.1", SQUARE, errata=()),
    named("B.2", THEOREM, claims=(undecided, tail), controls=(seen,)),
    named("B.3", THEOREM, controls=(blind,)),
    named("B.4", THEOREM, run=crash),
    named("C.1", THEOREM, claims=(undecided, tail), controls=(seen,), expected=Verdict.INCONCLUSIVE),
))
"""
TESTS = """
from fsrcheck.pytest_plugin import statement_tests

test_statement = statement_tests("tosses")

def test_of_another_kind():
    pass
"""


@pytest.fixture
def third_party(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project whose package of statements is installed beside fsrcheck."""
    pytester.makepyfile(tosses=PACKAGE, test_statements=TESTS)
    install(pytester.path, "tosses", {"tosses": "tosses:PAPER"})
    monkeypatch.setenv("PYTHONPATH", f"{pytester.path}:{ROOT}")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return pytester


def test_statements_are_selected_by_marker_and_id(third_party: pytest.Pytester) -> None:
    result = third_party.runpytest_subprocess("-m", "lemma", "-k", "A.1 or A.2", "--strict-markers", "-v")
    result.assert_outcomes(passed=2, deselected=6)
    result.stdout.fnmatch_lines(["*test_statement?tosses.A.1? PASSED*", "*test_statement?tosses.A.2? PASSED*"])


def test_only_expected_verdicts_pass_and_nothing_is_skipped(third_party: pytest.Pytester) -> None:
    result = third_party.runpytest_subprocess("--fsr-seed", "5")
    result.assert_outcomes(passed=4, failed=4)
    output = result.stdout.str()
    for text in (
        "tosses.B.1 is PROVED, expected REPAIRED",
        "claim 'mean deviation' INCONCLUSIVE: constant 'never fitted' was never fitted",
        "control 'same coin' must be VIOLATED, got HOLDS",
        "replay: fsrcheck check tosses.B.1 --scale quick --seed 5 --device",
        "replay: fsrcheck check tosses.B.4 --scale quick --seed 5 --device",
        "ZeroDivisionError",
    ):
        assert text in output
    assert re.search(r"^INCONCLUSIVE +3   tosses\.B\.2 \(expected SUPPORTED\), tosses\.B\.3 \(", output, re.MULTILINE)
    assert re.search(r"^SUPPORTED +1$", output, re.MULTILINE)


def test_workers_share_the_drawn_seed_and_the_summary_is_whole(third_party: pytest.Pytester) -> None:
    result = third_party.runpytest_subprocess("-n", "2", "-k", "A.1 or B.1 or B.2")
    result.assert_outcomes(passed=1, failed=2)
    output = result.stdout.str()
    (drawn,) = re.findall(r"^fsrcheck: --fsr-seed (\d+) ", output, re.MULTILINE)
    replayed = set(re.findall(r"replay: fsrcheck check (\S+) --scale quick --seed (\d+)", output))
    assert replayed == {("tosses.B.1", drawn), ("tosses.B.2", drawn)}
    assert re.search(r"^PROVED +1   tosses\.B\.1", output, re.MULTILINE)
    assert re.search(r"^SUPPORTED +1$", output, re.MULTILINE)


def test_other_projects_see_one_line_in_the_header(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_one(): pass")
    result = pytester.runpytest_subprocess("--fsr-seed", "0")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["fsrcheck: --fsr-seed 0 --fsr-scale quick --fsr-device auto"])
    assert "statements by verdict" not in result.stdout.str()


def test_loading_the_plugin_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'scipy', 'sympy', 'matplotlib', 'rich'}"
    command = f"import fsrcheck.pytest_plugin, sys; sys.exit(str({heavy} & set(sys.modules) or ''))"
    assert subprocess.run([sys.executable, "-c", command], capture_output=True, text=True).stderr.strip() == ""


def test_a_paper_that_is_not_installed_is_an_error() -> None:
    with pytest.raises(InputError, match="absent"):
        statement_tests("absent")
