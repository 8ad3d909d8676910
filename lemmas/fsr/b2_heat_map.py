"""How much one run of Algorithm 1 contracts the error, over m and delta, as a map with the factor in every cell.

The number in a cell says what its colour says, so that nothing hangs on colour; what was not run stays blank.
"""

from collections.abc import Mapping, Sequence
from math import isclose, log, log10

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from fsrcheck.evidence.trial import Case
from fsrcheck.model.learned_codes import BIAS, INDEPENDENT
from fsrcheck.report.figures import BOUND_COLOUR, INK, SERIES_COLOURS, Drawing, new_figure, style_axes
from fsrcheck.report.numbers import SUPERSCRIPTS, number, words
from lemmas.fsr.figure_cases import after_and_gain, distinct, groups, middle, positive, table

ROOT = "1/√m"  # the error that Lemma A.1 leaves; a row of its own
FAINTEST, STRONGEST = 0.06, 0.5  # opacity of a cell: the number in it stays legible
KINDS = {BIAS: "errors alike for all channels", INDEPENDENT: "errors at random for each channel"}

Place = tuple[str, int]


def row_of(case: Case) -> str:
    """The row of a case: its error, or the root of 1/m."""
    error, size = case.parameters.dictionary_error, case.parameters.num_channels
    if isclose(error, size**-0.5):
        return ROOT
    power = round(log10(error))
    return f"10{str(power).translate(SUPERSCRIPTS)}" if isclose(error, 10.0**power) else number(error)


def cells_of(cases: Sequence[Case]) -> dict[Place, Case]:
    """One case for each row and m; of two that differ in the cutoff, the later one."""
    return {(row_of(case), case.parameters.num_channels): case for case in cases}


def draw_heat_map(cases: Sequence[Case]) -> Drawing | None:
    """The factors over m and delta for one kind of learned codes: the one with most cells."""
    learned = [case for case in cases if case.parameters.error_model in KINDS and positive(case, "gain")]
    sets = groups(learned, "num_channels", "dictionary_error", "cutoff_ratio")
    cells = max((cells_of(members) for members in sets), key=len, default={})
    sizes, rows = sorted({size for _, size in cells}), _rows(cells)
    if len(sizes) < 2 or len(rows) < 2:
        return None
    gains = {place: middle(case, "gain") for place, case in cells.items()}
    figure = new_figure(0.9 + 0.36 * len(rows))
    _draw_cells(figure.subplots(), gains, sizes, rows)
    shown = list(cells.values())
    return Drawing(
        title="Contraction factor after / before over $m$ and the error before",
        figure=figure,
        caption=f"Geometric means over trials, population oracle, $k = {shown[0].parameters.expected_active:g}$, codes learned "
        rf"to $\delta m^{{0.02}}$ ({KINDS[shown[0].parameters.error_model]}), $\mathbb{{b}}/\delta$ = "
        f"{words(distinct(shown, 'cutoff_ratio'))}. The darker, the smaller the factor; what is blank was not run.",
        description=_description(gains, sizes, rows),
        points="contraction-map",
        table=table(shown, after_and_gain),
    )


def _description(gains: Mapping[Place, float], sizes: Sequence[int], rows: Sequence[str]) -> str:
    """The map in words."""
    best, worst = min(gains, key=gains.__getitem__), max(gains, key=gains.__getitem__)
    ends = [f"{number(gains[row, m], 2)} at an error of {row} and m = {m}" for row, m in (best, worst)]
    return f"{len(gains)} factors over {len(sizes)} sizes and {len(rows)} errors, from {ends[0]} to {ends[1]}."


def _rows(cells: Mapping[Place, Case]) -> list[str]:
    """The rows from the largest error down, the root first."""
    errors = {row: case.parameters.dictionary_error for (row, _), case in cells.items()}
    return sorted(errors, key=lambda row: (row != ROOT, -errors[row]))


def _draw_cells(axes: Axes, gains: Mapping[Place, float], sizes: Sequence[int], rows: Sequence[str]) -> None:
    """A rectangle with its number for each cell, on axes that name the rows and columns."""
    style_axes(axes, x_label="m", y_label="error before").grid(False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    axes.set(xlim=(-0.5, len(sizes) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xticks(range(len(sizes)), [str(size) for size in sizes])
    axes.set_yticks(range(len(rows)), rows)
    largest = max(abs(log(gain)) for gain in gains.values()) or 1.0
    for (row, size), gain in gains.items():
        _draw_cell(axes, (sizes.index(size), rows.index(row)), gain, abs(log(gain)) / largest)


def _draw_cell(axes: Axes, middle_of: tuple[int, int], gain: float, share: float) -> None:
    """One cell; an error that grew has the colour of a bound."""
    (x, y), colour = middle_of, SERIES_COLOURS[0] if gain < 1 else BOUND_COLOUR
    opacity = FAINTEST + (STRONGEST - FAINTEST) * share
    axes.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=colour, alpha=opacity, linewidth=0))
    axes.text(x, y, f"{gain:#.2g}", color=INK, fontsize=9, ha="center", va="center")
