"""Everything that is measured of the error rates, in one object."""

from collections.abc import Sequence
from dataclasses import dataclass

from fsrcheck.error_rates.counting import Count, Counted, count_all
from fsrcheck.error_rates.limits import Student, broken_judges, ends, estimated_errors
from fsrcheck.error_rates.nulls import all_nulls
from fsrcheck.error_rates.power import Curve, curves
from fsrcheck.error_rates.ranks import comparisons, freezing
from fsrcheck.error_rates.tails import (
    Estimate,
    exceedances_in_a_row,
    exceedances_of_trials,
    frequency_tail,
    noise_tail,
    sequential_tails,
)
from fsrcheck.runs.code_digest import code_digest
from fsrcheck.runs.trying import Progress

DRAWS, HASHED = 10_000, 200  # single trials drawn for each run asked for: 1e8 and 2e6 where 10000 are
WEIGHTED = 2000  # weighted draws at least: with fewer, their mean is far from normal


@dataclass(frozen=True)
class ErrorRates:
    """Error rates of the judging code.

    Attributes:
        runs, seed: what was asked for.
        share: of the error budget that a claim of the installed papers has.
        counted: claims, comparisons and constants at the 5 % level.
        ends: laws under which the level is not kept.
        broken: judges broken on purpose.
        in_a_row: exceedances in a row.
        tails: small probabilities by weighted draws.
        estimated: standard errors that are estimated themselves.
        curves: power.
    """

    runs: int
    seed: int
    share: float
    counted: Sequence[Counted]
    ends: Sequence[Counted]
    broken: Sequence[Counted]
    in_a_row: Sequence[Count]
    tails: Sequence[Estimate]
    estimated: Sequence[Student]
    curves: Sequence[Curve]

    @property
    def false_alarms(self) -> list[Count]:
        """How often true claims were violated."""
        return [count for one in self.counted if (count := one.false_alarms)]

    @property
    def misses(self) -> list[Count]:
        """How often false claims held."""
        return [count for one in self.counted if (count := one.misses)]

    @property
    def not_kept(self) -> list[Count]:
        """Stated levels that the counts contradict."""
        return [count for count in (*self.false_alarms, *self.misses, *self.in_a_row) if not count.is_kept]

    @property
    def not_seen(self) -> list[Count]:
        """Broken judges that were not seen to alarm too often: the runs were too few, or the counting is at fault."""
        return [count for one in self.broken if (count := one.false_alarms) and count.is_kept]

    @property
    def disagreements(self) -> int:
        """How many simulated values are not what exact summation says, or are more than is stated."""
        tails = sum(not (tail.agrees and tail.is_kept) for tail in self.tails)
        powers = sum(not point.agrees for curve in self.curves for point in curve.points)
        return tails + powers + sum(not count.is_exact for count in self.in_a_row)


def measuring_code() -> str:
    """Digest of the code that judges, and of what measures it."""
    return code_digest(__file__)


def measure(runs: int, seed: int, share: float, progress: Progress) -> ErrorRates:
    """Measure all error rates with ``runs`` simulated runs of each kind.

    Args:
        runs: at least 2.
        seed: the integer that all randomness follows from.
        share: of the error budget, for what is measured at its real size.
        progress: told of every step.
    """
    counted = count_all([*all_nulls(), *comparisons(), *freezing()], runs, seed, progress)
    in_a_row = [*exceedances_in_a_row(DRAWS * runs, seed), *exceedances_of_trials(HASHED * runs, seed)]
    draws = max(runs, WEIGHTED)
    tails = [
        *sequential_tails(draws, seed, share),
        noise_tail(draws, seed, share),
        frequency_tail(draws, seed, share),
    ]
    return ErrorRates(
        runs=runs,
        seed=seed,
        share=share,
        counted=counted,
        ends=count_all(ends(), runs, seed, progress),
        broken=count_all(broken_judges(), runs, seed, progress),
        in_a_row=in_a_row,
        tails=tails,
        estimated=estimated_errors(share),
        curves=curves(runs, seed, share, progress),
    )
