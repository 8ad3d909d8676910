"""The figure of Lemma A.1, on trials with a known answer: the closed form times exp(0.02 g), g standard normal."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.registry import Registry
from fsrcheck.report.figures import Drawing
from fsrcheck.report.page import render_page
from fsrcheck.report.svg import to_svg
from fsrcheck.runs.checking import check
from fsrcheck.runs.result import StatementResult
from fsrcheck.statement import Paper, Statement
from fsrcheck.training import population_limit
from lemmas.fsr.a1_figure import draw
from lemmas.fsr.a1_warm_start import STATEMENT, Parameters, sampled_law
from tests.example import bare

SIZES = (16, 24, 32, 64, 128)


def ratio(seed: int) -> float:
    return float(np.exp(np.random.default_rng(seed).normal(0, 0.02)))


def run(parameters: Any, seeds: Sequence[int], device: str) -> list[Observation]:
    return [
        Observation({}, {"typical_over_law": Measurement(ratio(seed)), "error": Measurement(0.3)}) for seed in seeds
    ]


def statement(sizes: Sequence[int] = SIZES, **changes: Any) -> Statement:
    cases = tuple(Parameters(num_channels=m, expected_active=k) for k in (1.0, 2.0) for m in sizes)
    own = {"run": run, "cases": {"quick": cases}, "trials": {"quick": 16}, "errata": ()}
    return bare(STATEMENT, **(own | changes))


def registry_of(one: Statement) -> Registry:
    return Registry([Paper("fsr", "", "", (one,))])


def result_of(one: Statement) -> StatementResult:
    return check("A.1", registry=registry_of(one), seed=1, device="cpu")


@pytest.fixture(scope="module")
def result() -> StatementResult:
    return result_of(statement())


@pytest.fixture(scope="module")
def drawings(result: StatementResult) -> list[Drawing]:
    return draw(result, sampled_law)


@pytest.fixture(scope="module")
def axes(drawings: list[Drawing]) -> Sequence[Any]:
    return drawings[0].figure.axes


def curves(axes: Any, style: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """The lines of more than two points in one style."""
    found = [line for line in axes.lines if line.get_linestyle() == style and len(line.get_xdata()) > 2]
    return [(np.asarray(line.get_xdata()), np.asarray(line.get_ydata())) for line in found]


def dotted(axes: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(x, y) for x, y in curves(axes, ":") + curves(axes, "--") if x[-1] > 5e5 and len(x) > 50]


def test_it_is_drawn_first_and_the_standard_plots_stay(drawings: list[Drawing]) -> None:
    titles = [drawing.title for drawing in drawings]
    assert titles[0].startswith("Column errors on samples")
    assert titles[1:] == ["law: typical_over_law over num_channels", "error: error over num_channels"]


def test_the_legend_names_every_kind_of_line_once(drawings: list[Drawing]) -> None:
    svg = to_svg(drawings[0].figure, name="x", description="")
    texts = re.findall(r"<text[^>]*>([^<]+)</text>", svg)
    for name in ("trials, k = 1", "trials, k = 2", "claimed slope −1/2", "closed form, sampled"):
        assert texts.count(name) == 1
    assert {"k = 1", "k = 2", "local slope", "num_channels", "10⁶"} <= set(texts)
    assert len([text for text in texts if text.startswith("fit, slope −0.4")]) == 2


def test_the_points_are_the_measured_errors(axes: Sequence[Any], result: StatementResult) -> None:
    (markers,) = [line for line in axes[0].lines if line.get_label() == "trials, k = 2"]
    cases = [case for case in result.cases if case.parameters.expected_active == 2]
    for size, mean, case in zip(*markers.get_data(), cases, strict=True):
        ratios = [trial.measurement("typical_over_law").value for trial in case.trials]
        assert size == case.parameters.num_channels
        assert mean == pytest.approx(sampled_law(case.parameters) * np.exp(np.log(ratios).mean()), rel=1e-12)


def test_the_population_law_is_continued_to_a_million(axes: Sequence[Any]) -> None:
    for k, (sizes, law) in zip((1.0, 2.0), dotted(axes[0]), strict=True):
        assert (sizes[0], sizes[-1]) == (16, 10**6)
        for m, value in zip(sizes[::20], law[::20], strict=True):
            assert value == pytest.approx(population_limit(int(m), k, 1.0), rel=1e-14)


def test_the_slopes_of_the_law_tend_to_the_claim_and_those_of_trials_follow_the_law(axes: Sequence[Any]) -> None:
    upper, lower = axes
    for k, (sizes, slopes) in zip((1, 2), dotted(lower), strict=True):
        near = [np.log(population_limit(m, k, 1.0)) for m in (100, 101)]
        exact = (near[1] - near[0]) / np.log(101 / 100)
        assert np.interp(100.5, sizes, slopes) == pytest.approx(exact, abs=1e-4)
        assert slopes[-1] == pytest.approx(-0.5, abs=2e-3)
    assert upper.get_xlim() == lower.get_xlim()
    assert [len(container.lines[0].get_xdata()) for container in lower.containers] == [len(SIZES) - 1] * 2
    assert all(abs(slope + 0.45) < 0.15 for c in lower.containers for slope in c.lines[0].get_ydata())


def test_the_fit_is_of_the_errors_and_not_of_their_ratio(drawings: list[Drawing]) -> None:
    description = drawings[0].description
    exponents = [float(found.replace("−", "-")) for found in re.findall(r"fitted exponent (\S+)", description)]
    ends = [[sampled_law(Parameters(num_channels=m, expected_active=k)) for m in (16, 128)] for k in (1.0, 2.0)]
    wanted = [np.log(last / first) / np.log(8) for first, last in ends]
    assert exponents == pytest.approx(wanted, abs=0.03)


def test_the_csv_has_every_trial_with_both_closed_forms(result: StatementResult, drawings: list[Drawing]) -> None:
    rows = list(csv.DictReader(io.StringIO(drawings[0].table)))
    assert len(rows) == sum(len(case.trials) for case in result.cases)
    for row in rows:
        m, k = int(row["num_channels"]), float(row["expected_active"])
        assert float(row["closed_form_population"]) == population_limit(m, k, 1.0)
        assert float(row["error"]) / float(row["closed_form_sampled"]) == pytest.approx(ratio(int(row["seed"])))


def test_the_page_has_the_figure_with_its_csv() -> None:
    one = statement(figure=lambda result: draw(result, sampled_law))
    page = render_page([result_of(one)], registry_of(one))
    assert "could not be drawn" not in page.html
    assert set(page.csv) == {"fsr.A.1.column-errors.csv", "fsr.A.1.law.csv", "fsr.A.1.error.csv"}
    assert page.html.count('download="fsr.A.1.column-errors.csv') == 1


def test_a_single_size_has_a_law_and_no_fit() -> None:
    drawing = draw(result_of(statement(sizes=(16,))), sampled_law)[0]
    assert "no fit" in drawing.description
    assert "miss with probability" not in drawing.caption


def test_runs_that_found_no_columns_are_left_out_and_counted() -> None:
    def half(parameters: Any, seeds: Sequence[int], device: str) -> list[Observation]:
        found = run(parameters, seeds, device)
        return [Observation({}, {}) if i % 2 else observation for i, observation in enumerate(found)]

    drawing = draw(result_of(statement(run=half)), sampled_law)[0]
    assert "80 trials without a positive finite value are not drawn." in drawing.caption


@pytest.mark.parametrize(
    "changes",
    [
        {"cases": {"quick": (Parameters(oracle="population"),)}},
        {"run": lambda p, seeds, d: [Observation({}, {})] * len(seeds)},
    ],
    ids=["no trials on samples", "no column found in any trial"],
)
def test_without_an_error_on_samples_there_is_no_figure(changes: dict[str, Any]) -> None:
    assert draw(result_of(statement(**changes)), sampled_law) == []
