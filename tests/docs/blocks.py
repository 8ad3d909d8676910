"""The code blocks of a Markdown file: fenced ones, indented ones (shell), and Python in comments that begin with "test:"."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

SAVED = re.compile(r"save this as `([^`]+)`", re.IGNORECASE)
HIDDEN = re.compile(r"<!-- test:\n(.*?)-->", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A code block.

    Attributes:
        language: ``python``, ``sh``, ``text`` (what the block before prints) or, in braces, a directive of the site.
        text: what it says.
        line: where it begins in its file, from 1.
        saved_as: the file that the paragraph before says to save it as.
    """

    language: str
    text: str
    line: int
    saved_as: str = ""


def blocks(path: Path) -> Iterator[Block]:
    """The blocks of a file, in order."""
    before = ""
    for token in MarkdownIt().parse(path.read_text(encoding="utf-8")):
        line = token.map[0] + 1 if token.map else 0
        if token.type in ("fence", "code_block"):
            saved = SAVED.search(before)
            yield Block(token.info or "sh", token.content, line, saved[1] if saved else "")
        elif token.type == "html_block":
            yield from (Block("python", found[1], line) for found in HIDDEN.finditer(token.content))
        if token.type in ("inline", "fence", "code_block"):
            before = token.content if token.type == "inline" else ""
