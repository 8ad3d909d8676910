"""Toy statements: trials with a known law, judged by the same code as those of a paper.

A trial is a function of its one integer, as everywhere: its uniform numbers are a hash of the seed, which gives a whole
batch at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from fsrcheck.evidence.budget import LEAST_ROOM, ErrorBudget
from fsrcheck.evidence.claim import Claim, Evidence, Judgement
from fsrcheck.evidence.constants import Constant, Provenance, Range, calibration_trials
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.trial import Case, Observation, Trial
from fsrcheck.registry import Registry
from fsrcheck.runs.checking import Checker
from fsrcheck.runs.seeds import trial_seeds
from fsrcheck.runs.trying import Laboratory
from fsrcheck.statement import Kind, Paper, Statement

EVERY_TRIAL = 10**6  # a batch that no toy outgrows
MOST_RUNS = 10**7  # runs of one toy under one seed
GOLDEN, FIRST, SECOND = (np.uint64(word) for word in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
FITTED = Constant(
    "C", 1.0, Provenance.FITTED, "exceeded as often as allowed", calibration_trials(), {"size": Range(0.0, 1e9)}
)
CERTAIN = Constant("C", 1.0, Provenance.DERIVED, "never exceeded")


@dataclass(frozen=True)
class Point:
    """The parameters of a toy."""

    size: float = 1.0


Law = Callable[[Point, np.ndarray], Sequence[Observation]]
"""Observations from uniform numbers of shape (trial, draw)."""


def uniforms(seeds: Sequence[int], draws: int) -> np.ndarray:
    """Uniform numbers in (0, 1), shape (trial, draw): SplitMix64 (G. L. Steele and others, 2014) started at each seed."""
    word = np.array(seeds, dtype=np.uint64)[:, None] + GOLDEN * np.arange(1, draws + 1, dtype=np.uint64)
    word = (word ^ (word >> np.uint64(30))) * FIRST
    word = (word ^ (word >> np.uint64(27))) * SECOND
    word ^= word >> np.uint64(31)
    return ((word >> np.uint64(11)).astype(float) + 0.5) * 2.0**-53


def budget_of(share: float) -> ErrorBudget:
    """The error budget of which every judgement has this share."""
    return ErrorBudget(share * LEAST_ROOM)


@dataclass(frozen=True)
class Toy:
    """One claim about trials of a known law.

    Attributes:
        name: unique among the toys of a run; other names have other trials.
        claim, constants: what is judged.
        law: how a trial comes about.
        sizes: one case each.
        trials: how many a case has at the first look.
        draws: uniform numbers that a trial takes.
    """

    name: str
    claim: Claim
    law: Law
    sizes: tuple[float, ...] = (1.0,)
    trials: int = 8
    constants: tuple[Constant, ...] = ()
    draws: int = 1

    @cached_property
    def statement(self) -> Statement:
        """The toy as a statement."""
        return Statement(
            id=f"toy.{self.name}",
            label=self.name,
            kind=Kind.CLAIM,
            title=self.name,
            printed="",
            checkable=self.claim.text,
            source="",
            evidence="simulated",
            claims=(self.claim,),
            expected=Verdict.OPEN,
            parameters=Point,
            batch=EVERY_TRIAL,
            cases={"quick": tuple(map(Point, self.sizes))},
            trials={"quick": self.trials},
            run=self._run,
            constants=self.constants,
        )

    def _run(self, parameters: Point, seeds: Sequence[int], device: str) -> Sequence[Observation]:
        return self.law(parameters, uniforms(seeds, self.draws))

    @cached_property
    def _checker(self) -> Checker:
        return Checker(Registry([Paper("toy", "", "", (self.statement,))]), Laboratory(), ErrorBudget(), seed=0)

    def check(self, run: int, share: float) -> Judgement:
        """The whole loop of ``runs.checking``: more trials until the claim is decided or has had all its looks."""
        checker = replace(self._checker, seed=run, budget=budget_of(share))
        return checker.check(self.statement).judgements[0]

    def look(self, run: int, share: float) -> Judgement:
        """One look, at the first trials alone, with this share of the error budget."""
        constants = {constant.name: constant for constant in self.constants}
        return self.claim.judge(Evidence(self.cases(run), constants, share))

    def cases(self, run: int) -> list[Case]:
        """The trials of the first look."""
        return [Case(point, self._trials(run, point)) for point in self.statement.cases["quick"]]

    def _trials(self, run: int, point: Point) -> tuple[Trial, ...]:
        seeds = trial_seeds(run, f"{self.statement.id}|{point}", self.trials)
        return tuple(Laboratory().run(self.statement, point, seeds))


def run_number(seed: int, index: int) -> int:
    """The seed of run number ``index``; different for all runs of all seeds."""
    return seed * MOST_RUNS + index
