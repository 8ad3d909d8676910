"""The measured error rates as tables, for Markdown, CSV, JSON and the page."""

import csv
import io
import json
from collections.abc import Sequence
from math import isfinite
from typing import Any

from fsrcheck.error_rates.counting import DEFICIT, Count
from fsrcheck.error_rates.measuring import ErrorRates, measuring_code
from fsrcheck.error_rates.power import CAUGHT, Curve
from fsrcheck.error_rates.tails import ERRORS_SHOWN
from fsrcheck.report.error_tables import Table
from fsrcheck.report.numbers import interval, number, word

Row = tuple[Any, ...]
COUNTED = ("claim", "trials", "judged by", "runs")
TITLE = "Error rates, measured"
READING = f"""Simulated trials of a known law are judged by the code that judges the statements: `Claim.judge`, and where it says
"all looks" the whole loop of `fsrcheck check` with its growing number of trials. Limits in brackets are exact (Clopper and
Pearson), each missed with probability at most {DEFICIT:g}; a level is kept where the lower limit does not exceed it."""


def tables(found: ErrorRates) -> list[Table]:
    """All tables, in the order of the report."""
    return [
        _false_alarms(found.false_alarms),
        _misses(found.misses),
        _broken(found),
        _in_a_row(found.in_a_row),
        _tails(found),
        _smallest(found.curves),
        _power(found.curves),
        _ends(found),
        _estimated(found),
    ]


def _counts(counts: Sequence[Count], kept: str = "yes", broken: str = "NO") -> tuple[Row, ...]:
    return tuple(
        (
            count.kind,
            count.law,
            count.how,
            count.runs,
            count.hits,
            interval(count.rate),
            count.level,
            kept if count.is_kept else broken,
        )
        for count in counts
    )


def _false_alarms(counts: Sequence[Count]) -> Table:
    text = (
        "Laws on the boundary of what is claimed, where a true claim is violated most often. One look has the whole "
        "level (of an exponent's two-sided interval, either side half of it); all looks share it."
    )
    return Table("False alarms", text, (*COUNTED, "VIOLATED", "share", "stated", "kept"), _counts(counts))


def _misses(counts: Sequence[Count]) -> Table:
    text = (
        "False claims as near to the boundary as one likes (the boundary itself), or, for a bound, exceeded by half of "
        "the trials. One look has an eighth of the 1% that all looks share."
    )
    return Table("False claims that pass", text, (*COUNTED, "HOLDS", "share", "stated", "kept"), _counts(counts))


def _broken(found: ErrorRates) -> Table:
    counts = [count for one in found.broken if (count := one.false_alarms)]
    text = (
        "Negative controls of these tables: a judge with one thing broken must be seen to alarm more often than stated."
    )
    rows = _counts(counts, kept="no", broken="yes")
    return Table("Judges broken on purpose", text, (*COUNTED, "VIOLATED", "share", "stated", "seen"), rows)


def _in_a_row(counts: Sequence[Count]) -> Table:
    text = (
        "A fitted constant is exceeded by at most 5% of all trials, and trials are independent: the product rule. Beyond what is "
        "counted here the error budget rests on it."
    )
    rows = tuple(
        (count.how, int(count.law), count.level, count.runs, count.hits, interval(count.rate), word(count.is_exact))
        for count in counts
    )
    columns = ("trials from", "exceedances in a row", "$0.05^j$", "groups", "all exceed", "share", "agrees")
    return Table("Exceedances in a row", text, columns, rows)


def _tails(found: ErrorRates) -> Table:
    text = (
        "The sequential test behind a fitted constant, followed for 200 trials however it came out on the way, and two tails at "
        "the real share of the error budget. Drawn where the event is common and weighted back, so that the estimates are "
        f"unbiased; they agree within {ERRORS_SHOWN:g} standard errors."
    )
    rows = []
    for one in found.tails:
        name = f"sequential test at {one.name}" if one.name[0].isdigit() else one.name
        count = one.counted
        counted = f"{count.hits} of {count.runs}" if count else None
        estimate = f"{number(one.value)} ± {number(one.error, 2)}"
        rows.append((name, one.stated, one.exact, estimate, counted, word(one.agrees), word(one.is_kept)))
    columns = ("false alarm of", "stated", "exact", "by weighted draws", "counted", "agrees", "kept")
    return Table("Tails that cannot be counted", text, columns, tuple(rows))


def _smallest(curves: Sequence[Curve]) -> Table:
    text = (
        "At the real share of the error budget and one look. Of an exponent the limits are those of a quantile (95%); the law "
        "must also look like a power law, which few trials do not always show."
    )
    rows = tuple((one.kind, one.violation, one.trials, _limited(one)) for one in curves)
    columns = ("claim", "violation", "trials", "smallest")
    return Table(f"Smallest violation caught with probability {CAUGHT:g}", text, columns, rows)


