"""The comparison of generators: who is measured how, what is said of it, and what the command writes."""

import csv
import json
from collections.abc import Iterator, Sequence
from math import nan
from pathlib import Path

import pytest
from click.testing import CliRunner
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.sampler import Sampler
from fsrcheck.training import two_sample_test
from fsrcheck.training.minmax_settings import Structure
from fsrcheck.training.peer_tuning import Fit
from lemmas.fsr import generators_comparison
from lemmas.fsr.generators_comparison import (
    AREA,
    COUPLING,
    GELBRICH,
    PATCH_AREA,
    REFUSED,
    SECONDS,
    Cell,
    Row,
    compare,
)
from lemmas.fsr.generators_contenders import (
    ALGORITHM_4,
    CONTENDERS,
    COPULA,
    COPULAS,
    GAN,
    GANS,
    MINMAX,
    PEERS,
    RESAMPLING,
    TRUTH,
    candidates,
)
from lemmas.fsr.generators_report import findings, keys, markdown, table
from lemmas.fsr.generators_rows import code, read, to_text
from lemmas.fsr.generators_table import generators

pytest.importorskip("sklearn")
CELL = Cell("cross_patch_correlated", 6, 4000, 1, 30)


@pytest.fixture(scope="module", autouse=True)
def few_samples() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generators_comparison, "EVALUATED", 8000)
        patch.setattr(generators_comparison, "CLASSIFIED", 4000)
        patch.setattr(two_sample_test, "ITERATIONS", 40)
        yield


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return compare(CELL)


def value(rows: list[Row], contender: str, measure: str) -> float:
    (found,) = [row for row in rows if (row.contender, row.measure) == (contender, measure)]
    assert found.lower <= found.value <= found.upper
    return found.value


class TestRows:
    def test_every_contender_has_every_measure(self, rows: list[Row]) -> None:
        by = {name: [row.measure for row in rows if row.contender == name] for name in CONTENDERS}
        assert all(row.cell == CELL for row in rows)
        for name in PEERS:
            assert by[name] == [*by[TRUTH], SECONDS]
        assert by[ALGORITHM_4] == [*by[TRUTH], COUPLING, SECONDS]

    def test_fresh_samples_of_the_target_are_not_told_from_it(self, rows: list[Row]) -> None:
        for measure in (AREA, PATCH_AREA):
            (found,) = [row for row in rows if (row.contender, row.measure) == (TRUTH, measure)]
            assert found.lower - 0.02 < 0.5 < found.upper + 0.02

    def test_resampling_keeps_patches_and_loses_what_joins_them(self, rows: list[Row]) -> None:
        assert value(rows, RESAMPLING, PATCH_AREA) < 0.6
        assert value(rows, RESAMPLING, AREA) > value(rows, RESAMPLING, PATCH_AREA) + 0.03
        pairs = "Pr[s_p, s_q > c], patches of one level"
        assert value(rows, RESAMPLING, pairs) > 2 * value(rows, ALGORITHM_4, pairs)
        assert value(rows, RESAMPLING, pairs) > 2 * value(rows, COPULA, pairs)

    def test_an_untrained_gan_is_told_at_once(self, rows: list[Row]) -> None:
        assert value(rows, GAN, AREA) > 0.95

    def test_bounds_of_the_distance_enclose_it(self, rows: list[Row]) -> None:
        assert 0 < value(rows, ALGORITHM_4, GELBRICH) < value(rows, ALGORITHM_4, COUPLING)

    def test_numbers_follow_the_seed_alone(self, rows: list[Row]) -> None:
        timeless = [row for row in rows if row.measure != SECONDS]
        again = [row for row in compare(CELL) if row.measure != SECONDS]
        assert again == timeless


def test_everybody_who_can_try_something_tries_equally_much() -> None:
    assert len(MINMAX) == len(COPULAS) == len(GANS)


def refusing(patches: Sequence[Tensor], seeds: Sequence[int]) -> Sampler:
    raise InputError("samples must be others, got these")


def test_a_contender_that_refuses_says_why_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def some(structure: Structure, gan_steps: int) -> dict[str, list[tuple[str, Fit]]]:
        found = candidates(structure, gan_steps)
        return {ALGORITHM_4: [("any", refusing)], COPULA: found[COPULA][:1], RESAMPLING: found[RESAMPLING]}

    monkeypatch.setattr(generators_comparison, "candidates", some)
    found = compare(CELL)
    (refusal,) = [row for row in found if row.measure == REFUSED]
    assert (refusal.contender, refusal.note) == (ALGORITHM_4, "samples must be others, got these")
    assert {row.contender for row in found if row.measure == AREA} == {TRUTH, COPULA, RESAMPLING}
    assert "Algorithm 4 refused: samples must be others, got these." in findings(found)[0]
    heading, lines = table(found, keys(found)[0])
    column = heading.index(ALGORITHM_4)
    assert {line[column] for line in lines} == {REFUSED}
    assert "| refused |" in markdown(found, "plot.svg")


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(InputError, match="family must be one of"):
        Cell("independent_channels", 8, 1000, 0, 10)


