"""Drawings of ``fsrcheck assumptions``: the dictionary as pictures, the histograms of Figure 3, spectrum and excess of pairs."""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fsrcheck.images.patch_counts import PictureMeans
from fsrcheck.images.patch_study import CONTROLS, PICTURES, SPARSE, Study, StudySettings
from fsrcheck.images.whitening import Whitening
from fsrcheck.report.figures import BOUND_COLOUR, DOTTED, INK, SERIES_COLOURS, draw_legend, new_figure, style_axes

GAP = 1  # pixels between features
SIDE_BY_SIDE = 16
BINS = (40, 40, 16)
ORDERS = ("channels", "pairs", "triples")
COLOURS = dict(zip((PICTURES, *CONTROLS), SERIES_COLOURS, strict=False))


def feature_sheet(study: Study, settings: StudySettings) -> np.ndarray:
    """The features as one picture, (height, width, 3) in [0, 1]: each scaled by itself, strongest first."""
    features = study.reader.features().cpu().numpy()
    order = np.argsort(-np.linalg.norm(features, axis=1))
    side = settings.patch_side
    tiles = features[order].reshape(len(features), side, side, -1)
    tiles = 0.5 + 0.5 * tiles / np.maximum(np.abs(tiles).max(axis=(1, 2, 3), keepdims=True), 1e-12)
    columns = min(SIDE_BY_SIDE, len(tiles))
    lines = -(-len(tiles) // columns)
    step = side + GAP
    sheet = np.ones((lines * step + GAP, columns * step + GAP, 3))
    for place, tile in enumerate(tiles):
        row, column = (GAP + step * number for number in divmod(place, columns))
        sheet[row : row + side, column : column + side] = tile
    return sheet


def draw_histograms(studies: Mapping[str, Study]) -> Figure:
    """Figure 3's: how many channels, pairs and triples are active how often, in units of k/m and its powers."""
    figure = new_figure(6.6)
    panels = figure.subplots(3, 1)
    for order, axes in enumerate(panels, start=1):
        style_axes(axes, x_label="", y_label=f"share of {ORDERS[order - 1]}")
        for name in (PICTURES, "contrast normalised", SPARSE):
            found = relative(studies[name].means, order)
            edges = np.linspace(0, _end(studies, order), BINS[order - 1] + 1)
            counts = np.histogram(np.clip(found, 0, edges[-1]), bins=edges)[0] / len(found)
            axes.stairs(counts, edges, color=COLOURS[name], linewidth=1.6, label=name)
        axes.axvline(1, color=INK, linewidth=1, linestyle=DOTTED)
        axes.set_yscale("symlog", linthresh=1e-3)
        axes.set_ylim(0, 1)
        axes.set_yticks([0, 1e-3, 1e-2, 1e-1, 1], ["0", "0.001", "0.01", "0.1", "1"])
        axes.set_xlim(0, None)
    panels[-1].set_xlabel(
        "probability of being active (together), over that of independent channels", color=INK, fontsize=9.5
    )
    draw_legend(panels[0], columns=3)
    return figure


def _end(studies: Mapping[str, Study], order: int) -> float:
    """Where the axis of a histogram ends: what is beyond, at most one in a thousand, is counted in the last bin."""
    ends = [
        np.quantile(relative(studies[name].means, order), 0.999) for name in (PICTURES, "contrast normalised", SPARSE)
    ]
    return 1.1 * max(2.0, *map(float, ends))


def relative(means: PictureMeans, order: int) -> np.ndarray:
    """Pr[all active] over (k/m)^order of every channel, pair or triple, with k/m the mean rate."""
    rate = float(means.active.mean())
    if order == 1:
        values = means.active.mean(dim=0)
    elif order == 2:
        first, second = torch.combinations(torch.arange(means.num_channels), 2).mT
        values = means.pairs.mean(dim=0)[first, second]
    else:
        values = means.triples.mean(dim=0)
    return (values / rate**order).cpu().numpy()


def draw_spectrum(whitening: Whitening) -> Figure:
    """Variances of the principal directions."""
    figure = new_figure(2.6)
    axes: Axes = figure.subplots()
    style_axes(axes, x_label="direction", y_label="variance (pixels in [0, 1])")
    axes.semilogy(
        np.arange(1, whitening.rank + 1), whitening.variances.cpu().numpy(), ".-", color=SERIES_COLOURS[0], linewidth=1
    )
    return figure


def draw_excess(studies: Mapping[str, Study]) -> Figure:
    """Pairs together over independent ones: of all pairs and of the most frequent one, with intervals."""
    figure = new_figure(3.0)
    panels = figure.subplots(1, 2, sharey=True)
    names = list(studies)
    titles = {"pair_excess": "all pairs", "chosen_pair_excess": "most frequent pair"}
    for axes, (constant, title) in zip(panels, titles.items(), strict=True):
        style_axes(axes, x_label=title, y_label="")
        for place, name in enumerate(names):
            found = studies[name].constants[constant]
            axes.plot([found.low, found.high], [place, place], color=COLOURS[name], linewidth=2)
            axes.plot([found.value], [place], "o", color=COLOURS[name], markersize=6)
        axes.axvline(1, color=BOUND_COLOUR, linewidth=1, linestyle=DOTTED)
        axes.set_xlim(0, None)
    panels[0].set_yticks(range(len(names)), names)
    panels[0].invert_yaxis()
    return figure
