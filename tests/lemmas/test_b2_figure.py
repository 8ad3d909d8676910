"""The figures of Lemma B.2, on trials with known answers."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.model.learned_codes import BIAS, EXACT, INDEPENDENT
from fsrcheck.registry import Registry
from fsrcheck.report.figures import BOUND_COLOUR, Drawing
from fsrcheck.report.page import render_page
from fsrcheck.report.svg import to_svg
from fsrcheck.runs.checking import check
from fsrcheck.runs.result import StatementResult
from fsrcheck.statement import Paper, Statement
from lemmas.fsr.b2_figure import measured_drawings
from lemmas.fsr.b2_output_layer import GRID_CUTOFF, cases, started_at
from lemmas.fsr.b2_output_layer import small as with_safe_cutoff
from lemmas.fsr.b2_reinforcement import STATEMENTS
from lemmas.fsr.output_layer_runs import ERROR_AT, ERROR_STEPS, Parameters
from lemmas.fsr.output_layer_runs import run as really_run
from tests.example import bare

LEMMA = STATEMENTS[1]
STEPS = 8  # of every run
ERRORS = (1e-5, 1e-4, 1e-3)


def small(num_channels: int, error: float, **changes: Any) -> Parameters:
    """A case of the series, with a cutoff of the tests' own."""
    return with_safe_cutoff(num_channels, error, cutoff_ratio=16.0, **changes)


CASES = (
    *(started_at(16, error_model=model) for model in (EXACT, BIAS, INDEPENDENT)),
    *(small(32, error, error_model=model) for model in (BIAS, INDEPENDENT) for error in ERRORS),
    *(small(64, error, error_model=BIAS) for error in ERRORS[1:]),
)


def gain(parameters: Parameters) -> float:
    """The geometric mean of after / before."""
    return {EXACT: 1e-6, BIAS: 0.48, INDEPENDENT: 1.0}[parameters.error_model] / parameters.num_channels**0.5


def error_at(parameters: Parameters, step: int) -> float:
    return float(parameters.dictionary_error * gain(parameters) ** (min(step, STEPS) / STEPS))


def observed(parameters: Parameters, seed: int, margin: float = 1.0) -> Observation:
    noise = float(np.exp(np.random.default_rng(seed).normal(0, 0.001)))
    found = {ERROR_AT.format(step): error_at(parameters, step) for step in ERROR_STEPS if step < parameters.max_steps}
    after = parameters.dictionary_error * gain(parameters) * noise
    found |= {"after": after, "gain": after / parameters.dictionary_error}
    return Observation(
        {"orthonormal": margin}, {name: Measurement(value) for name, value in found.items()}, {"steps": STEPS}
    )


def observed_with(parameters: Parameters, seed: int, changed: dict[str, float], margin: float = 1.0) -> Observation:
    found = observed(parameters, seed, margin)
    return Observation(
        found.premises,
        {**found.measurements, **{name: Measurement(value) for name, value in changed.items()}},
        found.counts,
    )


def run(parameters: Any, seeds: Sequence[int], device: str) -> list[Observation]:
    return [observed(parameters, seed) for seed in seeds]


def statement(chosen: Sequence[Parameters] = CASES, **changes: Any) -> Statement:
    own = {"run": run, "cases": {"quick": tuple(chosen)}, "trials": {"quick": 3}, "errata": ()}
    return bare(LEMMA, claims=LEMMA.claims[-1:], **(own | changes))


def registry_of(one: Statement) -> Registry:
    return Registry([Paper("fsr", "", "", (one,))])


def result_of(one: Statement) -> StatementResult:
    return check("B.2", registry=registry_of(one), seed=1, device="cpu")


@pytest.fixture(scope="module")
def drawings() -> list[Drawing]:
    return measured_drawings(result_of(statement()))


@pytest.fixture(scope="module")
def by_step(drawings: list[Drawing]) -> Drawing:
    return drawings[0]


@pytest.fixture(scope="module")
def by_error(drawings: list[Drawing]) -> Drawing:
    return drawings[1]


@pytest.fixture(scope="module")
def heat_map(drawings: list[Drawing]) -> Drawing:
    return drawings[2]


def line(drawing: Drawing, label: str, panel: int = 0) -> tuple[np.ndarray, np.ndarray]:
    (found,) = [found for found in drawing.figure.axes[panel].lines if found.get_label() == label]
    return np.asarray(found.get_xdata()), np.asarray(found.get_ydata())


def rows(drawing: Drawing) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(drawing.table)))


