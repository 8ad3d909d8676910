"""Tables and lines on standard output; text is shown as it is, never read as markup."""

import sys
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fsrcheck.commands.maths import readable

WIDTH = 120  # of output that does not go to a terminal
STYLES = {
    "HOLDS": "green",
    "SUPPORTED": "green",
    "CERTIFIED": "green",
    "PROVED": "bold green",
    "REPAIRED": "cyan",
    "caught": "green",
    "VIOLATED": "bold red",
    "REFUTED": "magenta",
    "MISSED": "bold red",
    "INCONCLUSIVE": "yellow",
    "VACUOUS": "yellow",
    "INAPPLICABLE": "yellow",
    "NOT_EVALUATED": "yellow",
    "OPEN": "yellow",
}


def console() -> Console:
    """A console on the standard output of this moment."""
    return Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False, emoji=False, markup=False)


def styled(word: str) -> Text:
    """A cell; words that are an outcome or a verdict have its colour."""
    return Text(word, style=STYLES.get(word, ""))


def print_table(heading: Sequence[str], rows: Iterable[Sequence[str]], indent: int = 2) -> None:
    """Print a table without frames; nothing at all if there are no rows."""
    table = Table(*heading, box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(styled(readable(cell)) for cell in row))
    if table.row_count:
        console().print(Padding(table, (0, 0, 0, indent), expand=False))


def print_line(text: str = "", style: str = "", indent: int = 0) -> None:
    """Print a line, broken at words; formulas become readable."""
    console().print(Padding(Text(readable(text), style=style), (0, 0, 0, indent), expand=False))


def print_exact(text: str, indent: int = 0) -> None:
    """Print a line that is meant to be copied: never broken."""
    console().print(Text(" " * indent + text), soft_wrap=True)


def print_fields(pairs: Iterable[tuple[str, str]], indent: int = 2) -> None:
    """Print names with their texts in two columns, leaving out empty texts."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, text in pairs:
        if text:
            table.add_row(Text(name), styled(readable(text)))
    console().print(Padding(table, (0, 0, 0, indent), expand=False))
