"""Figures as SVG inside the page: its text is text, its colours are the page's, its ids are its own."""

import io
import re
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from fsrcheck.report.figures import (
    BOUND_COLOUR,
    CLAIM_COLOUR,
    GRID,
    INK,
    MUTED,
    PAPER,
    REFERENCE_COLOUR,
    SERIES_COLOURS,
)
from fsrcheck.report.slim_svg import slim

COLOURS = {
    "#000000": "ink",
    "#ffffff": "paper",
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    PAPER: "paper",
    CLAIM_COLOUR: "claim",
    BOUND_COLOUR: "bound",
    REFERENCE_COLOUR: "reference",
    **{colour: f"series-{index}" for index, colour in enumerate(SERIES_COLOURS)},
}
# Text stays text (small, selectable, in the page's font); a fixed salt gives the same ids in every run.
SETTINGS: Any = {"svg.fonttype": "none", "svg.hashsalt": "fsrcheck"}


def to_svg(figure: Figure, *, name: str, description: str) -> Markup:
    """The figure as an ``<svg>`` element.

    Args:
        figure: what to draw.
        name: unique on the page; every id inside gets it as a prefix.
        description: read out in place of the picture.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context(SETTINGS):
        figure.savefig(buffer, format="svg", transparent=True)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href", "href")
    text = _prefix_ids(text, re.sub(r"[^A-Za-z0-9_-]", "-", name))
    text = re.sub(r"(font: [^;\"]*?[\d.]+px|font-family:) [^;\"]+", r"\1 var(--sans, sans-serif)", text)
    for colour, variable in COLOURS.items():
        text = text.replace(colour, f"var(--plot-{variable}, {colour})")
    label = f'<svg role="img" aria-label="{escape(description)}"'
    return Markup(slim(text.replace("<svg", label, 1)))


def _prefix_ids(text: str, prefix: str) -> str:
    """Make ids short and unique on the page, and drop those that nothing refers to."""
    used = [first or second for first, second in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text)]
    names = {name: f"{prefix}-m{number}" for number, name in enumerate(dict.fromkeys(used))}
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{names[m[1]]}"' if m[1] in names else "", text)
    return re.sub(r'(href="#|url\(#)([^")]+)', lambda m: m[1] + names[m[2]], text)
