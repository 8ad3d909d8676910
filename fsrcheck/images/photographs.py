"""Photographs that installed packages bring along; nothing is fetched and nothing is kept here.

- scikit-image (wheel), as ``skimage.data`` says: camera, chelsea and coffee are CC0; astronaut (NASA) and rocket (SpaceX) are in
  the public domain; coins (Brooklyn Museum) has no known restrictions; motorcycle is the left picture of a pair of the
  Middlebury stereo data of 2014, whose licence is not named.
- scikit-learn (wheel): china (CC BY 2.0, danielbuechele), flower (CC BY 2.0, vultilion; see the README beside them).
- Debian's ``mate-backgrounds`` (12) and ``plasma-workspace-wallpapers`` (11), both GPL-2+: optional, taken where installed.
  The remaining pictures of the two and all of ``gnome-backgrounds`` are drawings.

Left out of the wheels: drawings and diagrams (chessboards, colour wheel, horse, logo, phantom), text (page, text), textures, which
show one thing over and over (brick, grass, gravel), what microscopes, telescopes and a medical camera saw (cell, Hubble
deep field, immunohistochemistry, microaneurysms, moon, retina), and a picture that is blurred on purpose (clock).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fsrcheck.errors import InputError
from fsrcheck.images.folder import Gallery, Skipped
from fsrcheck.images.pictures import read_picture

SCIKIT_IMAGE = (
    "astronaut.png",
    "camera.png",
    "chelsea.png",
    "coffee.png",
    "coins.png",
    "motorcycle_left.png",
    "rocket.jpg",
)
SCIKIT_LEARN = ("china.jpg", "flower.jpg")
MATE = (
    "Aqua",
    "Blinds",
    "Dune",
    "FreshFlower",
    "Garden",
    "GreenMeadow",
    "LadyBird",
    "RainDrops",
    "Storm",
    "TwoWings",
    "Wood",
    "YellowFlower",
)
PLASMA = (
    "BytheWater",
    "ColdRipple",
    "ColorfulCups",
    "DarkestHour",
    "EveningGlow",
    "FallenLeaf",
    "Grey",
    "Kite",
    "OneStandsOut",
    "Path",
    "summer_1am",
)
SHARE = Path("/usr/share")
SIDE = 200
"""Pixels that the shorter side has at least; see ``Picture.shrunk``."""


@dataclass(frozen=True)
class Source:
    """Where photographs come from.

    Attributes:
        package: what has to be installed.
        licence: of its pictures, in short.
        files: those that are photographs.
    """

    package: str
    licence: str
    files: tuple[Path, ...]

    @property
    def present(self) -> tuple[Path, ...]:
        """The files that are there."""
        return tuple(path for path in self.files if path.is_file())


def wheels() -> tuple[Source, ...]:
    """The sources that come with Python packages."""
    return (
        _wheel(
            "scikit-image", "skimage", "data", SCIKIT_IMAGE, "CC0 or public domain; motorcycle (Middlebury): not named"
        ),
        _wheel("scikit-learn", "sklearn", "datasets/images", SCIKIT_LEARN, "CC BY 2.0"),
    )


def debian(share: Path = SHARE) -> tuple[Source, ...]:
    """The sources that come with Debian packages, installed below ``share``."""
    nature = share / "backgrounds" / "mate" / "nature"
    walls = share / "wallpapers"
    return (
        Source("mate-backgrounds", "GPL-2+", tuple(nature / f"{name}.jpg" for name in MATE)),
        Source("plasma-workspace-wallpapers", "GPL-2+", tuple(_largest(walls / name) for name in PLASMA)),
    )


def _wheel(package: str, module: str, folder: str, names: Sequence[str], licence: str) -> Source:
    spec = find_spec(module)
    places = list(spec.submodule_search_locations or ()) if spec else []
    root = Path(places[0]) / folder if places else Path(package)
    return Source(package, licence, tuple(root / name for name in names))


def _largest(wallpaper: Path) -> Path:
    """The largest size of a wallpaper; a path that is not there where it is not installed."""
    folder = wallpaper / "contents" / "images"
    found = sorted(folder.glob("*.*g"), key=lambda path: (path.stat().st_size, path.name))
    return found[-1] if found else folder / "none"


def photographs(sources: Sequence[Source], *, grey: bool, side: int | None = SIDE) -> Gallery:
    """The photographs of the sources, grey, or those of them that are in colour.

    Args:
        side: see ``Picture.shrunk``.

    Raises:
        InputError: none is installed.
    """
    pictures, skipped = [], []
    for source in sources:
        if not source.present:
            skipped.append(Skipped(source.package, "not installed"))
        for path in source.present:
            picture = read_picture(path, _name(path))
            if picture.is_grey and not grey:
                skipped.append(Skipped(picture.name, "not in colour"))
                continue
            one = picture.grey() if grey else picture
            pictures.append(one if side is None else one.shrunk(side))
    if not pictures:
        names = ", ".join(source.package for source in sources)
        raise InputError(f"photographs must be installed with one of {names}, got none")
    return Gallery(tuple(pictures), tuple(skipped))


def _name(path: Path) -> str:
    """The file's name without its end; a wallpaper's is that of its folder."""
    return path.parents[2].name if path.parent.name == "images" and path.parents[1].name == "contents" else path.stem
