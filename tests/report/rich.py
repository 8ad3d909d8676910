"""A registry for the page as a whole: two papers, premises, a chain of exponents, rounds, open and stored statements."""

from dataclasses import replace

from fsrcheck.evidence.alternation import ROUND, Alternation
from fsrcheck.evidence.exponents import ExponentChain, Link
from fsrcheck.evidence.monomials import m_to, quantity
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.registry import Registry
from fsrcheck.statement import Control, Kind, Paper, Statement
from tests.example import PAPER, SQUARE, THEOREM, bare

SHRINKS = Link("the error shrinks", "l.850", quantity("delta") ** 2, quantity("delta") * m_to("-0.02"))
SMALL = Link("the cutoff is small", "l.860", quantity("b"), m_to("-0.1"), strict=True)
CHAIN = ExponentChain("chain", "the error falls", (SHRINKS, SMALL), {"delta": "-0.5", "b": "-0.3"})
ROUNDS = Alternation(
    "rounds",
    "down to $m^{-1}$",
    error="delta",
    start="-0.5",
    target="-1",
    terms=(quantity("delta") * m_to("-0.1"), m_to("-0.55") * quantity(ROUND) ** "-0.2"),
    conditions=(
        Link("small enough", "l.900", quantity("delta"), m_to("-0.45")),
        Link("keeps pace", "l.910", quantity("delta"), m_to("-0.42") * quantity(ROUND) ** "-0.1"),
    ),
)


def deduced(id: str, requires: tuple[str, ...] = ()) -> Statement:
    """A statement that rests on exact chains."""
    return replace(
        SQUARE,
        id=id,
        label=f"Lemma {id.rpartition('.')[2]}",
        kind=Kind.LEMMA,
        title="Powers of $m$",
        claims=(CHAIN, ROUNDS),
        controls=(Control("beyond", "the start", "chain", altered_claim=CHAIN.beyond("delta")),),
        errata=(),
        expected=Verdict.PROVED,
        requires=requires,
    )


TAKING = replace(THEOREM, requires=(SQUARE.id, "coins.L.3"))
OPEN = bare(
    replace(SQUARE, id="coins.open", label="Remark 9", kind=Kind.REMARK, errata=()), claims=(), reason="unknown"
)
OTHERS = Paper("dice", "Other inequalities", "N. N.", (deduced("dice.L.4", requires=("coins.T.2", "dice.gone")),))
PAPERS = (replace(PAPER, statements=(TAKING, SQUARE, deduced("coins.L.3", (SQUARE.id,)), OPEN)), OTHERS)
REGISTRY = Registry(PAPERS)
