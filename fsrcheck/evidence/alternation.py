"""``Alternation``: an error that every round maps to the largest of several powers, followed exactly until it stalls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar

from fsrcheck.evidence.claim import Certificate, Evidence, Judgement, Strength
from fsrcheck.evidence.exponents import Link
from fsrcheck.evidence.monomials import Monomial, power_text
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.rationals import Exact, exact, exact_text

ROUND = "m^t"  # name of the quantity m^t in round t = 0, 1, ...: quantity(ROUND)**"-0.02" is m^(-0.02 t)


@dataclass(frozen=True)
class Stage:
    """One round: the exponents before and after, the term that decides, and a condition that fails, if any."""

    number: int
    before: Fraction
    after: Fraction
    term: Monomial
    failing: Link | None = None

    @property
    def stalls(self) -> bool:
        """Whether the error does not shrink, or a condition of the round fails."""
        return self.failing is not None or self.after >= self.before


@dataclass(frozen=True)
class Alternation:
    """The error falls from its start to the target.

    Attributes:
        name, text: see ``Claim``.
        error: name of the quantity that the rounds improve.
        start, target: its exponent at the start, and the one to be reached.
        terms: after a round the error is the largest of these; they may hold the error itself, ``quantity(ROUND)`` and
            the quantities of ``values``.
        conditions: links that must hold at the start of every round.
        values: exponents of the other quantities.
        max_rounds: how many rounds are allowed.
    """

    by_chance: ClassVar[bool] = False

    name: str
    text: str
    error: str
    start: Exact
    target: Exact
    terms: tuple[Monomial, ...]
    conditions: tuple[Link, ...] = ()
    values: Mapping[str, Exact] = field(default_factory=dict)
    max_rounds: int = 100

    def stages(self) -> list[Stage]:
        """The rounds until the target is reached, one stalls, or the allowed number is spent."""
        found: list[Stage] = []
        current = exact(self.start)
        while current > exact(self.target) and len(found) < self.max_rounds:
            stage = self._stage(len(found), current)
            found.append(stage)
            if stage.stalls:
                break
            current = stage.after
        return found

    @property
    def stalls_at(self) -> Stage | None:
        """The round that stalls; None if the target is reached or the rounds run out first."""
        return next((stage for stage in self.stages() if stage.stalls), None)

    def judge(self, evidence: Evidence) -> Judgement:
        """Follow the rounds; a round that stalls, or too many of them, violates."""
        stages = self.stages()
        end = stages[-1].after if stages else exact(self.start)
        stalled = stages[-1] if stages and stages[-1].stalls else None
        reached = stalled is None and end <= exact(self.target)
        outcome = Outcome.HOLDS if reached else Outcome.VIOLATED
        message = "" if reached else self._failure(stalled, end)
        summary = f"{len(stages)} rounds, from ${power_text(exact(self.start))}$ to ${power_text(end)}$"
        columns = ("round", "before", "after", "gain", "decided by", "condition that fails")
        certificate = Certificate(summary, columns, tuple(map(_row, stages)))
        return Judgement(
            self.name, type(self).__name__, self.text, outcome, Strength.PROVED, message, certificate=certificate
        )

    def _stage(self, number: int, before: Fraction) -> Stage:
        values = {**self.values, self.error: before, ROUND: Fraction(number)}
        term = max(self.terms, key=lambda candidate: candidate.exponent(values))
        failing = next((link for link in self.conditions if not link.holds(values)), None)
        return Stage(number, before, term.exponent(values), term, failing)

    def _failure(self, stalled: Stage | None, end: Fraction) -> str:
        if stalled is None:
            wanted = power_text(exact(self.target))
            return f"${wanted}$ must be reached within {self.max_rounds} rounds, got ${power_text(end)}$"
        if stalled.failing is not None:
            return f"round {stalled.number}: {stalled.failing.text} ({stalled.failing.source}) fails"
        change = f"from ${power_text(stalled.before)}$ to ${power_text(stalled.after)}$"
        return f"round {stalled.number} must shrink the error, got {change} by ${stalled.term.text()}$"


def _row(stage: Stage) -> tuple[str, ...]:
    return (
        str(stage.number),
        f"${power_text(stage.before)}$",
        f"${power_text(stage.after)}$",
        exact_text(stage.before - stage.after),
        f"${stage.term.text()}$",
        stage.failing.text if stage.failing else "",
    )
