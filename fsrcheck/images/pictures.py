"""A picture as numbers, and how a file is decoded into one.

Values are those of the file over its largest, without undoing gamma: a generator is trained on the same. Decoding is Pillow's;
the first frame of an animation is taken, the camera's orientation is applied, what is transparent is laid on white, palettes and
CMYK are converted to RGB, 16-bit grey keeps its depth, and what has three equal channels is grey.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fsrcheck.errors import InputError

GREY_WEIGHTS = (0.299, 0.587, 0.114)
"""Of red, green and blue in a grey value (ITU-R BT.601, as Pillow's mode L)."""
DEEP = ("I;16", "I;16B", "I;16L", "I")
DEEPEST = 65535.0
Pixels = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture.

    Attributes:
        name: a short name, unique in its set.
        pixels: (height, width, 1 or 3), in [0, 1].
    """

    name: str
    pixels: Pixels

    @property
    def is_grey(self) -> bool:
        """Whether there is one channel only."""
        return self.pixels.shape[2] == 1

    @property
    def shorter_side(self) -> int:
        """In pixels."""
        return min(self.pixels.shape[:2])

    def grey(self) -> "Picture":
        """The picture with one channel."""
        if self.is_grey:
            return self
        return Picture(self.name, self.pixels @ np.array(GREY_WEIGHTS)[:, None])

    def colour(self) -> "Picture":
        """The picture with three channels; a grey one has three equal ones."""
        return Picture(self.name, np.repeat(self.pixels, 3, axis=2)) if self.is_grey else self

    def shrunk(self, side: int) -> "Picture":
        """Pooled by the largest whole factor that leaves the shorter side ``side`` pixels or more.

        That removes what belongs to the file and not to what it shows: the blocks of JPEG and the sensor's interpolation.

        Raises:
            InputError: ``side`` below 1.
        """
        if side < 1:
            raise InputError(f"side must be at least 1, got {side}")
        return Picture(self.name, area_pooled(self.pixels, max(1, self.shorter_side // side)))


def area_pooled(pixels: Pixels, factor: int) -> Pixels:
    """Means over blocks of ``factor`` x ``factor`` pixels of (height, width, channel); what is left over at the edges is cut."""
    height, width = (size // factor for size in pixels.shape[:2])
    cut = pixels[: height * factor, : width * factor]
    return cut.reshape(height, factor, width, factor, -1).mean(axis=(1, 3))


def read_picture(path: Path, name: str | None = None) -> Picture:
    """Decode a file; ``name`` is the file's own if not given.

    Raises:
        InputError: it cannot be decoded.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return Picture(name or path.name, decoded(image))
    except (OSError, SyntaxError, ValueError, Warning, Image.DecompressionBombError) as error:
        reason = str(error).split("\n")[0] or type(error).__name__
        raise InputError(f"picture {path} cannot be read: {reason}") from error


def decoded(image: Image.Image) -> Pixels:
    """The pixels of an open image, (height, width, 1 or 3) in [0, 1]."""
    image.seek(0)
    upright = ImageOps.exif_transpose(image) or image
    if upright.mode in DEEP:
        return np.clip(np.asarray(upright, dtype=np.float64)[..., None] / DEEPEST, 0, 1)
    if upright.mode == "F":
        return np.clip(np.nan_to_num(np.asarray(upright, dtype=np.float64))[..., None], 0, 1)
    if upright.mode in ("1", "L"):
        return np.asarray(upright.convert("L"), dtype=np.float64)[..., None] / 255
    if upright.has_transparency_data:
        upright = on_white(upright.convert("RGBA"))
    pixels = np.asarray(upright.convert("RGB"), dtype=np.float64) / 255
    return pixels[..., :1] if bool((pixels == pixels[..., :1]).all()) else pixels


def on_white(image: Image.Image) -> Image.Image:
    """An RGBA image composited on white, in RGB."""
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
