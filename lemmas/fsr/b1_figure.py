r"""The figure of Induction B.1: the error round after round, with cutoffs from the current error and from the schedule.

Every measured number comes from the trials of the result, those whose premises hold; nothing is run again.
"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from fsrcheck.evidence.trial import Case
from fsrcheck.report.figures import (
    CLAIM_COLOUR,
    DOTTED,
    REFERENCE_COLOUR,
    Drawing,
    draw_legend,
    finish_log_axis,
    new_figure,
    style_axes,
)
from fsrcheck.report.numbers import number
from fsrcheck.runs.result import StatementResult
from lemmas.fsr.b1_rounds import ERROR_AFTER, LITERAL, RoundParameters
from lemmas.fsr.b2_figure import DASHED, KINDS, sizes_in_words
from lemmas.fsr.figure_cases import draw_course, middle, positive, table


def draw_rounds(result: StatementResult) -> list[Drawing]:
    """Error against round, a line for every case of ``fsr.B.1`` that has trials; nothing if none has."""
    found = [case for case in result.cases if positive(case, ERROR_AFTER.format(0))]
    if not found:
        return []
    figure, start = new_figure(4.4), found[0].parameters
    axes = style_axes(figure.subplots(), x_label="round", y_label="largest column error")
    axes.set_yscale("log")
    for index, case in enumerate(found):
        draw_course(axes, case, rounds(case), ERROR_AFTER, name(case.parameters), index)
    _draw_expected(axes, found)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    finish_log_axis(axes)
    draw_legend(axes)
    return [
        Drawing(
            title="Error after every round of Algorithm 1",
            figure=figure,
            caption=f"Largest error of a column, {sizes_in_words(start)}, population oracle: geometric means over trials, the "
            r"strip is their range. Adaptive rounds set $b = \delta m^{0.02}$ and $\mathbb{b}$ from the current $\delta$, "
            r"printed ones take $b_t = m^{-0.3 - 0.02 t}$. Dashed: $m^{-0.02}$ a round from the start, the factor of "
            r"Lemma B.2.",
            description="Largest column error over the round, the error logarithmic. "
            + " ".join(
                f"{name(case.parameters)}: from {_at(case, 0)} to {_at(case, rounds(case)[-1])} in {rounds(case)[-1]} rounds."
                for case in found
            ),
            points="error-by-round",
            table=table(
                found,
                lambda case, trial: [
                    {"round": n, "error": trial.measurement(ERROR_AFTER.format(n)).value} for n in rounds(case)
                ],
            ),
        )
    ]


def name(parameters: RoundParameters) -> str:
    """A case, for the legend."""
    schedule = "printed" if parameters.schedule == LITERAL else "adaptive"
    return f"{schedule}: {KINDS[parameters.error_model].removeprefix('learned, ')}"


def rounds(case: Case) -> list[int]:
    """The rounds after which an error can be drawn, 0 for the start."""
    return [n for n in range(case.parameters.num_rounds + 1) if positive(case, ERROR_AFTER.format(n))]


def _at(case: Case, round_number: int) -> str:
    return number(middle(case, ERROR_AFTER.format(round_number)), 3)


def _draw_expected(axes: Axes, cases: Sequence[Case]) -> None:
    """The factor of Lemma B.2 from the first start on, and the accuracy to which the printed schedule has the codes."""
    start, last = cases[0].parameters, max(rounds(case)[-1] for case in cases)
    claimed = [start.dictionary_error * start.num_channels ** (-0.02 * n) for n in range(last + 1)]
    axes.plot(
        range(last + 1), claimed, color=CLAIM_COLOUR, linewidth=1.3, linestyle=DASHED, label="claimed, m^−0.02 a round"
    )
    literal = next((case for case in cases if case.parameters.schedule == LITERAL), None)
    if literal is not None:
        drawn = range(1, rounds(literal)[-1] + 1)
        codes = [literal.parameters.scheduled(n) for n in drawn]
        axes.plot(
            drawn, codes, color=REFERENCE_COLOUR, linewidth=1.8, linestyle=DOTTED, label="printed accuracy of codes"
        )
