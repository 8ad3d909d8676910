"""A comparison with the baseline as Markdown, fit for a comment on a pull request."""

from collections.abc import Sequence

from fsrcheck.report.markdown import row
from fsrcheck.runs.findings import Comparison, Finding, Grade

TITLE = "# Comparison with the baseline"
COLUMNS = ("statement", "what", "where", "before", "after", "note", "replay")
HEADINGS = {
    Grade.REGRESSION: "Regressions",
    Grade.IMPROVEMENT: "Improvements that nobody explained",
    Grade.SUSPECTED: "Suspected: by chance perhaps",
    Grade.NEW: "Not in the baseline yet",
}
LONGEST = 60_000  # characters; a comment on GitHub ends at 65536


def comparison_markdown(comparison: Comparison) -> str:
    """Counts, then one table for each grade of findings that there is."""
    lines = [TITLE, "", comparison.summary, "", f"Tolerances: `{comparison.tolerances}`."]
    for grade, heading in HEADINGS.items():
        lines += _table(heading, grade, comparison.of(grade))
    return "\n".join([*_shortened(lines), ""])


def not_compared_markdown(reason: str) -> str:
    """What to show where there was no baseline to compare with."""
    return "\n".join([TITLE, "", f"**Not compared**: {' '.join(reason.split())}", ""])


def _table(heading: str, grade: Grade, findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return []
    head = ["", f"## {heading}", "", f"{grade.value.capitalize()}.", "", row(COLUMNS), row("---" for _ in COLUMNS)]
    return [*head, *(row(_cells(finding)) for finding in findings)]


def _cells(finding: Finding) -> tuple[str, ...]:
    replay = f"`{finding.replay}`" if finding.replay else ""
    return (
        f"`{finding.statement}`",
        finding.what,
        finding.where,
        finding.before,
        finding.after,
        finding.note,
        replay,
    )


def _shortened(lines: Sequence[str]) -> list[str]:
    """As many lines as a comment takes; regressions come first, so they are the last to be left out."""
    kept: list[str] = []
    length = 0
    for line in lines:
        length += len(line) + 1
        if length > LONGEST:
            return [*kept, "", f"Left out: {len(lines) - len(kept)} lines."]
        kept.append(line)
    return kept
