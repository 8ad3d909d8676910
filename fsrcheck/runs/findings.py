"""What a comparison finds: differences with a grade, and all of them together for people and programs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from fsrcheck.runs.tolerances import Tolerances


class Grade(Enum):
    """What a finding means for the comparison; the value says it in a few words."""

    REGRESSION = "worse than the baseline: fails"
    IMPROVEMENT = "better than the baseline without an update: confirm it with an update"
    SUSPECTED = "beyond its tolerance, but by chance perhaps: more runs decide"
    NEW = "not in the baseline yet: add it with an update"


@dataclass(frozen=True)
class Finding:
    """One difference.

    Attributes:
        statement: its id.
        what: the quantity, such as ``slack of claim 'tail'``.
        before, after: its values, as words.
        where: the case; empty where there is none.
        note: by how much, or what it means.
        replay: the command that shows the new value again; empty where there is nothing to run.
    """

    grade: Grade
    statement: str
    what: str
    before: str
    after: str
    where: str = ""
    note: str = ""
    replay: str = ""

    @property
    def text(self) -> str:
        """The finding in one line, without its replay command."""
        place = f" at {self.where}" if self.where else ""
        note = f" ({self.note})" if self.note else ""
        return f"{self.grade.name} {self.statement}: {self.what}{place}: {self.before} -> {self.after}{note}"

    def to_json(self) -> dict[str, Any]:
        """The finding as plain JSON values."""
        return {**asdict(self), "grade": self.grade.name}


def finding_from_json(content: Mapping[str, Any]) -> Finding:
    """The inverse of ``Finding.to_json``."""
    return Finding(**{**content, "grade": Grade[content["grade"]]})


@dataclass(frozen=True)
class Comparison:
    """All findings about the statements that were compared, worst first.

    Attributes:
        compared: ids of the statements that were run.
        tolerances: what was allowed.
    """

    compared: tuple[str, ...]
    findings: tuple[Finding, ...]
    tolerances: Tolerances = field(default_factory=Tolerances)

    def of(self, grade: Grade) -> list[Finding]:
        """The findings of one grade."""
        return [finding for finding in self.findings if finding.grade is grade]

    @property
    def fails(self) -> bool:
        """Whether there is a regression."""
        return bool(self.of(Grade.REGRESSION))

    @property
    def summary(self) -> str:
        """The whole in one sentence."""
        counts = ", ".join(_counted(grade, len(self.of(grade))) for grade in Grade)
        return f"Statements compared: {len(self.compared)}. Found: {counts}."

    @property
    def lines(self) -> list[str]:
        """The findings in lines for a terminal, each with its replay command, and the summary last."""
        told = [line for finding in self.findings for line in (finding.text, *_replay_lines(finding))]
        return [*told, self.summary]

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain JSON values."""
        return {
            "compared": list(self.compared),
            "tolerances": asdict(self.tolerances),
            "counts": {grade.name: len(self.of(grade)) for grade in Grade},
            "findings": [finding.to_json() for finding in self.findings],
        }


def _replay_lines(finding: Finding) -> list[str]:
    return [f"  replay: {finding.replay}"] if finding.replay else []


def _counted(grade: Grade, count: int) -> str:
    counts_things = grade in (Grade.REGRESSION, Grade.IMPROVEMENT) and count != 1
    return f"{count} {grade.name.lower()}{'s' if counts_things else ''}"
