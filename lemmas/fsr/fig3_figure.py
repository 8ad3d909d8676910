r"""The histograms of Figure 3's analogue: channels, pairs and triples by how often they are active.

Every number comes from the trials of the result, those whose premises hold; nothing is run again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MultipleLocator

from fsrcheck.evidence.trial import Case, Trial
from fsrcheck.report.figures import (
    CLAIM_COLOUR,
    DOTTED,
    SERIES_COLOURS,
    Drawing,
    draw_legend,
    new_figure,
    style_axes,
)
from fsrcheck.report.numbers import number
from fsrcheck.runs.result import StatementResult
from lemmas.fsr.figure_cases import table
from lemmas.fsr.figure_words import AFTER, BEFORE, BIN, BINS, KINDS, TARGET, WORDS

EDGES = np.arange(BINS + 1) - 0.5
STAGES = {BEFORE: "before training", AFTER: "after training", TARGET: "target"}


def draw_histograms(result: StatementResult) -> list[Drawing]:
    """A drawing for every case that has trials."""
    return [_drawing(case) for case in result.cases if any(_has_bins(trial) for trial in case.applicable)]


def _has_bins(trial: Trial) -> bool:
    return BIN.format(kind=KINDS[0], stage=BEFORE, bin=0) in trial.observation.counts


def _drawing(case: Case) -> Drawing:
    figure, parameters = new_figure(5.6), case.parameters
    panels: Sequence[Axes] = figure.subplots(len(KINDS), 1, sharex=True)
    for axes, kind in zip(panels, KINDS, strict=True):
        style_axes(axes, y_label=f"share of {WORDS[kind]}s")
        for index, (stage, label) in enumerate(STAGES.items()):
            axes.stairs(shares(case, kind, stage), EDGES, label=label, **_style(index, stage))
    panels[-1].set_xlabel("probability of being active")
    panels[-1].xaxis.set_major_locator(MultipleLocator(2))
    panels[-1].xaxis.set_major_formatter(FuncFormatter(_tick))
    draw_legend(panels[0], columns=3)
    m, k = parameters.num_channels, parameters.expected_active
    return Drawing(
        title=f"How often channels, pairs and triples are active, m = {m}",
        figure=figure,
        caption=rf"$m = {m}$, $k = {k:g}$, all levels and trials together; bins are a factor of 2 wide, the last one has "
        r"what is rarer too. Before training: Gaussian $V$, $b = 0$.",
        description="Histograms of the probabilities with which channels, pairs and triples of a patch are active. "
        + _in_words(case),
        points=f"activations-m{m}",
        table=table([case], _rows),
    )


def _style(index: int, stage: str) -> dict[str, Any]:
    if stage == TARGET:
        return {"color": CLAIM_COLOUR, "linewidth": 1.3, "linestyle": DOTTED}
    return {"color": SERIES_COLOURS[1 - index], "linewidth": 1.4, "fill": True, "alpha": 0.45}


def _tick(place: float, _: object) -> str:
    return "1" if place == 0 else f"1/{2 ** int(place)}" if 0 < place < BINS else ""


def shares(case: Case, kind: str, stage: str) -> np.ndarray:
    """The share in every bin, of all trials whose premises hold."""
    counts = np.array([[_count(trial, kind, stage, place) for place in range(BINS)] for trial in case.applicable])
    total = counts.sum(axis=0)
    return np.asarray(total / max(total.sum(), 1))


def _count(trial: Trial, kind: str, stage: str, place: int) -> int:
    return trial.observation.counts.get(BIN.format(kind=kind, stage=stage, bin=place), 0)


def _in_words(case: Case) -> str:
    found = []
    for kind in KINDS:
        for stage, label in STAGES.items():
            most = int(shares(case, kind, stage).argmax())
            share = number(float(shares(case, kind, stage)[most]), 2)
            found.append(f"Most {WORDS[kind]}s, {label}: {share} of them within a factor of √2 of 1/{2**most}.")
    return " ".join(found)


def _rows(case: Case, trial: Trial) -> list[Mapping[str, float]]:
    return [
        {"bin": place, **{f"{kind}_{stage}": _count(trial, kind, stage, place) for kind in KINDS for stage in STAGES}}
        for place in range(BINS)
    ]
