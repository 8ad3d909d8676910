"""The plot of Figure 1: mean and deviation as printed, the medians beside them, the rate of failure with exact limits.

Every measured number comes from the trials of the result; nothing is run again.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from matplotlib.axes import Axes

from fsrcheck.evidence.claim import Interval
from fsrcheck.evidence.frequency import clopper_pearson
from fsrcheck.evidence.trial import Case
from fsrcheck.report.figures import (
    DOTTED,
    MARKERS,
    SERIES_COLOURS,
    Drawing,
    draw_legend,
    finish_log_axis,
    log_log_axes,
    new_figure,
    size_ticks,
    style_axes,
)
from fsrcheck.runs.result import StatementResult
from lemmas.wgan.recovery_runs import SAMPLES, Parameters

MISS = 0.005  # each limit of the rate of failure is missed with this probability

Curve = list[Case]


def draw_curves(result: StatementResult) -> list[Drawing]:
    """A drawing for every activation and kind of latents that has a curve over n."""
    kinds = dict.fromkeys((case.parameters.activation, case.parameters.latents) for case in result.cases)
    found = [(kind, curves_of(result.cases, *kind)) for kind in kinds]
    return [_drawing(name, latents, curves) for (name, latents), curves in found if curves]


def curves_of(cases: Sequence[Case], activation: str, latents: str) -> list[Curve]:
    """The curves over n with at least two points that have trials, in the order of d and k."""
    groups: dict[tuple[int, int], Curve] = {}
    for case in cases:
        at = case.parameters
        if (at.activation, at.latents, at.over) == (activation, latents, SAMPLES) and case.trials:
            groups.setdefault((at.num_outputs, at.num_latents), []).append(case)
    ordered = [sorted(groups[key], key=lambda case: case.parameters.num_samples) for key in sorted(groups)]
    return [curve for curve in ordered if len(curve) > 1]


def mean(case: Case) -> float:
    """The mean error of all runs."""
    return float(np.mean(_values(case, "mean")))


def deviation(case: Case) -> float:
    """The standard deviation of the runs of a trial, in the root mean square over trials."""
    return sqrt(float(np.mean(np.square(_values(case, "deviation")))))


def median(case: Case) -> float:
    """The geometric mean of the medians of the trials."""
    return float(np.exp(np.mean(np.log(_values(case, "median")))))


def failures(case: Case) -> tuple[int, int]:
    """How many of how many runs failed."""
    counts = [trial.observation.counts for trial in case.trials]
    runs = sum(count["runs"] for count in counts)
    return runs - sum(count["recovered"] for count in counts), runs


def failure_rate(case: Case) -> Interval:
    """The rate of failure with its exact limits (Clopper and Pearson)."""
    return clopper_pearson(*failures(case), MISS)


def label(parameters: Parameters) -> str:
    """A curve, for the legend."""
    return f"d = {parameters.num_outputs}, k = {parameters.num_latents}"


def _values(case: Case, name: str) -> list[float]:
    return [trial.measurement(name).value for trial in case.trials]


def _drawing(activation: str, latents: str, curves: Sequence[Curve]) -> Drawing:
    figure = new_figure(5.6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1.8, 1))
    sizes = sorted({case.parameters.num_samples for curve in curves for case in curve})
    log_log_axes(upper, sizes, x_label="", y_label="error of A Aᵀ")
    style_axes(lower, x_label="observations n = m", y_label="failed, %")
    for index, curve in enumerate(curves):
        _draw_curve(upper, curve, index)
        _draw_failures(lower, curve, index)
    size_ticks(lower, sizes)
    finish_log_axis(upper)
    draw_legend(upper, columns=3)
    return Drawing(
        title=f"Recovery error, {activation}, {latents} latents",
        figure=figure,
        caption=r"Above: mean of $\|A A^\top - Z^*\|_F$ over the runs (solid) with one standard deviation as the strip (printed; "
        r"cut off at a tenth of the mean), and median (dotted). Below: the rate of failure with its exact limits, each missed "
        "with probability 0.005.",
        description=" ".join(_in_words(curve) for curve in curves),
        points=f"recovery-{activation}-{latents}",
        table=_table(curves),
    )


def _draw_curve(axes: Axes, curve: Curve, index: int) -> None:
    colour, sizes = SERIES_COLOURS[index % 6], [case.parameters.num_samples for case in curve]
    middle = np.array([mean(case) for case in curve])
    spread = np.array([deviation(case) for case in curve])
    axes.fill_between(
        sizes, np.maximum(middle - spread, middle / 10), middle + spread, color=colour, alpha=0.14, linewidth=0
    )
    axes.plot(sizes, middle, MARKERS[index % 6], linestyle="solid", color=colour, markersize=4.5, linewidth=1.4)
    axes.lines[-1].set_label(label(curve[0].parameters))
    axes.plot(sizes, [median(case) for case in curve], color=colour, linewidth=1.8, linestyle=DOTTED)


def _draw_failures(axes: Axes, curve: Curve, index: int) -> None:
    rates = [failure_rate(case) for case in curve]
    axes.errorbar(
        [case.parameters.num_samples * 1.04**index for case in curve],
        [100 * rate.value for rate in rates],
        yerr=[[100 * (r.value - r.low) for r in rates], [100 * (r.high - r.value) for r in rates]],
        fmt=MARKERS[index % 6],
        color=SERIES_COLOURS[index % 6],
        markersize=4.5,
        elinewidth=1.2,
        capsize=2.5,
    )


def _in_words(curve: Curve) -> str:
    first, last = curve[0], curve[-1]
    return (
        f"{label(first.parameters)}: median {median(first):.3g} at n = {first.parameters.num_samples} and {median(last):.3g} at "
        f"n = {last.parameters.num_samples}; {sum(failures(case)[0] for case in curve)} of "
        f"{sum(failures(case)[1] for case in curve)} runs failed."
    )


def _table(curves: Sequence[Curve]) -> str:
    lines = ["num_outputs,num_latents,num_samples,mean,deviation,median,failed,runs,failure_low,failure_high"]
    for case in (case for curve in curves for case in curve):
        at, rate = case.parameters, failure_rate(case)
        numbers = (mean(case), deviation(case), median(case), *failures(case), rate.low, rate.high)
        row = (at.num_outputs, at.num_latents, at.num_samples, *numbers)
        lines.append(",".join(f"{number:.6g}" for number in row))
    return "\n".join(lines) + "\n"