def written(heat_map: Drawing) -> dict[tuple[float, float], str]:
    """The numbers in the cells by place."""
    return {text.get_position(): text.get_text() for text in heat_map.figure.axes[0].texts}


def test_a_line_for_each_kind_of_codes_has_the_error_at_every_step_until_the_run_ends(by_step: Drawing) -> None:
    for label, model in (("exact codes", EXACT), ("learned, off alike", BIAS), ("learned, off at random", INDEPENDENT)):
        steps, errors = line(by_step, label)
        assert list(steps) == [0, 1, 2, 4, 8]
        assert errors == pytest.approx([error_at(started_at(16, error_model=model), step) for step in steps], rel=1e-12)


def test_the_level_line_is_the_claimed_error(by_step: Drawing) -> None:
    assert list(line(by_step, "claimed, m^−0.02 δ")[1]) == pytest.approx([0.25 * 16**-0.02] * 2)


def test_the_printed_objective_is_a_line_of_its_own() -> None:
    printed = started_at(16, power=1001.0, max_steps=4000)
    drawing = measured_drawings(result_of(statement([*CASES, printed])))[0]
    assert len(line(drawing, "exact codes, P = 1001")[0]) == len(line(drawing, "exact codes")[0]) == 5


def test_the_points_are_the_errors_after(by_error: Drawing) -> None:
    for label, model in (("learned, off alike", BIAS), ("learned, off at random", INDEPENDENT)):
        before, after = line(by_error, label)
        ratio = line(by_error, label, panel=1)[1]
        factor = gain(small(32, 1e-4, error_model=model))
        assert list(before) == list(ERRORS)
        assert after == pytest.approx([factor * error for error in ERRORS], rel=0.01)
        assert ratio == pytest.approx([factor] * 3, rel=0.01)


@pytest.mark.parametrize(
    ("label", "height"),
    [
        ("after = before", lambda error: error),
        ("claimed, m^−0.02 δ", lambda error: 32**-0.02 * error),
        ("printed bound", lambda error: 32**0.152 * (16 * error) ** 2),
        ("with the dropped term", lambda error: 32**0.152 * ((16 * error) ** 2 + 16 * error / 32**0.5)),
    ],
)
def test_the_lines_are_what_the_lemma_says_with_the_cutoff_of_the_run(
    by_error: Drawing, label: str, height: Callable[[float], float]
) -> None:
    for panel in (0, 1):
        errors, heights = line(by_error, label, panel)
        wanted = [height(error) / (error if panel else 1) for error in errors]
        assert (errors[0], errors[-1]) == pytest.approx((ERRORS[0], 32**-0.5))
        assert heights == pytest.approx(wanted, rel=1e-12)


def test_points_above_the_printed_bound_are_counted(by_error: Drawing) -> None:
    limits = [32**0.152 * (16 * error) ** 2 for error in ERRORS]
    above = sum(
        gain(small(32, error, error_model=model)) * error > limit
        for model in (BIAS, INDEPENDENT)
        for error, limit in zip(ERRORS, limits, strict=True)
    )
    assert 0 < above < 6
    assert by_error.description.endswith(f"{above} of 6 points lie above the printed bound.")


