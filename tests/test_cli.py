"""The command line on the example paper: what it prints and its exit codes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
import pytest

import fsrcheck.cli
from fsrcheck.evidence.bound import Bound
from fsrcheck.statement import Control, Paper
from tests.example import PAPER, SQUARE, THEOREM, Coins, bare, inverse_root
from tests.invoking import Invoke, assert_one_line, content, invoke_on, paper_of


@pytest.fixture
def invoke() -> Invoke:
    return invoke_on(PAPER)


class TestList:
    def test_json_has_the_promised_keys(self, invoke: Invoke) -> None:
        rows = content(invoke("list", "--json"))
        keys = "id paper label kind title printed verdict expected evidence repaired controls source"
        assert [list(row) for row in rows] == [keys.split()] * 2

    def test_verdict_is_null_because_nothing_was_run(self, invoke: Invoke) -> None:
        assert {row["verdict"] for row in content(invoke("list", "--json"))} == {None}

    def test_repaired_form_is_given_where_the_printed_one_is_wrong(self, invoke: Invoke) -> None:
        assert [row["repaired"] for row in content(invoke("list", "--json"))] == [None, "$a^2 + 2 a b + b^2$"]

    def test_table_names_every_statement(self, invoke: Invoke) -> None:
        printed = invoke("list").stdout
        assert "coins.T.2" in printed
        assert "coins.sq" in printed


class TestShow:
    def test_formulas_are_readable(self, invoke: Invoke) -> None:
        printed = invoke("show", "sq").stdout
        assert "(a + b)² = a² + b²" in printed
        assert "$" not in printed

    def test_json_holds_what_is_declared(self, invoke: Invoke) -> None:
        shown = content(invoke("show", "T.2", "--json"))
        assert [claim["name"] for claim in shown["claims"]] == ["tail", "mean deviation", "rate"]
        assert shown["parameters"]["num_tosses"] == "int = 100"
        assert shown["constants"] == [{"name": "C", "value": 0.6, "provenance": "derived"}]


class TestCheck:
    def test_json_has_the_promised_keys(self, invoke: Invoke) -> None:
        result = invoke("check", "T.2", "--seed", 5, "--json")
        (found,) = content(result)
        promised = {
            *("id", "verdict", "expected", "from_size", "constants", "claims", "controls", "trials", "seed"),
            *("device", "replay"),
        }
        assert promised <= set(found)
        assert {"name", "value", "provenance"} <= set(found["constants"][0])
        assert {"name", "kind", "outcome", "measured", "bound", "slack", "exponent"} <= set(found["claims"][0])
        assert {"name", "breaks", "outcome"} <= set(found["controls"][0])
        assert found["verdict"] == "SUPPORTED"
        assert result.exit_code == 0
        assert result.stderr == ""

    def test_several_shortened_ids_are_checked_in_their_order(self, invoke: Invoke) -> None:
        assert [found["id"] for found in content(invoke("check", "sq", "T.2", "--json"))] == [
            "coins.sq",
            "coins.T.2",
        ]

    def test_everything_is_checked_when_nothing_is_named(self, invoke: Invoke) -> None:
        assert len(content(invoke("check", "--json"))) == 2

    def test_a_fresh_seed_is_drawn_and_told(self, invoke: Invoke) -> None:
        result = invoke("check", "sq", "--json")
        assert result.stderr == f"seed {content(result)[0]['seed']}\n"

    def test_the_replay_command_gives_the_same_numbers(self, invoke: Invoke) -> None:
        (found,) = content(invoke("check", "T.2", "--json", "--set", "repetitions=500"))
        program, *words = found["replay"].split()
        assert program == "fsrcheck"
        (again,) = content(invoke(*words, "--json"))
        assert again == found

    def test_human_output_tells_verdict_claims_controls_constants_and_replay(self, invoke: Invoke) -> None:
        printed = invoke("check", "T.2", "--seed", 5).stdout
        for word in (
            "SUPPORTED",
            "mean deviation",
            "loaded coin",
            "caught",
            "derived",
            "holds from",
            "--seed 5",
        ):
            assert word in printed

    def test_progress_is_plain_lines_off_a_terminal(self, invoke: Invoke) -> None:
        lines = invoke("check", "T.2", "--seed", 5).stderr.splitlines()
        assert "coins.T.2 num_tosses=100 bias=0.0 repetitions=400: 10 trials" in lines

    def test_an_unexpected_verdict_exits_with_1(self) -> None:
        wrong = replace(SQUARE, errata=())  # PROVED where REPAIRED is expected
        assert invoke_on(paper_of(wrong))("check", "sq").exit_code == 1

    def test_an_inconclusive_verdict_exits_with_3(self) -> None:
        claim = Bound("mean deviation", "", "deviation", "never fitted", inverse_root)
        undecided = bare(THEOREM, claims=(claim,))
        result = invoke_on(paper_of(undecided))("check", "T.2", "--seed", 5)
        assert result.exit_code == 3
        assert "run `fsrcheck calibrate`" in result.stdout

    def test_unexpected_takes_precedence_over_inconclusive(self) -> None:
        claim = Bound("mean deviation", "", "deviation", "never fitted", inverse_root)
        both = paper_of(bare(THEOREM, claims=(claim,)), replace(SQUARE, errata=()))
        assert invoke_on(both)("check").exit_code == 1

    def test_a_missed_control_exits_with_1_and_is_named(self) -> None:
        blind = Control("nothing", "nothing at all", "mean deviation", {"repetitions": 500})
        result = invoke_on(paper_of(replace(THEOREM, controls=(blind,))))("check", "T.2")
        assert result.exit_code == 1
        assert "MISSED" in result.stdout

    def test_saved_trials_are_not_run_again(self, tmp_path: Path) -> None:
        calls = []

        def counted(*arguments: object) -> object:
            calls.append(arguments)
            return THEOREM.run(*arguments)

        invoke = invoke_on(paper_of(replace(THEOREM, run=counted)))
        words = ("check", "T.2", "--seed", 5, "--json", "--store", tmp_path / "trials.jsonl")
        first = invoke(*words)
        assert calls
        calls.clear()
        assert invoke(*words).stdout == first.stdout
        assert not calls

    def test_ctrl_c_exits_with_130_and_no_traceback(self) -> None:
        def interrupted(*arguments: object) -> object:
            raise KeyboardInterrupt

        result = invoke_on(paper_of(replace(THEOREM, run=interrupted)))("check", "T.2")
        assert result.exit_code == 130
        assert "Traceback" not in result.output


class TestReplay:
    def test_runs_the_one_trial_and_judges_nothing(self, invoke: Invoke) -> None:
        trial = content(invoke("replay", "T.2", "--trial-seed", 7, "--set", "num_tosses=200", "--json"))
        assert trial["seed"] == 7
        assert trial["parameters"] == {"num_tosses": 200, "bias": 0.0, "repetitions": 400}
        assert set(trial) >= {"premises", "measurements", "counts"}

    def test_a_failed_premise_is_seen(self, invoke: Invoke) -> None:
        assert "FAILS" in invoke("replay", "T.2", "--trial-seed", 7, "--set", "bias=0.2").stdout

    def test_a_statement_without_trials_has_none_to_replay(self, invoke: Invoke) -> None:
        assert_one_line(invoke("replay", "sq", "--trial-seed", 7), "coins.sq")


class TestCalibrate:
    @pytest.fixture(autouse=True)
    def here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    @pytest.fixture
    def fitted(self, tmp_path: Path) -> Paper:
        one_case = {"quick": THEOREM.cases["quick"][:1]}
        statement = bare(THEOREM, claims=THEOREM.claims[1:2], constants=(), cases=one_case)
        return paper_of(statement, SQUARE, constants_file=tmp_path / "constants.json")

    def test_writes_the_constants_that_check_then_uses(self, fitted: Paper) -> None:
        invoke = invoke_on(fitted)
        (saved,) = content(invoke("calibrate", "--seed", 3, "--json"))
        assert saved["id"] == "coins.T.2"
        assert saved["constants"][0]["trials"] >= 405
        assert fitted.constants_file is not None
        assert fitted.constants_file.exists()
        (found,) = content(invoke("check", "T.2", "--json"))
        assert [c["provenance"] for c in found["constants"]] == ["fitted"]
        assert found["constants"][0]["value"] == saved["constants"][0]["value"]

    @pytest.mark.parametrize("options", [(), ("--store", "elsewhere")])
    def test_a_killed_calibration_goes_on_where_it_stopped(self, fitted: Paper, options: tuple[str, ...]) -> None:
        seeds: list[int] = []

        def interrupted(parameters: object, given: list[int], device: str) -> object:
            seeds.extend(given)
            if 100 < len(seeds) <= 100 + len(given):
                raise KeyboardInterrupt
            return THEOREM.run(parameters, given, device)

        statement = replace(fitted.statements[0], run=interrupted)
        invoke = invoke_on(paper_of(statement, constants_file=fitted.constants_file))
        words = ("calibrate", "--seed", 3, "--json", *options)
        assert invoke(*words).exit_code == 130
        folder = Path(options[1] if options else "reports/runs")
        assert list(folder.iterdir())
        (resumed,) = content(invoke(*words))
        assert not list(folder.iterdir())
        assert len(seeds) == 405 + statement.batch, "only the batch in flight is made twice"
        (whole,) = content(invoke_on(fitted)("calibrate", "--seed", 3, "--json"))
        assert resumed == whole

    def test_a_trial_that_cannot_be_used_is_named_in_one_line(self, fitted: Paper) -> None:
        biased = replace(fitted.statements[0], cases={"quick": (Coins(bias=0.2),)})
        result = invoke_on(paper_of(biased, constants_file=fitted.constants_file))("calibrate", "--seed", 3, "--json")
        assert_one_line(result, "coins.T.2 was not calibrated with seed 3", "'fair'", "fsrcheck replay coins.T.2")
        program, *words = result.stderr.split("; ")[1].split()
        assert program == "fsrcheck"
        assert "FAILS" in invoke_on(paper_of(biased))(*words).stdout

    def test_a_store_that_cannot_be_written_is_one_line(self, fitted: Paper, tmp_path: Path) -> None:
        (tmp_path / "occupied").write_text("a file")
        assert_one_line(invoke_on(fitted)("calibrate", "--store", "occupied"), "must be writable")

    def test_a_statement_without_a_constant_is_refused(self, fitted: Paper) -> None:
        assert_one_line(invoke_on(fitted)("calibrate", "sq"), "no constant to fit")

    def test_a_paper_without_a_data_file_is_refused_before_any_trial(self, fitted: Paper) -> None:
        assert_one_line(invoke_on(replace(fitted, constants_file=None))("calibrate", "T.2"), "names no file")

    def test_a_damaged_data_file_is_one_line(self, fitted: Paper) -> None:
        assert fitted.constants_file is not None
        fitted.constants_file.write_text("[")
        assert_one_line(invoke_on(fitted)("check", "T.2"), "constants.json", "fsrcheck calibrate")


class TestErrata:
    def test_json_has_the_promised_keys(self, invoke: Invoke) -> None:
        result = invoke("errata", "--json")
        (found,) = content(result)
        promised = "id printed problem proof_step counterexample repaired_form recheck_seconds"
        assert set(promised.split()) <= set(found)
        assert found["recheck_seconds"] < 1
        assert result.exit_code == 0

    def test_a_counterexample_that_contradicts_nothing_exits_with_1(self) -> None:
        erratum = SQUARE.errata[0]
        assert erratum.counterexample is not None
        harmless = replace(erratum.counterexample(), contradicts=False)
        accused = replace(SQUARE, errata=(replace(erratum, counterexample=lambda: harmless),))
        result = invoke_on(paper_of(accused))("errata")
        assert result.exit_code == 1
        assert "NOT CONFIRMED" in result.stdout


class TestReport:
    def test_writes_the_page_and_tells_its_files(self, invoke: Invoke, tmp_path: Path) -> None:
        result = invoke("report", "--seed", 5, "--out", tmp_path / "report", "--json")
        assert result.exit_code == 0
        told = content(result)
        assert all(Path(path).is_file() for path in told["files"])
        assert [found["id"] for found in told["results"]] == ["coins.T.2", "coins.sq"]

    def test_human_output_is_a_scoreboard(self, invoke: Invoke, tmp_path: Path) -> None:
        printed = invoke("report", "--out", tmp_path / "report").stdout
        assert "2 of 2" in printed
        assert "index.html" in printed

    def test_an_unwritable_folder_is_refused_before_any_trial(self, tmp_path: Path) -> None:
        def never(*arguments: object) -> object:
            raise AssertionError("a trial was run")

        occupied = tmp_path / "occupied"
        occupied.write_text("a file")
        result = invoke_on(paper_of(replace(THEOREM, run=never)))("report", "--out", occupied / "report")
        assert_one_line(result, "writable")
        assert occupied.read_text() == "a file"

    def test_a_run_that_fails_leaves_no_half_of_a_report(self, tmp_path: Path) -> None:
        def failing(*arguments: object) -> object:
            raise KeyboardInterrupt

        result = invoke_on(paper_of(SQUARE, replace(THEOREM, run=failing)))("report", "--out", tmp_path)
        assert result.exit_code == 130
        assert not list(tmp_path.iterdir())


class TestContributedCommands:
    @pytest.fixture
    def contribute(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        def entries(**values: str) -> None:
            found = [fsrcheck.cli.EntryPoint(name, value, fsrcheck.cli.GROUP) for name, value in values.items()]
            monkeypatch.setattr(fsrcheck.cli, "entry_points", lambda group: found)

        return entries

    def test_an_entry_point_becomes_a_command(self, contribute: Callable[..., None], invoke: Invoke) -> None:
        contribute(toss="tests.test_cli:toss")
        assert invoke("toss").stdout == "heads\n"
        assert "toss" in invoke("--help").stdout

    def test_it_cannot_take_the_place_of_ours(self, contribute: Callable[..., None], invoke: Invoke) -> None:
        contribute(list="tests.test_cli:toss")
        assert "coins.T.2" in invoke("list").stdout

    def test_one_that_names_no_command_is_one_line(self, contribute: Callable[..., None], invoke: Invoke) -> None:
        contribute(toss="tests.test_cli:PAPER")
        assert_one_line(invoke("toss"), "fsrcheck.commands")


@click.command()
def toss() -> None:
    click.echo("heads")
