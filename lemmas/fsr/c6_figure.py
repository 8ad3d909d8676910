r"""The figures of Lemma C.6: the error against delta, and against kappa = b/delta, where it falls off a cliff.

Every number comes from the trials of the result, those whose premises hold; nothing is run again.
"""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from fsrcheck.evidence.trial import Case, Trial
from fsrcheck.report.figures import (
    BOUND_COLOUR,
    DOTTED,
    MARKERS,
    PAPER,
    REFERENCE_COLOUR,
    SERIES_COLOURS,
    Drawing,
    draw_legend,
    drawable,
    finish_log_axis,
    log_log_axes,
    new_figure,
)
from fsrcheck.report.numbers import number
from fsrcheck.runs.result import StatementResult
from lemmas.fsr.c6_training import CLIFF_ERROR, ERRORS
from lemmas.fsr.figure_cases import middle, positive, table, values
from lemmas.fsr.first_hidden_runs import LEARNED_START

NAMES = {"threshold_error": "β", "scale_error": "α", "rate_error": "Pr[S > 0]"}


def draw_training(result: StatementResult) -> list[Drawing]:
    """Both figures, or those that have trials."""
    start = LEARNED_START
    same = [
        case
        for case in result.cases
        if case.parameters.num_channels == start.num_channels
        and case.parameters.direction == start.direction
        and positive(case, "largest")
    ]
    in_error = [
        case for case in same if case.parameters.cutoff_ratio == start.cutoff_ratio and case.parameters.dictionary_error
    ]
    in_ratio = [case for case in same if case.parameters.dictionary_error == CLIFF_ERROR]
    return [*_by_error(in_error), *_by_ratio(in_ratio)]


def _by_error(cases: Sequence[Case]) -> list[Drawing]:
    if len(cases) < 2:
        return []
    cases = sorted(cases, key=lambda case: case.parameters.dictionary_error)
    figure = new_figure(3.8)
    axes = log_log_axes(figure.subplots(), ERRORS, x_label="error of the dictionary δ", y_label="error of D4's result")
    errors = [case.parameters.dictionary_error for case in cases]
    for index, (name, label) in enumerate(NAMES.items()):
        draw_line(axes, errors, cases, name, label, index)
    axes.plot(errors, [5 * error for error in errors], color=BOUND_COLOUR, linewidth=1.3, label="claimed, 5 δ")
    finish_log_axis(axes)
    draw_legend(axes)
    return [
        Drawing(
            title="What D4 learns through a dictionary that is off by δ",
            figure=figure,
            caption=rf"{_sizes(cases[0])}, $b = 20 \delta$: geometric means over trials, the strip is their range; "
            r"$\beta$ and $\alpha$ absolute, the firing rate relative.",
            description="Errors of threshold, scale and firing rate over the dictionary's error, doubly logarithmic. "
            + _in_words(cases, "dictionary_error"),
            points="error-by-delta",
            table=table(cases, _row),
        )
    ]


def _by_ratio(cases: Sequence[Case]) -> list[Drawing]:
    if len(cases) < 2:
        return []
    cases = sorted(cases, key=lambda case: case.parameters.cutoff_ratio)
    ratios = [case.parameters.cutoff_ratio for case in cases]
    figure = new_figure(3.8)
    axes = log_log_axes(figure.subplots(), ratios, x_label="κ = b/δ", y_label="largest error, in δ")
    for case in cases:
        found = drawable([value / CLIFF_ERROR for value in values(case, "largest")])
        axes.plot(
            [case.parameters.cutoff_ratio] * len(found), found, "o", color=SERIES_COLOURS[0], markersize=4, alpha=0.6
        )
    axes.axhline(5.0, color=BOUND_COLOUR, linewidth=1.3, label="claimed, 5 δ")
    printed = cases[0].parameters.num_channels ** 0.02
    axes.axvline(printed, color=REFERENCE_COLOUR, linewidth=1.8, linestyle=DOTTED, label=f"printed, κ = {printed:.2f}")
    finish_log_axis(axes)
    draw_legend(axes)
    return [
        Drawing(
            title="The cliff: a cutoff near δ reads silent channels as active",
            figure=figure,
            caption=rf"{_sizes(cases[0])}, $\delta = {CLIFF_ERROR}$: every trial whose premises hold. Around $\kappa = 3$ to $6$ "
            "false activations are too rare to show in the samples and too frequent for the bound: nothing is drawn there.",
            description="Largest of the four errors over delta, against the ratio of the cutoff to delta. "
            + _in_words(cases, "cutoff_ratio"),
            points="error-by-cutoff",
            table=table(cases, _row),
        )
    ]


def draw_line(axes: Axes, sizes: Sequence[float], cases: Sequence[Case], name: str, label: str, index: int) -> None:
    """Geometric means, and the range of the trials."""
    trials = [drawable(values(case, name)) for case in cases]
    colour = SERIES_COLOURS[index]
    axes.fill_between(sizes, [t[0] for t in trials], [t[-1] for t in trials], color=colour, alpha=0.16, linewidth=0)
    middles = [middle(case, name) for case in cases]
    axes.plot(
        sizes,
        middles,
        marker=MARKERS[index],
        color=colour,
        markersize=4.5,
        markeredgecolor=PAPER,
        linewidth=1.4,
        label=label,
    )


def _sizes(case: Case) -> str:
    found = case.parameters
    return rf"$m = {found.num_channels}$, $k = {found.expected_active:g}$, {found.num_patches} patches"


def _in_words(cases: Sequence[Case], size: str) -> str:
    return " ".join(
        f"At {number(getattr(case.parameters, size), 3)}: {number(middle(case, 'largest'), 3)}." for case in cases
    )


def _row(case: Case, trial: Trial) -> list[Mapping[str, float]]:
    return [{name: trial.measurement(name).value for name in ("largest", *NAMES, "mean_error")}]
