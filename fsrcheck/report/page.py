"""The report as one HTML page: self-contained, readable without scripts, in the dark and on paper."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fsrcheck.evidence.claim import CaseJudgement
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.registry import Registry
from fsrcheck.report.budget import budget_rows
from fsrcheck.report.controls import control_rows
from fsrcheck.report.data_links import data_link
from fsrcheck.report.entries import NOT_RUN, Entry, make_entries, origin, spoken, summary, verdict_counts
from fsrcheck.report.error_tables import Table, stored_rows
from fsrcheck.report.exponent_audit import audit_rows
from fsrcheck.report.figures import Drawing, as_drawings
from fsrcheck.report.formulas import to_html
from fsrcheck.report.gallery import EMPTY, Gallery
from fsrcheck.report.numbers import NOTHING, interval, number, word, words
from fsrcheck.report.points import point_sets, slug
from fsrcheck.report.premise_graph import premise_graph
from fsrcheck.report.scaling_plot import standard_drawings
from fsrcheck.report.slim_svg import without_rules
from fsrcheck.report.surroundings import replay_all, run_facts
from fsrcheck.report.svg import to_svg
from fsrcheck.runs.result import StatementResult
from fsrcheck.runs.stored import StoredEvidence

logger = logging.getLogger(__name__)

# Outcomes and verdicts have a sign of their own each, so that nothing hangs on colour.
SIGNS = {
    **{"PROVED": "∎", "CERTIFIED": "◆", "SUPPORTED": "✓", "HOLDS": "✓", "REPAIRED": "↻", "REFUTED": "✗"},
    **{"VIOLATED": "✗", "OPEN": "○", "INCONCLUSIVE": "?", "INAPPLICABLE": "⊘", "VACUOUS": "∅"},
}


@dataclass(frozen=True)
class Plot:
    """A drawing as the page has it: title, caption, SVG, the name of its CSV file or "", and that file if it is its own."""

    title: str
    caption: str
    svg: Markup
    csv: str
    table: str = ""


@dataclass(frozen=True)
class Page:
    """The page and the CSV files that belong beside it, by name."""

    html: str
    csv: Mapping[str, str]


def render_page(
    results: Sequence[StatementResult],
    registry: Registry,
    stored: Sequence[StoredEvidence] = (),
    created: date | None = None,
    tables: Sequence[Table] = (),
    gallery: Gallery = EMPTY,
) -> Page:
    """Render the page; arguments as for ``write_report``."""
    entries = make_entries(results, registry, stored)
    plots = {e.statement.id: _plots(e.result, f"f{number}") for number, e in enumerate(entries) if e.result is not None}
    plots, rules = _with_shared_rules(plots)
    points = {
        entry.statement.id: csv_files(entry.result) | {p.csv: p.table for p in plots[entry.statement.id] if p.table}
        for entry in entries
        if entry.result is not None
    }
    content = {
        "entries": entries,
        "by_id": {entry.statement.id: entry for entry in entries},
        "results": results,
        "registry": registry,
        "tables": points,
        "plots": plots,
        "plot_rules": rules,
        "created": created or date.today(),
        "gallery": gallery,
        **_gathered(entries, results, registry, tables),
        "counts": verdict_counts(entries),
        "summary": summary(entries),
        "verdicts": list(reversed(Verdict)),
        "outcomes": list(reversed(Outcome)),
        "unknown_stored": sorted({row.statement for row in stored} - {e.statement.id for e in entries}),
    }
    html = _environment().get_template("page.html.j2").render(content)
    return Page(html, {name: text for files in points.values() for name, text in files.items()})


def _gathered(
    entries: Sequence[Entry], results: Sequence[StatementResult], registry: Registry, tables: Sequence[Table]
) -> dict[str, object]:
    """What the parts of the page about all statements together show."""
    return {
        "graph": premise_graph(entries),
        "audit": audit_rows(entries),
        "controls": control_rows(entries),
        "stored_rows": stored_rows(entries),
        "given_tables": tables,
        "budget_rows": budget_rows(registry),
        "run_facts": run_facts(results),
        "replay_all": replay_all(results, registry),
    }


def csv_files(result: StatementResult) -> dict[str, str]:
    """The CSV text of every set of points of a statement, by file name."""
    return {csv_name(result, points.stem): points.to_csv() for points in point_sets(result)}


def csv_name(result: StatementResult, stem: str) -> str:
    """Name of a CSV file of a statement."""
    return f"{slug(result.statement.id)}.{stem}.csv"


def _plots(result: StatementResult, name: str) -> list[Plot]:
    """What is drawn for a statement: by its own hook if it has one, else the standard plots.

    A hook that fails costs its plots, not the report: the failure is shown in their place. ``name`` is short and of this
    statement alone: thousands of marks refer to it.
    """
    if result.statement.figure is None:
        return [_plot(drawing, result, f"{name}-{index}") for index, drawing in enumerate(standard_drawings(result))]
    try:
        found = as_drawings(result.statement.figure(result), result.statement.title)
        return [_plot(drawing, result, f"{name}-{index}") for index, drawing in enumerate(found)]
    except Exception as error:  # a hook is somebody else's code; the failure is shown, not hidden
        logger.warning("%s: its figure could not be drawn: %r", result.statement.id, error)
        return [Plot(f"This figure could not be drawn: {error!r}", "", Markup(""), "")]


def _with_shared_rules(plots: Mapping[str, Sequence[Plot]]) -> tuple[dict[str, list[Plot]], Markup]:
    """The plots without style sheets of their own, and one for all of them."""
    rules: dict[str, None] = {}
    found: dict[str, list[Plot]] = {}
    for name, drawn in plots.items():
        pairs = [(plot, *without_rules(plot.svg)) for plot in drawn]
        rules |= dict.fromkeys(rule for *_, own in pairs for rule in own)
        found[name] = [replace(plot, svg=Markup(svg)) for plot, svg, _ in pairs]
    return found, Markup("\n".join(sorted(rules)))


def _plot(drawing: Drawing, result: StatementResult, name: str) -> Plot:
    axes = [text for a in drawing.figure.axes for text in (a.get_xlabel(), a.get_ylabel()) if text]
    description = drawing.description or f"{drawing.title}. Axes: {', '.join(axes)}."
    svg = to_svg(drawing.figure, name=name, description=description)
    csv = csv_name(result, drawing.points) if drawing.points else ""
    return Plot(drawing.title, drawing.caption, svg, csv, drawing.table)


def _varying(rows: Sequence[CaseJudgement]) -> list[str]:
    """The parameters that tell the rows apart; all of them if there is but one row."""
    found = [asdict(row.parameters) for row in rows]
    names = list(found[0]) if found else []
    return [name for name in names if len(found) == 1 or len({str(case[name]) for case in found}) > 1]


def _rank(verdict: str) -> int:
    """Place of a verdict in their order, weakest first; no verdict at all comes before."""
    return [NOT_RUN, *(known.name for known in Verdict)].index(verdict) if verdict else -1


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("fsrcheck.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        {
            "data_link": data_link,
            "formula": to_html,
            "interval": interval,
            "number": number,
            "origin": origin,
            "rank": _rank,
            "sign": lambda name: SIGNS.get(name, NOTHING),
            "slug": slug,
            "spoken": spoken,
            "varying": _varying,
            "word": word,
            "words": words,
        }
    )
    return environment
