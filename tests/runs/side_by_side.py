"""Checks of the example side by side; as a script it checks until it is interrupted, and tells which processes do."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

from fsrcheck.commands import options
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.registry import Registry
from fsrcheck.runs.side_by_side import Orders
from fsrcheck.runs.trying import Progress, silent
from fsrcheck.statement import Counterexample
from tests.example import SQUARE, THEOREM
from tests.invoking import paper_of
from tests.runs.sweeper import Tossed, run

# A lambda, as lemmas have many: no process can send it to another one.
ERRATUM = replace(SQUARE.errata[0], counterexample=lambda: Counterexample("a = b = 1", 2.0, 4.0, contradicts=True))
SHORT = replace(
    THEOREM,
    id="coins.T.1",
    parameters=Tossed,
    cases={"quick": (Tossed(100),)},
    run=run,
    batch=4,
    errata=(ERRATUM,),
    expected=Verdict.REPAIRED,
)
LONG = replace(SHORT, id="coins.T.3", trials={"quick": 64})


@cache
def registry() -> Registry:
    """What driver and workers find; the first statement makes few trials, the last one most."""
    return Registry([paper_of(SHORT, SQUARE, THEOREM, LONG)])


def orders(store: Path | None = None, **settings: object) -> Orders:
    """Seed 3 on the processor."""
    return Orders(registry, "quick", 3, "cpu", {name: str(value) for name, value in settings.items()}, store=store)


@contextmanager
def silent_showing() -> Iterator[Progress]:
    """Progress that nobody looks at."""
    yield silent


def children(process: int) -> Iterable[int]:
    """The processes below one, at any depth."""
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        for child in map(int, path.read_text().split()):
            yield child
            yield from children(child)


if __name__ == "__main__":
    from fsrcheck.cli import main

    options.WORKER_REGISTRY = registry
    words = ["check", "T.1", "T.3", "--jobs", "2", "--seed", "3", "--set", "pause=0.3", "--store", sys.argv[1]]
    main(words, obj=registry())
