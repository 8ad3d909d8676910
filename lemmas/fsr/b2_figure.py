r"""The figures of Lemma B.2 from its measured runs: error by step, error after against before, contraction over m and delta.

Every measured number comes from the trials of the result, those whose premises hold; nothing is run again. Each figure shows
the largest set of cases that differ in nothing but what it is about, and is left out where there is none.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from fsrcheck.evidence.trial import Case
from fsrcheck.model.learned_codes import BIAS, CORRELATED, EXACT, INDEPENDENT
from fsrcheck.report.figures import (
    BOUND_COLOUR,
    CLAIM_COLOUR,
    DOTTED,
    MUTED,
    REFERENCE_COLOUR,
    Drawing,
    draw_legend,
    draw_points,
    finish_log_axis,
    log_log_axes,
    new_figure,
    style_axes,
)
from fsrcheck.report.numbers import number
from fsrcheck.runs.result import StatementResult
from lemmas.fsr.b2_heat_map import draw_heat_map
from lemmas.fsr.figure_cases import after_and_gain, distinct, draw_course, groups, middle, positive, table, values
from lemmas.fsr.output_layer_runs import ERROR_AT, ERROR_STEPS, POPULATION, Parameters

KINDS = {
    EXACT: "exact codes",
    BIAS: "learned, off alike",
    INDEPENDENT: "learned, off at random",
    CORRELATED: "learned, pairs off alike",
}
SURROGATE = 2.0  # P
DASHED, DASH_DOTTED = (0, (5, 3)), (0, (7, 2, 1.5, 2))


def measured_drawings(result: StatementResult) -> list[Drawing]:
    """The figures for which a result of ``fsr.B.2`` has trials on the population oracle."""
    found = [case for case in result.cases if case.parameters.oracle == POPULATION and positive(case, "after")]
    return [drawing for draw in (draw_steps, draw_errors, draw_heat_map) if (drawing := draw(found)) is not None]


def sizes_in_words(parameters: Parameters) -> str:
    """m and k, for a caption."""
    return f"$m = {parameters.num_channels}$, $k = {parameters.expected_active:g}$"


def kind(case: Case) -> str:
    """Codes and objective of a run, for the legend."""
    power = case.parameters.power
    return KINDS[case.parameters.error_model] + ("" if power == SURROGATE else f", P = {power:g}")


def steps(case: Case) -> list[int]:
    """The steps at which the errors of a case are kept, up to the first at which all its runs have stopped."""
    last = max(trial.observation.counts.get("steps", 0) for trial in case.applicable)
    kept = [step for step in ERROR_STEPS if positive(case, ERROR_AT.format(step))]
    return kept[: sum(step < last for step in kept) + 1]


def draw_steps(cases: Sequence[Case]) -> Drawing | None:
    """Error against step, a line for every kind of codes, all from one size and one error."""
    watched = [case for case in cases if positive(case, ERROR_AT.format(0))]
    found = max(groups(watched, "error_model", "power", "max_steps"), key=_kinds, default=[])
    if not found:
        return None
    figure, start = new_figure(4.2), found[0].parameters
    axes = style_axes(figure.subplots(), x_label="step", y_label="largest column error")
    ticks = [step for step in ERROR_STEPS if step <= max(steps(case)[-1] for case in found)]
    axes.set_xscale("symlog", linthresh=1, linscale=0.3)  # the start is as far from step 1 as that from step 2
    axes.set_xticks(ticks, [str(step) for step in ticks])
    axes.set_xticks([], minor=True)
    axes.set_yscale("log")
    for index, case in enumerate(found):
        draw_course(axes, case, steps(case), ERROR_AT, kind(case), index)
    goal = claimed(start, start.dictionary_error)
    axes.axhline(goal, color=CLAIM_COLOUR, linewidth=1.3, linestyle=DASHED, label="claimed, m^−0.02 δ")
    finish_log_axis(axes)
    draw_legend(axes)
    return Drawing(
        title="Error against step of Algorithm 1, by kind of codes",
        figure=figure,
        caption=rf"Largest error of a column after normalising, from $\delta = {start.dictionary_error:.3g}$, "
        f"{sizes_in_words(start)}, population oracle: geometric means over trials, the strip is their range. Learned codes are "
        r"off by the share $\delta m^{0.02}$: the marginals of all channels alike, or of each at random, or all pairs alike. A "
        r"line ends where the moments agree.",
        description="Largest column error over the step, both logarithmic. "
        + " ".join(
            f"{kind(case)}: from {number(middle(case, ERROR_AT.format(0)), 3)} to {number(middle(case, 'after'), 3)}."
            for case in found
        ),
        points="error-by-step",
        table=table(
            found,
            lambda case, trial: [
                {"step": step, "error": trial.measurement(ERROR_AT.format(step)).value} for step in steps(case)
            ],
        ),
    )


def _kinds(cases: Sequence[Case]) -> tuple[int, int, int]:
    """By what a set of cases is chosen: exact codes and both kinds of learned ones first, then more kinds, then a larger m."""
    wanted = sum(model in (EXACT, BIAS, INDEPENDENT) for model in distinct(cases, "error_model"))
    return wanted, len(cases), cases[0].parameters.num_channels


def unchanged(parameters: Parameters, error: float) -> float:
    """The diagonal."""
    return error


def claimed(parameters: Parameters, error: float) -> float:
    """m^-0.02 delta."""
    return float(parameters.num_channels**-0.02 * error)


def printed(parameters: Parameters, error: float) -> float:
    """m^0.152 bb^2, with the cutoff of the run."""
    return float(parameters.num_channels**0.152 * (parameters.cutoff_ratio * error) ** 2)


def completed(parameters: Parameters, error: float) -> float:
    """m^0.152 (bb^2 + bb / sqrt(m)): with the term that the printed bound drops."""
    return printed(parameters, error) + float(parameters.num_channels**-0.348 * parameters.cutoff_ratio * error)


LINES = (
    (unchanged, "after = before", MUTED, "solid"),
    (claimed, "claimed, m^−0.02 δ", CLAIM_COLOUR, DASHED),
    (printed, "printed bound", BOUND_COLOUR, DASH_DOTTED),
    (completed, "with the dropped term", REFERENCE_COLOUR, DOTTED),
)


def draw_errors(cases: Sequence[Case]) -> Drawing | None:
    """Error after against error before for learned codes, and their ratio below, with what the lemma says."""
    learned = [case for case in cases if case.parameters.error_model in (BIAS, INDEPENDENT)]
    sets = groups(learned, "dictionary_error", "error_model")
    found = max(sets, key=lambda members: (len(distinct(members, "dictionary_error")), len(members)), default=[])
    errors = distinct(found, "dictionary_error")
    if len(errors) < 2:
        return None
    figure = new_figure(6.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1.5, 1))
    drawn = np.geomspace(errors[0], max(errors[-1], found[0].parameters.num_channels ** -0.5), 64)
    ticks = list(10.0 ** np.arange(np.ceil(np.log10(drawn[0]) - 0.01), np.log10(drawn[-1])))
    log_log_axes(upper, ticks, x_label="", y_label="error after")
    log_log_axes(lower, ticks, x_label="error before", y_label="after / before")
    for axes, ratio in ((upper, False), (lower, True)):
        _draw_lines(axes, found[0].parameters, drawn, ratio=ratio)
        for index, model in enumerate((BIAS, INDEPENDENT)):
            _draw_model(axes, [case for case in found if case.parameters.error_model == model], index, ratio=ratio)
        finish_log_axis(axes)
    draw_legend(upper)
    return Drawing(
        title="Error after Algorithm 1 against the error before",
        figure=figure,
        caption=f"Population oracle, {sizes_in_words(found[0].parameters)}, codes learned to $b = \\delta m^{{0.02}}$, "
        rf"$\mathbb{{b}} = {found[0].parameters.cutoff_ratio:g} \delta$; markers are geometric means over trials, bars their "
        r"range. Printed bound: $m^{0.152} \mathbb{b}^2$, drawn as far as the $\delta = m^{-1/2}$ of Lemma A.1; the term that it "
        r"drops is $m^{0.152} \mathbb{b}/\sqrt{m}$. Below, the same divided by the error before.",
        description=_errors_in_words(found),
        points="after-by-before",
        table=table(found, after_and_gain),
    )


def _draw_lines(axes: Axes, parameters: Parameters, errors: np.ndarray, *, ratio: bool) -> None:
    """What the lemma says at every error."""
    for line, label, colour, style in LINES:
        heights = [line(parameters, error) / (error if ratio else 1) for error in errors]
        axes.plot(errors, heights, color=colour, linewidth=1.4, linestyle=style, label=label)


def _draw_model(axes: Axes, cases: Sequence[Case], index: int, *, ratio: bool) -> None:
    """The measured points of one kind of codes."""
    ordered = sorted(cases, key=lambda case: case.parameters.dictionary_error)
    before = [case.parameters.dictionary_error for case in ordered]
    after = [values(case, "gain" if ratio else "after") for case in ordered]
    if ordered:
        draw_points(axes, before, after, label=kind(ordered[0]), index=index)


def _errors_in_words(cases: Sequence[Case]) -> str:
    errors = distinct(cases, "dictionary_error")
    parts = [f"Error after over error before, {number(errors[0], 3)} to {number(errors[-1], 3)}, both logarithmic."]
    for model in distinct(cases, "error_model"):
        gains = [middle(case, "gain") for case in cases if case.parameters.error_model == model]
        parts.append(f"{KINDS[model]}: after / before is {number(min(gains), 2)} to {number(max(gains), 2)}.")
    above = sum(middle(case, "after") > printed(case.parameters, case.parameters.dictionary_error) for case in cases)
    return " ".join([*parts, f"{above} of {len(cases)} points lie above the printed bound."])
