"""``Bound``: a measurement stays below (or above) an explicit constant times an explicit function of the parameters."""

from collections.abc import Sequence
from dataclasses import dataclass

from fsrcheck.evidence.claim import EVERYTHING, CaseJudgement, Evidence, Judgement, Selection, Shape, unusable
from fsrcheck.evidence.constants import Constant
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.sequential import Decision, SequentialTest
from fsrcheck.evidence.trial import Case, Measurement, Trial

STANDARD_ERRORS = 5.0  # a trial counts as above or below only when it is so by this many standard errors


@dataclass(frozen=True)
class Bound:
    """``measured <= constant * shape(parameters)``, or ``>=`` with ``upper=False``.

    Attributes:
        name, text: see ``Claim``.
        measured: name of the measurement.
        constant: name of the constant, declared by the statement or fitted and kept in the package's data file.
        shape: the right-hand side without its constant.
        trivial: the value that every possible result meets; a bound as wide as that is vacuous.
        size: the parameter that ``from_size`` speaks of.
        where: the cases the claim is about.
    """

    name: str
    text: str
    measured: str
    constant: str
    shape: Shape
    upper: bool = True
    trivial: float | None = None
    size: str | None = None
    where: Selection = EVERYTHING

    def judge(self, evidence: Evidence) -> Judgement:
        """Judge every case by a sequential test of its rate of exceedance; see ``evidence.sequential``."""
        cases = self.where(evidence.cases)
        constant = evidence.constants.get(self.constant)
        if constant is None:
            message = f"constant {self.constant!r} was never fitted: run `fsrcheck calibrate`"
            return self._judgement(Outcome.INCONCLUSIVE, message=message)
        test = SequentialTest(constant.exceedance_rate, evidence.false_alarm / max(len(cases), 1))
        rows = tuple(self._judge_case(case, constant, test) for case in cases)
        outcome = Outcome.worst(row.outcome for row in rows)
        message = next((row.message for row in rows if row.outcome is outcome), "")
        wanted = any(row.outcome is Outcome.INCONCLUSIVE and not row.message for row in rows)
        return self._judgement(
            outcome,
            message=message or ("more trials are needed" if wanted else ""),
            cases=rows,
            from_size=self._from_size(rows),
            seeds_wanted=wanted,
            constants=(constant,),
        )

    def ratio(self, trial: Trial, parameters: object) -> float:
        """measured / shape: what the constant is fitted to."""
        return trial.measurement(self.measured).value / self.shape(parameters)

    def _judgement(self, outcome: Outcome, **details: object) -> Judgement:
        return Judgement(self.name, type(self).__name__, self.text, outcome, **details)  # type: ignore[arg-type]

    def _judge_case(self, case: Case, constant: Constant, test: SequentialTest) -> CaseJudgement:
        row = unusable(case, [self.measured])
        if row is not None:
            return row
        limit = constant.value * self.shape(case.parameters)
        measurements = [trial.measurement(self.measured) for trial in case.trials]
        extreme = (max if self.upper else min)(measurement.value for measurement in measurements)
        outcome, message = self._outcome(case, constant, test, measurements, limit)
        pair = (extreme, limit) if self.upper else (limit, extreme)
        return CaseJudgement(case.parameters, outcome, len(case.trials), *pair, message=message)

    def _outcome(
        self, case: Case, constant: Constant, test: SequentialTest, measured: Sequence[Measurement], limit: float
    ) -> tuple[Outcome, str]:
        outside = constant.outside(case.parameters)
        if outside:
            return Outcome.INCONCLUSIVE, f"outside the range on which {constant.name!r} was fitted: " + "; ".join(outside)
        if self.trivial is not None and self._beyond(Measurement(self.trivial), limit) is not True:
            return Outcome.VACUOUS, ""
        sides = [self._beyond(measurement, limit) for measurement in measured]
        if None in sides:
            return Outcome.INCONCLUSIVE, f"a margin is smaller than {STANDARD_ERRORS:g} standard errors of the measurement"
        decision = test.decide([bool(side) for side in sides])
        return {
            Decision.ACCEPT: Outcome.HOLDS,
            Decision.REJECT: Outcome.VIOLATED,
            Decision.CONTINUE: Outcome.INCONCLUSIVE,
        }[decision], ""

    def _beyond(self, measurement: Measurement, limit: float) -> bool | None:
        """Whether the measurement is beyond the limit; None when its standard error does not tell."""
        margin = limit - measurement.value if self.upper else measurement.value - limit
        error = STANDARD_ERRORS * measurement.standard_error
        if margin >= error:
            return False
        return True if -margin > error else None

    def _from_size(self, rows: Sequence[CaseJudgement]) -> tuple[float | None, float] | None:
        """Smallest size from which every judged case holds, with the size below it that did not (or None)."""
        if self.size is None:
            return None
        worst: dict[float, Outcome] = {}
        for row in rows:
            size = float(getattr(row.parameters, self.size))
            worst[size] = Outcome.worst([row.outcome, *([worst[size]] if size in worst else [])])
            if row.outcome is Outcome.VACUOUS:
                worst[size] = min(worst[size], Outcome.VACUOUS, key=list(Outcome).index)
        holding = None
        for size in sorted(worst, reverse=True):
            if worst[size] is not Outcome.HOLDS:
                return None if holding is None else (size, holding)
            holding = size
        return None if holding is None else (None, holding)

