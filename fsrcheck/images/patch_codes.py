"""One-sided codes of patches: S_p = (<w_p, x> - b_p)_+ / unit_p, as the paper's ReLU units read them.

Threshold b_p and unit of each channel are chosen on the measured patches themselves: active with probability k/m, k =
``expected_active``, and 1 in the mean when active. That is what Assumption 2.2 asks of single channels; it is met by choice, as
a generator's biases are free to meet it, and how the channels go together is what is found. (Two other choices were tried first.
With one threshold for all channels some are hardly ever active. With thresholds from the pictures that the dictionary was
learned from, other pictures with half or twice the contrast have a third or three times as many active channels, and that is all
one sees.)
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.images.whitening import Whitening


@dataclass(frozen=True, eq=False)
class CodeReader:
    """From patches to readings and codes.

    Attributes:
        whitening: of the patches to learn from.
        atoms: (rank, channel), orthonormal.
        thresholds, units: see above, (channel,).
        power: what the codes are raised to: 1 is the paper's ReLU, more is a control (small codes pile up at 0, large ones grow).
    """

    whitening: Whitening
    atoms: Tensor
    thresholds: Tensor
    units: Tensor
    power: int = 1

    @property
    def num_channels(self) -> int:
        """m."""
        return self.atoms.shape[1]

    def readings(self, patches: Tensor) -> Tensor:
        """(..., dim) to (..., channel), signed."""
        return self.whitening.whiten(patches) @ self.atoms

    def codes(self, readings: Tensor) -> Tensor:
        """Readings to codes, of the same shape."""
        return (readings - self.thresholds).clamp(min=0).pow(self.power) / self.units

    def features(self) -> Tensor:
        """What a unit of each code adds to a patch, (channel, dim)."""
        return self.atoms.mT @ self.whitening.backward


def code_reader(
    whitening: Whitening, atoms: Tensor, patches: Tensor, expected_active: float, power: int = 1
) -> CodeReader:
    """Choose thresholds and units on patches (picture, sample, dim).

    Raises:
        InputError: ``expected_active`` not between 0 and half of the channels; a channel that takes one value only.
    """
    if not 0 < expected_active <= atoms.shape[1] / 2:
        raise InputError(
            f"expected_active must be above 0 and at most half of {atoms.shape[1]} channels, got {expected_active:g}"
        )
    readings = (whitening.whiten(patches) @ atoms).flatten(0, 1)
    silent = round(len(readings) * (1 - expected_active / atoms.shape[1]))
    thresholds = readings.mT.contiguous().kthvalue(max(1, min(silent, len(readings) - 1)), dim=1).values
    excess = (readings - thresholds).clamp(min=0).pow(power)
    active = (excess > 0).sum(dim=0)
    if not bool((active > 0).all()):
        raise InputError("patches must differ in every direction, got a channel that is never active")
    return CodeReader(whitening, atoms, thresholds, excess.sum(dim=0) / active, power)


def energy_count(readings: Tensor, share: float) -> Tensor:
    """The least number of readings (..., channel) with ``share`` of the sum of their squares, (...).

    It does not depend on the length of a patch, that is, on its contrast.
    """
    rising = np.sort(readings.square().cpu().numpy(), axis=-1)  # of short rows, in a ninth of the time that torch takes
    squares = torch.from_numpy(rising).to(readings.device).flip(-1).cumsum(dim=-1)
    return 1 + (squares < share * squares[..., -1:]).sum(dim=-1)
