"""What the commands share: their options, the registry they look in, and JSON on standard output."""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from os import cpu_count
from pathlib import Path
from typing import Any

import click

from fsrcheck.commands.progress import shown
from fsrcheck.errors import InputError
from fsrcheck.registry import GROUP, Registry, installed
from fsrcheck.runs.environment import resolve_device
from fsrcheck.runs.result import StatementResult
from fsrcheck.runs.seeds import fresh_seed
from fsrcheck.runs.side_by_side import Orders, check_in_turn, check_side_by_side
from fsrcheck.runs.unfinished import WORK_FOLDER
from fsrcheck.statement import SCALES, Statement

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
Results = Generator[StatementResult, None, None]

WORKER_REGISTRY: Callable[[], Registry] = installed  # a function that a worker process can import


def parse_assignments(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """Turn ``name=value`` words into a mapping (a click callback).

    Raises:
        InputError: a word without ``=``, or a name given twice.
    """
    found: dict[str, str] = {}
    for word in values:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise InputError(f"--set must be given as name=value, got {word!r}")
        if name in found:
            raise InputError(f"--set must name each parameter once, got {name!r} twice")
        found[name] = value
    return found


json_option: Decorator = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
scale_option: Decorator = click.option(
    "--scale", type=click.Choice(SCALES), default="quick", show_default=True, help="How much to run."
)
seed_option: Decorator = click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="The integer that all randomness follows from; drawn if not given.",
)
device_option: Decorator = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to run.",
)
set_option: Decorator = click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    callback=parse_assignments,
    help="Run with this value of a parameter; repeatable. `show` lists the parameters.",
)
target_option: Decorator = click.option(
    "--target", type=click.Path(path_type=Path), metavar="FILE", help="Check on an instance of your own."
)

work_option: Decorator = click.option(
    "--store",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=WORK_FOLDER,
    show_default=True,
    help="Keep trials in this folder until the work is done: the same command with the same --seed goes on with them.",
)


jobs_option: Decorator = click.option(
    "--jobs", type=click.IntRange(min=1), help="Processes; by default a core each, and one on a GPU."
)


def current_registry() -> Registry:
    """The registry given as the context's object, or else everything that is installed."""
    return click.get_current_context().find_object(Registry) or installed()


def selected(registry: Registry, names: Sequence[str]) -> list[Statement]:
    """The named statements, or all of them.

    Raises:
        InputError: an unknown name, or no statements at all: nothing checked is not nothing wrong.
    """
    statements = registry.select(names)
    if not statements:
        raise InputError(f"a package with an entry point of group {GROUP} must be installed, got no statements")
    return statements


def seed_or_fresh(seed: int | None) -> int:
    """The seed given, or one drawn and told on standard error."""
    if seed is not None:
        return seed
    drawn = fresh_seed()
    click.echo(f"seed {drawn}", err=True)
    return drawn


def usual_jobs(registry: Registry, device: str) -> int:
    """As many processes as there are cores: few operations of a statement are worth two threads.

    One on a GPU, whose memory processes would share, and for papers that are not installed, which no worker would find.
    """
    return cpu_count() or 1 if device == "cpu" and registry is WORKER_REGISTRY() else 1


def print_json(content: Any) -> None:
    """Write one JSON document to standard output."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))


@dataclass(frozen=True)
class RunOptions:
    """What a run of several statements was asked for.

    Attributes:
        scale, seed, device, settings, target: as for ``fsrcheck.check``; a missing seed is drawn and told.
        store: file of trials to take from and add to.
        quiet: show no progress.
        jobs: number of processes; with one, statements are checked in this one.
    """

    scale: str
    seed: int | None
    device: str
    settings: Mapping[str, str]
    target: Path | None = None
    store: Path | None = None
    quiet: bool = False
    jobs: int = 1

    def check(self, registry: Registry, statements: Sequence[Statement]) -> Results:
        """Check statements and yield the results in their order; to be closed where it is not exhausted.

        Raises:
            InputError: at once, before a seed is drawn, where device, settings, target or store do not suit one of
                the statements.
        """
        device = resolve_device(self.device)
        for statement in statements:
            statement.cases_at(self.scale, self.settings, self.target)
        if self.store is not None:
            self.store.open("a").close()
        seed = seed_or_fresh(self.seed)
        if min(self.jobs, len(statements)) == 1:
            orders = Orders(lambda: registry, self.scale, seed, device, self.settings, self.target, self.store)
            return check_in_turn(orders, statements, partial(shown, self.quiet))
        orders = Orders(WORKER_REGISTRY, self.scale, seed, device, self.settings, self.target, self.store)
        return check_side_by_side(orders, statements, self.jobs, partial(shown, self.quiet))
