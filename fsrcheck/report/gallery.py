"""Pictures that were made before this run, by long ones: sheets of samples with the measures of the networks that drew them.

A gallery is a folder with a ``gallery.json`` and the PNG files that it names.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsrcheck.errors import InputError
from fsrcheck.report.error_tables import Table, read_json, tables_in

LIST = "gallery.json"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST = 1_500_000
"""Bytes of all pictures: the page is to stay below 5 MB, and they grow by a third in it."""
WORDS = ("file", "title", "text")
SHAPE = '{"sheets": [{"file": ..., "title": ..., "text": ..., "statements": [...]}], "tables": [...], "made": ...}'


@dataclass(frozen=True)
class Sheet:
    """A picture for the page.

    Attributes:
        title: one line.
        text: what is to be seen, for readers who see it and for those who do not; LaTeX between dollar signs.
        statements: ids of those that look at what is shown.
        source: the PNG as a data URI.
    """

    title: str
    text: str
    statements: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Gallery:
    """Sheets and tables.

    Attributes:
        made: how, when and by what code.
    """

    sheets: tuple[Sheet, ...] = ()
    tables: tuple[Table, ...] = ()
    made: str = ""

    @property
    def statements(self) -> frozenset[str]:
        """Ids of those of which something is shown."""
        return frozenset(id for sheet in self.sheets for id in sheet.statements)


EMPTY = Gallery()


def read_gallery(folder: Path) -> Gallery:
    """The gallery in a folder.

    Raises:
        InputError: its list or a picture cannot be read, is of another shape or kind, or all are too large for a page.
    """
    path = folder / LIST
    content = read_json(path)
    tables = tables_in(content, path)
    items, made = content.get("sheets"), content.get("made", "")
    if not isinstance(items, list) or not isinstance(made, str):
        raise InputError(f"{path} must be {SHAPE}, got no list 'sheets' or no text 'made'")
    for number, item in enumerate(items, start=1):
        _require_words(item, f"{path}: sheet {number}")
    pictures = [_png(folder / item["file"]) for item in items]
    if (size := sum(map(len, pictures))) > LARGEST:
        raise InputError(f"pictures of {folder} must be at most {LARGEST} bytes in all, got {size}")
    return Gallery(tuple(map(_sheet, items, pictures)), tuple(tables), made)


def _require_words(item: Any, where: str) -> None:
    if not isinstance(item, dict) or not all(isinstance(item.get(name), str) for name in WORDS):
        raise InputError(f"{where} must have the texts {', '.join(WORDS)}")
    statements = item.get("statements")
    if not isinstance(statements, list) or not all(isinstance(id, str) for id in statements):
        raise InputError(f"{where} must have a list of ids 'statements'")
    if Path(item["file"]).name != item["file"]:
        raise InputError(f"{where} must name a file beside the list, got {item['file']!r}")


def _png(path: Path) -> bytes:
    try:
        found = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} must be a readable PNG file ({error.strerror})") from None
    if not found.startswith(SIGNATURE):
        raise InputError(f"{path} must be a PNG file, got something else")
    return found


def _sheet(item: Mapping[str, Any], png: bytes) -> Sheet:
    source = f"data:image/png;base64,{b64encode(png).decode()}"
    return Sheet(item["title"], item["text"], tuple(item["statements"]), source)
