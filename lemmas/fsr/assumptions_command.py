"""``fsrcheck assumptions``: the constants of Assumptions 2.2 and 2.3 on patches of a folder's pictures, beside controls."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fsrcheck.commands import options
from fsrcheck.commands.options import print_json, seed_or_fresh
from fsrcheck.commands.progress import shown
from fsrcheck.commands.tables import print_exact, print_line, print_table
from fsrcheck.errors import InputError

if TYPE_CHECKING:
    from fsrcheck.images.folder import Gallery

PATCHES = 40_000
"""Patches on either side of the split, at most."""
MOST_PER_PICTURE, LEAST_PER_PICTURE = 8192, 400
MOST_PICTURES = 100
"""Pictures at most; of more, so many are drawn by the seed."""
GREY_PATCH, COLOUR_PATCH = 8, 6
LARGEST_PATCH = 10
PAGE, ACCOUNT = "assumptions.html", "assumptions.json"
ANCHORS = 1000
"""That Algorithm 5 may examine."""


@click.command("assumptions")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--patch",
    type=click.IntRange(3, LARGEST_PATCH),
    metavar="P",
    help=f"Pixels of a patch's side.  [default: {COLOUR_PATCH} in colour, {GREY_PATCH} in grey]",
)
@click.option("--grey", is_flag=True, help="Make all pictures grey.")
@options.seed_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("assumptions"),
    show_default=True,
    help=f"Folder for {PAGE} and {ACCOUNT}.",
)
@options.json_option
def assumptions(folder: Path, patch: int | None, grey: bool, seed: int | None, out: Path, as_json: bool) -> None:
    """Measure what Assumptions 2.2 and 2.3 speak of on patches of the pictures in FOLDER.

    A dictionary is learned on half of the pictures, codes are read off the others. Gaussian patches, scrambled phases, normalised
    contrast, a scale mixture and sparse codes go the same way. Files that cannot be read, or are smaller than a patch, are
    skipped with a warning.
    """
    with _extras():
        from fsrcheck.images.folder import read_folder
        from fsrcheck.images.patch_study import PICTURES
        from fsrcheck.images.photographs import SIDE
    if out.exists() and not out.is_dir():
        raise InputError(f"--out must be a folder, got the file {out}")
    number = seed_or_fresh(seed)
    side = patch or (GREY_PATCH if grey else COLOUR_PATCH)
    gallery = read_folder(folder, grey=grey, smallest=side, side=SIDE, most=MOST_PICTURES, seed=number)
    _warn(gallery)
    with _steps(as_json) as step:
        told, page = _studied(folder, gallery, side, number, step)
    assert PICTURES in told["data"]
    _write(out, {ACCOUNT: json.dumps(told, indent=2, ensure_ascii=False) + "\n", PAGE: page})
    if as_json:
        print_json(told)
    else:
        _print(told, out)


@contextmanager
def _extras() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise InputError(
            f"{error.name} must be installed for this (pip install 'fsrcheck[images]'), got none"
        ) from None


def _warn(gallery: "Gallery") -> None:
    for one in gallery.skipped:
        click.echo(f"skipped: {one.reason}", err=True)


@contextmanager
def _steps(quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """Progress on standard error: a bar on a terminal, elsewhere a line for each step."""
    lines = not quiet and not sys.stderr.isatty()
    with shown(quiet or lines) as bar:

        def step(done: int, total: int, text: str) -> None:
            bar("assumptions", done, total)
            if lines:
                click.echo(f"{done} of {total} done, next: {text}", err=True)

        yield step


def _studied(
    folder: Path, gallery: "Gallery", side: int, seed: int, step: Callable[[int, int, str], None]
) -> tuple[dict[str, Any], str]:
    """The account and the page."""
    from fsrcheck.images.patch_study import CONTROLS, StudySettings, algorithm_5_columns, study_pictures
    from lemmas.fsr.image_account import account
    from lemmas.fsr.image_page import render

    half = -(-len(gallery.pictures) // 2)
    each = min(MOST_PER_PICTURE, max(LEAST_PER_PICTURE, PATCHES // half))
    settings = StudySettings(patch_side=side, patches_per_picture=each)
    total, done = len(CONTROLS) + 3, count()
    studies = study_pictures(gallery.pictures, settings, seed, step=lambda name: step(next(done), total, name))
    step(next(done), total, "Algorithm 5")
    columns = algorithm_5_columns(gallery.pictures, settings, seed, ANCHORS)
    told = account(folder, gallery, settings, seed, studies, columns)
    step(next(done), total, "the page")
    page = render(told, studies, settings)
    return told, page


def _write(out: Path, texts: dict[str, str]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out {out} cannot be written: {error.strerror}") from error


def _print(told: dict[str, Any], out: Path) -> None:
    from lemmas.fsr.image_account import HEADING, rows, summary

    print_line(summary(told))
    print_line()
    print_table(HEADING[:4], [row[:4] for row in rows(told)])
    print_table(("constant", *HEADING[4:]), [[row[0], *row[4:]] for row in rows(told)])
    print_exact(f"look at {out / PAGE}")
