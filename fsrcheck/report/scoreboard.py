"""The scoreboard as Markdown, fit for a pull request, and all results as JSON."""

import json
from collections.abc import Sequence
from typing import Any

from fsrcheck.registry import Registry
from fsrcheck.report.entries import Entry, make_entries, spoken, summary, verdict_counts
from fsrcheck.report.markdown import row as _row
from fsrcheck.report.numbers import NOTHING, interval, number, plain, words
from fsrcheck.report.schema import SCHEMA_NAME
from fsrcheck.runs.environment import versions
from fsrcheck.runs.result import StatementResult
from fsrcheck.runs.stored import StoredEvidence

COLUMNS = (
    "paper",
    "statement",
    "title",
    "verdict",
    "expected",
    "as expected",
    "from size",
    "weakest claim",
    "controls",
)
STORED_COLUMNS = (
    "statement",
    "scale",
    "runs",
    "as expected",
    "false alarms",
    "inconclusive",
    "controls caught",
    "hardware",
    "seeds",
    "code",
)
FORMAT = "fsrcheck.results/1"


def scoreboard_markdown(
    results: Sequence[StatementResult], registry: Registry, stored: Sequence[StoredEvidence] = ()
) -> str:
    """The scoreboard of all statements as Markdown with LaTeX in dollar signs; below it what is open, stored, wrongly printed."""
    entries = make_entries(results, registry, stored)
    counts = ", ".join(f"{count} {spoken(name)}" for name, count in verdict_counts(entries).items())
    lines = [
        "# Scoreboard",
        "",
        f"{summary(entries)} In all: {counts or 'no statements'}.",
        "",
        *_run_lines(results),
    ]
    lines += [_row(COLUMNS), _row("---" for _ in COLUMNS), *(_row(_cells(entry)) for entry in entries)]
    lines += _undecided_lines([entry for entry in entries if entry.statement.reason])
    lines += _stored_lines([(entry, row) for entry in entries for row in entry.stored])
    errata = [line for entry in entries for line in _erratum_lines(entry)]
    return "\n".join([*lines, *(["", "## Errata", *errata] if errata else []), ""])


def _run_lines(results: Sequence[StatementResult]) -> list[str]:
    if not results:
        return []
    scales, seeds = words(r.scale for r in results), words(r.seed for r in results)
    return [f"Scale {scales}, seed {seeds}, {words(r.device for r in results)}.", ""]


def _cells(entry: Entry) -> tuple[str, ...]:
    statement = entry.statement
    return (
        entry.paper.id,
        f"{statement.label} (`{statement.id}`)",
        statement.title,
        f"**{entry.verdict}**" if entry.result else "not run",
        statement.expected.name,
        entry.as_expected_word,
        entry.from_size_word,
        entry.weakest_word,
        entry.controls_word,
    )


def _undecided_lines(entries: Sequence[Entry]) -> list[str]:
    if not entries:
        return []
    rows = [f"- {entry.statement.label} (`{entry.statement.id}`): {entry.statement.reason}" for entry in entries]
    return ["", "## Not decided, and why", "", *rows]


def _stored_lines(rows: Sequence[tuple[Entry, StoredEvidence]]) -> list[str]:
    if not rows:
        return []
    lines = ["", "## Stored evidence", "", "Stored: runs under many fresh seeds, made earlier. Limits are of 95 %.", ""]
    return [*lines, _row(STORED_COLUMNS), _row("---" for _ in STORED_COLUMNS), *(_row(_stored_cells(*r)) for r in rows)]


def _stored_cells(entry: Entry, row: StoredEvidence) -> tuple[Any, ...]:
    caught = (f"{name} {row.caught(name)}/{row.runs} ({interval(row.share_caught(name))})" for name in row.controls)
    return (
        f"{entry.statement.label} (`{row.statement}`)",
        row.scale,
        row.runs,
        row.as_expected,
        f"{row.false_alarms} ({interval(row.share_of_alarms)})",
        row.inconclusive,
        "; ".join(caught) or NOTHING,
        words(row.hardware),
        words(row.seeds),
        f"`{row.code}`" + ("" if row.code == entry.code else ", not the present one"),
    )


def _erratum_lines(entry: Entry) -> list[str]:
    lines, statement = [], entry.statement
    for erratum, checked in entry.errata:
        lines += [
            "",
            f"**{statement.label}** (`{statement.id}`, {erratum.defect.value}): {erratum.problem}",
            "",
        ]
        lines += [f"- printed: {statement.printed}", f"- where: {erratum.proof_step}"]
        found = checked.counterexample if checked else None
        if found is not None:
            values = f"printed {number(found.printed)}, actual {number(found.actual)}"
            verdict = "contradicted" if found.contradicts else "NOT contradicted"
            lines.append(f"- counterexample: {found.point}: {values}; {verdict}")
        lines.append(f"- repaired: {erratum.repaired_form}")
        lines += [f"- corrected in: {erratum.corrected_in}"] if erratum.corrected_in else []
        lines += [] if checked else ["- not rechecked in this run"]
    return lines


def results_json(results: Sequence[StatementResult], registry: Registry, stored: Sequence[StoredEvidence] = ()) -> str:
    """All results as JSON: versions, the error budget, an object per result, the ids that were not run; see ``schema``."""
    entries = make_entries(results, registry)
    content = {
        "$schema": SCHEMA_NAME,
        "format": FORMAT,
        "versions": versions(),
        "budget": {
            "total": registry.budget.total,
            "judgements": registry.budget.judgements,
            "share": registry.budget.share,
        },
        "results": [_result(entry) for entry in entries if entry.result is not None],
        "not_run": [entry.statement.id for entry in entries if entry.result is None],
        "stored": [row.to_json() for row in stored],
    }
    return json.dumps(plain(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _result(entry: Entry) -> dict[str, Any]:
    assert entry.result is not None
    statement = entry.statement
    described = {
        "paper": entry.paper.id,
        "label": statement.label,
        "kind": statement.kind.value,
        "title": statement.title,
        "as_expected": entry.as_expected,
    }
    return {**entry.result.to_json(), **described}
