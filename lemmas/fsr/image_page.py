"""The page of ``fsrcheck assumptions``: one self-contained HTML file with the table, the dictionary and the drawings."""

import base64
import io
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from PIL import Image

from fsrcheck.images.patch_study import NORMALISED, PICTURES, SPARSE, Study, StudySettings
from fsrcheck.report.svg import to_svg
from lemmas.fsr.image_account import HEADING, rows, summary
from lemmas.fsr.image_drawings import draw_excess, draw_histograms, draw_spectrum, feature_sheet

ENLARGED = 4
"""Times as large as they are, pixels of the features are shown."""
SHEETS = {
    PICTURES: "learned from the pictures",
    NORMALISED: "learned from contrast-normalised patches",
    SPARSE: "learned from the sparse control",
}
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Assumptions 2.2 and 2.3 on pictures</title>
<style>{{ style }}
figure { margin: 1.2rem 0 2rem; } figure svg { max-width: 100%; height: auto; }
.sheets { display: flex; flex-wrap: wrap; gap: 1.5rem; } .sheets img { max-width: 100%; image-rendering: pixelated; }
table { width: auto; font-size: .84rem; } th, td { padding: .4rem .8rem .4rem 0; } td:not(:first-child) { white-space: nowrap; }
td:first-child { min-width: 13rem; }
</style>
<body>
<header><h1>Are the codes of these pictures' patches what Assumptions 2.2 and 2.3 ask for?</h1></header>
<p>{{ summary }}</p>
{% if skipped %}<details><summary>Skipped: {{ skipped | length }}</summary>
<ul>{% for one in skipped %}<li>{{ one.name }}: {{ one.reason }}</li>{% endfor %}</ul></details>{% endif %}
<h2>Constants</h2>
<p>Limits are those of <code>fsrcheck.model.premises</code>, explicit readings of the paper's poly(k); intervals are over the
measured pictures, drawn again with replacement. A limit is met when the whole interval keeps it, missed when none of it does,
and undecided otherwise. Thresholds are chosen so that every channel is active with probability k/m.</p>
<div class="scroll"><table><thead><tr>{% for cell in heading %}<th>{{ cell }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in rows %}<tr>{% for cell in row %}<td>
{% if cell in words %}<span class="chip {{ words[cell] }}">{{ cell }}</span>
{% else %}{{ cell }}{% endif %}</td>{% endfor %}</tr>{% endfor %}</tbody></table></div>
<h2>Pairs</h2>
<p>How much more often two channels are active together than independent ones, for all pairs and for the most frequent one. A scale
mixture has the pictures' contrasts and no features; contrast-normalised patches have the features and no contrasts. What the
former has and the latter lacks comes from the contrast that all channels of a patch share.</p>
<figure>{{ excess }}</figure>
<h2>Histograms, as in Figure 3</h2>
<figure>{{ histograms }}<figcaption>The last bin has what is beyond it. 1 is what independent channels have; their triples
are too rare to be seen often in so many patches. Single channels are as often active as was chosen.</figcaption></figure>
<h2>Features</h2>
<p>What a unit of each code adds to a patch, each scaled by itself about grey; the largest first.</p>
<div class="sheets">
{% for sheet in sheets %}<figure><img src="{{ sheet.source }}" width="{{ sheet.width }}" alt="{{ sheet.text }}">
<figcaption>{{ sheet.text }}</figcaption></figure>
{% endfor %}</div>
<h2>Spectrum</h2>
<figure>{{ spectrum }}<figcaption>Variances that whitening makes equal.</figcaption></figure>
</body></html>
"""
WORDS = {"met": "is-holds", "missed": "is-violated", "undecided": "is-inconclusive", "met by choice": "is-open"}


def render(told: Mapping[str, Any], studies: Mapping[str, Study], settings: StudySettings) -> str:
    """The page of an account and the studies behind it."""
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(PAGE)
    figures = {
        "excess": (draw_excess(studies), "Excess of pairs, pictures and controls, with intervals"),
        "histograms": (draw_histograms(studies), "Histograms of how often channels, pairs and triples are active"),
        "spectrum": (draw_spectrum(studies[PICTURES].reader.whitening), "Variances of the principal directions"),
    }
    return template.render(
        style=Markup(files("fsrcheck.report").joinpath("templates/style.css").read_text(encoding="utf-8")),
        summary=summary(told),
        skipped=told["skipped"],
        heading=HEADING,
        rows=rows(told),
        words=WORDS,
        sheets=[_sheet(studies[name], settings, text) for name, text in SHEETS.items()],
        **{name: to_svg(figure, name=name, description=text) for name, (figure, text) in figures.items()},
    )


def _sheet(study: Study, settings: StudySettings, text: str) -> dict[str, Any]:
    found = feature_sheet(study, settings)
    image = Image.fromarray(np.round(found * 255).astype(np.uint8))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    source = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    return {"source": source, "width": ENLARGED * image.width, "text": text}
