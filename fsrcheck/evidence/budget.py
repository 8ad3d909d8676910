"""One false-alarm budget for a whole run, split evenly over its statistical judgements."""

from dataclasses import dataclass
from math import ceil, log2

LEAST_ROOM = 512
LOOKS = 8  # how often an undecided claim may ask for more trials and be judged again


@dataclass(frozen=True)
class ErrorBudget:
    """The probability with which a run of only true statements may report a violation.

    There is room for a power of two of judgements, at least 512, so that a new statement seldom changes a share.

    Attributes:
        total: the whole budget.
        judgements: the number of statistical judgements that share it: all claims of all statements of the
            installed papers that make trials, so that a verdict does not depend on which statements were asked for.
    """

    total: float = 1e-6
    judgements: int = 1

    @property
    def share(self) -> float:
        """The false-alarm probability of one judgement (by the union bound)."""
        return self.total / max(LEAST_ROOM, 2 ** ceil(log2(max(self.judgements, 1))))
