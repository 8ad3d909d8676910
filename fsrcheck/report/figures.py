"""Parts to draw plots from, for the report itself and for the ``figure`` hooks of statements.

Everything works on ``matplotlib.figure.Figure``; nothing touches pyplot. Draw with this module's colours: in
the report they become colours of the page, so that a plot reads in the light, in the dark and on paper.
Series differ in marker as well as in colour, claims from measurements in line style.

A hook is a ``Callable[[StatementResult], Plots]``: it returns a figure, a pair (title, figure), a
``Drawing``, or a list of these. ``scaling_plot.standard_drawings(result)`` is what is drawn without one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from fsrcheck.evidence.fitting import PowerLaw
from fsrcheck.report.numbers import SUPERSCRIPTS, number

INK, MUTED, GRID, PAPER = "#1f2329", "#5c6470", "#dfe3e8", "#fffffe"
SERIES_COLOURS = ("#0b62a8", "#b4460f", "#16775a", "#7b3f9d", "#86620a", "#a32a5b")
CLAIM_COLOUR, BOUND_COLOUR, REFERENCE_COLOUR = "#3d4654", "#b3261f", "#17787d"
MARKERS = ("o", "s", "^", "D", "v", "P")
WIDTH = 5.2  # inches; at the width of a phone the labels are still legible
TICK_DIGITS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0))
DOTTED = (0, (1, 1.6))
DOTS = 40  # trials drawn at one size; more are thinned evenly by rank


@dataclass(frozen=True)
class Drawing:
    """A figure with the words that go with it.

    Attributes:
        title: one line above it.
        figure: the plot.
        caption: what is what, in a sentence or two; LaTeX between dollar signs.
        description: what a reader who cannot see it should know.
        points: name of the CSV file (without its ending) that has the points; empty if none.
        table: the content of that file; empty if it is that of a claim's points, which are written anyway.
    """

    title: str
    figure: Figure
    caption: str = ""
    description: str = ""
    points: str = ""
    table: str = ""


Plot = Drawing | Figure | tuple[str, Figure]
Plots = Plot | Sequence[Plot]


def as_drawings(found: Plots, title: str) -> list[Drawing]:
    """Whatever a hook returned as a list of drawings; a bare figure gets ``title``."""
    if isinstance(found, Drawing):
        return [found]
    if isinstance(found, Figure):
        return [Drawing(title, found)]
    if isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], str):
        return [Drawing(found[0], found[1])]
    return [drawing for part in found for drawing in as_drawings(part, title)]


def new_figure(height: float = 3.4) -> Figure:
    """An empty figure of the report's width, ``height`` inches high, without background."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.patch.set_alpha(0.0)
    return figure


def style_axes(axes: Axes, *, x_label: str = "", y_label: str = "") -> Axes:
    """Give axes the look of the report: two thin spines, a faint grid, small labels."""
    axes.patch.set_alpha(0.0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=MUTED, linewidth=0.8)
    axes.grid(True, color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9, length=3, width=0.8)
    axes.set_xlabel(x_label, color=INK, fontsize=9.5)
    axes.set_ylabel(y_label, color=INK, fontsize=9.5)
    return axes


