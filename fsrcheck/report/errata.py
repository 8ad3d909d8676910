"""The errata as Markdown: every wrong printed form by class, with its counterexample as recomputed for this file.

No times and dates: the file changes only where an erratum, a counterexample or a verdict does.
"""

from collections.abc import Sequence

from fsrcheck.registry import Registry
from fsrcheck.report.entries import Entry, make_entries
from fsrcheck.report.numbers import number
from fsrcheck.runs.checking import recheck
from fsrcheck.runs.result import CheckedErratum, StatementResult
from fsrcheck.statement import Defect

HEADINGS = {
    Defect.FALSE_STATEMENT: (
        "False statements",
        "What is asserted does not hold as printed, by the counterexample.",
    ),
    Defect.PROOF_GAP: (
        "Gaps and errors in proofs of true statements",
        "The statement stands (unless it is also listed under another class); a step of its proof does not.",
    ),
    Defect.MISPRINT: (
        "Misprints",
        "The printed form says something else than what is meant and used.",
    ),
    Defect.CONVERSION_SLIP: (
        "Probable slips of the text's conversion from PDF",
        "Not held against the paper: signs that were lost between the PDF and the text that was read.",
    ),
}
Row = tuple[Entry, CheckedErratum]


def errata_markdown(results: Sequence[StatementResult], registry: Registry) -> str:
    """All errata of the registry's statements under the headings of their classes.

    Args:
        results: what has been run; counterexamples of other statements are recomputed here, and the verdict on their
            repaired form is said not to have been found.
        registry: the papers.

    Raises:
        FsrcheckError: as for ``make_entries``.
    """
    rows = [row for entry in make_entries(results, registry) for row in _rows(entry)]
    lines = ["# Errata", "", *_introduction(rows), *_texts(registry)]
    for defect, (title, meaning) in HEADINGS.items():
        of_class = [row for row in rows if row[1].erratum.defect is defect]
        lines += ["", f"## {title}", "", meaning]
        lines += [line for row in of_class for line in _lines(*row)] or ["", "None."]
    return "\n".join([*lines, ""])


def _rows(entry: Entry) -> list[Row]:
    return [(entry, checked or recheck(erratum)) for erratum, checked in entry.errata]


def _introduction(rows: Sequence[Row]) -> list[str]:
    """What the file is, how many of each class there are, and whether all counterexamples contradict."""
    contradicting = [checked for _, checked in rows if checked.counterexample is not None]
    confirmed = sum(checked.is_confirmed for checked in contradicting)
    counts = [
        f"- {title}: {sum(c.erratum.defect is defect for _, c in rows)}" for defect, (title, _) in HEADINGS.items()
    ]
    return [
        "Written by `fsrcheck errata --out FILE` and by `fsrcheck report`. Every counterexample is recomputed each time: "
        f"{confirmed} of {len(contradicting)} contradict what is printed. Line numbers are those of the paper's text.",
        "",
        *counts,
    ]


def _texts(registry: Registry) -> list[str]:
    """Which text of each paper was read."""
    return [line for paper in registry.papers if paper.text for line in ("", f"Text of `{paper.id}`: {paper.text}")]


def _lines(entry: Entry, checked: CheckedErratum) -> list[str]:
    statement, erratum = entry.statement, checked.erratum
    return [
        "",
        f"### {statement.label} (`{statement.id}`)",
        "",
        f"{_sentence(erratum.problem)}",
        "",
        f"- printed: {statement.printed}",
        f"- fails: {erratum.proof_step}",
        f"- counterexample: {_counterexample(checked)}",
        f"- repaired: {erratum.repaired_form}",
        f"- verdict on the statement as repaired: {_verdict(entry)}",
        f"- corrected in: {erratum.corrected_in or 'not known'}",
    ]


def _sentence(text: str) -> str:
    """With a capital at the start, unless it starts with a formula, and a full stop at the end."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _counterexample(checked: CheckedErratum) -> str:
    found = checked.counterexample
    if found is None:
        return "none, the statement itself is not refuted" if checked.is_confirmed else "**missing**"
    verdict = "contradicts" if checked.is_confirmed else "**DOES NOT CONTRADICT**"
    return f"{found.point}: printed {number(found.printed)}, actual {number(found.actual)}; {verdict}"


def _verdict(entry: Entry) -> str:
    """That of the checkable form, with the checkable form itself."""
    if entry.result is None:
        return f"not run here (expected of the statement: {entry.statement.expected.name})"
    return f"**{entry.result.verdict_of_claims.name}**: {entry.statement.checkable}"
