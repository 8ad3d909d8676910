"""Fills in the templates of a package of statements."""

import os
import shutil
import tempfile
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fsrcheck.errors import InputError

TEMPLATES = Path(__file__).with_name("templates")
SUFFIX = ".jinja"


def write_package(paper: str, out: Path) -> tuple[Path, list[Path]]:
    """Write the project ``out/paper`` and return its folder and files.

    Everything is written aside and then moved, so that there is a whole project or none.

    Raises:
        InputError: ``paper`` is not a usable name, the folder exists, or ``out`` cannot be written.
    """
    require_usable(paper)
    folder = out / paper
    if os.path.lexists(folder):
        raise InputError(f"folder of the new package must not exist yet, got {str(folder)!r}")
    contents = render(paper)
    try:
        out.mkdir(parents=True, exist_ok=True)
        _write_all(contents, folder)
    except OSError as error:
        raise InputError(f"output folder must be writable, got {str(out)!r} ({error.strerror})") from None
    return folder, [folder / name for name in contents]


def require_usable(paper: str) -> None:
    """See that a name can be a package, a distribution and the first part of ids.

    Raises:
        InputError: it cannot.
    """
    plain = paper.isidentifier() and paper.isascii() and paper == paper.strip("_") and not iskeyword(paper)
    if not plain:
        raise InputError(f"PAPER must be a Python identifier such as 'hoeffding', got {paper!r}")
    if find_spec(paper) is not None:
        raise InputError(f"PAPER must not be the name of a module that is there already, got {paper!r}")


def render(paper: str) -> dict[str, str]:
    """The files of the project: path inside it, and text."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    return {
        _path(name, paper): environment.get_template(name).render(paper=paper)
        for name in environment.list_templates(filter_func=lambda name: name.endswith(SUFFIX))
    }


def _path(template: str, paper: str) -> str:
    head, *tail = template.removesuffix(SUFFIX).split("/")
    return "/".join([paper if head == "package" else head, *tail])


def _write_all(contents: dict[str, str], folder: Path) -> None:
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    aside.chmod(0o755)  # mkdtemp keeps others out; a project need not
    try:
        for name, text in contents.items():
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            (aside / name).write_text(text, encoding="utf-8")
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
