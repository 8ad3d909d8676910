"""``Identity``: two expressions are equal, measured up to rounding; see ``symbolic`` for a proof."""

from dataclasses import dataclass
from typing import ClassVar

from fsrcheck.evidence.claim import (
    EVERYTHING,
    CaseJudgement,
    Evidence,
    Judgement,
    Selection,
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

    by_chance: ClassVar[bool] = False

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
