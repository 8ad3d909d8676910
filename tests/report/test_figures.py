import re
from dataclasses import replace

import matplotlib
import pytest

from fsrcheck.evidence.fitting import fit_power_law
from fsrcheck.evidence.scaling import Scaling
from fsrcheck.report.figures import (
    SERIES_COLOURS,
    as_drawings,
    draw_points,
    draw_power_law,
    draw_reference,
    drawable,
    finish_log_axis,
    log_log_axes,
    log_ticks,
    new_figure,
    tick_label,
)
from fsrcheck.report.scaling_plot import standard_drawings
from fsrcheck.report.svg import to_svg
from tests.example import THEOREM


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]+)</text>", svg)


def test_the_standard_plot_shows_fit_claim_bound_and_local_slopes(results):
    (drawing,) = standard_drawings(results[0])
    upper, lower = drawing.figure.axes
    shown = texts(to_svg(drawing.figure, name="x", description=""))
    assert {"trials", "claimed slope −0.5", "bound: mean deviation", "local slope", "num_tosses"} <= set(shown)
    assert any(text.startswith("fit, slope −0.4") or text.startswith("fit, slope −0.5") for text in shown)
    assert len(lower.containers) == 1
    assert upper.get_xscale() == upper.get_yscale() == "log"


def test_a_closed_form_is_drawn_and_multiplies_the_fit(results):
    law = Scaling("law", "", "deviation", "num_tosses", 0.0, 0.05, reference=lambda p: p.num_tosses**-0.5)
    (drawing,) = standard_drawings(replace(results[0], statement=replace(THEOREM, claims=(law,))))
    shown = texts(to_svg(drawing.figure, name="x", description=""))
    assert "closed form" in shown
    assert any(text.startswith("closed form × fit") for text in shown)
    assert "measured / closed form" in drawing.caption


def test_a_statement_without_trials_has_no_plot(results):
    assert standard_drawings(results[1]) == []


def test_the_description_says_what_the_plot_shows(results):
    (drawing,) = standard_drawings(results[0])
    svg = to_svg(drawing.figure, name="x", description=drawing.description)
    assert 'role="img"' in svg
    assert "Claimed exponent −0.5." in svg
    assert "Fitted exponent −0." in svg


def test_svg_takes_its_colours_from_the_page_and_its_ids_from_its_name(results):
    (drawing,) = standard_drawings(results[0])
    svg = to_svg(drawing.figure, name="coins.T.2-0", description="")
    assert "var(--plot-series-0, #0b62a8)" in svg
    assert "var(--plot-ink" in svg
    assert all(name.startswith("coins-T-2-0-") for name in re.findall(r' id="([^"]+)"', svg))
    used = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)
    assert {first or second for first, second in used} == set(re.findall(r' id="([^"]+)"', svg))
    assert "http" not in svg


def test_drawing_leaves_global_settings_as_they_were(results):
    before = dict(matplotlib.rcParams)
    for drawing in standard_drawings(results[0]):
        to_svg(drawing.figure, name="x", description="")
    assert dict(matplotlib.rcParams) == before


def test_the_same_result_gives_the_same_picture(results):
    pictures = {to_svg(standard_drawings(results[0])[0].figure, name="x", description="") for _ in range(2)}
    assert len(pictures) == 1


@pytest.mark.parametrize(("low", "high"), [(0.011, 0.06), (1e-9, 1e3), (0.9, 1.1), (1.0, 1.5), (1.0, 1.02)])
def test_ticks_are_round_and_neither_few_nor_many(low, high):
    ticks = log_ticks(low, high)
    assert 1 <= len(ticks) <= 8
    assert all(low <= tick <= high for tick in ticks)
    assert len(ticks) >= 3 or high / low < 1.15


def test_ticks_of_a_narrow_range_are_evenly_spaced():
    assert log_ticks(0.96, 1.13) == [1.0, 1.05, 1.1]
    assert log_ticks(0.281, 0.455) == [0.3, 0.35, 0.4, 0.45]


def test_large_powers_of_ten_have_short_labels():
    assert [tick_label(value) for value in (0.01, 16.0, 1000.0, 1e5, 2e5)] == ["0.01", "16", "1000", "10⁵", "200000"]


def test_a_hook_can_continue_a_law_beyond_the_sizes_that_were_run():
    sizes, values = [16.0, 32.0, 64.0], [[0.2, 0.21], [0.14, 0.15], [0.1, 0.11]]
    law = fit_power_law(dict(zip(sizes, values, strict=True)), 0.01)
    axes = log_log_axes(new_figure().subplots(), [16, 1e6], x_label="m", y_label="error")
    draw_points(axes, sizes, values, label="trials", index=7)
    draw_power_law(axes, law, [16.0, 1e6], label="fit")
    draw_reference(axes, [16.0, 1e3, 1e6], [0.2, 0.03, 0.001], label="closed form")
    finish_log_axis(axes)
    assert axes.get_xlim()[1] > 1e6
    assert axes.lines[0].get_color() == SERIES_COLOURS[1]


def test_only_positive_finite_values_are_drawn():
    assert list(drawable([2.0, float("nan"), 0.0, -1.0, float("inf"), 1.0])) == [1.0, 2.0]


def test_whatever_a_hook_returns_becomes_drawings():
    figure = new_figure()
    assert [d.title for d in as_drawings(figure, "T")] == ["T"]
    assert [d.title for d in as_drawings([("a", figure), figure], "T")] == ["a", "T"]
