"""What the networks of the figures on pictures draw, as sheets, and what is measured of every one of them, as a table."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL.Image import Image

from fsrcheck.images.pyramid import pyramid
from fsrcheck.images.sample_sheets import sample_sheet
from fsrcheck.model.streams import streams
from fsrcheck.statement import Statement
from lemmas.fsr.image_network_runs import EACH, Parameters, samples_of
from lemmas.fsr.image_networks import (
    EARLY,
    JOINT,
    LAYERWISE,
    LAYERWISE_TOP,
    LONG,
    NO_NORM,
    RANDOM,
    RANDOM_TOP,
    SEPARATE,
    STEPS,
    WIDE,
    network,
    one_by_one,
    pictures_of,
    settings_for,
)

SAMPLES = 12  # in a row; a row a level
COLOURS = 256  # of a sheet, which keeps the file small
DIGITS = 4
STRUCTURE, MOMENTS, ACTIVITY = "fsr.fig.1", "fsr.fig.6.images", "fsr.fig.3.images"
LAYERS, CORRECTION = "fsr.fig.7.images", "fsr.fig.8.images"
OF_JOINT = (STRUCTURE, "fsr.fig.2", ACTIVITY, "fsr.fig.4", "fsr.fig.5", MOMENTS)


@dataclass(frozen=True)
class Shown:
    """One sheet.

    Attributes:
        file: its name without the ending.
        title: one line.
        arm: the network; none for the pictures that networks are trained on.
        at: after which step it is shown, by the pictures; none for the end of its training.
        statements: ids of those that look at it.
    """

    file: str
    title: str
    arm: str | None
    statements: tuple[str, ...]
    at: Callable[[str], int] | None = None


SHEETS = (
    Shown("pictures", "The pictures", None, (*OF_JOINT, LAYERS, CORRECTION)),
    Shown("joint-early", "All levels together, a tenth of the steps", JOINT, (MOMENTS,), lambda p: STEPS[p] // EARLY),
    Shown("joint", "All levels together", JOINT, OF_JOINT),
    Shown("separate", "All levels, each with a discriminator of its own", SEPARATE, (STRUCTURE,)),
    Shown("no-norm", "All levels together, without batch normalization", NO_NORM, (ACTIVITY,)),
    Shown("wide", "All levels together, twice the channels", WIDE, (ACTIVITY,)),
    Shown("long", "All levels together, twice the steps", LONG, (ACTIVITY,)),
    Shown("layer-wise", "One level after the other", LAYERWISE, (LAYERS, CORRECTION), one_by_one),
    Shown("corrected", "One level after the other, then all together", LAYERWISE, (CORRECTION,)),
    Shown("layer-wise-top", "One level after the other, each judged alone", LAYERWISE_TOP, (LAYERS,)),
    Shown("random", "The highest level above random ones, all of them judged", RANDOM, (LAYERS,)),
    Shown("random-top", "The highest level above random ones, it alone judged", RANDOM_TOP, (LAYERS,)),
)


def sheets_for(statements: Sequence[Statement]) -> list[Shown]:
    """Those that one of the statements looks at."""
    chosen = {statement.id for statement in statements}
    return [shown for shown in SHEETS if chosen.intersection(shown.statements)]


def sheet(shown: Shown, pictures: str, seed: int, device: str) -> Image:
    """Samples of network number 0 or pictures by chance, one column each, lowest level first."""
    if shown.arm is None:
        (chooser,) = streams([seed], "image gallery")
        known = pictures_of(pictures)
        chosen = torch.from_numpy(chooser.permutation(len(known))[:SAMPLES])
        levels = pyramid(known[chosen], settings_for(pictures).sizes)
    else:
        gan = network(pictures, shown.arm, 0, device)
        generator = gan.averaged if shown.at is None else gan.snapshot(shown.at(pictures))
        levels = samples_of(gan, generator, SAMPLES, seed)
    return sample_sheet(levels, num_samples=SAMPLES, columns=SAMPLES).quantize(COLOURS)


def described(shown: Shown, pictures: str) -> str:
    """What a sheet shows, in words."""
    sizes = settings_for(pictures).sizes
    what = f"{SAMPLES} {pictures}" if shown.arm is None else f"{SAMPLES} samples of network 0 ({shown.arm})"
    steps = "" if shown.at is None else f" after {shown.at(pictures)} steps"
    return f"{what}{steps}, a column each: {', '.join(map(str, sizes[:-1]))} and {sizes[-1]} pixels."


def measured(statement: Statement, scale: str, seed: int, device: str) -> Iterator[tuple[Any, ...]]:
    """Rows (statement, what is measured, its value of every network) of one trial of every case."""
    for case in statement.cases_at(scale):
        yield from _rows(statement, case, seed, device)


def _rows(statement: Statement, parameters: Parameters, seed: int, device: str) -> Iterator[tuple[Any, ...]]:
    (observation,) = statement.run(parameters, [seed], device)
    found = observation.measurements
    numbers = range(parameters.networks)
    for name in found:
        every = [found.get(EACH.format(name=name, number=number)) for number in numbers]
        if None not in every:
            yield statement.label, name, *(_rounded(one.value) for one in every if one is not None)


def _rounded(value: float) -> float | None:
    """To so many digits; None where it is no number, which JSON has no word for."""
    return float(f"{value:.{DIGITS}g}") if value == value else None