def made(contender: str, measure: str, value: float, spread: float = 0.0, seed: int = 0) -> Row:
    cell = Cell("disjoint_supports", 8, 1000, seed, 10)
    return Row(cell, contender, measure, value, value - spread, value + spread)


class TestFindings:
    def test_a_peer_that_wins_is_named_with_what_it_wins(self) -> None:
        rows = [made(ALGORITHM_4, AREA, 0.6), made(COPULA, AREA, 0.5), made(ALGORITHM_4, GELBRICH, 0.1)]
        rows += [made(COPULA, GELBRICH, 0.2), made(ALGORITHM_4, SECONDS, 5.0), made(COPULA, SECONDS, 1.0)]
        (text,) = findings(rows)
        assert f"nearest in 1 of 2 measures; {COPULA} in 1: `{AREA}`." in text

    def test_limits_that_overlap_are_told(self) -> None:
        rows = [made(ALGORITHM_4, AREA, 0.6, 0.1), made(COPULA, AREA, 0.5, 0.1)]
        assert f"`{AREA}` (within limits)." in findings(rows)[0]

    def test_the_target_itself_never_wins(self) -> None:
        rows = [made(TRUTH, AREA, 0.5), made(ALGORITHM_4, AREA, 0.6), made(COPULA, AREA, 0.7)]
        assert "nearest in 1 of 1 measures." in findings(rows)[0]
        assert table(rows, keys(rows)[0])[1] == [[AREA, "0.5", "**0.6**", "0.7"]]

    def test_seeds_are_averaged_and_limits_widened(self) -> None:
        rows = [made(COPULA, AREA, 0.6, 0.1), made(COPULA, AREA, 0.7, 0.1, seed=1)]
        assert table(rows, keys(rows)[0])[1] == [[AREA, "0.65 (0.5 to 0.8)"]]

    def test_a_smallest_value_that_is_shared_is_nobodys(self) -> None:
        rows = [made(ALGORITHM_4, AREA, 0.0), made(COPULA, AREA, 0.0), made(GAN, AREA, 0.1)]
        assert findings(rows)[0].endswith("nearest in 0 of 1 measures.")

    def test_what_is_no_number_is_not_best(self) -> None:
        rows = [made(ALGORITHM_4, AREA, nan), made(COPULA, AREA, 0.7), made(GAN, AREA, 0.8)]
        assert f"{COPULA} in 1" in findings(rows)[0]


class TestCommand:
    WORDS = ("--family", "disjoint_supports", "--size", "4", "--samples", "1500", "--gan-steps", "3", "--seed", "3")

    def test_json_report_rows_and_plot_agree_and_rows_are_kept(self, tmp_path: Path) -> None:
        words = [*self.WORDS, "--json", "--out", str(tmp_path)]
        result = CliRunner().invoke(generators, words, catch_exceptions=False)
        told = json.loads(result.stdout)
        assert result.stderr == ""
        assert [Path(name).name for name in told["files"]] == ["generators.md", "generators.csv", "generators.svg"]
        with (tmp_path / "generators.csv").open() as file:
            lines = list(csv.DictReader(file))
        assert [line["measure"] for line in lines] == [each["measure"] for each in told["rows"]]
        page = (tmp_path / "generators.md").read_text()
        assert all(text in page for text in (*told["findings"], *told["provenance"], "![", "scikit-learn"))
        assert (tmp_path / "generators.svg").read_text().lstrip().startswith("<?xml")
        again = CliRunner().invoke(generators, [*words[:-3], "--keep", *words[-2:]], catch_exceptions=False)
        assert again.stderr == ""  # nothing was run
        assert f"read {tmp_path / 'generators.md'}" in again.stdout.replace("\n", "")

    def test_rows_of_other_code_make_way_and_another_file_is_refused(self, tmp_path: Path, rows: list[Row]) -> None:
        file = tmp_path / "generators.csv"
        file.write_text(to_text(rows))
        assert read(file) == rows
        file.write_text(to_text(rows).replace(code(), "other"))
        assert read(file) == []
        file.write_text("a,b\n1,2\n")
        with pytest.raises(InputError, match="must hold the rows of a comparison of generators"):
            read(file)
