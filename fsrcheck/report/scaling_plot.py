"""The standard plot of a statement: a measurement over a size, its fit, the claim, and local slopes."""

from matplotlib.axes import Axes

from fsrcheck.evidence.scaling import Scaling
from fsrcheck.report.figures import (
    CLAIM_COLOUR,
    Drawing,
    draw_bound,
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
    new_figure,
    slope_axes,
)
from fsrcheck.report.numbers import interval, number
from fsrcheck.report.points import PointSet, Series, exponents, point_sets
from fsrcheck.runs.result import StatementResult


def standard_drawings(result: StatementResult) -> list[Drawing]:
    """One drawing for each Scaling claim and each other Bound with a size; none if no trial can be drawn."""
    return [scaling_drawing(points) for points in point_sets(result) if _positive(points)]


def _positive(points: PointSet) -> bool:
    return any(drawable(s.values(points.measured, i)).size for s in points.series for i in range(len(s.cases)))


def scaling_drawing(points: PointSet) -> Drawing:
    """The standard plot of one set of points: local slopes below where an exponent is claimed and fitted."""
    laws = [series for series in points.series if series.law is not None]
    sizes = sorted({size for series in points.series for size in series.sizes})
    figure = new_figure(5.0 if points.scaling and laws else 3.6)
    if points.scaling and laws:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2.5, 1))
        _draw_slopes(lower, points, points.scaling, sizes)
    else:
        upper = figure.subplots()
    log_log_axes(upper, sizes, x_label="" if points.scaling and laws else points.size, y_label=points.measured)
    for index, series in enumerate(points.series):
        _draw_measured(upper, points, series, index)
    for index, series in enumerate(points.series):
        _draw_expected(upper, points, series, named=index == 0)
    finish_log_axis(upper)
    draw_legend(upper)
    return Drawing(
        title=f"{points.name}: {points.measured} over {points.size}",
        figure=figure,
        caption=_caption(points),
        description=_description(points, sizes),
        points=points.stem,
    )


def _draw_measured(axes: Axes, points: PointSet, series: Series, index: int) -> None:
    """Points and fit, named in the legend for every series."""
    values = [series.values(points.measured, case) for case in range(len(series.cases))]
    label = "trials" if len(points.series) == 1 else series.label
    draw_points(axes, series.sizes, values, label=label, index=index)
    if series.law is not None:
        fit = f"{_factor(series)}fit, slope {number(series.law.exponent.value, 2)}"
        draw_power_law(axes, series.law, series.sizes, label=fit, index=index, references=series.references)


def _draw_expected(axes: Axes, points: PointSet, series: Series, *, named: bool) -> None:
    """Claimed slope, closed form and bounds, named in the legend once since all series share their look."""
    if series.law is not None and points.scaling is not None:
        label = f"{_factor(series)}claimed slope {_claimed(points.scaling)}" if named else ""
        exponent = points.scaling.exponent
        draw_claimed_slope(axes, series.law, exponent, series.sizes, label=label, references=series.references)
    if series.references is not None:
        draw_reference(axes, series.sizes, series.references, label="closed form" if named else "")
    for name, limits in series.bounds.items():
        draw_bound(axes, series.sizes, limits, label=f"bound: {name}" if named else "")


def _factor(series: Series) -> str:
    return "" if series.references is None else "closed form × "


def _claimed(claim: Scaling) -> str:
    sign = "" if claim.two_sided else "≤ "
    return f"{sign}{number(claim.exponent)}"


def _draw_slopes(axes: Axes, points: PointSet, claim: Scaling, sizes: list[float]) -> None:
    """Slopes between neighbouring sizes with their intervals, against the claimed slope and its allowance."""
    slope_axes(axes, sizes, x_label=points.size)
    low = claim.exponent - (claim.allowance if claim.two_sided else 0.0)
    axes.axhspan(low, claim.exponent + claim.allowance, color=CLAIM_COLOUR, alpha=0.12, linewidth=0)
    draw_claimed_exponent(axes, claim.exponent)
    for index, series in enumerate(points.series):
        if series.law is not None:
            draw_local_slopes(axes, series.law, index=index)


def _caption(points: PointSet) -> str:
    parts = ["Markers are geometric means over trials, bars their full range, faint dots single trials."]
    laws = [series for series in points.series if series.law is not None]
    if points.scaling is not None and laws:
        relative = " of measured / closed form" if points.scaling.reference is not None else ""
        parts.append(
            f"The fit{relative} and its band, and the intervals of the local slopes below, each miss with"
            f" probability {number(points.level, 2)}; the grey strip is the stated allowance"
            f" {number(points.scaling.allowance)} about the claimed exponent."
        )
    return " ".join([*parts, *left_out(points)])


def left_out(points: PointSet) -> list[str]:
    """A sentence on the trials that cannot be drawn, if there are any."""
    groups = [series.values(points.measured, i) for series in points.series for i in range(len(series.cases))]
    count = sum(len(group) - drawable(group).size for group in groups)
    return [f"{count} trials without a positive finite value are not drawn."] if count else []


def _description(points: PointSet, sizes: list[float]) -> str:
    """The plot in words."""
    parts = [f"{points.measured} over {points.size}, {number(sizes[0])} to {number(sizes[-1])}, both logarithmic."]
    for label, exponent in exponents(points):
        series = "" if label == "all" else f" ({label})"
        parts.append(f"Fitted exponent{series} {interval(exponent)}.")
    if points.scaling is not None:
        parts.append(f"Claimed exponent {_claimed(points.scaling)}.")
    for name in dict.fromkeys(name for series in points.series for name in series.bounds):
        parts.append(f"The bound {name} is drawn.")
    if points.from_size is not None:
        parts.append(f"It holds from {points.size} = {number(points.from_size)}.")
    return " ".join(parts)
