"""Algorithms 5 and 1 on N given patches: no fresh samples, no knowledge of the dictionary.

The paper's learner of the output layer as a user would run it who has N patches and nothing else, to be compared with
what that user would take instead (``fsrcheck.training.peers``). Algorithm 1 needs codes of the learner's own, which in the
paper come from Algorithm 2; here a `code source` delivers them, anything between the true law (``drawn_codes``) and what
can be read off the patches alone (``fitted_codes``, ``decoded_codes``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian import density, inverse_tail
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.output_layer import SharpenSettings, sharpen
from fsrcheck.training.patch_source import Draw
from fsrcheck.training.sample_oracle import SampleOracle
from fsrcheck.training.truncated_moments import MomentGap
from fsrcheck.training.warm_start import WarmStartResult, WarmStartSettings, warm_start

CHUNK_SIZE = 2048  # samples of a row at once: arrays that stay in cache
CodeSource = Callable[[Tensor, Tensor], Tensor]
"""(dictionary, cutoff) -> the learner's codes (row, sample, channel)."""


class GivenPatches:
    """A ``PatchSource`` of N patches, shape (row, sample, patch_dim): the sample set is all of them, in their order.

    Every other stream (the anchors of Algorithm 5) draws from them with replacement.
    """

    def __init__(self, patches: Tensor, num_channels: int, seeds: Sequence[int]) -> None:
        """Refuse patches that are no batch, or not one seed for each row."""
        if patches.ndim != 3 or len(patches) != len(seeds):
            raise InputError(
                f"patches must be (row, sample, patch_dim) with {len(seeds)} rows, got {tuple(patches.shape)}"
            )
        self.patches, self.num_channels, self.seeds = patches, num_channels, tuple(seeds)
        self.num_rows, _, self.patch_dim = patches.shape
        self.device = patches.device

    def stream(self, purpose: str) -> Draw:
        """Return a function that draws the next n patches, shape (row, n, patch_dim)."""
        if purpose.startswith("warm start: sample set"):
            return _in_order(self.patches)
        generators = streams(self.seeds, purpose)
        return lambda count: self._drawn(generators, count)

    def _drawn(self, generators: Sequence[np.random.Generator], count: int) -> Tensor:
        chosen = np.stack([generator.integers(self.patches.shape[1], size=count) for generator in generators])
        return self.patches.take_along_dim(torch.from_numpy(chosen).to(self.device)[..., None], dim=1)


def _in_order(patches: Tensor) -> Draw:
    position = 0

    def draw(count: int) -> Tensor:
        nonlocal position
        position += count
        return patches[:, position - count : position]

    return draw


class GivenCodes:
    """A ``MomentOracle`` on given codes, the same at every call, and target moments known beforehand."""

    samples_drawn = 0

    def __init__(
        self,
        target_moments: Tensor,
        codes: Tensor,
        detector: Tensor,
        cutoff: Tensor,
        known_weights: Tensor | None = None,
    ) -> None:
        """Fix R* (row, channel, patch_dim), S (row, sample, channel), W^D (row, patch_dim, channel) and bb (row,).

        ``known_weights`` is nu at W = W^D from more codes than are given, (row, channel, channel): the given ones then tell only
        how nu changes with W.
        """
        self.detector, self.cutoff = detector, cutoff
        self._codes, self._target_moments = codes, target_moments
        self._correction = torch.zeros_like(detector[:, 0, 0, None, None])
        if known_weights is not None:
            self._correction = known_weights - self._weights(detector)

    def _weights(self, dictionary: Tensor) -> Tensor:
        return sum_above(self._codes, dictionary.mT @ self.detector, self.cutoff) / self._codes.shape[1]

    def compare(self, dictionary: Tensor) -> MomentGap:
        """See ``MomentOracle``."""
        weights = self._weights(dictionary) + self._correction
        return MomentGap(self._target_moments - weights @ dictionary.mT, weights)

    def in_range(self, dictionary: Tensor) -> Tensor:
        """See ``MomentOracle``: as long as it is finite."""
        return dictionary.isfinite().all(dim=-1).all(dim=-1)


class GivenMoments(GivenCodes):
    """``GivenCodes`` with the target moments of given patches."""

    def __init__(self, patches: Tensor, codes: Tensor, detector: Tensor, cutoff: Tensor) -> None:
        """Fix X* (row, sample, patch_dim); the others as ``GivenCodes``."""
        super().__init__(sum_above(patches, detector, cutoff) / patches.shape[1], codes, detector, cutoff)


def sum_above(samples: Tensor, mixing: Tensor, cutoff: Tensor) -> Tensor:
    """The sum of 1{(mixing^T X)_p > bb} X over X = ``samples`` (row, sample, size), (row, p, size)."""
    total = torch.zeros_like(mixing.mT)
    for part in samples.split(CHUNK_SIZE, dim=1):
        active = (part @ mixing).gt_(cutoff[:, None, None])  # in place: ones and zeros in the samples' own type
        total += active.mT @ part
    return total


