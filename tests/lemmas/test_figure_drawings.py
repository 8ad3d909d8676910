"""The drawings of Figures 3, 6, 7 and 8, on trials with known answers."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.registry import Registry
from fsrcheck.report.page import render_page
from fsrcheck.runs.checking import check
from fsrcheck.runs.result import StatementResult
from fsrcheck.statement import Paper, Statement
from lemmas.fsr import fig3_activations, fig6_moments, fig7_layerwise, fig8_feature_correction
from lemmas.fsr.fig3_activations import BEFORE, BIN, BINS, KINDS, RATES
from lemmas.fsr.fig3_figure import STAGES, draw_histograms
from lemmas.fsr.fig6_figure import draw_course
from lemmas.fsr.fig6_moments import DISTANCE, FLOOR
from lemmas.fsr.fig7_figure import WAYS, draw_distances
from lemmas.fsr.fig8_feature_correction import LEARNED, TURNED
from lemmas.fsr.fig8_figure import draw_corrections
from tests.example import bare

MODULES = (fig3_activations, fig6_moments, fig7_layerwise, fig8_feature_correction)
DRAW = (draw_histograms, draw_course, draw_distances, draw_corrections)
TIMES = 6


def known(parameters: Any) -> tuple[dict[str, float], dict[str, int]]:
    """Measurements and counts that all four drawings understand."""
    distances = {
        DISTANCE.format(level=level, order=order, time=time): level * 10.0**-time / order
        for level in (1, 2)
        for order in (2, 3, 4)
        for time in range(TIMES)
    }
    floors = {FLOOR.format(level=level, order=order): 1e-4 for level in (1, 2) for order in (2, 3, 4)}
    ways = {"floor": 0.05, **{name: 0.1 * place for place, name in enumerate(WAYS, start=1)}}
    pairs = {f"{name}_pairs": 0.2 * place for place, name in enumerate(WAYS, start=1)}
    moves = {"after_left_1": 0.8, "after_move": 0.3}
    if getattr(parameters, "start", "") == TURNED:
        moves |= {"held_left_1": 0.5, "held_move": 0.4}
    counts = {
        BIN.format(kind=kind, stage=stage, bin=place): 3 * (place == 1) + (place == 4)
        for kind in KINDS
        for stage in STAGES
        for place in range(BINS)
    }
    return {**distances, **floors, **ways, **pairs, **moves}, counts


def run(parameters: Any, seeds: Sequence[int], device: str) -> list[Observation]:
    values, counts = known(parameters)
    return [Observation({}, {name: Measurement(value) for name, value in values.items()}, counts)] * len(seeds)


def statement(module: Any, **changes: Any) -> Statement:
    own = {"run": run, "trials": {"quick": 2}, "errata": (), "claims": module.STATEMENT.claims[:1]}
    return bare(module.STATEMENT, **(own | changes))


def registry_of(one: Statement) -> Registry:
    return Registry([Paper("fsr", "", "", (one,))])


def result_of(one: Statement) -> StatementResult:
    return check(one.id, registry=registry_of(one), seed=1, device="cpu")


@pytest.mark.parametrize(("module", "draw"), list(zip(MODULES, DRAW, strict=True)))
def test_the_page_has_the_figure_with_its_table(module: Any, draw: Any) -> None:
    one = statement(module, figure=module.STATEMENT.figure)
    (drawing,) = draw(result_of(one))
    page = render_page([result_of(one)], registry_of(one))
    assert "could not be drawn" not in page.html
    assert page.html.count(f'download="{one.id}.{drawing.points}.csv') == 1
    assert list(csv.DictReader(io.StringIO(drawing.table)))


@pytest.mark.parametrize(("module", "draw"), list(zip(MODULES, DRAW, strict=True)))
def test_without_measurements_there_is_no_figure(module: Any, draw: Any) -> None:
    nothing = statement(module, run=lambda p, seeds, d: [Observation({}, {})] * len(seeds))
    assert draw(result_of(nothing)) == []


def test_histograms_are_shares_of_all_trials() -> None:
    (drawing,) = draw_histograms(result_of(statement(fig3_activations)))
    panels = drawing.figure.axes
    assert [axes.get_ylabel() for axes in panels] == ["share of channels", "share of pairs", "share of triples"]
    for axes in panels:
        for patch in axes.patches:
            heights, edges, _ = patch.get_data()
            assert heights[1] == pytest.approx(0.75)
            assert heights[4] == pytest.approx(0.25)
            assert heights.sum() == pytest.approx(1.0)
            assert (edges[1], edges[2]) == (0.5, 1.5)
    rows = list(csv.DictReader(io.StringIO(drawing.table)))
    assert len(rows) == 2 * BINS
    assert {row[f"{RATES}_{BEFORE}"] for row in rows if row["bin"] == "1"} == {"3"}


def test_moments_are_drawn_relative_to_the_start_with_their_floors() -> None:
    (drawing,) = draw_course(result_of(statement(fig6_moments)))
    for axes in drawing.figure.axes:
        for order in (2, 3, 4):
            (line,) = [line for line in axes.lines if line.get_label() == f"order {order}"]
            assert np.asarray(line.get_ydata()) == pytest.approx([10.0**-time for time in range(TIMES)])
    floors = [line.get_ydata()[0] for line in drawing.figure.axes[1].lines if not line.get_label().startswith("order")]
    assert floors == pytest.approx([1e-4 * order / 2 for order in (2, 3, 4)])


def test_every_way_of_training_level_2_has_its_distance_and_its_pairs() -> None:
    (drawing,) = draw_distances(result_of(statement(fig7_layerwise)))
    labelled = {line.get_label(): list(np.asarray(line.get_ydata())) for line in drawing.figure.axes[0].lines}
    assert labelled["lower bound of $W_2$"] == pytest.approx([0.1, 0.2, 0.3])
    assert labelled["pairs"] == pytest.approx([0.2, 0.4, 0.6])
    assert labelled["sampling alone, distance"][0] == pytest.approx(0.05)


def test_every_start_has_what_is_left_and_what_moved() -> None:
    (drawing,) = draw_corrections(result_of(statement(fig8_feature_correction)))
    labelled = {line.get_label(): list(np.asarray(line.get_ydata())) for line in drawing.figure.axes[0].lines}
    assert labelled["error of $X_1$, share left"] == pytest.approx([0.8, 0.5, 0.8])
    assert labelled["move of $V_1$, share of its length"] == pytest.approx([0.3, 0.4, 0.3])
    starts = {row["start"] for row in csv.DictReader(io.StringIO(drawing.table))}
    assert starts == {TURNED, LEARNED}