def test_the_heat_map_has_the_factor_in_every_cell_and_leaves_the_others_blank(heat_map: Drawing) -> None:
    axes = heat_map.figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["16", "32", "64"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["1/√m", "10⁻³", "10⁻⁴", "10⁻⁵"]
    # 0.48/sqrt(m): 16 at the root, 32 at all three errors, 64 at two of them
    wanted = {(0, 0): 0.12, **{(1, row): 0.0849 for row in (1, 2, 3)}, **{(2, row): 0.06 for row in (1, 2)}}
    assert {place: float(text) for place, text in written(heat_map).items()} == {
        place: pytest.approx(value, abs=1e-3) for place, value in wanted.items()
    }
    assert len(axes.patches) == len(wanted)


def test_a_smaller_factor_is_darker(heat_map: Drawing) -> None:
    patches: list[Any] = list(heat_map.figure.axes[0].patches)
    opacities = {patch.get_center()[0]: patch.get_alpha() for patch in patches}
    assert opacities[0] < opacities[1] < opacities[2] == pytest.approx(0.5, abs=1e-3)


def test_an_error_that_grew_has_the_colour_of_a_bound() -> None:
    def grown(parameters: Any, seeds: Sequence[int], device: str) -> list[Observation]:
        return [observed_with(parameters, seed, {"gain": 1.5}) for seed in seeds]

    found = measured_drawings(result_of(statement(run=grown)))[-1].figure.axes[0].patches
    assert {patch.get_facecolor()[:3] for patch in found} == {to_rgb(BOUND_COLOUR)}


def test_the_tables_have_every_trial_that_is_drawn(by_step: Drawing, by_error: Drawing, heat_map: Drawing) -> None:
    assert len(rows(by_step)) == 3 * 3 * 5
    assert len(rows(by_error)) == 6 * 3
    assert len(rows(heat_map)) == 6 * 3
    for row in rows(by_step):
        parameters = started_at(16, error_model=row["error_model"])
        assert float(row["error"]) == pytest.approx(error_at(parameters, int(row["step"])), rel=1e-14)
    for row in [*rows(by_error), *rows(heat_map)]:
        assert float(row["after"]) == pytest.approx(float(row["gain"]) * float(row["dictionary_error"]), rel=1e-12)


def test_trials_whose_premises_fail_are_neither_drawn_nor_written(by_error: Drawing) -> None:
    def every_third(parameters: Any, seeds: Sequence[int], device: str) -> list[Observation]:
        failing = [observed_with(parameters, seed, {"gain": 1e3, "after": 1e3}, margin=-1.0) for seed in seeds]
        return [failing[i] if i == 2 else observed(parameters, seed) for i, seed in enumerate(seeds)]

    found = measured_drawings(result_of(statement(run=every_third)))
    assert [len(rows(drawing)) for drawing in found] == [30, 12, 12]
    for label in ("learned, off alike", "learned, off at random"):
        assert line(found[1], label)[1] == pytest.approx(line(by_error, label)[1], rel=0.01)


def test_runs_that_diverged_are_no_points() -> None:
    def diverged(parameters: Any, seeds: Sequence[int], device: str) -> list[Observation]:
        return [observed_with(parameters, seed, {"after": np.inf, "gain": np.inf}) for seed in seeds]

    assert measured_drawings(result_of(statement(run=diverged))) == []


@pytest.mark.parametrize(
    "chosen",
    [(started_at(16, oracle="samples", samples_per_channel=100.0),), ()],
    ids=["samples only", "no case"],
)
def test_without_runs_on_the_population_there_is_no_figure(chosen: Sequence[Parameters]) -> None:
    assert measured_drawings(result_of(statement(chosen))) == []


def test_one_size_and_one_error_make_neither_a_curve_nor_a_map() -> None:
    titles = [drawing.title for drawing in measured_drawings(result_of(statement(CASES[:3])))]
    assert titles == ["Error against step of Algorithm 1, by kind of codes"]


def test_the_legend_and_the_ticks_are_text(by_step: Drawing, by_error: Drawing) -> None:
    for drawing, names in (
        (by_step, ("exact codes", "learned, off alike", "learned, off at random", "step")),
        (by_error, ("after = before", "printed bound", "with the dropped term", "after / before")),
    ):
        texts = re.findall(r"<text[^>]*>([^<]+)</text>", to_svg(drawing.figure, name="x", description=""))
        assert all(texts.count(name) == 1 for name in names)


def test_the_page_has_the_figures_with_their_tables_and_the_exponents_beside_them() -> None:
    one = statement(figure=LEMMA.figure)
    page = render_page([result_of(one)], registry_of(one))
    assert "could not be drawn" not in page.html
    for stem in ("error-by-step", "after-by-before", "contraction-map", "gains"):
        assert page.html.count(f'download="fsr.B.2.{stem}.csv') == 1


def test_the_grid_fills_the_map_at_scale_standard_without_a_claim_that_speaks_of_it() -> None:
    added = [case for case in cases("standard") if case.cutoff_ratio == GRID_CUTOFF]
    assert {(case.num_channels, case.dictionary_error) for case in added} == {
        (m, error) for m in (16, 32, 64, 128) for error in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
    }
    for claim in LEMMA.claims:
        where = getattr(claim, "where", None)
        assert where is None or not any(where.admits(case) for case in added)


def test_a_run_keeps_its_errors_at_the_steps_and_the_last_one_after_it_has_stopped() -> None:
    parameters = small(16, 1e-3, error_model=BIAS)
    (found,) = really_run(parameters, [1], "cpu")
    errors = {step: found.measurements[ERROR_AT.format(step)].value for step in ERROR_STEPS if step < 300}
    assert ERROR_AT.format(512) not in found.measurements
    assert errors[0] == pytest.approx(1e-3, rel=1e-9)
    assert errors[8] < errors[4] < errors[0]
    assert 64 < found.counts["steps"] < 128
    assert errors[128] == errors[256] == pytest.approx(found.measurements["after"].value, rel=1e-12)
