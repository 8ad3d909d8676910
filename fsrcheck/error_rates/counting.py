"""Counts how often something comes out, beside how often it may at most."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fsrcheck.error_rates.toys import run_number
from fsrcheck.evidence.claim import Interval
from fsrcheck.evidence.frequency import clopper_pearson
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.runs.trying import Progress

LEVEL = 0.05  # at which false alarms are frequent enough to be counted
DEFICIT = 1e-4  # of each exact limit in the tables
STEPS = 20  # of a progress bar


@dataclass(frozen=True)
class Count:
    """How often an event of a stated largest probability happened.

    Attributes:
        kind: of claim.
        law: of the trials, in words.
        how: which part of the judging was run.
        hits, runs: how often it happened in how many independent runs.
        level: the stated largest probability.
    """

    kind: str
    law: str
    how: str
    hits: int
    runs: int
    level: float

    @property
    def rate(self) -> Interval:
        """Share of hits with exact limits, each missed with probability at most ``DEFICIT``."""
        return clopper_pearson(self.hits, self.runs, DEFICIT)

    @property
    def is_kept(self) -> bool:
        """Whether the count agrees with the stated level."""
        return self.rate.low <= self.level

    @property
    def is_exact(self) -> bool:
        """Whether the count agrees with the level as a probability that is attained."""
        return self.rate.low <= self.level <= self.rate.high


@dataclass(frozen=True)
class Scenario:
    """One law of trials, judged again and again.

    Attributes:
        kind, law, how: see ``Count``.
        attempt: the outcome of the run with this number.
        level: stated largest probability of VIOLATED; None where the claim is false.
        miss: stated largest probability of HOLDS; None where the claim is true and not on its boundary.
        share: of the runs asked for; below 1 where a run is long.
    """

    kind: str
    law: str
    how: str
    attempt: Callable[[int], Outcome]
    level: float | None = LEVEL
    miss: float | None = None
    share: float = 1.0

    def count(self, runs: int, seed: int, progress: Progress) -> "Counted":
        """Run it, telling progress now and then."""
        total = max(1, round(self.share * runs))
        found: Counter[Outcome] = Counter()
        label = f"{self.kind}: {self.law}, {self.how}"
        for done in range(total):
            found[self.attempt(run_number(seed, done))] += 1
            if (done + 1) % max(1, total // STEPS) == 0 or done + 1 == total:
                progress(label, done + 1, total)
        return Counted(self, found, total)


@dataclass(frozen=True)
class Counted:
    """The outcomes of a scenario's runs."""

    scenario: Scenario
    outcomes: Counter[Outcome]
    runs: int

    @property
    def false_alarms(self) -> Count | None:
        """How often VIOLATED; None where that is no false alarm."""
        return self._count(Outcome.VIOLATED, self.scenario.level)

    @property
    def misses(self) -> Count | None:
        """How often HOLDS; None where that is no mistake."""
        return self._count(Outcome.HOLDS, self.scenario.miss)

    def _count(self, outcome: Outcome, level: float | None) -> Count | None:
        of = self.scenario
        return None if level is None else Count(of.kind, of.law, of.how, self.outcomes[outcome], self.runs, level)


def count_all(scenarios: Sequence[Scenario], runs: int, seed: int, progress: Progress) -> list[Counted]:
    """Count every scenario."""
    return [scenario.count(runs, seed, progress) for scenario in scenarios]
