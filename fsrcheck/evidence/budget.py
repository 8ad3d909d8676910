"""One false-alarm budget for a whole run, split evenly over its statistical judgements."""

from dataclasses import dataclass

LOOKS = 8  # how often an undecided claim may ask for more trials and be judged again


@dataclass(frozen=True)
class ErrorBudget:
    """The probability with which a run of only true statements may report a violation.

    Attributes:
        total: the whole budget.
        judgements: the number of statistical judgements that share it: all claims of all statements of the
            installed papers, so that a verdict does not depend on which statements were asked for.
    """

    total: float = 1e-6
    judgements: int = 1

    @property
    def share(self) -> float:
        """The false-alarm probability of one judgement (by the union bound)."""
        return self.total / max(self.judgements, 1)
