"""Finds the installed papers and their statements through the entry-point group ``fsrcheck.papers``."""

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import entry_points

from fsrcheck.errors import FsrcheckError, InputError
from fsrcheck.evidence.budget import ErrorBudget
from fsrcheck.evidence.claim import Claim
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.statement import Paper, Statement

GROUP = "fsrcheck.papers"

# Nothing is claimed of an open statement, and a refuted one rests on its counterexample alone.
WITHOUT_CONTROLS = (Verdict.OPEN, Verdict.REFUTED)


class Registry:
    """All statements of some papers, found by id.

    Raises:
        FsrcheckError: two papers or two statements share an id, an id does not begin with its paper's, or a
            statement has no control that its verdict needs.
    """

    def __init__(self, papers: Iterable[Paper]) -> None:
        self.papers = tuple(papers)
        for name, times in Counter(paper.id for paper in self.papers).items():
            if times > 1:
                raise FsrcheckError(f"paper ids must be unique, got {name!r} {times} times")
        self._statements: dict[str, Statement] = {}
        self._paper_of: dict[str, Paper] = {}
        for paper in self.papers:
            for statement in paper.statements:
                self._add(paper, statement)

    def _add(self, paper: Paper, statement: Statement) -> None:
        if statement.id in self._statements:
            raise FsrcheckError(f"statement ids must be unique, got {statement.id!r} twice")
        if not statement.id.startswith(f"{paper.id}."):
            raise FsrcheckError(f"ids of paper {paper.id!r} must begin with '{paper.id}.', got {statement.id!r}")
        if not statement.controls and statement.expected not in WITHOUT_CONTROLS:
            wanted = f"must have a control to be expected {statement.expected.name}, got none"
            raise FsrcheckError(f"statement {statement.id!r} {wanted}: a check that cannot fail says nothing")
        self._statements[statement.id] = statement
        self._paper_of[statement.id] = paper

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All statements, in the order of the packages."""
        return tuple(self._statements.values())

    @property
    def budget(self) -> ErrorBudget:
        """The default error budget, split over all claims that could be violated by chance.

        What is deduced, an identity and a search that bears out a proof raise no false alarm. Nor does a control: where
        the claim that it breaks is violated by chance, nothing true is reported as false.
        """
        claims = [claim for statement in self.statements if statement.needs_trials for claim in statement.claims]
        return ErrorBudget(judgements=sum(_by_chance(claim) for claim in claims))

    def paper(self, statement: Statement) -> Paper:
        """The paper a statement belongs to."""
        return self._paper_of[statement.id]

    def find(self, name: str) -> Statement:
        """Return the statement with this id, or with this end of an id where that is unique.

        Raises:
            InputError: no such statement (the nearest ids are named) or several.
        """
        if name in self._statements:
            return self._statements[name]
        matches = [s for key, s in self._statements.items() if key.split(".", 1)[1].lower() == name.lower()]
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise InputError(f"{name!r} must be unique, got {', '.join(s.id for s in matches)}")
        raise InputError(f"unknown statement {name!r}{self._suggestion(name)}")

    def select(self, names: Sequence[str]) -> list[Statement]:
        """The named statements, each once; all of them if no name is given."""
        return list(dict.fromkeys(map(self.find, names))) if names else list(self.statements)

    def _suggestion(self, name: str) -> str:
        short = {key.split(".", 1)[1].lower(): key for key in self._statements}
        candidates = {key.lower(): key for key in self._statements} | short
        near = difflib.get_close_matches(name.lower(), list(candidates), n=3, cutoff=0.4)
        return f"; did you mean {', '.join(dict.fromkeys(candidates[key] for key in near))}?" if near else ""


def _by_chance(claim: Claim) -> bool:
    """Whether other seeds, or a larger share of the error budget, could have violated a true claim of this kind."""
    return bool(getattr(claim, "by_chance", True)) and not getattr(claim, "corroborates", False)


@cache
def installed() -> Registry:
    """The registry of everything that is installed.

    Raises:
        FsrcheckError: an entry point does not name a ``Paper``.
    """
    papers = []
    for entry in entry_points(group=GROUP):
        paper = entry.load()
        if not isinstance(paper, Paper):
            raise FsrcheckError(f"entry point {entry.name!r} of {GROUP} must name a Paper, got {type(paper).__name__}")
        papers.append(paper)
    return Registry(papers)
