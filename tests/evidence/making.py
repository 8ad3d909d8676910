"""Makes trials and cases out of plain numbers, and judges frequencies of simulated runs exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy import stats

from fsrcheck.evidence.claim import Evidence
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.trial import Case, Measurement, Observation, Trial

NAN, INFINITY = float("nan"), float("inf")


@dataclass(frozen=True)
class Point:
    size: float = 16
    family: str = "plain"


def trial(
    value: float = 0.0,
    *,
    error: float = 0.0,
    premises: Mapping[str, float] | None = None,
    counts: Mapping[str, int] | None = None,
    seed: int = 7,
) -> Trial:
    measured = {"y": Measurement(value, error)}
    return Trial("paper.1", {}, seed, Observation(premises or {}, measured, counts or {}))


def case(
    values: Sequence[float],
    point: Point | None = None,
    *,
    error: float = 0.0,
    premises: Mapping[str, float] | None = None,
    waived: Sequence[str] = (),
) -> Case:
    trials = tuple(trial(value, error=error, premises=premises, seed=seed) for seed, value in enumerate(values))
    return Case(point or Point(), trials, frozenset(waived))


def counted(successes: int, attempts: int, trials: int = 1) -> Case:
    counts = {"hits": successes, "attempts": attempts}
    return Case(Point(), tuple(trial(counts=counts, seed=seed) for seed in range(trials)))


def evidence(
    *cases: Case, value: float = 1.0, provenance: Provenance = Provenance.DERIVED, false_alarm: float = 1e-6
) -> Evidence:
    return Evidence(cases, {"C": Constant("C", value, provenance)}, false_alarm)


def is_at_most(hits: int, runs: int, rate: float, deficit: float = 1e-9) -> bool:
    """Whether ``hits`` of ``runs`` agree with a probability of at most ``rate``."""
    return bool(stats.binom.sf(hits - 1, runs, rate) >= deficit)


def is_at_least(hits: int, runs: int, rate: float, deficit: float = 1e-9) -> bool:
    """Whether ``hits`` of ``runs`` agree with a probability of at least ``rate``."""
    return bool(stats.binom.cdf(hits, runs, rate) >= deficit)
