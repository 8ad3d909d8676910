"""What a claim and a statement can come out as: the words, their meaning and their order."""

from collections.abc import Iterable
from enum import Enum


class Outcome(Enum):
    """The outcome of one claim on some trials; the value is its meaning in one sentence."""

    VIOLATED = "the claim was contradicted beyond its share of the error budget"
    NOT_EVALUATED = "nobody judged the claim"
    INCONCLUSIVE = "the trials do not decide the claim"
    INAPPLICABLE = "a premise fails on the trials, so they say nothing of the claim"
    VACUOUS = "the bound is so wide that every possible result would meet it"
    HOLDS = "every judged case meets the claim with a margin of at least the error"

    @staticmethod
    def worst(outcomes: "Iterable[Outcome]") -> "Outcome":
        """Return the first of ``outcomes`` in the order of this class; NOT_EVALUATED if there are none.

        A vacuous case does not spoil others that hold: it only moves the size from which the claim says
        something.
        """
        found = set(outcomes)
        if not found:
            return Outcome.NOT_EVALUATED
        if found == {Outcome.HOLDS, Outcome.VACUOUS}:
            return Outcome.HOLDS
        return next(outcome for outcome in Outcome if outcome in found)


class Verdict(Enum):
    """The verdict on a statement, weakest first; the value is its meaning in one sentence."""

    VIOLATED = "a claim of the checkable form was contradicted by the trials of this run"
    INCONCLUSIVE = "some claim was not decided by the trials of this run"
    OPEN = "not decided, for a stated reason"
    REFUTED = "the printed form is false, by a stored counterexample, and no repair is known"
    REPAIRED = "the printed form is false, by a stored counterexample; the corrected form has a verdict of its own"
    SUPPORTED = "every claim holds, the weakest of them by measurement"
    CERTIFIED = "every claim holds, the weakest of them by ball arithmetic over a box"
    PROVED = "every claim holds for all parameters, by symbolic computation"

    @property
    def is_positive(self) -> bool:
        """Whether the checkable form came out true."""
        return self in (Verdict.REPAIRED, Verdict.SUPPORTED, Verdict.CERTIFIED, Verdict.PROVED)

    def __lt__(self, other: "Verdict") -> bool:
        order = list(Verdict)
        return order.index(self) < order.index(other)
