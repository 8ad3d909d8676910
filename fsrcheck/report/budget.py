"""How the error budget of a run is split: which claims take a share of it, by paper and kind of claim."""

from collections import Counter
from dataclasses import dataclass, replace

from fsrcheck.evidence.claim import Claim
from fsrcheck.registry import Registry
from fsrcheck.statement import Paper, Statement


@dataclass(frozen=True)
class BudgetRow:
    """Claims of one kind in one paper.

    Attributes:
        paper: its id.
        kind: class name of the claims.
        sharing: how many of them chance could violate, so that each takes a share.
        exempt: how many take none: deduced, exact, or a search that only bears out a proof.
        probability: what those that share may cost together.
    """

    paper: str
    kind: str
    sharing: int
    exempt: int
    probability: float


def budget_rows(registry: Registry) -> list[BudgetRow]:
    """One row for every paper and kind of claim; together as many claims share as the budget has judgements."""
    share = registry.budget.share
    counts = {paper.id: _counts(paper) for paper in registry.papers}
    rows = [
        BudgetRow(paper, kind, found[kind, True], found[kind, False], found[kind, True] * share)
        for paper, found in counts.items()
        for kind in dict.fromkeys(kind for kind, _ in found)
    ]
    return sorted(rows, key=lambda row: (list(counts).index(row.paper), -row.sharing, -row.exempt, row.kind))


def _counts(paper: Paper) -> Counter[tuple[str, bool]]:
    pairs = [(statement, claim) for statement in paper.statements for claim in statement.claims]
    return Counter((type(claim).__name__, takes_a_share(paper, *pair)) for pair in pairs for claim in pair[1:])


def takes_a_share(paper: Paper, statement: Statement, claim: Claim) -> bool:
    """Whether a claim shares the error budget: the registry is asked, of this one claim."""
    alone = replace(statement, claims=(claim,))
    return Registry([replace(paper, statements=(alone,))]).budget.judgements > 0
