"""``pytest -m lemma`` reads ``test_statements.py`` alone, and a test of a statement cannot hide elsewhere."""

from pathlib import Path

import pytest

pytest_plugins = "pytester"

GUARD = Path(__file__).with_name("conftest.py").read_text()
MARKED = """
import pytest

@pytest.mark.lemma
def test_marked():
    pass
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(GUARD)
    pytester.makepyfile(test_statements=MARKED)
    return pytester


def test_only_the_module_of_statements_is_read(project: pytest.Pytester) -> None:
    project.makepyfile(test_other="raise RuntimeError('was read')")
    project.runpytest_subprocess("-m", "lemma").assert_outcomes(passed=1)
    project.runpytest_subprocess().assert_outcomes(errors=1)


def test_a_marked_test_elsewhere_is_refused(project: pytest.Pytester) -> None:
    project.makepyfile(test_other=MARKED)
    result = project.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*must be in test_statements.py, got test_other.py::test_marked*"])
