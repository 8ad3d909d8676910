"""What became of a mutant, what it changes, and why it is left alive."""

import contextlib
import io
import tokenize
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

REASONS = Path(__file__).with_name("reasons.toml")
KILLED = frozenset({1, 3})  # a test failed, or pytest itself broke down
TIMEOUTS = frozenset({-24, 24, 36, 152, 255, -9})
CRASHES = frozenset({-11, -6})
UNTESTED = frozenset({5, 33})
ALIVE = UNTESTED | {0}
TEXT = frozenset({"STRING", "FSTRING_MIDDLE"})


@dataclass(frozen=True)
class Change:
    """The line of ``place`` (``evidence.bound.Bound.judge``) that a mutant replaces."""

    place: str
    old: str
    new: str

    @property
    def text_only(self) -> bool:
        """Whether nothing but quoted text differs."""
        return _without_text(self.old) == _without_text(self.new)


@dataclass(frozen=True)
class Reason:
    """Why the mutants of ``place`` that replace what contains ``old`` by what contains ``new`` are left alive.

    ``place`` stands for itself and for all that begins with it; ``gone`` is something that the mutant takes away.
    ``equivalent``: no test could tell these mutants from the code.
    """

    place: str
    reason: str
    old: str = ""
    new: str = ""
    gone: str = ""
    equivalent: bool = False

    def covers(self, change: Change) -> bool:
        """Whether this reason is about that mutant."""
        is_gone = not self.gone or (self.gone in change.old and self.gone not in change.new)
        return is_gone and change.place.startswith(self.place) and self.old in change.old and self.new in change.new


def load_reasons(path: Path = REASONS) -> list[Reason]:
    """The stored reasons; the first one that covers a mutant is its reason."""
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("survivor", [])
    return [Reason(**entry) for entry in entries]


def reason_for(change: Change, reasons: Iterable[Reason]) -> Reason | None:
    """The first reason that covers the mutant, if one does."""
    return next((reason for reason in reasons if reason.covers(change)), None)


def change_of(mutant: str, diff: str) -> Change:
    """Read a unified diff: changed lines are joined, as most mutants change one."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++", "#"))]
    return Change(place_of(mutant), _joined(lines, "-"), _joined(lines, "+"))


def place_of(mutant: str) -> str:
    """``fsrcheck.evidence.bound.xǁBoundǁjudge__mutmut_3`` is in ``evidence.bound.Bound.judge``."""
    module, _, mangled = mutant.partition("__mutmut_")[0].rpartition(".")
    name = mangled.removeprefix("x_") if "ǁ" not in mangled else mangled.removeprefix("xǁ").replace("ǁ", ".")
    return f"{module.removeprefix('fsrcheck.')}.{name}"


def _joined(lines: Sequence[str], sign: str) -> str:
    return " ".join(line[1:].strip() for line in lines if line.startswith(sign))


def _without_text(line: str) -> list[str]:
    """The tokens of a line, or of the part of a statement that it is, but for those that are text."""
    kept = []
    with contextlib.suppress(tokenize.TokenError, SyntaxError):
        for token in tokenize.generate_tokens(io.StringIO(line).readline):
            if tokenize.tok_name[token.type] not in TEXT:
                kept.append(token.string)
    return kept
