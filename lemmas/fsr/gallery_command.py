"""``fsrcheck gallery``: sample sheets of the networks behind the figures on pictures, and what is measured of each of them."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fsrcheck.commands import options
from fsrcheck.commands.options import current_registry, print_json, seed_or_fresh, selected
from fsrcheck.commands.progress import shown
from fsrcheck.commands.tables import print_exact
from fsrcheck.errors import InputError
from fsrcheck.report import require_writable
from fsrcheck.report.gallery import LIST
from fsrcheck.runs.environment import hardware, resolve_device, versions
from fsrcheck.statement import Statement
from lemmas.fsr.image_network_runs import Parameters
from lemmas.fsr.image_networks import pictures_of

if TYPE_CHECKING:
    from PIL.Image import Image

HEADING = ("statement", "measured")


@click.command("gallery")
@click.argument("statements", nargs=-1, metavar="[ID]...")
@options.scale_option
@options.seed_option
@options.device_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports/gallery"),
    show_default=True,
    metavar="DIR",
    help=f"Folder for the PNG files and {LIST}.",
)
@options.json_option
def gallery(statements: tuple[str, ...], scale: str, seed: int | None, device: str, out: Path, as_json: bool) -> None:
    """Draw samples of the networks that statements on pictures look at, and list what is measured of each network.

    All such statements if none is named. Networks are trained where they are not kept yet: at scale standard for hours.
    `report --gallery` shows the folder.
    """
    place = resolve_device(device)
    chosen = about_networks(selected(current_registry(), statements), explicit=bool(statements))
    pictures = {case.pictures for one in chosen for case in one.cases_at(scale)}
    for name in pictures:
        pictures_of(name)
    require_writable(out)
    number = seed_or_fresh(seed)
    found, images = _drawn(chosen, sorted(pictures), scale, number, place, quiet=as_json)
    _write(out, found, images)
    if as_json:
        print_json(found)
    else:
        print_exact(f"{len(images)} sheets and {len(found['tables'][0]['rows'])} measures; read {out / LIST}")


def about_networks(statements: Sequence[Statement], *, explicit: bool) -> list[Statement]:
    """Those that look at trained networks.

    Raises:
        InputError: a statement was named and does not.
    """
    found = [one for one in statements if issubclass(one.parameters, Parameters)]
    others = [one.id for one in statements if one not in found]
    if not found or (explicit and others):
        raise InputError(f"statements must look at networks trained on pictures, got {', '.join(others) or 'none'}")
    return found


def _drawn(
    statements: Sequence[Statement], pictures: Sequence[str], scale: str, seed: int, device: str, *, quiet: bool
) -> tuple[dict[str, Any], dict[str, "Image"]]:
    """The list and the sheets by file name."""
    from lemmas.fsr import image_gallery

    rows: list[tuple[Any, ...]] = []
    listed: list[dict[str, Any]] = []
    images: dict[str, Image] = {}
    sheets = image_gallery.sheets_for(statements)
    total = len(statements) + len(sheets) * len(pictures)
    with shown(quiet) as progress:
        for done, statement in enumerate(statements):
            progress("gallery", done, total)
            rows += image_gallery.measured(statement, scale, seed, device)
        for name in pictures:
            for one in sheets:
                progress("gallery", len(statements) + len(images), total)
                file = f"{name}-{one.file}.png"
                images[file] = image_gallery.sheet(one, name, seed, device)
                text = image_gallery.described(one, name)
                listed.append({"file": file, "title": one.title, "text": text, "statements": list(one.statements)})
        progress("gallery", total, total)
    return {"sheets": listed, "tables": [_table(rows)], "made": _made(statements, scale, seed, device)}, images


def _table(rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    width = max(map(len, rows))
    networks = [f"network {number}" for number in range(width - len(HEADING))]
    return {
        "title": "What is measured of every network",
        "text": "Claims are judged by the network that speaks most against them. One trial.",
        "columns": [*HEADING, *networks],
        "rows": [[*row, *[None] * (width - len(row))] for row in rows],
    }


def _made(statements: Sequence[Statement], scale: str, seed: int, device: str) -> str:
    ids = " ".join(one.id for one in statements)
    software = ", ".join(f"{name} {number}" for name, number in versions().items())
    return f"Made by `fsrcheck gallery {ids} --scale {scale} --seed {seed}`, {date.today()}; {hardware(device)}; {software}."


def _write(out: Path, found: dict[str, Any], images: dict[str, "Image"]) -> None:
    from fsrcheck.images.sample_sheets import save_sheet

    try:
        for file, image in images.items():
            save_sheet(out / file, image)
        (out / LIST).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out {out} cannot be written: {error.strerror}") from error