def drawn_codes(draw: Callable[[], Tensor]) -> CodeSource:
    """Codes of a known law, whatever the dictionary: knowledge that patches alone do not give."""
    return lambda dictionary, cutoff: draw()


def fitted_codes(patches: Tensor, seeds: Sequence[int]) -> CodeSource:
    """Independent rectified Gaussians, fitted channel by channel to what the dictionary reads off the patches.

    Pr[s_p > bb] and E[s_p - bb | s_p > bb] of s = W^T X* determine scale and threshold of S_p = a (g - t)_+; above bb the
    other channels' contribution to s_p is small. As many codes as patches are drawn. That channels are independent is
    assumed, not read off.
    """

    def draw(dictionary: Tensor, cutoff: Tensor) -> Tensor:
        scales, thresholds = fit_rectified(patches @ dictionary, cutoff)
        shape = (patches.shape[1], dictionary.shape[-1])
        latents = standard_normal(streams(seeds, "generated codes"), shape, patches.device)
        return scales[:, None] * (latents - thresholds[:, None]).clamp(min=0)

    return draw


def fit_rectified(readings: Tensor, cutoff: Tensor) -> tuple[Tensor, Tensor]:
    """Return scales a and thresholds t, each (row, channel), of a (g - t)_+ fitted above ``cutoff`` (row,).

    With q = Pr[s > bb], u = Q^-1(q) and the mean excess e = E[s - bb | s > bb]: a = e / (phi(u)/q - u), t = u - bb/a. A
    channel that is never, or always, above the cutoff tells nothing and becomes silent, a = t = 0.
    """
    excess = (readings - cutoff[:, None, None]).clamp(min=0)
    above = (excess > 0).to(readings.dtype).mean(dim=1)
    telling = (above > 0) & (above < 1)
    level = inverse_tail(torch.where(telling, above, 0.5))
    scales = torch.where(telling, excess.mean(dim=1) / (density(level) - level * above), 0.0)
    return scales, torch.where(telling, level - cutoff[:, None] / scales, 0.0)


def decoded_codes(patches: Tensor) -> CodeSource:
    """The patches' own codes as the dictionary reads them, S_p = s_p 1{s_p > bb} with s = W^T X*.

    Not the paper's: R and R* are then means over the same samples, so that what pairs of channels do by chance in one
    does so in the other, and no law of the codes is assumed. What is read is wrong by the dictionary's error.
    """

    def read(dictionary: Tensor, cutoff: Tensor) -> Tensor:
        readings = patches @ dictionary
        return torch.where(readings > cutoff[:, None, None], readings, 0.0)

    return read


@dataclass(frozen=True)
class SharpenRounds:
    """Rounds of Algorithm 1, each with the last dictionary as W^D.

    Attributes:
        cutoffs: bb of every round, in units of a typical active code.
        settings: of every round.
    """

    cutoffs: tuple[float, ...]
    settings: SharpenSettings


SURROGATE = SharpenSettings(power=2.0, max_steps=15, tolerance=1e-2)
"""The quadratic surrogate of Algorithm 1; the noise of fixed samples makes further precision worthless."""
TWO_ROUNDS = SharpenRounds((1.0, 1.0), SURROGATE)
"""For drawn codes: W^D renewed once, without which a coarse start stays coarse. More rounds or lower cutoffs gain nothing."""
HALVING = SharpenRounds((1.0, 0.5, 0.25, 0.125), SURROGATE)
"""For ``decoded_codes``, whose error falls with the cutoff."""


def unit_of(patches: Tensor, num_channels: int) -> Tensor:
    """Return the size of a typical active code as the patches (row, sample, patch_dim) tell it, (row,)."""
    return _oracle(patches, num_channels, range(len(patches))).code_moments().unit


def find_dictionary(patches: Tensor, num_channels: int, seeds: Sequence[int]) -> WarmStartResult:
    """Run Algorithm 5, the repaired rule, on N patches (row, sample, patch_dim); the unit of the codes is estimated."""
    return warm_start(_oracle(patches, num_channels, seeds), WarmStartSettings.repaired())


def _oracle(patches: Tensor, num_channels: int, seeds: Sequence[int]) -> SampleOracle:
    source = GivenPatches(patches, num_channels, seeds)
    return SampleOracle(source, patches.shape[1], keep_bytes=patches.numel() * patches.element_size())


def sharpen_dictionary(
    patches: Tensor, dictionary: Tensor, codes: CodeSource, unit: Tensor, rounds: SharpenRounds
) -> Tensor:
    """Run rounds of Algorithm 1 from ``dictionary`` (row, patch_dim, channel); ``unit`` (row,) is that of the codes.

    A row that diverges keeps the dictionary it had.
    """
    for multiple in rounds.cutoffs:
        cutoff = multiple * unit
        oracle = GivenMoments(patches, codes(dictionary, cutoff), dictionary, cutoff)
        found = sharpen(oracle, dictionary, rounds.settings)
        dictionary = torch.where(found.diverged[:, None, None], dictionary, found.dictionary)
    return dictionary
