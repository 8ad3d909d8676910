"""The tests of ``compare`` on runs in which nothing has changed, and the freezing of constants."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import numpy as np

from fsrcheck.error_rates.counting import LEVEL, Scenario
from fsrcheck.error_rates.laws import measured
from fsrcheck.error_rates.nulls import BOUND, LOOP, SHORT, SHORTEST
from fsrcheck.error_rates.toys import Toy, uniforms
from fsrcheck.evidence.constants import EXCEEDANCE_RATE, Constant, calibration_trials
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.runs.calibration import calibrate
from fsrcheck.runs.seeds import calibration_seeds, trial_seeds
from fsrcheck.runs.shifts import SUSPICION, Sample, chance, combined, shifts
from fsrcheck.runs.trying import Laboratory

Pair = tuple[Sample, Sample]


def alarm(raised: bool) -> Outcome:
    """A yes or no in the words of a claim."""
    return Outcome.VIOLATED if raised else Outcome.INCONCLUSIVE


def pairs(run: int, cases: int, old: int, new: int, ties: int = 0) -> list[Pair]:
    """Old and new trials of one law in some cases; with ``ties``, of only so many different values."""
    draws = uniforms(trial_seeds(run, f"ranks {cases} {old} {new} {ties}", cases), old + new)
    values = 1.0 + (np.floor(draws * ties) if ties else draws)
    return [(_sample(row[:old]), _sample(row[old:])) for row in values]


def _sample(values: np.ndarray) -> Sample:
    found = Sample.of(values.tolist())
    assert found is not None
    return found


def _improbable(cases: int, old: int, new: int, ties: int = 0) -> Callable[[int], Outcome]:
    """Whether chance, all cases together, is given a probability of at most ``LEVEL``."""

    def attempt(run: int) -> Outcome:
        found = [chance(*pair, rise=True) for pair in pairs(run, cases, old, new, ties)]
        return alarm((combined(found) if cases > 1 else found[0]) <= LEVEL)

    return attempt


def _told(cases: int, trials: int) -> Callable[[int], Outcome]:
    """Whether ``compare`` says anything at all, with no tolerance."""

    def attempt(run: int) -> Outcome:
        found = pairs(run, cases, trials, trials)
        old, new = ({str(i): pair[side] for i, pair in enumerate(found)} for side in (0, 1))
        return alarm(bool(shifts(old, new, 0.0, high_is_better=True)))

    return attempt


def comparisons() -> list[Scenario]:
    """Rank tests of ``runs.shifts`` where nothing has changed."""
    kind, law = "compare, ranks", "nothing changed"
    return [
        Scenario(kind, f"{law}, 16 against 16 trials", "one case", _improbable(1, 16, 16)),
        Scenario(kind, f"{law}, 7 against 30 trials", "one case", _improbable(1, 7, 30)),
        Scenario(kind, f"{law}, 10 against 10 trials", "5 cases together", _improbable(5, 10, 10)),
        Scenario(kind, f"{law}, 10 against 10 trials, 6 values", "5 cases together", _improbable(5, 10, 10, ties=6)),
        Scenario(kind, f"{law}, 16 against 16 trials", "SUSPECTED, both sides", _told(1, 16), level=2 * SUSPICION),
    ]


def largest_is_below(trials: int, rate: float = EXCEEDANCE_RATE) -> Callable[[int], Outcome]:
    """Whether the largest of some calibration trials lies below the 1 - ``rate`` quantile."""
    return lambda run: alarm(uniforms(calibration_seeds(run, "largest", trials), 1).max() < 1 - rate)


class _Calibrated:
    """A toy whose constant is fitted by ``runs.calibration`` in every run."""

    toy = Toy("calibrated", BOUND, lambda point, draws: measured(draws[:, 0]))

    @cached_property
    def rate(self) -> float:
        """The exceedance rate that the largest of the calibration trials allows with probability ``LEVEL``."""
        return float(-np.expm1(np.log(LEVEL) / calibration_trials()))

    def constant(self, run: int) -> Constant:
        """The frozen constant of a run."""
        return calibrate(self.toy.statement, run, Laboratory()).constants[0]

    def is_below(self, run: int) -> Outcome:
        """Whether the constant is exceeded by more than ``rate`` of all trials."""
        return alarm(self.constant(run).value < 1 - self.rate)

    def judged(self, run: int) -> Outcome:
        """The bound judged by fresh trials against the constant just frozen."""
        return replace(self.toy, constants=(self.constant(run),)).check(run, LEVEL).outcome


def freezing() -> list[Scenario]:
    """How often a frozen constant is too small."""
    few, many, calibrated = calibration_trials(deficit=LEVEL), calibration_trials(), _Calibrated()
    kind = "frozen constant"
    exact = f"largest of {many} trials below the {1 - calibrated.rate:.3%} quantile"
    return [
        Scenario(kind, f"largest of {few} trials below the 95% quantile", "calibration seeds", largest_is_below(few)),
        Scenario(kind, exact, "calibrate", calibrated.is_below, share=SHORT),
        Scenario(
            kind, "judged on fresh trials of the same law", f"calibrate, {LOOP}", calibrated.judged, share=SHORTEST
        ),
    ]
