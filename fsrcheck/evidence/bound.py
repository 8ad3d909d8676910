"""``Bound``: a measurement stays below (or above) an explicit constant times an explicit function."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from fsrcheck.evidence.budget import LOOKS
from fsrcheck.evidence.claim import (
    EVERYTHING,
    CaseJudgement,
    Certificate,
    Evidence,
    Judgement,
    Selection,
    Shape,
    Side,
    unusable,
)
from fsrcheck.evidence.constants import Constant
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.sequential import Decision, SequentialTest
from fsrcheck.evidence.trial import Case, Measurement, Trial

STANDARD_ERRORS = 5.0  # a trial meets its limit, or misses it, only by at least this many standard errors


@dataclass(frozen=True)
class Bound:
    """``measured <= constant * shape(parameters)``, or ``>=`` with ``upper=False``.

    Attributes:
        name, text: see ``Claim``.
        measured: name of the measurement.
        constant: name of the constant, declared by the statement or fitted and kept in the package's data
            file.
        shape: the right-hand side without its constant.
        trivial: the value that every possible result meets (infinity if none is given); a bound as wide as
            that is vacuous.
        size: the parameter that ``from_size`` speaks of.
        where: the cases the claim is about.
        corroborates: whether the trials are a search for violations of what other claims prove; see ``Judgement``. The
            tightest trial is then shown with all its measurements.
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
    corroborates: bool = False

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
        wanted = tuple(row.parameters for row in rows if row.outcome is Outcome.INCONCLUSIVE and not row.message)
        return self._judgement(
            outcome,
            message=message or ("more trials are needed" if wanted else ""),
            cases=rows,
            from_size=self._from_size(rows),
            wanted=wanted,
            constants=(constant,),
            certificate=self._tightest_trial(cases) if self.corroborates else None,
            corroborates=self.corroborates,
        )

    def ratio(self, trial: Trial, parameters: object) -> float:
        """measured / shape: what the constant is fitted to.

        Raises:
            ValueError: a shape that is not positive and finite would turn the inequality around.
        """
        shape = self.shape(parameters)
        if not 0 < shape < math.inf:
            raise ValueError(f"shape of {self.name!r} must be positive and finite, got {shape} at {parameters}")
        return trial.measurement(self.measured).value / shape

    def _judgement(self, outcome: Outcome, **details: object) -> Judgement:
        kind = type(self).__name__
        return Judgement(self.name, kind, self.text, outcome, size=self.size, **details)  # type: ignore[arg-type]

    def _tightest_trial(self, cases: Sequence[Case]) -> Certificate | None:
        """The trial with the extreme measurement: where a search found its tightest instance."""
        trials = [trial for case in cases for trial in case.trials]
        if not trials:
            return None
        extreme = (max if self.upper else min)(trials, key=lambda trial: trial.measurement(self.measured).value)
        found = extreme.observation.measurements
        summary = f"tightest of {len(trials)} searches (seed {extreme.seed})"
        return Certificate(summary, tuple(found), (tuple(f"{value.value:.6g}" for value in found.values()),))

    def _judge_case(self, case: Case, constant: Constant, test: SequentialTest) -> CaseJudgement:
        row = unusable(case, [self.measured])
        if row is not None:
            return row
        limit = constant.value * self.shape(case.parameters)
        if math.isnan(limit):
            message = "the limit (constant times shape) must be a number, got nan"
            return CaseJudgement(case.parameters, Outcome.INCONCLUSIVE, len(case.trials), message=message)
        measurements = [trial.measurement(self.measured) for trial in case.trials]
        extreme = (max if self.upper else min)(measurement.value for measurement in measurements)
        outcome, message = self._outcome(case, constant, test, measurements, limit)
        side = Side.BELOW if self.upper else Side.ABOVE
        return CaseJudgement(case.parameters, outcome, len(case.trials), extreme, limit, message, side)

    def _outcome(
        self,
        case: Case,
        constant: Constant,
        test: SequentialTest,
        measured: Sequence[Measurement],
        limit: float,
    ) -> tuple[Outcome, str]:
        outside = constant.outside(case.parameters)
        if outside:
            where = f"outside the range on which {constant.name!r} was fitted"
            return Outcome.INCONCLUSIVE, f"{where}: {'; '.join(outside)}"
        quantile = _noise_quantile(test.false_alarm, len(measured))
        sides = [self._beyond(measurement, limit, quantile) for measurement in measured]
        if True not in sides and self._says_nothing(limit):
            return Outcome.VACUOUS, ""
        decision = test.decide([side is True for side in sides])
        if decision is Decision.REJECT:
            return Outcome.VIOLATED, ""
        if None in sides:
            return Outcome.INCONCLUSIVE, "a margin is too small for the standard error of the measurement"
        return Outcome.HOLDS if decision is Decision.ACCEPT else Outcome.INCONCLUSIVE, ""

    def _says_nothing(self, limit: float) -> bool:
        """Whether every possible result would meet the limit."""
        if self.upper:
            return limit >= (math.inf if self.trivial is None else self.trivial)
        return limit <= (-math.inf if self.trivial is None else self.trivial)

    def _beyond(self, measurement: Measurement, limit: float, quantile: float) -> bool | None:
        """Whether the measurement is beyond the limit; None when its standard error does not tell."""
        margin = limit - measurement.value if self.upper else measurement.value - limit
        if margin >= STANDARD_ERRORS * measurement.standard_error:
            return False
        return True if -margin > quantile * measurement.standard_error else None

    def _from_size(self, rows: Sequence[CaseJudgement]) -> tuple[float | None, float] | None:
        """Smallest size from which every judged case holds, with the size below it that did not (or None)."""
        if self.size is None:
            return None
        worst: dict[float, Outcome] = {}
        for row in rows:
            size = float(getattr(row.parameters, self.size))
            worst[size] = min(worst.get(size, row.outcome), row.outcome, key=list(Outcome).index)
        holding = None
        for size in sorted(worst, reverse=True):
            if worst[size] is not Outcome.HOLDS:
                return None if holding is None else (size, holding)
            holding = size
        return None if holding is None else (None, holding)


def _noise_quantile(false_alarm: float, trials: int) -> float:
    """How many standard errors beyond its limit a trial must be.

    Where one exceedance decides, noise on the measurement must not take the place of an exceedance more often
    than the error budget allows: the false alarm is shared out over the trials and over the looks.
    """
    return max(STANDARD_ERRORS, -NormalDist().inv_cdf(false_alarm / (LOOKS * trials)))
