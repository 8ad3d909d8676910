"""All controls of all statements in one list: what each breaks, and how strongly its claim then failed."""

from collections.abc import Sequence
from dataclasses import dataclass

from fsrcheck.evidence.claim import Judgement, Strength
from fsrcheck.report.entries import Entry
from fsrcheck.report.numbers import NOTHING, number
from fsrcheck.runs.keeping import slack
from fsrcheck.runs.result import ControlResult

EXACTLY = {Strength.PROVED: "exact, no chance in it", Strength.CERTIFIED: "certified, no chance in it"}


@dataclass(frozen=True, eq=False)
class ControlRow:
    """A control as it came out.

    Attributes:
        entry: the statement that it belongs to.
        found: the control and its outcome.
    """

    entry: Entry
    found: ControlResult

    @property
    def strength(self) -> str:
        """How far beyond its limit the claim was, in words; a dash where the judgement does not tell."""
        judgement = self.found.judgement
        if judgement.exponents:
            return exponents_word(judgement)
        if factors(judgement):
            return factors_word(judgement)
        row = next((row for row in judgement.cases if row.measured is not None and row.bound is not None), None)
        if row is not None:
            return f"{number(row.measured, 3)}, {row.side.value} {number(row.bound, 3)} is claimed"
        return EXACTLY.get(judgement.strength, NOTHING)

    @property
    def trials(self) -> int:
        """How many trials with the broken premise or setting were judged."""
        return sum(row.trials for row in self.found.judgement.cases)


def control_rows(entries: Sequence[Entry]) -> list[ControlRow]:
    """Every control that was run, in the order of the statements."""
    return [ControlRow(entry, found) for entry in entries if entry.result for found in entry.result.controls]


def factors(judgement: Judgement) -> list[float]:
    """By what factor each case is beyond its bound: 1 / slack, above 1 where the claim fails."""
    found = (slack(row) for row in judgement.cases)
    return [1 / value if value else float("inf") for value in found if value is not None]


def factors_word(judgement: Judgement) -> str:
    """``a factor 3.1 beyond its bound``; several cases as a range."""
    low, high = (number(value, 3) for value in (min(factors(judgement)), max(factors(judgement))))
    return f"a factor {low if low == high else f'{low} to {high}'} beyond its bound"


def exponents_word(judgement: Judgement) -> str:
    """``exponent 0.01 where −0.5 is claimed``; several series as a range."""
    values = sorted(found.value for found in judgement.exponents.values())
    low, high = number(values[0], 3), number(values[-1], 3)
    return (
        f"exponent {low if low == high else f'{low} to {high}'} where {number(judgement.claimed_exponent)} is claimed"
    )
