"""Files inside the page: a link that holds what it leads to, packed where that is long."""

import base64
import gzip
from dataclasses import dataclass
from urllib.parse import quote

LONGEST_PLAIN = 2000  # characters of a link; the points of a plot may have fifty thousand, and pack to a quarter


@dataclass(frozen=True)
class DataLink:
    """A link to a file: its address, the name to save it as, and whether it is packed by gzip.

    The page's script unpacks a packed file when it is saved; without scripts it is saved as ``.gz``.
    """

    href: str
    download: str
    packed: bool


def data_link(text: str, name: str) -> DataLink:
    """The CSV file ``name`` with content ``text`` as a link; the same text gives the same link on any day."""
    plain = "data:text/csv;charset=utf-8," + quote(text, safe=",.-_")
    if len(plain) <= LONGEST_PLAIN:
        return DataLink(plain, name, packed=False)
    packed = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    return DataLink(f"data:application/gzip;base64,{packed}", f"{name}.gz", packed=True)
