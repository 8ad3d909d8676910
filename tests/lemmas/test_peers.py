"""The comparison with the peers: who is charged for what, who wins, and what the command writes."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from fsrcheck.errors import InputError
from lemmas.fsr.peers_comparison import CONTENDERS, DECODED, LOGCOSH_ICA, MIXED, POWER, TRUE, WARM, Cell, Row, compare
from lemmas.fsr.peers_report import duel, findings, gains, geometric_mean, table
from lemmas.fsr.peers_rows import code, read, to_text
from lemmas.fsr.peers_table import peers

pytest.importorskip("sklearn")
CELL = Cell("independent_channels", 8, 4000, 1)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return compare(CELL)


class TestRows:
    def test_every_contender_has_one(self, rows: list[Row]) -> None:
        assert tuple(row.contender for row in rows) == CONTENDERS
        assert all(row.cell == CELL and 0 < row.median <= row.error for row in rows)

    def test_the_peers_find_the_atoms(self, rows: list[Row]) -> None:
        assert all(row.error < 0.3 for row in rows if row.contender in (LOGCOSH_ICA, POWER))

    def test_sharpening_is_charged_with_what_it_starts_from(self, rows: list[Row]) -> None:
        seconds = {row.contender: row.seconds for row in rows}
        assert seconds[WARM] < min(seconds[TRUE], seconds[DECODED])
        assert seconds[LOGCOSH_ICA] < seconds[MIXED]

    def test_errors_follow_the_seed_alone(self, rows: list[Row]) -> None:
        assert [row.error for row in compare(CELL)] == [row.error for row in rows]


@pytest.mark.parametrize("family", ["equicorrelated", "one_correlated_pair", "overlapping_inhibition"])
def test_every_family_can_be_compared(family: str) -> None:
    found = {row.contender: row for row in compare(Cell(family, 8, 2000, 1))}
    assert found[LOGCOSH_ICA].error < 0.4


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(InputError, match="family must be one of"):
        Cell("dense_mixing", 8, 1000, 0)


def row(contender: str, error: float, seconds: float, num_samples: int = 1000) -> Row:
    return Row(Cell("independent_channels", 8, num_samples, 0), contender, error, error, 1.0, seconds)


class TestDuel:
    def test_ratios_are_to_the_best_peer(self) -> None:
        found = duel([row(TRUE, 0.1, 5.0), row(POWER, 0.4, 1.0), row(LOGCOSH_ICA, 0.05, 9.0)], TRUE)
        assert found.equal_samples == (2.0,)
        assert found.equal_time == (0.25,)

    def test_at_equal_time_a_peer_may_use_more_samples(self) -> None:
        rows = [row(TRUE, 0.1, 5.0), row(POWER, 0.2, 1.0), row(POWER, 0.05, 4.0, num_samples=4000)]
        assert duel(rows, TRUE).equal_samples == (0.5,)
        assert duel(rows, TRUE).equal_time == (2.0,)

    def test_missing_columns_never_win(self) -> None:
        rows = [row(TRUE, float("inf"), 5.0), row(POWER, float("inf"), 1.0)]
        assert duel(rows, TRUE).cells == ["0 of 1", "∞ (∞ to ∞)", "0 of 1"]


class TestGains:
    def test_errors_at_fewer_and_more_patches_are_compared_on_the_same_instance(self) -> None:
        rows = [row(name, 0.4 / size, 1.0, 1000 * size) for name in CONTENDERS for size in (1, 2, 4)]
        other = replace(rows[0], cell=replace(rows[0].cell, seed=9), error=7.0)
        heading, lines = gains([*rows, other])
        assert heading == ["N = 1000 to 4000", "independent_channels"]
        assert lines == [[name, "4"] for name in CONTENDERS]

    def test_one_n_makes_no_table(self, rows: list[Row]) -> None:
        assert gains(rows)[1] == []


def test_geometric_means_show_what_is_infinite() -> None:
    assert geometric_mean([1.0, 4.0]) == pytest.approx(2.0)
    assert geometric_mean([1.0, float("inf")]) == float("inf")


def test_a_table_has_a_line_for_each_contender_and_a_column_for_each_family(rows: list[Row]) -> None:
    heading, lines = table(rows, 4000, 8)
    assert heading == ["", "independent_channels"]
    assert [line[0] for line in lines] == list(CONTENDERS)


class TestCommand:
    WORDS = ("--family", "independent_channels", "--size", "6", "--samples", "1000", "--runs", "2", "--seed", "3")

    def test_json_report_rows_and_plot_agree(self, tmp_path: Path) -> None:
        result = CliRunner().invoke(peers, [*self.WORDS, "--json", "--out", str(tmp_path)], catch_exceptions=False)
        told = json.loads(result.stdout)
        assert result.stderr == ""
        assert [Path(name).name for name in told["files"]] == ["peers.md", "peers.csv", "peers.svg"]
        with (tmp_path / "peers.csv").open() as file:
            lines = list(csv.DictReader(file))
        assert [float(line["error"]) for line in lines] == [float(each["error"]) for each in told["rows"]]
        assert {line["seed"] for line in lines} == {"3", "4"}
        page = (tmp_path / "peers.md").read_text()
        assert all(text in page for text in (*told["findings"], *told["provenance"], "![", "scikit-learn"))
        assert (tmp_path / "peers.svg").read_text().lstrip().startswith("<?xml")

    def test_progress_names_what_was_left_out(self, tmp_path: Path) -> None:
        words = [*self.WORDS, "--minutes", "0", "--out", str(tmp_path)]
        result = CliRunner().invoke(peers, words, catch_exceptions=False)
        assert "1 of 2: independent_channels, m = 6, N = 1000, seed 3" in result.stderr
        assert "time is up: 1 of 2 data sets left out" in result.stderr
        assert "m = 6, N = 1000" in result.stdout

    def test_rows_that_the_same_code_made_are_kept_and_not_run_again(self, tmp_path: Path) -> None:
        for runs, told in ((1, "1 of 1"), (2, "1 of 1: independent_channels, m = 6, N = 1000, seed 4")):
            words = [*self.WORDS, "--runs", str(runs), "--keep", "--out", str(tmp_path)]
            result = CliRunner().invoke(peers, words, catch_exceptions=False)
            assert told in result.stderr
            assert {one.cell.seed for one in read(tmp_path / "peers.csv")} == set(range(3, 3 + runs))

    def test_rows_of_other_code_make_way(self, tmp_path: Path, rows: list[Row]) -> None:
        file = tmp_path / "peers.csv"
        file.write_text(to_text(rows))
        assert read(file) == rows
        file.write_text(to_text(rows).replace(code(), "other"))
        assert read(file) == []

    def test_another_file_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "peers.csv"
        file.write_text("a,b\n1,2\n")
        with pytest.raises(InputError, match="must hold the rows of a comparison"):
            read(file)

    def test_findings_name_every_pipeline(self, rows: list[Row]) -> None:
        assert len(findings(rows)) == 5
