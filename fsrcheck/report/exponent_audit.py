"""The exponent audit: every chain of inequalities between powers of m, what it needs, and how much room each leaves.

A chain is an ``ExponentChain`` or an ``Alternation``. Both are exact: slacks are differences of rational exponents.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from fsrcheck.evidence.alternation import ROUND, Alternation, Stage
from fsrcheck.evidence.claim import Judgement
from fsrcheck.evidence.exponents import ExponentChain, Link, Range
from fsrcheck.evidence.monomials import power_text, quantity
from fsrcheck.evidence.rationals import Exact, exact, exact_text
from fsrcheck.report.entries import Entry
from fsrcheck.report.numbers import NOTHING

Chain = ExponentChain | Alternation


@dataclass(frozen=True)
class Need:
    """The exponent of one quantity, and where it must lie while all others stay as they are.

    Attributes:
        name: of the quantity, LaTeX between dollar signs.
        taken, admissible: its exponent and the interval; the interval is empty text where none was worked out.
        room: distance to the nearer end; empty text if there is no end.
    """

    name: str
    taken: str
    admissible: str = ""
    room: str = ""


@dataclass(frozen=True, eq=False)
class AuditRow:
    """One chain as the audit shows it.

    Attributes:
        entry: the statement.
        claim: the chain.
        judgement: how it came out; None if the statement was not run.
        extent: how many links or rounds.
        needs: the exponents that it takes for given.
        slack: the smallest one over all links, or the least that a round gains; None if there is none.
        decided_by: the link or term of that slack, with its source.
        also: what else is to be said, such as the conditions of the rounds.
    """

    entry: Entry
    claim: Chain
    judgement: Judgement | None
    extent: str
    needs: tuple[Need, ...]
    slack: Fraction | None
    decided_by: str
    also: str = ""

    @property
    def slack_word(self) -> str:
        """The slack exactly, as a decimal or a fraction."""
        return NOTHING if self.slack is None else signed(exact_text(self.slack))


def audit_rows(entries: Sequence[Entry]) -> list[AuditRow]:
    """Every chain of every statement, in the order of the statements."""
    return [_row(entry, claim) for entry in entries for claim in entry.statement.claims if isinstance(claim, Chain)]


def _row(entry: Entry, claim: Chain) -> AuditRow:
    judgements = entry.result.judgements if entry.result else ()
    judgement = next((found for found in judgements if found.claim == claim.name), None)
    return (
        _of_chain(entry, claim, judgement) if isinstance(claim, ExponentChain) else _of_rounds(entry, claim, judgement)
    )


def _of_chain(entry: Entry, claim: ExponentChain, judgement: Judgement | None) -> AuditRow:
    slacks = dict(zip(claim.links, claim.slacks, strict=True))
    tightest = min(slacks, key=lambda link: (slacks[link], not link.strict), default=None)
    return AuditRow(
        entry,
        claim,
        judgement,
        extent=_count(len(claim.links), "link"),
        needs=tuple(_need(claim, name) for name in claim.values if _occurs(claim, name)),
        slack=None if tightest is None else slacks[tightest],
        decided_by="" if tightest is None else _link_word(tightest),
    )


def _occurs(claim: ExponentChain, name: str) -> bool:
    return any((link.larger / link.smaller).degree(name) for link in claim.links)


def _need(claim: ExponentChain, name: str) -> Need:
    taken, admissible = exact(claim.values[name]), claim.repair(name)
    room = _room(taken, admissible)
    return Need(
        f"${quantity(name).text()}$",
        signed(exact_text(taken)),
        signed(admissible.text()).replace("inf", "∞"),
        "" if room is None else signed(exact_text(room)),
    )


def _room(taken: Fraction, admissible: Range) -> Fraction | None:
    """Distance to the nearer end; negative outside; None without an end."""
    ends = [
        *([] if admissible.low is None else [taken - admissible.low]),
        *([] if admissible.high is None else [admissible.high - taken]),
    ]
    return min(ends, default=None)


def _of_rounds(entry: Entry, claim: Alternation, judgement: Judgement | None) -> AuditRow:
    stages = claim.stages()
    slowest = min(stages, key=lambda stage: stage.before - stage.after, default=None)
    given = {**claim.values, claim.error: claim.start}
    return AuditRow(
        entry,
        claim,
        judgement,
        extent=f"{_count(len(stages), 'round')}, from ${power_text(exact(claim.start))}$ to ${_end(claim, stages)}$",
        needs=tuple(Need(f"${quantity(name).text()}$", signed(exact_text(exact(v)))) for name, v in given.items()),
        slack=None if slowest is None else slowest.before - slowest.after,
        decided_by="" if slowest is None else f"round {slowest.number}, by ${slowest.term.text()}$",
        also=_conditions(claim, stages),
    )


def _end(claim: Alternation, stages: Sequence[Stage]) -> str:
    return power_text(stages[-1].after if stages else exact(claim.start))


def _conditions(claim: Alternation, stages: Sequence[Stage]) -> str:
    """The smallest slack of the conditions over all rounds, in a sentence; empty if there are none."""
    found = [
        (link.slack(_values_in(claim, stage)), stage.number, link) for stage in stages for link in claim.conditions
    ]
    if not found:
        return ""
    smallest, number, link = min(found, key=lambda item: item[:2])
    conditions = _count(len(claim.conditions), "condition")
    return f"{conditions} a round, smallest slack {signed(exact_text(smallest))} in round {number}: {_link_word(link)}"


def _values_in(claim: Alternation, stage: Stage) -> dict[str, Exact]:
    return {**claim.values, claim.error: stage.before, ROUND: Fraction(stage.number)}


def _link_word(link: Link) -> str:
    return f"{link.text} ({link.source}): {link.formula()}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def signed(text: str) -> str:
    """Exponents with the sign that a minus has elsewhere on the page."""
    return text.replace("-", "−")
