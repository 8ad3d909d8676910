"""Markdown as pull requests show it."""

from collections.abc import Iterable
from typing import Any


def row(cells: Iterable[Any]) -> str:
    """One row of a table; bars and line breaks inside a cell do not end it."""
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
