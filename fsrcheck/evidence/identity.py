"""``Identity``: two expressions are equal, proved by computer algebra or measured up to rounding."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy

from fsrcheck.evidence.claim import (
    EVERYTHING,
    CaseJudgement,
    Evidence,
    Judgement,
    Selection,
    Strength,
    unusable,
)
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.trial import Case


@dataclass(frozen=True)
class Identity:
    """A measured relative residual is at most a stated multiple of rounding on every single trial.

    Attributes:
        name, text: see ``Claim``.
        residual: name of the measurement, |left - right| / scale.
        tolerance: an upper bound of the rounding error, derived in the lemma module.
    """

    name: str
    text: str
    residual: str
    tolerance: float
    where: Selection = EVERYTHING

    def judge(self, evidence: Evidence) -> Judgement:
        """One trial beyond the tolerance violates: an identity has no exceptions."""
        rows = tuple(self._judge_case(case) for case in self.where(evidence.cases))
        outcome = Outcome.worst(row.outcome for row in rows)
        message = next((row.message for row in rows if row.outcome is outcome), "")
        return Judgement(self.name, type(self).__name__, self.text, outcome, message=message, cases=rows)

    def _judge_case(self, case: Case) -> CaseJudgement:
        row = unusable(case, [self.residual])
        if row is not None:
            return row
        worst = max(abs(trial.measurement(self.residual).value) for trial in case.trials)
        outcome = Outcome.HOLDS if worst <= self.tolerance else Outcome.VIOLATED
        return CaseJudgement(case.parameters, outcome, len(case.trials), worst, self.tolerance)


@dataclass(frozen=True)
class SymbolicIdentity:
    """Expressions vanish for all values of their symbols.

    Attributes:
        name, text: see ``Claim``.
        residuals: builds the sympy expressions, left minus right.
    """

    name: str
    text: str
    residuals: Callable[[], Sequence[sympy.Expr]]

    def judge(self, evidence: Evidence) -> Judgement:
        """Simplify every residual; one that is provably not 0 violates, one that resists is inconclusive."""
        rows = [self._judge_residual(expression) for expression in self.residuals()]
        outcome = Outcome.worst(outcome for outcome, _ in rows)
        message = next((text for found, text in rows if found is outcome), "")
        return Judgement(self.name, type(self).__name__, self.text, outcome, strength=Strength.PROVED, message=message)

    def _judge_residual(self, expression: sympy.Expr) -> tuple[Outcome, str]:
        simplified = sympy.simplify(expression)
        if simplified == 0:
            return Outcome.HOLDS, ""
        if simplified.equals(0) is False:
            return Outcome.VIOLATED, f"left - right must be 0, got {simplified}"
        return Outcome.INCONCLUSIVE, f"left - right was not simplified to 0: {simplified}"
