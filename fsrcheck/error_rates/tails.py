"""Rates too small to be counted: runs of exceedances, and tails reached by drawing what is rare more often.

Under the law q instead of p an event is counted with weight p / q, which leaves its mean as it is and makes the variance
small where q makes the event common (importance sampling). All weights here are exact.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from fsrcheck.error_rates.counting import Count
from fsrcheck.error_rates.laws import measured
from fsrcheck.error_rates.nulls import BOUND
from fsrcheck.error_rates.toys import CERTAIN, Point, uniforms
from fsrcheck.evidence.budget import LOOKS
from fsrcheck.evidence.claim import Claim, Evidence
from fsrcheck.evidence.constants import EXCEEDANCE_RATE
from fsrcheck.evidence.frequency import Frequency
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.sequential import SequentialTest
from fsrcheck.evidence.trial import Case, Observation, Trial
from fsrcheck.runs.seeds import trial_seeds

LONGEST_ROW = 6
CHUNK = 10**6
HORIZON = 200  # trials of a path; under the alternative rate all but a share below 1e-9 have been rejected by then
FALSE_ALARMS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-10)
ERRORS_SHOWN = 5.0  # standard errors to either side of an estimate


@dataclass(frozen=True)
class Estimate:
    """A small probability by weighted draws.

    Attributes:
        name: of what.
        value, error: mean of the weights and its standard error.
        exact: the same by summation or in closed form.
        stated: what it may be at most.
        counted: share found without weights; None where it is too small.
    """

    name: str
    value: float
    error: float
    exact: float
    stated: float
    counted: Count | None = None

    @property
    def agrees(self) -> bool:
        """Whether estimate and exact value are within ``ERRORS_SHOWN`` standard errors (and rounding) of each other."""
        return abs(self.value - self.exact) <= ERRORS_SHOWN * self.error + 1e-9 * self.exact

    @property
    def is_kept(self) -> bool:
        """Whether the exact value is within what is stated, up to rounding."""
        return self.exact <= self.stated * (1 + 1e-9)


def weighted(name: str, weights: np.ndarray, exact: float, stated: float, counted: Count | None = None) -> Estimate:
    """The estimate from the weights of all draws, 0 where the event did not happen."""
    error = float(weights.std(ddof=1)) / math.sqrt(weights.size) if weights.size > 1 else math.inf
    return Estimate(name, float(weights.mean()), error, exact, stated, counted)


def exceedances_in_a_row(draws: int, seed: int) -> list[Count]:
    """How often 1 to ``LONGEST_ROW`` trials in a row exceed what 5 % of all trials exceed.

    Of so many trials; groups do not overlap, so that they are independent.
    """
    hits, groups = np.zeros(LONGEST_ROW, int), np.zeros(LONGEST_ROW, int)
    generator = np.random.default_rng(seed)
    for start in range(0, draws, CHUNK):
        beyond = generator.random(min(CHUNK, draws - start)) < EXCEEDANCE_RATE
        _add(hits, groups, beyond)
    return _rows("numpy's generator", hits, groups)


def exceedances_of_trials(draws: int, seed: int) -> list[Count]:
    """The same of trials as a run makes them: seeds by hash, uniform numbers by seed."""
    hits, groups = np.zeros(LONGEST_ROW, int), np.zeros(LONGEST_ROW, int)
    for start in range(0, draws, CHUNK):
        seeds = trial_seeds(seed, "exceedances in a row", min(CHUNK, draws - start), start)
        _add(hits, groups, uniforms(seeds, 1)[:, 0] < EXCEEDANCE_RATE)
    return _rows("seeds of trials", hits, groups)


def _add(hits: np.ndarray, groups: np.ndarray, beyond: np.ndarray) -> None:
    for length in range(1, LONGEST_ROW + 1):
        rows = beyond[: beyond.size // length * length].reshape(-1, length)
        hits[length - 1] += int(rows.all(axis=1).sum())
        groups[length - 1] += len(rows)


def _rows(how: str, hits: np.ndarray, groups: np.ndarray) -> list[Count]:
    return [
        Count("exceedances in a row", str(length), how, int(hit), int(of), EXCEEDANCE_RATE**length)
        for length, (hit, of) in enumerate(zip(hits, groups, strict=True), start=1)
        if of
    ]


def exact_rejection(test: SequentialTest, rate: float, trials: int) -> np.ndarray:
    """Probability that the test has rejected after 0, 1, ... ``trials`` trials, each exceeding with ``rate``; by summation."""
    alive = np.zeros(trials + 1)  # by number of exceedances, of the paths not yet rejected
    alive[0], found = 1.0, [0.0]
    step = np.array([test.log_ratios([False])[0], test.log_ratios([True])[0]])
    hits = np.arange(trials + 1)
    for trial in range(1, trials + 1):
        alive = alive * (1 - rate) + np.concatenate([[0.0], alive[:-1]]) * rate
        rejected = (hits <= trial) & (hits * step[1] + (trial - hits) * step[0] >= -math.log(test.false_alarm))
        found.append(found[-1] + float(alive[rejected].sum()))
        alive = np.where(rejected, 0.0, alive)
    return np.minimum(found, 1.0)  # rounding


def sequential_tails(runs: int, seed: int, share: float) -> list[Estimate]:
    """How often the sequential test of a fitted constant ever rejects a true claim, for several false alarms."""
    levels = (*FALSE_ALARMS, share)
    test = SequentialTest(EXCEEDANCE_RATE, share)
    tilted = _first_crossings(test, levels, _paths(test.alternative_rate, runs, seed))
    plain = _first_crossings(test, levels, _paths(test.null_rate, runs, seed + 1))
    found = []
    for level, weights, rejected in zip(levels, tilted.T, plain.T, strict=True):
        exact = float(exact_rejection(SequentialTest(EXCEEDANCE_RATE, level), EXCEEDANCE_RATE, HORIZON)[-1])
        count = Count("sequential test", f"{level:.3g}", "counted", int((rejected > 0).sum()), runs, level)
        found.append(weighted(f"{level:.3g}", weights, exact, level, count if runs * level >= 1 else None))
    return found


def _paths(rate: float, runs: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((runs, HORIZON)) < rate


def _first_crossings(test: SequentialTest, levels: Sequence[float], paths: np.ndarray) -> np.ndarray:
    """Null over alternative likelihood where the test first rejects at each level, shape (path, level); 0 if never."""
    found = np.zeros((len(paths), len(levels)))
    for row, path in zip(found, paths, strict=True):
        ratios = np.array(test.log_ratios(path.tolist()))
        for column, level in enumerate(levels):
            beyond = ratios >= -math.log(level)
            if beyond.any():
                row[column] = math.exp(-ratios[beyond.argmax()])
    return found


def _judged(claim: Claim, observations: Sequence[Observation], share: float) -> Outcome:
    trials = tuple(Trial("toy", {}, seed, observation) for seed, observation in enumerate(observations))
    return claim.judge(Evidence([Case(Point(), trials)], {"C": CERTAIN}, share)).outcome


def noise_tail(runs: int, seed: int, share: float, trials: int = 16) -> Estimate:
    """How often noise alone violates a certain bound that every one of some trials meets exactly.

    One trial is drawn where it violates and the others where they do; any of them may be the one (union bound, of which
    a share of about 1e-9 is counted twice).
    """
    centre = -float(stats.norm.ppf(share / (LOOKS * trials)))
    noise = np.random.default_rng(seed).normal(centre, 1.0, runs)
    quiet = [0.0] * (trials - 1)
    violated = [_judged(BOUND, measured(np.array([1 + z, *(1 + q for q in quiet)]), 1.0), share) for z in noise]
    weights = trials * np.exp(centre**2 / 2 - centre * noise) * [found is Outcome.VIOLATED for found in violated]
    return weighted(f"noise on a certain bound, {trials} trials, one look", weights, share / LOOKS, share / LOOKS)


def frequency_tail(runs: int, seed: int, share: float, probability: float = 0.9, attempts: int = 1000) -> Estimate:
    """How often chance violates ``Pr >= probability`` where it is exactly that, at one look."""
    claim = Frequency("hits", "", "hits", lambda point: probability, attempts="attempts")

    def violates(count: int) -> bool:
        counted = Observation({}, {}, {"hits": count, "attempts": attempts})
        return _judged(claim, [counted], share) is Outcome.VIOLATED

    most = largest(violates, attempts)
    centre = max(most, 0.5) / attempts
    counts = np.random.default_rng(seed).binomial(attempts, centre, runs)
    logs = special.xlogy(counts, probability / centre) + special.xlogy(
        attempts - counts, (1 - probability) / (1 - centre)
    )
    known = {count: violates(count) for count in set(counts.tolist())}
    weights = np.exp(logs) * [known[count] for count in counts.tolist()]
    exact = float(stats.binom.cdf(most, attempts, probability))
    return weighted(f"Frequency, Pr >= {probability:g}, {attempts} attempts, one look", weights, exact, share / LOOKS)


def largest(holds: Callable[[int], bool], most: int) -> int:
    """The largest count up to ``most`` with a property that smaller ones have too; -1 if none has it."""
    low, high = -1, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
