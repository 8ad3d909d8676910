"""``ExponentChain``: the inequalities of a proof between powers of m, each checked in exact rational arithmetic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import ClassVar

from fsrcheck.evidence.claim import Certificate, Evidence, Judgement, Strength
from fsrcheck.evidence.monomials import Monomial, power_text, quantity
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.rationals import Exact, exact, exact_text

COLUMNS = ("link", "source", "inequality", "exponents", "slack", "holds")


@dataclass(frozen=True)
class Link:
    """One inequality of a proof: ``smaller <= larger`` for all large m.

    Attributes:
        text: what it is, in words.
        source: the line of the paper.
        smaller, larger: the two sides.
        strict: a factor poly(k) = m^o(1) stands on the smaller side (or the paper writes "much smaller"), so that equal
            exponents are not enough.
    """

    text: str
    source: str
    smaller: Monomial
    larger: Monomial
    strict: bool = False

    def slack(self, values: Mapping[str, Exact]) -> Fraction:
        """Exponent of the larger minus that of the smaller side."""
        return (self.larger / self.smaller).exponent(values)

    def holds(self, values: Mapping[str, Exact]) -> bool:
        """Whether the slack is at least 0, or above 0 if the link is strict."""
        found = self.slack(values)
        return found > 0 if self.strict else found >= 0

    def formula(self) -> str:
        """The inequality as LaTeX between dollar signs."""
        sign = r"\ll" if self.strict else r"\le"
        return f"${self.smaller.text()} {sign} {self.larger.text()}$"


def links(
    text: str, source: str, smaller: Sequence[Monomial], larger: Sequence[Monomial], strict: bool = False
) -> tuple[Link, ...]:
    """The links of ``max(smaller) <= min(larger)``: each term against each."""
    return tuple(Link(text, source, low, high, strict) for low in smaller for high in larger)


@dataclass(frozen=True)
class Range:
    """The admissible exponents of one quantity while all others stay as they are.

    Attributes:
        low, high: the ends; None if there is no bound on that side.
        low_open, high_open: whether the end itself is excluded.
        low_link, high_link: which link sets it.
        blocked: a link without the quantity that fails whatever it is, if any.
    """

    low: Fraction | None = None
    high: Fraction | None = None
    low_open: bool = False
    high_open: bool = False
    low_link: Link | None = None
    high_link: Link | None = None
    blocked: Link | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no exponent makes every link hold."""
        if self.blocked is not None:
            return True
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def __contains__(self, value: Exact) -> bool:
        x = exact(value)
        above = self.low is None or x > self.low or (x == self.low and not self.low_open)
        below = self.high is None or x < self.high or (x == self.high and not self.high_open)
        return self.blocked is None and above and below

    def text(self) -> str:
        """The interval: ``[-1.145, -1)``, ``(-inf, 0]`` or ``empty``."""
        if self.is_empty:
            return "empty"
        left = "(-inf" if self.low is None else ("(" if self.low_open else "[") + exact_text(self.low)
        right = "inf)" if self.high is None else exact_text(self.high) + (")" if self.high_open else "]")
        return f"{left}, {right}"


