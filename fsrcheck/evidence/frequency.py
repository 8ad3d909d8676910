"""``Frequency``: an event has at least (or at most) a stated probability, by exact binomial limits."""

import math
from dataclasses import dataclass

from scipy import stats

from fsrcheck.evidence.budget import LOOKS
from fsrcheck.evidence.claim import (
    EVERYTHING,
    CaseJudgement,
    Evidence,
    Interval,
    Judgement,
    Selection,
    Shape,
    Side,
    unusable,
)
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.trial import Case, Trial


def clopper_pearson(successes: int, attempts: int, deficit: float) -> Interval:
    """Exact limits of a probability, each missed at most with ``deficit`` (Clopper and Pearson, 1934).

    Raises:
        ValueError: no attempts, or more successes than attempts.
    """
    if not 0 <= successes <= attempts or attempts == 0:
        raise ValueError(f"successes must lie in [0, attempts] with attempts >= 1, got {successes} of {attempts}")
    low = 0.0 if successes == 0 else float(stats.beta.ppf(deficit, successes, attempts - successes + 1))
    high = 1.0 if successes == attempts else float(stats.beta.isf(deficit, successes + 1, attempts - successes))
    return Interval(successes / attempts, low, high)


@dataclass(frozen=True)
class Frequency:
    """``Pr[event] >= probability(parameters)``, or ``<=`` with ``at_least=False``.

    Attributes:
        name, text: see ``Claim``.
        event: a measurement that is 1 where the event happened and 0 where not; or, with ``attempts``, the
            name of a count of successes among that many independent attempts inside a trial.
        probability: the claimed probability.
        miss: probability of calling the claim true when it is false. Both error probabilities are shared out
            over the looks that an undecided claim may take at a growing number of trials.
    """

    name: str
    text: str
    event: str
    probability: Shape
    at_least: bool = True
    attempts: str | None = None
    miss: float = 0.01
    where: Selection = EVERYTHING

    def judge(self, evidence: Evidence) -> Judgement:
        """Compare exact binomial limits with the claimed probability, case by case."""
        cases = self.where(evidence.cases)
        rows = tuple(self._judge_case(case, evidence.false_alarm / len(cases)) for case in cases)
        outcome = Outcome.worst(row.outcome for row in rows)
        wanted = tuple(row.parameters for row in rows if row.outcome is Outcome.INCONCLUSIVE and not row.message)
        message = next((row.message for row in rows if row.outcome is outcome), "")
        if wanted and not message:
            message = "more trials are needed"
        return Judgement(
            self.name,
            type(self).__name__,
            self.text,
            outcome,
            message=message,
            cases=rows,
            wanted=wanted,
        )

    def _judge_case(self, case: Case, false_alarm: float) -> CaseJudgement:
        row = unusable(case, [] if self.attempts else [self.event])
        if row is not None:
            return row
        claimed = self.probability(case.parameters)
        counted = [self._count(trial) for trial in case.trials]
        broken = [trial.seed for trial, found in zip(case.trials, counted, strict=True) if found is None]
        if broken or math.isnan(claimed):
            got = f"a trial without (seed {broken[0]})" if broken else "the claimed probability nan"
            message = f"events must be counted and compared with a number, got {got}"
            return CaseJudgement(case.parameters, Outcome.INCONCLUSIVE, len(case.trials), message=message)
        successes, attempts = (sum(column) for column in zip(*filter(None, counted), strict=True))
        if attempts == 0:
            return CaseJudgement(case.parameters, Outcome.NOT_EVALUATED, len(case.trials), message="no attempts")
        outcome = self._outcome(successes, attempts, claimed, false_alarm)
        side = Side.ABOVE if self.at_least else Side.BELOW
        return CaseJudgement(case.parameters, outcome, len(case.trials), successes / attempts, claimed, side=side)

    def _count(self, trial: Trial) -> tuple[int, int] | None:
        """Successes and attempts of one trial; None if they are not there or make no sense."""
        if self.attempts is None:
            value = trial.measurement(self.event).value
            return (int(value), 1) if value in (0, 1) else None
        counts = trial.observation.counts
        successes, attempts = counts.get(self.event, -1), counts.get(self.attempts, -1)
        return (successes, attempts) if 0 <= successes <= attempts else None

    def _outcome(self, successes: int, attempts: int, claimed: float, false_alarm: float) -> Outcome:
        if claimed <= 0 if self.at_least else claimed >= 1:
            return Outcome.VACUOUS
        accept = clopper_pearson(successes, attempts, self.miss / LOOKS)
        reject = clopper_pearson(successes, attempts, false_alarm / LOOKS)
        if self.at_least:
            holds, violated = accept.low >= claimed, reject.high < claimed
        else:
            holds, violated = accept.high <= claimed, reject.low > claimed
        if violated:
            return Outcome.VIOLATED
        return Outcome.HOLDS if holds else Outcome.INCONCLUSIVE
