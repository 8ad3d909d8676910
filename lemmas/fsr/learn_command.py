"""``fsrcheck learn``: Algorithm 4 on samples of a target or on a user's own, the learned network and an account of it."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from fsrcheck.commands import options
from fsrcheck.commands.options import parse_assignments, print_json, seed_or_fresh
from fsrcheck.commands.progress import shown
from fsrcheck.commands.tables import print_exact, print_line, print_table
from fsrcheck.errors import InputError
from fsrcheck.runs.environment import resolve_device
from fsrcheck.training.minmax_gan import State
from lemmas.fsr.learn_account import COUPLING_HEADING, HAND_OVER_HEADING, coupling_rows, hand_over_rows, summary
from lemmas.fsr.learn_inputs import from_samples, from_target, settings_of
from lemmas.fsr.learn_run import READABLE, learned_account

CHECKPOINT = "checkpoint"


def parse_channels(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    """Turn ``m,m,...`` into numbers (a click callback).

    Raises:
        InputError: it is something else.
    """
    if text is None:
        return None
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError:
        raise InputError(f"--channels must be integers with commas between them, got {text!r}") from None


@click.command("learn")
@click.option("--target", type=click.Path(path_type=Path), metavar="FILE", help="Learn from samples of this target.")
@click.option("--num-samples", type=click.IntRange(min=1), metavar="N", help="How many, with --target.")
@click.option("--samples", type=click.Path(path_type=Path), metavar="FILE", help="Learn from these samples.")
@click.option(
    "--channels",
    metavar="M,M,...",
    callback=parse_channels,
    help="Channels of every level, with --samples; the rank of the second moment if not given.",
)
@click.option(
    "--accuracy",
    type=click.FloatRange(min=0, min_open=True),
    metavar="EPS",
    help="Refuse to begin with too few samples for this relative coupling RMS.",
)
@click.option("--printed", is_flag=True, help="The paper's schedule in place of the working one.")
@click.option(
    "--set",
    "words",
    metavar="NAME=VALUE",
    multiple=True,
    callback=parse_assignments,
    help="Run with this value of a setting; repeatable. The account lists the settings.",
)
@options.seed_option
@options.device_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("learned"),
    show_default=True,
    help="Folder for generator.npz, account.json and account.md.",
)
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where the run stands is kept here, and the same command with the same --seed goes on. [default: DIR/checkpoint]",
)
@options.json_option
def learn(
    target: Path | None,
    num_samples: int | None,
    samples: Path | None,
    channels: tuple[int, ...] | None,
    accuracy: float | None,
    printed: bool,
    words: dict[str, str],
    seed: int | None,
    device: str,
    out: Path,
    checkpoint: Path | None,
    as_json: bool,
) -> None:
    """Learn a generator from samples of all levels, by Algorithm 4.

    Either --target and --num-samples, and then true errors are told as well, or --samples: an archive with the arrays level1,
    level2, ..., each (sample, patch, patch_dim). Files of another run are never written over.
    """
    _require_source(target, num_samples, samples, channels)
    settings = settings_of(words, printed=printed)
    place = resolve_device(device)
    draw = partial(seed_or_fresh, seed)
    if target is not None and num_samples is not None:
        inputs = from_target(target, num_samples, settings, draw, place)
    else:
        assert samples is not None
        inputs = from_samples(samples, channels, settings, draw, place)
    inputs.require_enough(accuracy)
    with _steps(as_json) as progress:
        told = learned_account(inputs, out, checkpoint or out / CHECKPOINT, progress, partial(_resumed, quiet=as_json))
    if as_json:
        print_json(told)
    else:
        _print(told, out)


def _require_source(
    target: Path | None, num_samples: int | None, samples: Path | None, channels: tuple[int, ...] | None
) -> None:
    if (target is None) == (samples is None):
        raise InputError(f"one of --target and --samples must be given, got {'none' if target is None else 'both'}")
    if (target is None) != (num_samples is None):
        raise InputError("--num-samples must be given with --target, and only there")
    if target is not None and channels is not None:
        raise InputError("--channels must be left out with --target, whose channels are known")


@contextmanager
def _steps(quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """Progress on standard error: a bar on a terminal, elsewhere a line for each step."""
    lines = not quiet and not sys.stderr.isatty()
    with shown(quiet or lines) as bar:

        def step(done: int, total: int, text: str) -> None:
            bar("learn", done, total)
            if lines:
                click.echo(f"{done} of {total}: {text}", err=True)

        yield step


def _resumed(state: State, *, quiet: bool) -> None:
    if not quiet:
        last = state.history[-1]
        click.echo(f"goes on after level {last.level}, stage {last.stage}", err=True)


def _print(told: Mapping[str, Any], out: Path) -> None:
    print_line(summary(told))
    print_line()
    print_table(HAND_OVER_HEADING, hand_over_rows(told))
    print_table(COUPLING_HEADING, coupling_rows(told))
    print_exact(f"read {out / READABLE}")
