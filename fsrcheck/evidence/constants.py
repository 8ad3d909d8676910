"""Explicit constants with their provenance, and how a fitted one is frozen.

A fitted constant is an upper (or lower) *tolerance limit*: the extreme of n independent calibration trials
exceeds the 95 % quantile of a fresh trial with confidence 1 - 0.95^n (S. S. Wilks, 1941). With n >= 405 that
confidence is 1 - 1e-9, so that "a fresh trial exceeds the constant with probability at most 5 %" may be taken
as known.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import Enum
from typing import Any

EXCEEDANCE_RATE = 0.05
CONFIDENCE_DEFICIT = 1e-9


class Provenance(Enum):
    """Where a constant comes from."""

    PAPER = "printed in the paper"
    DERIVED = "derived; the proof is in the docstring of the lemma module"
    CHOSEN = "an explicit reading of the paper's unnamed constant, fixed before any run"
    FITTED = "fitted on calibration trials and frozen"


@dataclass(frozen=True)
class Range:
    """The values of a parameter on which a constant was fitted: an interval of numbers or a set of words."""

    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Iterable[Any]) -> "Range":
        """Return the range spanned by ``values``; truth values and strings count as words."""
        found = list(values)
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in found):
            return cls(low=min(found), high=max(found))
        return cls(words=tuple(sorted({str(value) for value in found})))

    def __contains__(self, value: Any) -> bool:
        if self.words:
            return str(value) in self.words
        return self.low is not None and self.high is not None and self.low <= value <= self.high

    def __str__(self) -> str:
        return "{" + ", ".join(self.words) + "}" if self.words else f"[{self.low:g}, {self.high:g}]"


@dataclass(frozen=True)
class Constant:
    """A named explicit constant.

    Attributes:
        name: unique within its statement.
        value: the number.
        provenance: paper, derived, chosen or fitted.
        note: what it is, in one line.
        trials: for a fitted constant, the number of calibration trials in each case.
        ranges: for a fitted constant, the parameters on which it was fitted.
    """

    name: str
    value: float
    provenance: Provenance
    note: str = ""
    trials: int = 0
    ranges: Mapping[str, Range] = field(default_factory=dict)

    @property
    def exceedance_rate(self) -> float:
        """Largest probability with which a fresh trial of a true claim exceeds the constant."""
        return EXCEEDANCE_RATE if self.provenance is Provenance.FITTED else 0.0

    def outside(self, parameters: Any) -> list[str]:
        """Say which parameters lie outside the range of the fit; empty for constants that were not fitted.

        A parameter that the fit did not know, because it is newer than the fit, lies outside as well.
        """
        if self.provenance is not Provenance.FITTED:
            return []
        return [
            f"{item.name} = {value} outside {self.ranges.get(item.name, 'a fit that did not know it')}"
            for item in fields(parameters)
            if (value := getattr(parameters, item.name)) not in self.ranges.get(item.name, Range())
        ]


def calibration_trials(rate: float = EXCEEDANCE_RATE, deficit: float = CONFIDENCE_DEFICIT) -> int:
    """Smallest n whose extreme is beyond the 1 - ``rate`` quantile with confidence 1 - ``deficit``.

    ``(1 - rate)^n <= deficit``; 405 at the defaults.
    """
    return math.ceil(math.log(deficit) / math.log1p(-rate))


def freeze(name: str, ratios_by_case: Sequence[tuple[Any, Sequence[float]]], *, upper: bool, note: str) -> Constant:
    """Return the fitted constant: the extreme of measured / shape over all calibration trials of all cases.

    Args:
        name: name of the constant.
        ratios_by_case: pairs of parameters (a dataclass) and the ratios measured there.
        upper: whether the constant bounds from above.
        note: what the constant is.

    Raises:
        ValueError: no case, a case with fewer trials than the tolerance limit needs, or a ratio that is not
            finite.
    """
    if not ratios_by_case:
        raise ValueError(f"calibration must have >= 1 case for {name!r}, got none")
    needed = calibration_trials()
    for parameters, ratios in ratios_by_case:
        if len(ratios) < needed:
            raise ValueError(f"calibration must have >= {needed} trials a case, got {len(ratios)} at {parameters}")
        if not all(math.isfinite(ratio) for ratio in ratios):
            raise ValueError(f"calibration ratios must be finite, got a run without a result at {parameters}")
    extreme = max if upper else min
    names = asdict(ratios_by_case[0][0])
    return Constant(
        name=name,
        value=extreme(ratio for _, ratios in ratios_by_case for ratio in ratios),
        provenance=Provenance.FITTED,
        note=note,
        trials=min(len(ratios) for _, ratios in ratios_by_case),
        ranges={key: Range.of(getattr(parameters, key) for parameters, _ in ratios_by_case) for key in names},
    )
