"""``new``: begin a package of statements of another paper."""

from pathlib import Path

import click

from fsrcheck.commands.options import json_option, print_json
from fsrcheck.commands.tables import print_exact
from fsrcheck.scaffold.writing import write_package


@click.command("new")
@click.argument("paper")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=".",
    help="Where to make the folder PAPER. [default: here]",
)
@json_option
def new(paper: str, out: Path, as_json: bool) -> None:
    """Write a small package with one statement that passes, to be changed into those of PAPER."""
    folder, files = write_package(paper, out)
    if as_json:
        print_json({"paper": paper, "folder": str(folder), "files": [str(path) for path in files]})
        return
    for path in files:
        print_exact(str(path))
    print_exact(f"\nNext: cd {folder} && pip install -e . && pytest -m lemma")
