"""How far a comparison lets a quantity move: the words after ``--fail``."""

import math
from dataclasses import dataclass, fields, replace

from fsrcheck.errors import InputError

ABSOLUTE = ("exponent",)  # an exponent may be 0, so no share of it is meant


@dataclass(frozen=True)
class Tolerances:
    """What may be lost without being called a regression; shares of the baseline's value unless said otherwise.

    Attributes:
        slack: of a claim in a case.
        exponent: of a fitted exponent, in absolute terms.
        constant: of a constant, and of a bound at the same constants.
        counts: of iterations and samples.
        strength: of the factor by which a control violates its claim.
    """

    slack: float = 0.10
    exponent: float = 0.05
    constant: float = 0.01
    counts: float = 0.10
    strength: float = 0.50

    def __str__(self) -> str:
        return ",".join(_written(item.name, getattr(self, item.name)) for item in fields(self))


def _written(name: str, value: float) -> str:
    return f"{name}:{value:g}" if name in ABSOLUTE else f"{name}:{100 * value:g}%"


def parse_tolerances(text: str) -> Tolerances:
    """Read ``slack:10%,exponent:0.05``; what is not named keeps its default.

    Raises:
        InputError: a word that is not ``name:value``, an unknown name or one given twice, a value that is not a
            number of at least 0, or a percentage where a plain number is meant.
    """
    found: dict[str, float] = {}
    known = [item.name for item in fields(Tolerances)]
    for word in text.split(","):
        name, colon, value = word.strip().partition(":")
        if not colon:
            raise InputError(f"tolerances must be given as name:value,name:value, got {word!r}")
        if name not in known:
            raise InputError(f"tolerances must name one of {', '.join(known)}, got {name!r}")
        if name in found:
            raise InputError(f"tolerances must name each quantity once, got {name!r} twice")
        found[name] = _value(name, value)
    return replace(Tolerances(), **found)


def _value(name: str, text: str) -> float:
    number, percent, rest = text.partition("%")
    if percent and name in ABSOLUTE:
        raise InputError(f"tolerance of {name!r} must be a plain number, got {text!r}")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = math.nan
    if rest or not 0 <= value < math.inf:
        raise InputError(f"tolerance of {name!r} must be a number >= 0, got {text!r}")
    return value
