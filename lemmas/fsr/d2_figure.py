r"""The figure of Lemma D.2: the errors in units of b, from a coarse dictionary to a fine one, beside the lemma's 7b.

Every number comes from the trials of the result, those whose premises hold; nothing is run again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fsrcheck.evidence.trial import Case, Trial
from fsrcheck.report.figures import (
    BOUND_COLOUR,
    DOTTED,
    REFERENCE_COLOUR,
    Drawing,
    draw_legend,
    finish_log_axis,
    log_log_axes,
    new_figure,
)
from fsrcheck.report.numbers import number
from fsrcheck.runs.result import StatementResult
from lemmas.fsr.c6_figure import draw_line
from lemmas.fsr.figure_cases import middle, table

LINES = {
    "tail_offsets": "offsets |c|, 0.9999-quantiles",
    "tail_error": "|S* − S|, 0.9999-quantile",
    "largest_error": "|S* − S|, largest",
    "lower_gap": "S* − S after the raise, largest",
}


def draw_errors(result: StatementResult) -> list[Drawing]:
    """The figure, if at least two dictionary errors have trials that differ in nothing else."""
    cases = _series(result)
    if len(cases) < 2:
        return []
    errors = [case.parameters.dictionary_error for case in cases]
    figure = new_figure(3.8)
    axes = log_log_axes(figure.subplots(), errors, x_label="error of the dictionary δ", y_label="in units of b")
    for index, (name, label) in enumerate(LINES.items()):
        draw_line(axes, errors, cases, name, label, index)
    axes.axhline(7.0, color=BOUND_COLOUR, linewidth=1.3, label="Lemma D.2, 7b")
    axes.axhline(14.0, color=REFERENCE_COLOUR, linewidth=1.8, linestyle=DOTTED, label="after the raise, 14b")
    finish_log_axis(axes)
    draw_legend(axes)
    first = cases[0].parameters
    return [
        Drawing(
            title="What super-resolution leaves, in units of the cutoff",
            figure=figure,
            caption=rf"$m = {first.num_channels}$, $k = {first.expected_active:g}$, $b = {first.cutoff_ratio:g} \delta$: "
            "geometric means over trials, the strips are their range; the worst of all channels and patches.",
            description="Quantile and maximum of the error of the codes, of the offsets, and of the gap after the raise, over "
            "the dictionary's error, doubly logarithmic. " + _in_words(cases),
            points="error-by-delta",
            table=table(cases, _row),
        )
    ]


def _series(result: StatementResult) -> list[Case]:
    """The longest series of cases that differ in delta, and in the number of steps that it takes."""
    found: dict[object, list[Case]] = {}
    for case in result.cases:
        if case.applicable:
            found.setdefault(replace(case.parameters, dictionary_error=1.0, num_steps=1), []).append(case)
    longest = max(found.values(), key=len, default=[])
    return sorted(longest, key=lambda case: float(case.parameters.dictionary_error))


def _in_words(cases: Sequence[Case]) -> str:
    return " ".join(
        f"At {number(case.parameters.dictionary_error, 3)}: {number(middle(case, 'tail_error'), 3)} and "
        f"{number(middle(case, 'largest_error'), 3)}."
        for case in cases
    )


def _row(case: Case, trial: Trial) -> list[Mapping[str, float]]:
    return [{name: trial.measurement(name).value for name in LINES}]
