"""A sequential decision with stated error rates: how many exceedances are too many?

The evidence against "a trial exceeds its bound with probability at most p0" is the likelihood ratio of a rate
p1 against p0. It is a non-negative supermartingale under every rate up to p0, so by Ville's inequality it
ever reaches 1/alpha with probability at most alpha, however the moment to stop is chosen (A. Wald, 1945; J.
Ville, 1939). More trials may therefore be added until the matter is decided.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Decision(Enum):
    """What the exceedances seen so far allow to say."""

    ACCEPT = "too few exceedances for the alternative rate"
    REJECT = "more exceedances than the null rate explains"
    CONTINUE = "not decided yet"


@dataclass(frozen=True)
class SequentialTest:
    """Wald's sequential probability ratio test of an exceedance rate.

    Attributes:
        null_rate: p0, the largest rate of exceedance under which the claim is true; 0 for a bound that must
            hold surely.
        false_alarm: probability of ever rejecting a true claim.
        alternative_rate: p1, the rate that must not be overlooked.
        miss: probability of accepting although the rate is p1 or more.
    """

    null_rate: float
    false_alarm: float
    alternative_rate: float = 0.5
    miss: float = 0.01

    def log_ratios(self, exceeded: Sequence[bool]) -> list[float]:
        """Running logarithm of the likelihood ratio after each trial."""
        p0, p1 = self.null_rate, self.alternative_rate
        up = math.log(p1 / p0) if p0 > 0 else math.inf
        down = math.log((1 - p1) / (1 - p0))
        total, path = 0.0, []
        for hit in exceeded:
            total += up if hit else down
            path.append(total)
        return path

    def decide(self, exceeded: Sequence[bool]) -> Decision:
        """Decide on all trials seen so far; no trials decide nothing."""
        path = self.log_ratios(exceeded)
        if path and max(path) >= -math.log(self.false_alarm):
            return Decision.REJECT
        if path and path[-1] <= math.log(self.miss):
            return Decision.ACCEPT
        return Decision.CONTINUE

    def trials_to_accept(self) -> int:
        """Number of trials, none of them exceeding, after which the claim is accepted."""
        return math.ceil(math.log(self.miss) / math.log((1 - self.alternative_rate) / (1 - self.null_rate)))

    def trials_to_catch(self, rate: float, miss: float = 1e-3) -> int:
        """Number of trials in which an exceedance rate is rejected with probability at least 1 - ``miss``.

        Counted at that fixed number of trials (the running maximum can only help), by the binomial
        distribution.
        """
        from scipy.stats import binom

        if self.null_rate == 0:
            return math.ceil(math.log(miss) / math.log1p(-rate)) if rate < 1 else 1
        up = math.log(self.alternative_rate / self.null_rate)
        down = math.log((1 - self.null_rate) / (1 - self.alternative_rate))
        for trials in range(1, 10_000):
            needed = math.ceil((-math.log(self.false_alarm) + trials * down) / (up + down))
            if needed <= trials and binom.cdf(needed - 1, trials, rate) <= miss:
                return trials
        raise ValueError(f"rate must be well above {self.alternative_rate} to be caught, got {rate}")
