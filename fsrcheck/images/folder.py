"""The pictures of any folder: what can be read is taken, the rest is skipped, named and counted."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from fsrcheck.errors import InputError
from fsrcheck.images.pictures import Picture, read_picture
from fsrcheck.model.streams import streams


@dataclass(frozen=True)
class Skipped:
    """A file that was left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Gallery:
    """Pictures of one set.

    Attributes:
        pictures: at least one, in the order of their names.
        skipped: files that look like images and are not among them.
    """

    pictures: tuple[Picture, ...]
    skipped: tuple[Skipped, ...] = ()


def suffixes() -> frozenset[str]:
    """What names of image files end in, as far as Pillow can read them."""
    Image.init()
    return frozenset(end for end, kind in Image.EXTENSION.items() if kind in Image.OPEN)


def image_files(folder: Path) -> list[Path]:
    """Files in the folder and below that look like images, by name; hidden ones are left out.

    Raises:
        InputError: no such folder; none in it.
    """
    if not folder.is_dir():
        raise InputError(f"folder {folder} must be a folder that is there")
    known = suffixes()
    found = sorted(path for path in _visible(folder) if path.suffix.lower() in known)
    if not found:
        raise InputError(f"folder {folder} must have images in it, got none")
    return found


def _visible(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def read_folder(
    folder: Path,
    *,
    grey: bool,
    smallest: int,
    side: int | None = None,
    most: int | None = None,
    seed: int = 0,
) -> Gallery:
    """Read a folder's pictures, all grey or all in colour (a grey one is then repeated in the three channels).

    Args:
        smallest: pictures with a shorter side below this, in pixels, are skipped.
        side: see ``Picture.shrunk``; None leaves them as large as they are.
        most: take no more than so many, drawn by ``seed``; what is not looked at is not counted as skipped.

    Raises:
        InputError: no such folder, no images in it, or none of use.
    """
    pictures: list[Picture] = []
    skipped: list[Skipped] = []
    for path in _drawn(image_files(folder), most, seed):
        if len(pictures) == most:
            break
        name = str(path.relative_to(folder))
        try:
            pictures.append(_prepared(read_picture(path, name), grey, smallest, side))
        except InputError as error:
            skipped.append(Skipped(name, str(error)))
    if not pictures:
        raise InputError(f"folder {folder} must have an image of use in it: {skipped[0].reason}")
    pictures.sort(key=lambda picture: picture.name)
    return Gallery(tuple(pictures), tuple(skipped))


def _drawn(files: list[Path], most: int | None, seed: int) -> list[Path]:
    """The files as they are, or, where there are more than are wanted, in an order by chance."""
    if most is None or len(files) <= most:
        return files
    return [files[place] for place in streams([seed], "files of a folder")[0].permutation(len(files))]


def _prepared(picture: Picture, grey: bool, smallest: int, side: int | None) -> Picture:
    if picture.shorter_side < smallest:
        height, width = picture.pixels.shape[:2]
        raise InputError(
            f"picture {picture.name} must be at least {smallest} pixels wide and high, got {width} x {height}"
        )
    one = picture.grey() if grey else picture.colour()
    return one if side is None else one.shrunk(max(side, smallest))