def _limited(curve: Curve) -> float | str | None:
    found = curve.smallest
    if not isfinite(found.value):
        return None
    return round(found.value, 4) if found.low == found.high else interval(found)


def _power(curves: Sequence[Curve]) -> Table:
    text = (
        "Probability that a violation is called VIOLATED. Known exactly by summation; of an exponent, from other runs: how much "
        "steeper their law would have to be for the interval to show it."
    )
    rows = tuple(
        (one.kind, one.trials, round(point.violation, 4), point.known, point.hits, point.runs, word(point.agrees))
        for one in curves
        for point in one.points
    )
    columns = ("claim", "trials", "violation", "probability", "caught", "of", "agrees")
    return Table("Power", text, columns, rows)


def _ends(found: ErrorRates) -> Table:
    text = (
        "Limits from Student's quantile suppose that means are nearly normal. Where the law of the trials is skewed at "
        "one end of the range, and few trials do not show it, an exponent is misjudged more often than stated."
    )
    mistakes = [("VIOLATED", one.false_alarms) for one in found.ends] + [("HOLDS", one.misses) for one in found.ends]
    rows = [(mistake, *_counts([count])[0][1:]) for mistake, count in mistakes if count]
    return Table(
        "Where the stated level of Scaling ends",
        text,
        ("outcome", *COUNTED[1:], "times", "share", "stated", "kept"),
        tuple(rows),
    )


def _estimated(found: ErrorRates) -> Table:
    text = (
        "A trial's standard error is taken for known. One that is estimated itself from few samples lets noise violate a certain "
        "bound that 16 trials meet exactly more often than stated (Student's law, exact; noise normal)."
    )
    rows = tuple((one.samples, one.false_alarm, one.stated, one.false_alarm / one.stated) for one in found.estimated)
    columns = ("samples behind a standard error", "false alarm", "stated", "ratio")
    return Table("Standard errors estimated from few samples", text, columns, rows)


def findings(found: ErrorRates) -> list[str]:
    """What the tables say, a sentence each."""
    kept = len(found.false_alarms) + len(found.misses) + len(found.in_a_row)
    lines = [
        f"{kept - len(found.not_kept)} of {kept} stated levels are kept; largest share of false alarms: {_worst(found)}.",
        f"{len(found.broken) - len(found.not_seen)} of {len(found.broken)} broken judges are seen.",
        f"{found.disagreements} simulated tails and powers differ from their exact values.",
    ]
    lines += [
        f"NOT KEPT: {one.kind}, {one.law} ({one.how}): {interval(one.rate)}, stated {one.level:g}."
        for one in found.not_kept
    ]
    lines += [f"NOT SEEN: {one.kind}, {one.law}: {interval(one.rate)}." for one in found.not_seen]
    return lines


def _worst(found: ErrorRates) -> str:
    worst = max(found.false_alarms, key=lambda count: count.hits / count.runs / count.level)
    return f"{number(worst.hits / worst.runs, 3)} at a stated {worst.level:g} ({worst.kind}, {worst.law})"


def to_markdown(found: ErrorRates, figure: str) -> str:
    """The report."""
    parts = [f"# {TITLE}", READING, "\n".join(f"- {line}" for line in findings(found)), f"![power curves]({figure})"]
    for table in tables(found):
        parts += [f"## {table.title}", table.text, _grid(table)]
    parts.append(
        f"Made by `fsrcheck error-rates --runs {found.runs} --seed {found.seed}`; share of the error budget "
        f"{number(found.share)}, as the installed papers have it."
    )
    return "\n\n".join(parts) + "\n"


def _grid(table: Table) -> str:
    lines = [table.columns, tuple("---" for _ in table.columns), *([word(cell) for cell in row] for row in table.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def to_csv(found: ErrorRates) -> str:
    """All tables below each other, each after a line with its title and one with its columns."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for table in tables(found):
        writer.writerows([[f"# {table.title}"], table.columns, *table.rows, []])
    return buffer.getvalue()


def to_json(found: ErrorRates) -> dict[str, Any]:
    """What the page reads, with what made it and the sentences of ``findings``."""
    return {
        "runs": found.runs,
        "seed": found.seed,
        "share": found.share,
        "code": measuring_code(),
        "findings": findings(found),
        "tables": [
            {
                "title": table.title,
                "text": table.text,
                "columns": list(table.columns),
                "rows": [list(row) for row in table.rows],
            }
            for table in tables(found)
        ],
    }


def json_text(found: ErrorRates) -> str:
    """``to_json`` as text, refusing what JSON does not have."""
    return json.dumps(to_json(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
