r"""The figure of Figure 7's analogue: how far level 2 is from the target's, trained level by level and on random features.

Every number comes from the trials of the result, those whose premises hold; nothing is run again.
"""

from collections.abc import Mapping

from matplotlib.ticker import FixedLocator, FuncFormatter

from fsrcheck.evidence.trial import Case, Trial
from fsrcheck.report.figures import (
    DOTTED,
    REFERENCE_COLOUR,
    Drawing,
    draw_legend,
    draw_points,
    finish_log_axis,
    new_figure,
    style_axes,
)
from fsrcheck.report.numbers import number
from fsrcheck.runs.result import StatementResult
from lemmas.fsr.figure_cases import middle, positive, table, values

WAYS = {
    "layer_wise": "level by level",
    "random": "on random features",
    "free": "on more of them,\nfitted freely",
}


def draw_distances(result: StatementResult) -> list[Drawing]:
    """A drawing for every case that has trials."""
    return [_drawing(case) for case in result.cases if all(positive(case, name) for name in WAYS)]


def _drawing(case: Case) -> Drawing:
    figure, m = new_figure(3.8), case.parameters.num_channels
    axes = style_axes(figure.subplots(), y_label="relative distance or error, level 2")
    axes.set_yscale("log")
    draw_points(axes, range(3), [values(case, name) for name in WAYS], label=r"lower bound of $W_2$", index=0)
    pairs = [values(case, f"{name}_pairs") for name in WAYS]
    draw_points(axes, [place + 0.18 for place in range(3)], pairs, label="pairs", index=1)
    axes.axhline(
        middle(case, "floor"), color=REFERENCE_COLOUR, linewidth=1.8, linestyle=DOTTED, label="sampling alone, distance"
    )
    axes.set_xlim(-0.4, 2.6)
    axes.xaxis.set_major_locator(FixedLocator(list(range(3))))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: list(WAYS.values())[round(place)]))
    finish_log_axis(axes)
    draw_legend(axes, columns=3)
    return Drawing(
        title=f"Level 2 above a learned and above a random level 1, m = {m}",
        figure=figure,
        caption=rf"$m = {m}$, $N = {case.parameters.num_samples}$: a dot a trial. Lower bounds of $W_2$ over the root mean "
        r"square norm of $X_2$, and relative errors of how often pairs of a patch are active together; errors that sampling "
        "explains are 0 and not drawn.",
        description="Distance of the generated law of level 2 from the true one, three ways of training. "
        + " ".join(f"{label.replace(chr(10), ' ')}: {number(middle(case, name), 2)}." for name, label in WAYS.items()),
        points=f"layer-wise-m{m}",
        table=table([case], _row),
    )


def _row(case: Case, trial: Trial) -> list[Mapping[str, float]]:
    names = ("floor", *WAYS, *(f"{name}_pairs" for name in WAYS))
    return [{name: trial.measurement(name).value for name in names}]
