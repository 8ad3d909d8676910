"""Where the stated levels end, and judges broken on purpose: the counts must show both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from scipy import optimize, stats

from fsrcheck.error_rates.counting import LEVEL, Scenario
from fsrcheck.error_rates.laws import exceeding, noisy, normal, power_law, rare_at, skewed_at
from fsrcheck.error_rates.nulls import (
    BOUND,
    EDGE,
    FIVE,
    LOOK,
    LOOP,
    MISS,
    UPPER_EXPONENT,
    bound,
    frequency,
    looked,
    looped,
    scaling,
)
from fsrcheck.error_rates.ranks import largest_is_below
from fsrcheck.error_rates.toys import CERTAIN, FITTED, Point, Toy
from fsrcheck.evidence.budget import LOOKS
from fsrcheck.evidence.claim import Evidence, Interval
from fsrcheck.evidence.constants import calibration_trials
from fsrcheck.evidence.fitting import PowerLaw
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.scaling import Scaling
from fsrcheck.evidence.trial import Case, Measurement, Observation, Trial

FEWER = 0.15  # share of the runs: what is to be seen here is large
SAMPLES = (10, 30, 100, 1000, 10000)


def ends() -> list[Scenario]:
    """Laws that the limits of ``Scaling`` are not made for: one end of the range differs from the rest in shape."""
    largest = FIVE[-1:]
    down, up = (skewed_at(largest, 0.3, sign) for sign in (-1.0, 1.0))
    rare = rare_at(largest[0], 0.02, -3.0, 0.01)
    rows = [
        ("largest size skewed downwards, 10 times wider, 8 trials", scaling("down-8", down, trials=8)),
        ("largest size skewed downwards, 10 times wider, 64 trials", scaling("down-64", down, trials=64)),
        ("largest size skewed upwards, 10 times wider, 4 trials", scaling("up-4", up)),
        ("noise 0.01, a factor exp(-3) in 2% at the largest size, 8 trials", scaling("rare", rare, trials=8)),
    ]
    return [
        Scenario("Scaling", f"{EDGE}, {law}", LOOK, looked(toy), miss=MISS / LOOKS, share=FEWER) for law, toy in rows
    ]


@dataclass(frozen=True)
class Student:
    """A standard error that is itself estimated, from so many samples.

    Attributes:
        samples: behind the standard error of each trial.
        false_alarm: probability that noise violates a certain bound that all trials meet exactly; by Student's law.
        stated: what it may be.
    """

    samples: int
    false_alarm: float
    stated: float


def estimated_errors(share: float, trials: int = 16) -> list[Student]:
    """What it costs that a standard error is estimated from few samples; the judge takes it for known."""
    beyond = noise_needed(share, trials)
    return [Student(n, float(trials * stats.t.sf(beyond, n - 1)), share / LOOKS) for n in SAMPLES]


def noise_needed(share: float, trials: int) -> float:
    """How many standard errors beyond its limit one of some trials violates a certain bound; found by judging."""

    def violates(quantile: float) -> float:
        values = [Measurement(1.0 + quantile, 1.0), *[Measurement(1.0, 1.0)] * (trials - 1)]
        found = tuple(Trial("toy", {}, i, Observation({}, {"y": value})) for i, value in enumerate(values))
        outcome = BOUND.judge(Evidence([Case(Point(), found)], {"C": CERTAIN}, share)).outcome
        return 1.0 if outcome is Outcome.VIOLATED else -1.0

    return float(optimize.bisect(violates, 1.0, 20.0, xtol=1e-9))


class HalvedNoise(Scaling):
    """Control: an exponent whose interval is half as wide as it should be."""

    def fit(self, cases: Sequence[Case], false_alarm: float) -> PowerLaw:
        """The fit with half its limits."""
        law = super().fit(cases, false_alarm)
        value, half = law.exponent.value, (law.exponent.high - law.exponent.low) / 4
        return replace(law, exponent=Interval(value, value - half, value + half))


def broken_judges() -> list[Scenario]:
    """Judges with one thing broken; each must be seen to alarm more often than stated."""
    even = frequency(0.5, True, attempts=1000)
    halved = HalvedNoise("exponent", "at most 1/2", "y", "size", 0.5, 0.05)
    edge = UPPER_EXPONENT.exponent + UPPER_EXPONENT.allowance
    noise = Toy("halved-noise", halved, power_law(edge, normal(0.1)), FIVE, 8, draws=2)
    told = bound("told", CERTAIN, noisy(1.0, 0.1, told=0.5), trials=64)
    twice = bound("twice", FITTED, exceeding(0.1))
    rows: list[tuple[str, str, str, Callable[[int], Outcome]]] = [
        ("Frequency", "level twice too large", LOOK, looked(even, 2 * LEVEL)),
        ("Frequency", f"level not shared over the {LOOKS} looks", LOOP, looped(even, LOOKS * LEVEL)),
        ("Bound, fitted constant", "exceeded by 10% of the trials instead of 5%", LOOP, looped(twice)),
        ("Bound, certain", "half the noise told as standard error, 64 trials", LOOP, looped(told)),
        ("Scaling", "half the width of the interval", LOOK, looked(noise)),
        (
            "frozen constant",
            "half the calibration trials",
            "calibration seeds",
            largest_is_below(calibration_trials(deficit=LEVEL) // 2),
        ),
    ]
    return [Scenario(kind, law, how, attempt, share=FEWER) for kind, law, how, attempt in rows]
