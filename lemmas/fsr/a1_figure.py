r"""The figure of Lemma A.1: measured errors, their fit and the claimed slope beside the exact finite-size law.

Above, over m on logarithmic axes: the root mean square column error of every trial on samples, its power law with band,
the claimed slope -1/2 through the middle of the fit, and the closed form: dotted as it is on the population, solid with
what sampling adds, law sqrt(1 + noise_share). The closed form is continued to m = 10^6, where nothing can be run.
Below, the local slopes of the same curves and of neighbouring sizes.

Every measured number comes from the trials of the result; nothing is run again. Drawn after it are the standard plots.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from fsrcheck.evidence.fitting import PowerLaw, fit_power_law
from fsrcheck.report.figures import (
    Drawing,
    draw_claimed_exponent,
    draw_claimed_slope,
    draw_legend,
    draw_local_slopes,
    draw_points,
    draw_power_law,
    draw_reference,
    drawable,
    finish_log_axis,
    log_log_axes,
    name_end,
    new_figure,
    slope_axes,
)
from fsrcheck.report.numbers import interval, number
from fsrcheck.report.points import PointSet, Series, point_sets, to_csv
from fsrcheck.report.scaling_plot import left_out, standard_drawings
from fsrcheck.runs.result import StatementResult

MEASURED, SIZE, CLAIMED = "typical_over_law", "num_channels", -0.5
POPULATION = {"oracle": "population"}  # without what sampling adds
LARGEST_SIZE = 10**6
DECADES = (1e3, 1e4, 1e5, 1e6)

Law = Callable[[Any], float]


@dataclass(frozen=True)
class Errors:
    """The measured errors of one series, by m.

    Attributes:
        name: what tells the series apart, such as ``k = 2``.
        series: the cases behind it.
        values: root mean square column error of every trial, one group for each size.
        fit: its power law; None where too few sizes or trials were run or a trial has no error.
    """

    name: str
    series: Series
    values: tuple[tuple[float, ...], ...]
    fit: PowerLaw | None

    @property
    def sizes(self) -> tuple[float, ...]:
        """m of every case."""
        return self.series.sizes

    @property
    def parameters(self) -> Any:
        """Those of the smallest size; the law continues from there."""
        return self.series.cases[0].parameters


def draw(result: StatementResult, sampled_law: Law) -> list[Drawing]:
    """The figure of Lemma A.1, if there are trials on samples, and the standard plots of its claims.

    Args:
        result: of ``fsr.A.1``.
        sampled_law: parameters -> the closed-form error with what its oracle's sampling adds to it.
    """
    sets = [points for points in point_sets(result) if points.measured == MEASURED]
    found = [(points, measured_errors(points, sampled_law)) for points in sets]
    own = [_drawing(points, errors, sampled_law) for points, errors in found if any(map(_has_points, errors))]
    return [*own, *standard_drawings(result)]


def measured_errors(points: PointSet, sampled_law: Law) -> list[Errors]:
    """The errors behind typical_over_law = error / law, series by series."""
    names = [f"k = {number(series.cases[0].parameters.expected_active)}" for series in points.series]
    if len(set(names)) < len(names):  # series that differ in something else than k
        names = [series.label for series in points.series]
    found = zip(names, points.series, strict=True)
    return [_errors(name, series, points.level, sampled_law) for name, series in found]


def _errors(name: str, series: Series, level: float, sampled_law: Law) -> Errors:
    values = tuple(
        tuple(ratio * sampled_law(case.parameters) for ratio in series.values(MEASURED, index))
        for index, case in enumerate(series.cases)
    )
    fit = None if series.law is None else fit_power_law(dict(zip(series.sizes, values, strict=True)), level)
    return Errors(name, series, values, fit)


def _has_points(errors: Errors) -> bool:
    return any(drawable(group).size for group in errors.values)


def table(found: Sequence[Errors], sampled_law: Law) -> str:
    """Every trial with its error and both closed forms, as CSV."""
    return to_csv(
        {
            "series": errors.name,
            **asdict(case.parameters),
            "seed": trial.seed,
            "error": value,
            "closed_form_sampled": sampled_law(case.parameters),
            "closed_form_population": sampled_law(replace(case.parameters, **POPULATION)),
        }
        for errors in found
        for case, values in zip(errors.series.cases, errors.values, strict=True)
        for trial, value in zip(case.trials, values, strict=True)
    )


def whole_sizes(first: float, last: float) -> list[float]:
    """Whole sizes between two, evenly spread on a logarithmic axis."""
    return [float(size) for size in np.unique(np.geomspace(first, last, 96).round())]


def law_over(sizes: Sequence[float], parameters: Any, law: Law) -> list[float]:
    """The law at whole sizes, everything else as in ``parameters``."""
    return [law(replace(parameters, **{SIZE: int(size)})) for size in sizes]


def local_slopes(sizes: Sequence[float], values: Sequence[float]) -> tuple[list[float], list[float]]:
    """Geometric means of neighbouring sizes, and the slope of log value over log size between them."""
    x, y = np.log(sizes), np.log(values)
    return list(np.exp((x[1:] + x[:-1]) / 2)), list(np.diff(y) / np.diff(x))


def _drawing(points: PointSet, found: Sequence[Errors], sampled_law: Law) -> Drawing:
    figure = new_figure(6.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1.7, 1))
    ticks = [*{min(errors.sizes[0] for errors in found), max(errors.sizes[-1] for errors in found)}, *DECADES]
    log_log_axes(upper, ticks, x_label="", y_label="root mean square column error")
    slope_axes(lower, ticks, x_label=SIZE)
    for index, errors in enumerate(found):
        _draw_measured(upper, lower, errors, index)
    _draw_claim(upper, lower, found)
    for index, errors in enumerate(found):
        _draw_laws(upper, lower, errors, sampled_law, named=index == 0)
    finish_log_axis(upper)
    draw_legend(upper)
    return Drawing(
        title="Column errors on samples, against the closed form continued to $m = 10^6$",
        figure=figure,
        caption=_caption(points, found),
        description=_description(found, sampled_law),
        points="column-errors",
        table=table(found, sampled_law),
    )


def _draw_measured(upper: Axes, lower: Axes, errors: Errors, index: int) -> None:
    """Trials, fit and measured local slopes of one series."""
    draw_points(upper, errors.sizes, errors.values, label=f"trials, {errors.name}", index=index)
    if errors.fit is not None:
        slope = number(errors.fit.exponent.value, 3)
        draw_power_law(upper, errors.fit, errors.sizes, label=f"fit, slope {slope}", index=index)
        draw_local_slopes(lower, errors.fit, index=index)


def _draw_claim(upper: Axes, lower: Axes, found: Sequence[Errors]) -> None:
    """The claimed slope, through the middle of every fit and continued as far as the law."""
    draw_claimed_exponent(lower, CLAIMED)
    label = "claimed slope −1/2"
    for errors in found:
        if errors.fit is not None:
            draw_claimed_slope(upper, errors.fit, CLAIMED, (errors.sizes[0], LARGEST_SIZE), label=label)
            label = ""


def _draw_laws(upper: Axes, lower: Axes, errors: Errors, sampled_law: Law, *, named: bool) -> None:
    """The closed form with what sampling adds where trials were run, and without it as far as 10^6."""
    population = replace(errors.parameters, **POPULATION)
    for parameters, last, label, dotted in (
        (errors.parameters, errors.sizes[-1], "closed form, sampled", False),
        (population, LARGEST_SIZE, "closed form, population", True),
    ):
        sizes = whole_sizes(errors.sizes[0], last)
        law = law_over(sizes, parameters, sampled_law)
        draw_reference(upper, sizes, law, label=label if named else "", dotted=dotted)
        draw_reference(lower, *local_slopes(sizes, law), label="", dotted=dotted)
    name_end(upper, sizes[-1], law[-1], errors.name)


def _caption(points: PointSet, found: Sequence[Errors]) -> str:
    parts = [
        "Markers are geometric means over trials, bars their full range, faint dots single trials. The closed form is "
        r"$2 \sin(\arctan(\pi_b e \sqrt{m - 1}/e_b)/2)$ on the population, with the factor $\sqrt{1 + s}$ for the share $s$ "
        "that sampling adds to the squared error; beyond the sizes that were run nothing is measured. Below, the slopes "
        "of both closed forms, those between neighbouring sizes of the trials, and the claimed $-1/2$."
    ]
    if any(errors.fit is not None for errors in found):
        parts.append(f"Band and intervals each miss with probability {number(points.level, 2)}.")
    return " ".join([*parts, *left_out(points)])


def _description(found: Sequence[Errors], sampled_law: Law) -> str:
    """The figure in words."""
    parts = ["Root mean square column error over num_channels, both logarithmic, with local slopes below."]
    for errors in found:
        last = law_over([LARGEST_SIZE], replace(errors.parameters, **POPULATION), sampled_law)[0]
        run = f"{errors.name}: trials at {number(errors.sizes[0])} to {number(errors.sizes[-1])}"
        fit = "no fit" if errors.fit is None else f"fitted exponent {interval(errors.fit.exponent)}"
        parts.append(f"{run}, {fit}; the closed form ends at {number(last, 3)} for 10⁶.")
    return " ".join([*parts, "Claimed exponent −1/2."])
