"""``fsrcheck compare``: exit codes, what is written, and that nothing is written without being asked for."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.runs.baseline import read_baseline
from fsrcheck.statement import Paper, Statement
from tests.example import PAPER, SQUARE, THEOREM, Coins, run
from tests.invoking import Invoke, assert_one_line, content, invoke_on, paper_of

BASELINE = "reports/baseline.json"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Default files go to a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def invoke() -> Invoke:
    """The command line on the example paper, with a baseline of it."""
    invoke = invoke_on(PAPER)
    assert invoke("compare", "--update", "--seed", 5).exit_code == 0
    return invoke


def changed(statement: Statement = THEOREM, **changes: object) -> Paper:
    return paper_of(replace(statement, **changes), SQUARE)


def measuring(factor: float) -> Statement:
    """The theorem with every deviation a factor larger, and a constant that still holds."""

    def scaled(parameters: Coins, seeds: Sequence[int], device: str) -> list[Observation]:
        return [_scaled(observation, factor) for observation in run(parameters, seeds, device)]

    return replace(THEOREM, run=scaled)


def _scaled(observation: Observation, factor: float) -> Observation:
    found = observation.measurements["deviation"]
    return replace(observation, measurements={"deviation": Measurement(factor * found.value, found.standard_error)})


def test_an_update_writes_the_first_baseline_and_says_so(here: Path) -> None:
    result = invoke_on(PAPER)("compare", "--update", "--seed", 5)
    assert result.exit_code == 0
    assert "written to reports/baseline.json" in result.stdout
    assert set(read_baseline(here / BASELINE, ["coins"]).statements) == {"coins.T.2", "coins.sq"}


def test_a_run_that_changed_nothing_exits_with_0_and_writes_nothing(invoke: Invoke, here: Path) -> None:
    before = (here / BASELINE).read_text()
    result = invoke("compare", "--seed", 6)
    assert result.exit_code == 0
    assert "0 regressions, 0 improvements" in result.stdout
    assert (here / BASELINE).read_text() == before
    assert [path.name for path in (here / "reports").iterdir()] == ["baseline.json"]


def test_a_regression_exits_with_1_and_names_the_command_that_shows_it(invoke: Invoke) -> None:
    worse = invoke_on(changed(measuring(1.3)))
    result = worse("compare", "--seed", 6)
    assert result.exit_code == 1
    assert "REGRESSION coins.T.2: slack of claim 'mean deviation' at 5 cases" in result.stdout
    assert "replay: fsrcheck check coins.T.2 --scale quick --seed 6 --device cpu" in result.stdout
    assert worse("compare", "--seed", 6, "--fail", "slack:40%").exit_code == 0


def test_an_improvement_warns_and_asks_for_an_update(invoke: Invoke, here: Path) -> None:
    before = (here / BASELINE).read_text()
    result = invoke_on(changed(measuring(0.7)))("compare", "--seed", 6)
    assert result.exit_code == 0
    assert "IMPROVEMENT coins.T.2: slack" in result.stdout
    assert "--update" in result.stdout
    assert (here / BASELINE).read_text() == before


def test_what_was_accepted_is_no_regression_any_more(invoke: Invoke) -> None:
    worse = invoke_on(changed(measuring(1.3)))
    accepting = worse("compare", "T.2", "--seed", 6, "--update")
    assert accepting.exit_code == 0
    assert "REGRESSION" in accepting.stdout
    assert worse("compare", "--seed", 7).exit_code == 0


def test_a_looser_constant_and_a_lost_control_are_regressions(invoke: Invoke) -> None:
    loose = (Constant("C", 0.7, Provenance.DERIVED),)
    assert invoke_on(changed(constants=loose))("compare", "T.2").exit_code == 1
    assert invoke_on(changed(controls=THEOREM.controls[:1]))("compare", "T.2").exit_code == 1


def test_a_statement_that_is_gone_is_a_regression_of_the_whole_only(invoke: Invoke) -> None:
    rest = invoke_on(paper_of(SQUARE))
    assert rest("compare", "--seed", 6).exit_code == 1
    assert rest("compare", "sq", "--seed", 6).exit_code == 0


def test_an_update_of_one_statement_keeps_the_others(invoke: Invoke, here: Path) -> None:
    before = read_baseline(here / BASELINE, ["coins"]).statements
    invoke("compare", "T.2", "--seed", 9, "--update")
    after = read_baseline(here / BASELINE, ["coins"]).statements
    assert after["coins.sq"] == before["coins.sq"]
    assert (before["coins.T.2"].seeds, after["coins.T.2"].seeds) == ((5,), (9,))


def test_a_run_that_is_not_as_expected_is_not_accepted(invoke: Invoke, here: Path) -> None:
    before = (here / BASELINE).read_text()
    result = invoke_on(changed(expected=Verdict.PROVED))("compare", "--seed", 6, "--update")
    assert result.exit_code == 1
    assert "not accepted: coins.T.2 is SUPPORTED, expected PROVED: fsrcheck check coins.T.2" in result.stdout
    assert (here / BASELINE).read_text() == before


def test_several_runs_are_taken_together_under_seeds_that_follow_from_one(invoke: Invoke, here: Path) -> None:
    invoke("compare", "--seed", 9, "--runs", 3, "--update")
    found = read_baseline(here / BASELINE, ["coins"]).statements
    assert len(set(found["coins.T.2"].seeds)) == 3
    assert found["coins.T.2"].seeds[0] == 9
    assert found["coins.sq"].seeds == (9,)
    first = (here / BASELINE).read_text()
    invoke("compare", "--seed", 9, "--runs", 3, "--update")
    assert (here / BASELINE).read_text() == first


def test_saved_trials_are_compared_without_running_them_again(invoke: Invoke, here: Path) -> None:
    calls = []

    def counted(*arguments: object) -> object:
        calls.append(arguments)
        return run(*arguments)

    counting = invoke_on(changed(run=counted))
    assert counting("check", "T.2", "--seed", 6, "--store", "trials.jsonl").exit_code == 0
    calls.clear()
    assert counting("compare", "T.2", "--seed", 6, "--store", "trials.jsonl").exit_code == 0
    assert not calls


def test_json_has_seed_counts_and_findings(invoke: Invoke) -> None:
    result = invoke_on(changed(measuring(1.3)))("compare", "--seed", 6, "--json")
    told = content(result)
    assert (told["seed"], told["updated"], told["counts"]["REGRESSION"]) == (6, False, 1)
    assert told["findings"][0]["statement"] == "coins.T.2"
    assert result.exit_code == 1
    assert result.stderr == ""


def test_a_summary_for_a_pull_request_is_written(invoke: Invoke, here: Path) -> None:
    invoke_on(changed(measuring(1.3)))("compare", "--seed", 6, "--markdown", "new/summary.md")
    text = (here / "new/summary.md").read_text()
    assert "1 regression, 0 improvements" in text
    assert "| `coins.T.2` | slack of claim 'mean deviation' | 5 cases" in text


def test_the_workflow_calls_it_with_words_it_knows() -> None:
    workflow = (Path(__file__).parents[1] / ".github/workflows/compare.yml").read_text()
    (words,) = re.findall("fsrcheck (compare .*)", workflow)
    assert invoke_on(UNUSED)(*words.split()).exit_code == 3


def never(*arguments: object) -> object:
    raise AssertionError("a trial was run")


UNUSED = changed(run=never)


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def foreign(path: Path) -> None:
    path.write_text('{"format": "fsrcheck.results/1", "results": []}')


def other_paper(path: Path) -> None:
    path.write_text(path.read_text().replace("coins", "dice"))


def other_scale(path: Path) -> None:
    path.write_text(path.read_text().replace('"quick"', '"full"'))


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (Path.unlink, "no file"),
        (torn, "torn"),
        (foreign, "format"),
        (other_paper, "dice"),
        (other_scale, "scale"),
    ],
)
@pytest.mark.usefixtures("invoke")
def test_without_a_baseline_to_compare_with_it_is_one_line_and_3_before_any_trial(here: Path, spoil, word: str) -> None:
    spoil(here / BASELINE)
    result = invoke_on(UNUSED)("compare", "--seed", 6, "--markdown", "summary.md")
    assert result.exit_code == 3
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("fsrcheck: baseline")
    assert word in line
    assert "Not compared" in (here / "summary.md").read_text()


@pytest.mark.parametrize("spoil", [torn, foreign, other_paper])
@pytest.mark.usefixtures("invoke")
def test_an_update_does_not_write_over_what_is_no_baseline(here: Path, spoil) -> None:
    spoil(here / BASELINE)
    before = (here / BASELINE).read_text()
    assert invoke_on(UNUSED)("compare", "--update").exit_code == 3
    assert (here / BASELINE).read_text() == before


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--fail", "slack"), "name:value"),
        (("--fail", "speed:1"), "speed"),
        (("--fail", "exponent:5%"), "plain number"),
        (("--runs", "0"), "0"),
        (("--scale", "huge"), "huge"),
        (("T.22",), "did you mean coins.T.2?"),
        (("--markdown", "reports"), "reports"),
        (("--baseline", "reports", "--update"), "reports"),
    ],
)
@pytest.mark.usefixtures("invoke")
def test_bad_input_is_one_line_before_any_trial(words: tuple[str, ...], named: str) -> None:
    assert_one_line(invoke_on(UNUSED)("compare", *words), named)
