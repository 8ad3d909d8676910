"""How large a violation is caught with which number of trials, at the share of the error budget that a real claim has."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy import optimize, special, stats

from fsrcheck.error_rates.laws import exceeding, normal, power_law, successes
from fsrcheck.error_rates.nulls import FIVE, UPPER_EXPONENT, bound
from fsrcheck.error_rates.tails import exact_rejection, largest
from fsrcheck.error_rates.toys import CERTAIN, FITTED, Point, Toy, run_number
from fsrcheck.evidence.budget import LOOKS
from fsrcheck.evidence.claim import Evidence, Interval
from fsrcheck.evidence.constants import EXCEEDANCE_RATE
from fsrcheck.evidence.frequency import Frequency, clopper_pearson
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.sequential import SequentialTest
from fsrcheck.evidence.trial import Case, Observation, Trial
from fsrcheck.runs.trying import Progress

CAUGHT = 0.999  # probability with which the smallest violation is asked for
DISAGREEMENT = 1e-6  # probability with which a simulated share may be that far from the exact one
SPREAD = 0.1  # of the trials, relative
CLAIMED = 0.9  # probability of the event
ROOM = 10.0  # beyond the claimed exponent: a violation that only a bend can hide
POINTS = 9
RUNS_A_POINT, RUNS_A_FIT = 0.01, 0.4  # shares of the runs asked for


@dataclass(frozen=True)
class Power:
    """A violation and how often it is caught.

    Attributes:
        violation: its relative size; for an exponent, how far it is beyond the claim and its allowance.
        hits, runs: how often it was caught.
        known: the probability, exactly; for an exponent, the share of other runs whose interval would show it.
        known_from: the number of those runs; 0 where the probability is exact.
    """

    violation: float
    hits: int
    runs: int
    known: float
    known_from: int = 0

    @property
    def rate(self) -> Interval:
        """Share caught with exact limits."""
        return clopper_pearson(self.hits, self.runs, DISAGREEMENT)

    @property
    def agrees(self) -> bool:
        """Whether the share caught and what is known can be the same."""
        if not self.known_from:
            return self.rate.low <= self.known <= self.rate.high
        other = clopper_pearson(round(self.known * self.known_from), self.known_from, DISAGREEMENT)
        return self.rate.low <= other.high and other.low <= self.rate.high


@dataclass(frozen=True)
class Curve:
    """Power against the size of the violation at one number of trials.

    Attributes:
        kind: of claim.
        violation: what is broken, in words.
        trials: at one look (of each size, for an exponent).
        points: simulated.
        line: pairs (violation, probability) for drawing.
        smallest: the smallest violation caught with probability ``CAUGHT``, with limits where it was simulated;
            infinity if none is.
    """

    kind: str
    violation: str
    trials: int
    points: tuple[Power, ...]
    line: tuple[tuple[float, float], ...]
    smallest: Interval


@dataclass(frozen=True)
class Subject:
    """A claim whose power is known.

    Attributes:
        kind, violation: see ``Curve``.
        trials: numbers of trials.
        most: largest violation drawn.
        limit: largest violation there can be.
        toy: the claim under a violation at a number of trials.
        known: the probability with which that is caught.
    """

    kind: str
    violation: str
    trials: tuple[int, ...]
    most: float
    limit: float
    toy: Callable[[float, int], Toy]
    known: Callable[[float, int], float]

    def curve(self, trials: int, runs: int, seed: int, share: float, progress: Progress) -> Curve:
        """The power at one number of trials, known and simulated."""
        points, grid = [], np.linspace(0, self.most, POINTS)
        for done, violation in enumerate(grid.tolist(), start=1):
            toy = self.toy(violation, trials)
            hits = _caught(toy, runs, seed, share)
            points.append(Power(violation, hits, runs, self.known(violation, trials)))
            progress(f"power of {self.kind}, {trials} trials", done, POINTS)
        line = tuple((x, self.known(x, trials)) for x in np.linspace(0, self.most, 61).tolist())
        smallest = smallest_caught(lambda x: self.known(x, trials), self.limit)
        return Curve(self.kind, self.violation, trials, tuple(points), line, Interval(smallest, smallest, smallest))


def _caught(toy: Toy, runs: int, seed: int, share: float) -> int:
    found = (toy.look(run_number(seed, run), share).outcome for run in range(runs))
    return sum(outcome is Outcome.VIOLATED for outcome in found)


def smallest_caught(known: Callable[[float], float], limit: float) -> float:
    """The smallest violation caught with probability ``CAUGHT``; infinity if not even ``limit`` is."""
    if known(limit) < CAUGHT:
        return math.inf
    return float(optimize.brentq(lambda x: known(x) - CAUGHT, 0.0, limit, xtol=1e-9))


def subjects(share: float) -> list[Subject]:
    """Bound and Frequency, whose power is known exactly."""
    return [_fitted_bound(share), _certain_bound(), _frequency(share)]


def _fitted_bound(share: float) -> Subject:
    """Trials with a log-normal spread whose 95 % quantile is the constant, all of them too large by a factor."""
    test = SequentialTest(EXCEEDANCE_RATE, share)

    def rate(violation: float) -> float:
        quantile = special.ndtri(1 - EXCEEDANCE_RATE)
        return float(special.ndtr(math.log1p(violation) / SPREAD - quantile))

    return Subject(
        "Bound, fitted constant",
        f"all trials larger by that share, spread {SPREAD:.0%}",
        (16, 32, 64, 256),
        0.4,
        10.0,
        lambda violation, trials: bound(f"power-fitted-{violation:.4f}", FITTED, exceeding(rate(violation)), 1, trials),
        lambda violation, trials: float(exact_rejection(test, rate(violation), trials)[-1]),
    )


def _certain_bound() -> Subject:
    """Trials even between 1 - ``SPREAD`` and 1 times the limit, all of them too large by a factor; no noise."""

    def rate(violation: float) -> float:
        return min(1.0, (1 - 1 / (1 + violation)) / SPREAD)

    return Subject(
        "Bound, certain",
        f"all trials larger by that share, spread even over {SPREAD:.0%}",
        (8, 16, 64),
        0.06,
        1.0,
        lambda violation, trials: bound(
            f"power-certain-{violation:.4f}", CERTAIN, exceeding(rate(violation)), 1, trials
        ),
        lambda violation, trials: 1 - (1 - rate(violation)) ** trials,
    )


def _frequency(share: float) -> Subject:
    """An event that fails more often than claimed by a factor."""

    def claim(violation: float, trials: int) -> Toy:
        counted = Frequency("hits", "", "hits", lambda point: CLAIMED, attempts="attempts")
        law = successes(probability(violation), trials)
        return Toy(f"power-frequency-{violation:.4f}-{trials}", counted, law, trials=1)

    def probability(violation: float) -> float:
        return 1 - (1 - CLAIMED) * (1 + violation)

    @cache
    def most(trials: int) -> int:
        return largest(lambda count: _violates(claim(0.0, trials), count, trials, share), trials)

    return Subject(
        f"Frequency, at least {CLAIMED:g}",
        "failures more frequent by that share",
        (100, 1000, 10000),
        3.0,
        CLAIMED / (1 - CLAIMED),
        claim,
        lambda violation, trials: float(stats.binom.cdf(most(trials), trials, max(probability(violation), 0.0))),
    )


def _violates(toy: Toy, count: int, attempts: int, share: float) -> bool:
    trial = Trial("toy", {}, 0, Observation({}, {}, {"hits": count, "attempts": attempts}))
    return toy.claim.judge(Evidence([Case(Point(), (trial,))], {}, share)).outcome is Outcome.VIOLATED


def scaling_curve(trials: int, runs: int, seed: int, share: float, progress: Progress) -> Curve:
    """The power of ``Scaling``: how far an exponent must be beyond the claim and its allowance.

    A steeper law moves the interval and nothing else, so that one run tells from which exponent on it would be seen.
    """
    label, fits, judged = f"power of Scaling, {trials} trials", max(1, round(RUNS_A_FIT * runs)), _points(runs)
    needed = []
    for run in range(fits):
        needed.append(_excess_needed(_steeper(0.0, trials), run_number(seed, run), share))
        if (run + 1) % max(1, fits // POINTS) == 0 or run + 1 == fits:
            progress(label, run + 1, fits)
    found, most = np.sort(needed), 0.4
    points = tuple(
        Power(
            violation,
            _caught(_steeper(violation, trials), judged, seed, share),
            judged,
            float((found < violation).mean()),
            fits,
        )
        for violation in np.linspace(0, most, POINTS).tolist()
    )
    line = tuple((x, float((found < x).mean())) for x in np.linspace(0, most, 61).tolist())
    violation = f"exponent beyond the claim and its allowance; 5 sizes, spread {SPREAD:.0%}"
    return Curve("Scaling", violation, trials, points, line, quantile(found, CAUGHT))


def _steeper(violation: float, trials: int) -> Toy:
    edge = UPPER_EXPONENT.exponent + UPPER_EXPONENT.allowance
    law = power_law(edge + violation, normal(SPREAD))
    return Toy(f"power-scaling-{violation:.4f}-{trials}", UPPER_EXPONENT, law, FIVE, trials)


def _excess_needed(toy: Toy, run: int, share: float) -> float:
    """How much steeper this run's law would have to be to be seen; infinity if it does not look like a power law."""
    law = toy.law
    steep = replace(toy, law=lambda point, draws: [_times(one, point.size**ROOM) for one in law(point, draws)])
    if steep.look(run, share).outcome is not Outcome.VIOLATED:
        return math.inf
    low = UPPER_EXPONENT.fit(toy.cases(run), share / LOOKS).exponent.low
    return UPPER_EXPONENT.exponent + UPPER_EXPONENT.allowance - low


def _times(observation: Observation, factor: float) -> Observation:
    found = observation.measurements["y"]
    return replace(observation, measurements={"y": replace(found, value=factor * found.value)})


def quantile(ordered: Sequence[float] | np.ndarray, probability: float, deficit: float = 0.025) -> Interval:
    """A quantile from sorted independent values, with exact limits: order statistics, infinity where there are too few."""
    count = len(ordered)
    ranks = (stats.binom.ppf(q, count, probability) for q in (deficit, 1 - deficit))
    low, high = (int(rank) for rank in ranks)
    values = [float(ordered[rank]) if rank < count else math.inf for rank in (int(count * probability), low, high)]
    return Interval(*values)


def _points(runs: int) -> int:
    return max(5, round(RUNS_A_POINT * runs))


def curves(runs: int, seed: int, share: float, progress: Progress) -> list[Curve]:
    """All power curves."""
    exact = [
        subject.curve(trials, _points(runs), seed, share, progress)
        for subject in subjects(share)
        for trials in subject.trials
    ]
    return [*exact, *(scaling_curve(trials, runs, seed, share, progress) for trials in (4, 8, 16, 32))]