@dataclass(frozen=True)
class ExponentChain:
    """Every link holds at the stated exponents.

    Attributes:
        name, text: see ``Claim``.
        links: in the order of the proof.
        values: the exponent of every named quantity, exactly ("-0.49", "1/3", -1).
    """

    by_chance: ClassVar[bool] = False

    name: str
    text: str
    links: tuple[Link, ...]
    values: Mapping[str, Exact]

    def judge(self, evidence: Evidence) -> Judgement:
        """Compute every slack; the first link that fails is named."""
        failing = self.first_failure
        outcome = Outcome.NOT_EVALUATED if not self.links else Outcome.HOLDS if failing is None else Outcome.VIOLATED
        message = "" if failing is None else self._failure(failing)
        certificate = Certificate(self._summary(), COLUMNS, tuple(self._row(link) for link in self.links))
        return Judgement(
            self.name, type(self).__name__, self.text, outcome, Strength.PROVED, message, certificate=certificate
        )

    @property
    def first_failure(self) -> Link | None:
        """The first link that fails; None if all hold."""
        return next((link for link in self.links if not link.holds(self.values)), None)

    @property
    def slacks(self) -> tuple[Fraction, ...]:
        """The slack of every link, in order."""
        return tuple(link.slack(self.values) for link in self.links)

    def repair(self, name: str) -> Range:
        """The exponents of one quantity for which every link holds, the others being as they are.

        Raises:
            ValueError: no link has that quantity.
        """
        if not any((link.larger / link.smaller).degree(name) for link in self.links):
            raise ValueError(f"the quantity to repair must occur in a link, got {name!r}")
        fixed = {**self.values, name: 0}
        found = Range()
        for link in self.links:
            found = _cut(found, link, (link.larger / link.smaller).degree(name), link.slack(fixed))
        return found

    def with_values(self, **values: Exact) -> "ExponentChain":
        """The chain with other exponents.

        Raises:
            ValueError: a quantity that the chain does not have.
        """
        unknown = sorted(values.keys() - self.values.keys())
        if unknown:
            raise ValueError(f"a quantity must be one of {', '.join(self.values)}, got {', '.join(unknown)}")
        return replace(self, values={**self.values, **values})

    def beyond(self, name: str, step: Exact = "0.001") -> "ExponentChain":
        """The chain with one exponent moved by ``step`` beyond its admissible range: a control that must be refused.

        Raises:
            ValueError: the range is empty or unbounded on both sides.
        """
        admissible = self.repair(name)
        if admissible.is_empty:
            raise ValueError(f"the range of {name!r} must not be empty")
        if admissible.high is not None:
            return self.with_values(**{name: admissible.high + exact(step)})
        if admissible.low is not None:
            return self.with_values(**{name: admissible.low - exact(step)})
        raise ValueError(f"the range of {name!r} must have an end")

    def _summary(self) -> str:
        """Number of links, the smallest slack, and which exponent each quantity might have with the others fixed."""
        smallest = exact_text(min(self.slacks)) if self.links else "none"
        named = [name for name in self.values if any((link.larger / link.smaller).degree(name) for link in self.links)]
        ranges = ", ".join(f"${quantity(name).text()}$ in {self.repair(name).text()}" for name in named)
        admissible = f"; exponents that would do, one at a time: {ranges}" if ranges else ""
        return f"{len(self.links)} links, smallest slack {smallest}{admissible}"

    def _row(self, link: Link) -> tuple[str, ...]:
        sides = f"${power_text(link.smaller.exponent(self.values))}$ against ${power_text(link.larger.exponent(self.values))}$"
        holds = "yes" if link.holds(self.values) else "NO"
        return link.text, link.source, link.formula(), sides, exact_text(link.slack(self.values)), holds

    def _failure(self, link: Link) -> str:
        slack = exact_text(link.slack(self.values))
        wanted = "above 0" if link.strict else "at least 0"
        return f"the slack of {link.text!r} ({link.source}) must be {wanted}, got {slack}: {link.formula()}"


def _cut(found: Range, link: Link, degree: Fraction, rest: Fraction) -> Range:
    """Intersect the range with ``degree * x + rest >= 0`` (or > 0)."""
    if degree == 0:
        fails = rest < 0 or (rest == 0 and link.strict)
        return replace(found, blocked=link) if fails and found.blocked is None else found
    end = -rest / degree
    if degree > 0:
        if found.low is None or end > found.low or (end == found.low and link.strict):
            return replace(found, low=end, low_open=link.strict, low_link=link)
        return found
    if found.high is None or end < found.high or (end == found.high and link.strict):
        return replace(found, high=end, high_open=link.strict, high_link=link)
    return found
