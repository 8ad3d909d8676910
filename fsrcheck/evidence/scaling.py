"""``Scaling``: a measurement grows with a size like a claimed power, judged by the interval of the fitted exponent."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fsrcheck.evidence.claim import EVERYTHING, CaseJudgement, Evidence, Interval, Judgement, Selection, Shape, unusable
from fsrcheck.evidence.fitting import PowerLaw, fit_power_law
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.trial import Case

MINIMAL_SIZES = 5


@dataclass(frozen=True)
class Scaling:
    """``measured / reference`` grows like ``size ** exponent`` (``two_sided``) or at most like that.

    Attributes:
        name, text: see ``Claim``.
        measured: name of the measurement (positive).
        size: the parameter that grows. Cases that differ in any other parameter form series of their own.
        exponent: the claimed exponent; 0 when a reference carries it.
        reference: the exact finite-size law where one is known in closed form.
        allowance: how far from the claimed exponent still counts as equal, and how much a local slope may change
            over the range before the law counts as still drifting.
        two_sided: an equality; otherwise only faster growth violates.
        tracked: parameters that change with the size by rule (a sample size, say) and so do not split series.
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

    def judge(self, evidence: Evidence) -> Judgement:
        """Fit every series and compare the interval of its exponent with the claim."""
        cases = self.where(evidence.cases)
        blocked = [row for case in cases if (row := unusable(case, [self.measured])) is not None]
        series = self.series(cases)
        if blocked or not series:
            outcome = Outcome.worst(row.outcome for row in blocked)
            return self._judgement(outcome, blocked[0].message if blocked else "no cases", tuple(blocked), {})
        rows, exponents = [], {}
        for label, members in series.items():
            row, interval = self._judge_series(members, evidence.false_alarm / len(series))
            rows.append(row)
            if interval is not None:
                exponents[label] = interval
        outcome = Outcome.worst(row.outcome for row in rows)
        message = next((row.message for row in rows if row.outcome is outcome), "")
        return self._judgement(outcome, message, tuple(rows), exponents)

    def series(self, cases: Sequence[Case]) -> dict[str, list[Case]]:
        """Group cases by all parameters but the size; the key names those that vary between groups."""
        groups: dict[tuple[tuple[str, Any], ...], list[Case]] = defaultdict(list)
        for case in cases:
            fixed = {k: v for k, v in asdict(case.parameters).items() if k != self.size and k not in self.tracked}
            groups[tuple(fixed.items())].append(case)
        varying = [
            names[0][0] for names in zip(*groups, strict=True) if len({value for _, value in names}) > 1
        ]
        return {
            ", ".join(f"{name} = {value}" for name, value in key if name in varying) or "all": members
            for key, members in groups.items()
        }

    def fit(self, cases: Sequence[Case], false_alarm: float) -> PowerLaw:
        """The power law of measured / reference over the cases of one series."""
        return fit_power_law(
            {
                float(getattr(case.parameters, self.size)): [
                    trial.measurement(self.measured).value / self._reference(case.parameters) for trial in case.trials
                ]
                for case in cases
            },
            false_alarm,
        )

    def _reference(self, parameters: Any) -> float:
        return 1.0 if self.reference is None else self.reference(parameters)

    def _judge_series(self, cases: Sequence[Case], false_alarm: float) -> tuple[CaseJudgement, Interval | None]:
        parameters, trials = cases[-1].parameters, sum(len(case.trials) for case in cases)
        sizes = {getattr(case.parameters, self.size) for case in cases}
        if len(sizes) < MINIMAL_SIZES:
            message = f"an exponent must be fitted over >= {MINIMAL_SIZES} sizes, got {len(sizes)}"
            return CaseJudgement(parameters, Outcome.INCONCLUSIVE, trials, message=message), None
        try:
            law = self.fit(cases, false_alarm)
        except ValueError as error:
            return CaseJudgement(parameters, Outcome.INCONCLUSIVE, trials, message=str(error)), None
        outcome, message = self._compare(law)
        return CaseJudgement(parameters, outcome, trials, law.exponent.value, self.exponent, message), law.exponent

    def _compare(self, law: PowerLaw) -> tuple[Outcome, str]:
        low, high = self.exponent - self.allowance, self.exponent + self.allowance
        if law.drift.low > self.allowance or law.drift.high < -self.allowance:
            message = f"the local slope still changes by {law.drift.value:+.3f} over the range (allowed {self.allowance:g})"
            return Outcome.INCONCLUSIVE, message
        if law.exponent.low > high or (self.two_sided and law.exponent.high < low):
            return Outcome.VIOLATED, f"exponent {law.exponent.value:.3f} against {self.exponent:g}"
        if law.exponent.high <= high and (not self.two_sided or law.exponent.low >= low):
            return Outcome.HOLDS, ""
        interval = f"[{law.exponent.low:.3f}, {law.exponent.high:.3f}]"
        return Outcome.INCONCLUSIVE, f"the interval {interval} does not decide against {self.exponent:g} ± {self.allowance:g}"

    def _judgement(
        self, outcome: Outcome, message: str, rows: tuple[CaseJudgement, ...], exponents: dict[str, Interval]
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
        )
