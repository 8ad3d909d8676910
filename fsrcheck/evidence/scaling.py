"""``Scaling``: a measurement grows like a claimed power of a size, judged by the exponent's interval."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

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
from fsrcheck.evidence.fitting import PowerLaw, fit_power_law
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.trial import Case

MINIMAL_SIZES = 5


@dataclass(frozen=True)
class _SeriesJudgement:
    """How one series came out; open if its interval is merely too wide."""

    row: CaseJudgement
    exponent: Interval | None = None
    is_open: bool = False


@dataclass(frozen=True)
class Scaling:
    """``measured / reference`` grows like ``size ** exponent`` (``two_sided``) or at most like that.

    A series whose interval is merely too wide wants more trials at all its sizes. One that is no power law over
    these sizes is undecided for good: more trials would only show that more clearly.

    Attributes:
        name, text: see ``Claim``.
        measured: name of the measurement (positive).
        size: the parameter that grows. Cases that differ in any other parameter form series of their own.
        exponent: the claimed exponent; 0 when a reference carries it.
        reference: the exact finite-size law where one is known in closed form.
        allowance: how far from the claimed exponent still counts as equal, how much a local slope may change
            over the range before the law counts as still drifting, and how far one may lie from the fitted
            exponent.
        two_sided: an equality; otherwise only faster growth violates.
        tracked: parameters that change with the size by rule (a sample size, say) and so do not split series.
        miss: probability of calling the claim true when it is false, and the level at which a drift is told
            from noise. Both error probabilities are shared out over the looks that an undecided claim, this one
            or another, may take at a growing number of trials.
    """

    name: str
    text: str
    measured: str
    size: str
    exponent: float
    allowance: float
    reference: Shape | None = None
    two_sided: bool = False
    where: Selection = EVERYTHING
    tracked: tuple[str, ...] = ()
    miss: float = 0.01

    @property
    def level(self) -> float:
        """Probability with which an interval misses that decides whether the claim holds."""
        return self.miss / LOOKS

    def judge(self, evidence: Evidence) -> Judgement:
        """Fit every series and compare the interval of its exponent with the claim."""
        cases = self.where(evidence.cases)
        blocked = [row for case in cases if (row := unusable(case, [self.measured])) is not None]
        series = self.series(cases)
        if blocked or not series:
            outcome = Outcome.worst(row.outcome for row in blocked)
            return self._judgement(outcome, blocked[0].message if blocked else "no cases", tuple(blocked), {})
        false_alarm = evidence.false_alarm / (LOOKS * len(series))
        found = {label: self._judge_series(members, false_alarm) for label, members in series.items()}
        rows = tuple(judged.row for judged in found.values())
        outcome = Outcome.worst(row.outcome for row in rows)
        message = next((row.message for row in rows if row.outcome is outcome), "")
        exponents = {label: judged.exponent for label, judged in found.items() if judged.exponent is not None}
        wanted = tuple(case.parameters for label, judged in found.items() if judged.is_open for case in series[label])
        return self._judgement(outcome, message, rows, exponents, wanted)

    def series(self, cases: Sequence[Case]) -> dict[str, list[Case]]:
        """Group cases by all parameters but the size; the key names those that vary between groups."""
        groups: dict[tuple[tuple[str, Any], ...], list[Case]] = defaultdict(list)
        for case in cases:
            fixed = {k: v for k, v in asdict(case.parameters).items() if k != self.size and k not in self.tracked}
            groups[tuple(fixed.items())].append(case)
        varying = [names[0][0] for names in zip(*groups, strict=True) if len({value for _, value in names}) > 1]
        return {
            ", ".join(f"{name} = {value}" for name, value in key if name in varying) or "all": members
            for key, members in groups.items()
        }

    def fit(self, cases: Sequence[Case], false_alarm: float) -> PowerLaw:
        """The power law of measured / reference over the cases of one series."""
        values: dict[float, list[float]] = defaultdict(list)
        for case in cases:
            reference = self._reference(case.parameters)
            size = float(getattr(case.parameters, self.size))
            values[size] += [trial.measurement(self.measured).value / reference for trial in case.trials]
        return fit_power_law(values, false_alarm)

    def _reference(self, parameters: Any) -> float:
        reference = 1.0 if self.reference is None else self.reference(parameters)
        if not 0 < reference < math.inf:
            raise ValueError(f"the reference must be positive and finite, got {reference} at {parameters}")
        return reference

    def _judge_series(self, cases: Sequence[Case], false_alarm: float) -> _SeriesJudgement:
        parameters, trials = cases[-1].parameters, sum(len(case.trials) for case in cases)
        sizes = {getattr(case.parameters, self.size) for case in cases}
        if len(sizes) < MINIMAL_SIZES:
            message = f"an exponent must be fitted over >= {MINIMAL_SIZES} sizes, got {len(sizes)}"
            return _SeriesJudgement(CaseJudgement(parameters, Outcome.INCONCLUSIVE, trials, message=message))
        try:
            law, widest = self.fit(cases, self.level), self.fit(cases, false_alarm).exponent
        except ValueError as error:
            return _SeriesJudgement(CaseJudgement(parameters, Outcome.INCONCLUSIVE, trials, message=str(error)))
        bent = self._bent(law)
        outcome, message = (Outcome.INCONCLUSIVE, bent) if bent else self._compare(law, widest)
        row = CaseJudgement(parameters, outcome, trials, law.exponent.value, self.exponent, message, Side.NEITHER)
        return _SeriesJudgement(row, law.exponent, is_open=not bent and outcome is Outcome.INCONCLUSIVE)

    def _bent(self, law: PowerLaw) -> str:
        """Say how the points are seen not to follow one power law; empty if they are not."""
        if law.drift.low > self.allowance or law.drift.high < -self.allowance:
            change = f"{law.drift.value:+.3f} over the range (allowed {self.allowance:g})"
            return f"the local slope still changes by {change}"
        for size, slope in law.local:
            if slope.low > law.exponent.high + self.allowance or slope.high < law.exponent.low - self.allowance:
                found = f"{slope.value:.3f} at {size:.3g} and {law.exponent.value:.3f} over the range"
                return f"no power law: the local slope is {found}"
        return ""

    def _compare(self, law: PowerLaw, widest: Interval) -> tuple[Outcome, str]:
        """Compare the law with the claim; ``widest`` is the exponent's interval within the error budget."""
        low, high = self.exponent - self.allowance, self.exponent + self.allowance
        if widest.low > high or (self.two_sided and widest.high < low):
            return Outcome.VIOLATED, f"exponent {law.exponent.value:.3f} against {self.exponent:g}"
        if law.exponent.high <= high and (not self.two_sided or law.exponent.low >= low):
            return Outcome.HOLDS, ""
        interval = f"[{law.exponent.low:.3f}, {law.exponent.high:.3f}]"
        claimed = f"{self.exponent:g} ± {self.allowance:g}"
        return Outcome.INCONCLUSIVE, f"the interval {interval} does not decide against {claimed}"

    def _judgement(
        self,
        outcome: Outcome,
        message: str,
        rows: tuple[CaseJudgement, ...],
        exponents: dict[str, Interval],
        wanted: tuple[Any, ...] = (),
    ) -> Judgement:
        return Judgement(
            self.name,
            type(self).__name__,
            self.text,
            outcome,
            message=message,
            cases=rows,
            exponents=exponents,
            claimed_exponent=self.exponent,
            wanted=wanted,
        )
