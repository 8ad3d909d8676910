"""What every claim has in common: it looks at the evidence and returns a judgement, nothing else.

Judging is cheap and has no side effect: the same saved trials can be judged again with other rules.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from fsrcheck.evidence.constants import Constant
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.evidence.trial import Case, Trial


class Strength(Enum):
    """What a claim that holds makes of its statement."""

    MEASURED = Verdict.SUPPORTED
    CERTIFIED = Verdict.CERTIFIED
    PROVED = Verdict.PROVED


@dataclass(frozen=True)
class Interval:
    """An estimate with its limits."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Evidence:
    """What a claim may look at.

    Attributes:
        cases: the trials by parameters.
        constants: the statement's constants by name; a fitted one may be absent (never calibrated).
        false_alarm: this judgement's share of the error budget.
    """

    cases: Sequence[Case]
    constants: Mapping[str, Constant] = field(default_factory=dict)
    false_alarm: float = 1e-6


class Side(Enum):
    """On which side of its bound a measurement must lie; an exponent has no slack."""

    BELOW = "at most"
    ABOVE = "at least"
    NEITHER = "compared by an interval"


@dataclass(frozen=True)
class CaseJudgement:
    """One row of a claim's table: a case, how it came out and how wide the margin was."""

    parameters: Any
    outcome: Outcome
    trials: int = 0
    measured: float | None = None
    bound: float | None = None
    message: str = ""
    side: Side = Side.BELOW

    @property
    def slack(self) -> float | None:
        """bound / measured, or measured / bound for a lower bound; 1 is tight, huge says nothing."""
        if self.measured is None or self.bound is None or self.side is Side.NEITHER:
            return None
        pair = (self.bound, self.measured)
        wide, narrow = pair if self.side is Side.BELOW else pair[::-1]
        return float("inf") if narrow == 0 else wide / narrow


@dataclass(frozen=True)
class Certificate:
    """What a deduction rests on, as a table of words and exact numbers.

    Attributes:
        summary: the whole in one line.
        columns: what the entries of a row are.
        rows: one for every part, link or step, in the order of the argument; LaTeX between dollar signs.
    """

    summary: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Judgement:
    """How one claim came out.

    Attributes:
        claim, kind, text: the claim's name, class name and assertion in words.
        strength: what it makes of the statement if it holds.
        cases: one row for every set of parameters.
        exponents: fitted exponents by series, with intervals; for Scaling only.
        claimed_exponent: what they are compared with.
        size: the parameter that ``from_size`` speaks of; None for a claim that has no such size.
        from_size: smallest size from which every larger one held and said something, with the size below it; None
            if there is none, or no such size.
        wanted: parameters of the cases in which more trials could decide an inconclusive claim.
        certificate: what a deductive claim rests on, or the tightest trial of a search; None for other claims.
        corroborates: whether the claim is a search that bears out a proof: it can violate, but where it holds the
            verdict is left to the other claims.
    """

    claim: str
    kind: str
    text: str
    outcome: Outcome
    strength: Strength = Strength.MEASURED
    message: str = ""
    cases: tuple[CaseJudgement, ...] = ()
    exponents: Mapping[str, Interval] = field(default_factory=dict)
    claimed_exponent: float | None = None
    size: str | None = None
    from_size: tuple[float | None, float] | None = None
    wanted: tuple[Any, ...] = ()
    constants: tuple[Constant, ...] = ()
    certificate: Certificate | None = None
    corroborates: bool = False

    @property
    def seeds_wanted(self) -> bool:
        """Whether more trials could decide an inconclusive claim."""
        return bool(self.wanted)

    @property
    def tightest(self) -> CaseJudgement | None:
        """The row with the smallest slack."""
        rows = [row for row in self.cases if row.slack is not None]
        return min(rows, key=lambda row: row.slack or 0.0, default=None)


class Claim(Protocol):
    """Anything that can be asserted of trials (or, for a symbolic claim, of no trials at all).

    One that takes no share of the error budget, because chance cannot violate it, says so with ``by_chance = False``.
    """

    @property
    def name(self) -> str:
        """Unique within the statement."""

    @property
    def text(self) -> str:
        """The assertion, with its explicit constants, in one line; LaTeX between dollar signs."""

    def judge(self, evidence: Evidence) -> Judgement:
        """Judge the claim."""


@dataclass(frozen=True)
class Selection:
    """Which cases a claim speaks of: those whose parameters have the given values.

    A claim on the population oracle must not be judged on runs with samples, and the other way round.
    """

    values: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, cases: Sequence[Case]) -> list[Case]:
        """The cases that a claim with this selection speaks of."""
        return [case for case in cases if self.admits(case.parameters)]

    def admits(self, parameters: Any) -> bool:
        """Whether a claim with this selection speaks of ``parameters``."""
        return all(getattr(parameters, name) == value for name, value in self.values.items())


EVERYTHING = Selection()


def unusable(case: Case, names: Sequence[str]) -> CaseJudgement | None:
    """Return the row for a case without trials, with a failed premise or a NaN; None if it can be judged."""
    if not case.trials:
        return CaseJudgement(case.parameters, Outcome.NOT_EVALUATED, message="no trials")
    failed = {name: trial for trial in case.trials for name in trial.failed_premises(case.waived)}
    if failed:
        name, trial = next(iter(failed.items()))
        got = f"{trial.observation.premises[name]:.3g} (seed {trial.seed})"
        message = f"premise {name!r} must have margin >= 0, got {got}"
        return CaseJudgement(case.parameters, Outcome.INAPPLICABLE, len(case.trials), message=message)
    for trial in case.trials:
        for name in names:
            found = trial.measurement(name)
            if not found.is_usable:
                got = f"{found.value} with standard error {found.standard_error} (seed {trial.seed})"
                message = f"measurement {name!r} must be a number, got {got}"
                return CaseJudgement(case.parameters, Outcome.INCONCLUSIVE, len(case.trials), message=message)
    return None


def values_of(trials: Sequence[Trial], name: str) -> list[float]:
    """The values of one measurement over trials."""
    return [trial.measurement(name).value for trial in trials]


Shape = Callable[[Any], float]
