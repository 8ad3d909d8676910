"""A trial: one run of a statement on one instance, as plain numbers that are kept and judged later."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Parameter = bool | int | float | str


@dataclass(frozen=True)
class Measurement:
    """A measured value with the standard error of that measurement (0 where nothing was sampled)."""

    value: float
    standard_error: float = 0.0

    @property
    def is_usable(self) -> bool:
        """Whether the value can be compared: not NaN, with an error that is finite and not negative."""
        return not math.isnan(self.value) and 0 <= self.standard_error < math.inf


@dataclass(frozen=True)
class Observation:
    """What a statement's ``run`` returns for one instance.

    Attributes:
        premises: margin of each assumption; the assumption holds when the margin is at least 0.
        measurements: what the claims speak of.
        counts: samples, iterations and the like, asserted instead of seconds.
    """

    premises: Mapping[str, float]
    measurements: Mapping[str, Measurement]
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """An observation with everything needed to repeat it: statement, parameters, seed, versions, device.

    Attributes:
        device: ``cpu`` or ``cuda``.
        files: digest of the content of every file that a parameter names, by parameter.
    """

    statement: str
    parameters: Mapping[str, Parameter]
    seed: int
    observation: Observation
    device: str = "cpu"
    versions: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def measurement(self, name: str) -> Measurement:
        """Return a measurement by name; an absent one is NaN, which no claim accepts."""
        return self.observation.measurements.get(name, Measurement(math.nan))

    def failed_premises(self, waived: frozenset[str] = frozenset()) -> list[str]:
        """Names of the premises whose margin is not at least 0 (NaN fails too), except the waived ones."""
        margins = self.observation.premises
        return [name for name, margin in margins.items() if name not in waived and not margin >= 0]


@dataclass(frozen=True)
class Case:
    """All trials of one set of parameters, in the order of their seeds.

    Attributes:
        parameters: the parameters at which the claim is asserted (a frozen dataclass of the lemma module). In
            a control these stay the nominal ones while the trials were run with something broken.
    """

    parameters: Any
    trials: Sequence[Trial]
    waived: frozenset[str] = frozenset()

    @property
    def applicable(self) -> list[Trial]:
        """The trials whose premises all hold, waived ones aside."""
        return [trial for trial in self.trials if not trial.failed_premises(self.waived)]