def log_log_axes(axes: Axes, sizes: Sequence[float], *, x_label: str, y_label: str) -> Axes:
    """Make axes doubly logarithmic with plain-number ticks: on x at ``sizes`` (thinned), on y from the data.

    Call ``finish_log_axis(axes)`` when everything is drawn.
    """
    style_axes(axes, x_label=x_label, y_label=y_label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    size_ticks(axes, sizes)
    return axes


def size_ticks(axes: Axes, sizes: Sequence[float]) -> None:
    """Put ticks of a logarithmic x axis at the sizes themselves, leaving out those that would touch."""
    kept: list[float] = []
    spread = np.log(max(sizes) / min(sizes)) or 1.0
    for size in sorted(set(sizes)):
        if not kept or np.log(size / kept[-1]) >= 0.075 * spread:
            kept.append(size)
    _fixed_ticks(axes.xaxis, kept)


def finish_log_axis(axes: Axes) -> None:
    """Put plain-number ticks on the logarithmic y axis, as many as its range wants."""
    _fixed_ticks(axes.yaxis, log_ticks(*axes.get_ylim()))


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers between two positive limits: three to eight, fewer only in a very narrow range."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for digits in TICK_DIGITS:
        found = _within(low, high, [digit * 10.0**decade for decade in decades for digit in digits])
        if len(found) >= 3:
            return found[:: -(-len(found) // 8)]
    return _within(low, high, MaxNLocator(nbins=6, steps=[1, 2, 5, 10]).tick_values(low, high))


def _within(low: float, high: float, ticks: Iterable[float]) -> list[float]:
    return [tick for tick in (float(f"{value:.6g}") for value in ticks) if low <= tick <= high]


def _fixed_ticks(axis: object, values: Sequence[float]) -> None:
    axis.set_major_locator(FixedLocator(list(values)))  # type: ignore[attr-defined]
    axis.set_minor_locator(NullLocator())  # type: ignore[attr-defined]
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick_label(value)))  # type: ignore[attr-defined]


def tick_label(value: float) -> str:
    """A number as a label: powers of ten from 10⁴ on as such, since 100000 takes the room of three labels."""
    power = round(np.log10(value)) if value > 0 else 0
    return f"10{str(power).translate(SUPERSCRIPTS)}" if power >= 4 and value == 10.0**power else number(value)


def draw_points(
    axes: Axes, sizes: Sequence[float], values: Sequence[Sequence[float]], *, label: str, index: int = 0
) -> None:
    """Draw trials by size: a faint dot each, their range as a bar, their geometric mean as a marker.

    Args:
        axes: doubly logarithmic.
        sizes: one for each group of values.
        values: the trials at each size; what is not positive and finite cannot be drawn and is left out.
        label: for the legend.
        index: number of the series, which chooses colour and marker.
    """
    colour, marker = SERIES_COLOURS[index % 6], MARKERS[index % 6]
    groups = [(size, drawable(group)) for size, group in zip(sizes, values, strict=True)]
    groups = [(size, group) for size, group in groups if group.size]
    for size, group in groups:
        dots = group[np.unique(np.linspace(0, group.size - 1, min(DOTS, group.size)).astype(int))]
        axes.plot([size] * dots.size, dots, ".", markersize=3, color=colour, alpha=0.3)
        axes.vlines(size, group[0], group[-1], color=colour, linewidth=1.2, alpha=0.6)
    axes.plot(
        [size for size, _ in groups],
        [float(np.exp(np.log(group).mean())) for _, group in groups],
        marker,
        color=colour,
        markersize=5.5,
        markeredgecolor=PAPER,
        markeredgewidth=0.8,
        label=label,
        zorder=4,
    )


def drawable(values: Sequence[float]) -> np.ndarray:
    """The positive finite values, sorted."""
    found = np.sort(np.asarray(values, dtype=float))
    return found[np.isfinite(found) & (found > 0)]


def draw_power_law(
    axes: Axes,
    law: PowerLaw,
    sizes: Sequence[float],
    *,
    label: str,
    index: int = 0,
    references: Sequence[float] | None = None,
) -> None:
    """Draw a fitted power law with its band, times ``references`` where the fit was relative to those."""
    factor = np.ones(len(sizes)) if references is None else np.asarray(references, dtype=float)
    line, low, high = (values * factor for values in law.band(sizes))
    colour = SERIES_COLOURS[index % 6]
    axes.fill_between(sizes, low, high, color=colour, alpha=0.14, linewidth=0)
    axes.plot(sizes, line, color=colour, linewidth=1.6, label=label)


def draw_claimed_slope(
    axes: Axes,
    law: PowerLaw,
    exponent: float,
    sizes: Sequence[float],
    *,
    label: str,
    references: Sequence[float] | None = None,
) -> None:
    """Draw the claimed power through the middle of a fit, dashed."""
    factor = np.ones(len(sizes)) if references is None else np.asarray(references, dtype=float)
    centre = float(np.exp(law.centre))
    height = float(law.band([centre])[0][0])
    line = height * (np.asarray(sizes, dtype=float) / centre) ** exponent * factor
    axes.plot(sizes, line, color=CLAIM_COLOUR, linewidth=1.3, linestyle=(0, (5, 3)), label=label)


def draw_bound(axes: Axes, sizes: Sequence[float], limits: Sequence[float], *, label: str) -> None:
    """Draw a bound, dash-dotted; where it is NaN it does not apply and is left out."""
    axes.plot(sizes, limits, color=BOUND_COLOUR, linewidth=1.5, linestyle=(0, (7, 2, 1.5, 2)), label=label)


def draw_reference(
    axes: Axes, sizes: Sequence[float], values: Sequence[float], *, label: str, dotted: bool = True
) -> None:
    """Draw a closed-form law; ``sizes`` may go far beyond those that were run. A second law is not ``dotted``."""
    width, style = (1.8, DOTTED) if dotted else (1.1, "solid")
    axes.plot(sizes, values, color=REFERENCE_COLOUR, linewidth=width, linestyle=style, label=label)


def name_end(axes: Axes, size: float, value: float, text: str) -> None:
    """Write the name of a line at its right end, so that lines of one look can be told apart."""
    axes.annotate(
        text,
        (size, value),
        xytext=(4, 0),
        textcoords="offset points",
        verticalalignment="center",
        color=INK,
        fontsize=8.5,
        annotation_clip=False,
    )


def slope_axes(axes: Axes, sizes: Sequence[float], *, x_label: str) -> Axes:
    """Make axes for local slopes, logarithmic in x with ticks at ``sizes``."""
    style_axes(axes, x_label=x_label, y_label="local slope")
    axes.set_xscale("log")
    size_ticks(axes, sizes)
    return axes


def draw_claimed_exponent(axes: Axes, exponent: float) -> None:
    """Draw the claimed exponent as a level line, dashed like the claimed slope."""
    axes.axhline(exponent, color=CLAIM_COLOUR, linewidth=1.3, linestyle=(0, (5, 3)))


def draw_local_slopes(axes: Axes, law: PowerLaw, *, index: int = 0) -> None:
    """Draw the slopes between neighbouring sizes with their intervals, a little aside for every further series."""
    slopes = [slope for _, slope in law.local]
    axes.errorbar(
        [middle * 1.025**index for middle, _ in law.local],
        [slope.value for slope in slopes],
        yerr=[[s.value - s.low for s in slopes], [s.high - s.value for s in slopes]],
        fmt=MARKERS[index % 6],
        color=SERIES_COLOURS[index % 6],
        markersize=5.5,
        markeredgecolor=PAPER,
        markeredgewidth=0.8,
        elinewidth=1.2,
        capsize=2.5,
        zorder=4,
    )


def draw_legend(axes: Axes, *, columns: int = 2) -> None:
    """Put the legend above the axes, where it covers nothing, in rows; the layout makes room for it."""
    entries = list(zip(*axes.get_legend_handles_labels(), strict=True))
    in_rows = [entry for column in range(columns) for entry in entries[column::columns]]
    axes.figure.legend(
        [handle for handle, _ in in_rows],
        [label for _, label in in_rows],
        loc="outside upper left",
        ncols=columns,
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
        handlelength=2.6,
        columnspacing=1.2,
        borderaxespad=0.0,
    )
