"""Colour emoji as pictures: the bitmaps of Noto Color Emoji (OFL-1.1), read from the font where it is installed.

Debian has it in ``fonts-noto-color-emoji``. The font's CBDT table holds PNG pictures of 136 x 128 pixels with an alpha channel;
they are composited on white, made square with white rows above and below, and pooled by area: to 64 x 64 pixels of 8 bits, and
from there by whole factors, so that a smaller size is the pooled larger one. The order is that of the font's glyphs.

Near-duplicates: most are one drawing in several skin tones, or a family with other members. Two emoji are near-duplicates when
their pictures at 16 x 16 pixels differ by less than ``NEAR`` in the root mean square over pixels and channels. The later one of
the two is left out, in the order of the glyphs, unless the earlier one is out already: 3569 of 3926 stay.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fsrcheck.errors import InputError
from fsrcheck.images.pictures import Pixels, on_white

FONT_NAME = "NotoColorEmoji.ttf"
FONT_FOLDERS = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path("~/.local/share/fonts"),
    Path("~/.fonts"),
    Path("/Library/Fonts"),
)
SIZES = (8, 16, 32, 64)
COMPARED = 16
NEAR = 0.04
ROWS = 256  # compared at once with all others


def emoji_font(folders: Iterable[Path] = FONT_FOLDERS) -> Path:
    """Find the font in the usual folders.

    Raises:
        InputError: it is not there.
    """
    for folder in folders:
        found = sorted(folder.expanduser().rglob(FONT_NAME)) if folder.expanduser().is_dir() else []
        if found:
            return found[0]
    raise InputError(
        f"font {FONT_NAME} must be installed (Debian: fonts-noto-color-emoji), got none in the font folders"
    )


def emoji(size: int, *, font: Path | None = None, distinct: bool = True) -> Pixels:
    """The emoji as (picture, size, size, 3), in [0, 1].

    Args:
        size: 8, 16, 32 or 64 pixels.
        font: where the font is; searched for if not given.
        distinct: leave near-duplicates out.

    Raises:
        InputError: another size; no font, or one without such bitmaps.
    """
    if size not in SIZES:
        raise InputError(f"size must be one of {', '.join(map(str, SIZES))}, got {size}")
    largest = _largest(font or emoji_font())
    return _pooled(largest[distinct_places(_pooled(largest, COMPARED))] if distinct else largest, size)


def _pooled(pictures: NDArray[np.uint8], size: int) -> Pixels:
    """Means over blocks of (picture, side, side, 3) in 8 bits, as (picture, size, size, 3) in [0, 1]."""
    number, side = pictures.shape[:2]
    factor = side // size
    sums = pictures.reshape(number, size, factor, size, factor, 3).sum(axis=(2, 4), dtype=np.uint32)
    return sums / (255.0 * factor**2)


def distinct_places(pictures: Pixels, near: float = NEAR) -> list[int]:
    """Which of (picture, ...) stay when those near an earlier one that stays are left out."""
    rows = pictures.reshape(len(pictures), -1)
    squares = (rows**2).sum(axis=1)
    out = np.zeros(len(rows), dtype=bool)
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        apart = squares[start : start + ROWS, None] + squares - 2 * part @ rows.T
        close = apart < rows.shape[1] * near**2
        for place, near_it in enumerate(close, start=start):
            if not out[place]:
                out[place + 1 :] |= near_it[place + 1 :]
    return np.flatnonzero(~out).tolist()


@lru_cache(maxsize=1)
def _largest(font: Path) -> NDArray[np.uint8]:
    """All bitmaps on white at the largest size, (picture, 64, 64, 3)."""
    found = [np.asarray(squared(image).resize((SIZES[-1],) * 2, Image.Resampling.BOX)) for image in bitmaps(font)]
    if not found:
        raise InputError(f"font {font} must have colour bitmaps (a CBDT table with PNG pictures), got none")
    return np.stack(found)


def squared(image: Image.Image) -> Image.Image:
    """An image in the middle of the smallest white square that holds it, in RGB."""
    side = max(image.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(on_white(image.convert("RGBA")), ((side - image.width) // 2, (side - image.height) // 2))
    return square


def bitmaps(font: Path) -> Iterator[Image.Image]:
    """The bitmaps of the font's first strike in the order of its glyphs; nothing if it has none.

    Raises:
        InputError: no font in the file.
    """
    from fontTools.ttLib import TTFont, TTLibError

    try:
        table = TTFont(font, lazy=True)
        glyphs: Sequence[str] = table.getGlyphOrder()
        strike = table["CBDT"].strikeData[0] if "CBDT" in table else {}
    except (OSError, TTLibError) as error:
        raise InputError(f"font {font} cannot be read: {error}") from error
    for name in glyphs:
        if name in strike:
            yield Image.open(BytesIO(strike[name].imageData))
