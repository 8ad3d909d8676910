"""The moments that Algorithm 1 matches, R_p = E[1{s_p > bb} X] (section B, (B.3)), in closed form and on samples.

Both oracles answer one question: for the learner's dictionary W and the discriminator's W^D and cutoff bb, which are
fixed while Algorithm 1 runs, how far is R from R*, and how does R move with W while the indicators stand still? Write
s = (W^D)^T W S; then R_p = sum_q nu_pq W_q with nu_pq = E[1{s_p > bb} S_q], so that nu is all there is to know.
Instances and patches are folded into one leading dimension `row`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from fsrcheck.gaussian.rectified_sums import RectifiedChannels, false_activation_bound, is_near_identity, moments_above
from fsrcheck.model.factor_codes import FactorCodes
from fsrcheck.model.streams import streams

CHUNK_SIZE = 2048  # samples of a row drawn at once, few enough to stay in a processor's cache
REAL_SAMPLES, FAKE_SAMPLES = "real samples of Algorithm 1", "generated samples of Algorithm 1"  # streams


@dataclass(frozen=True)
class MomentGap:
    """R* - R, shape (row, p, patch_dim), and nu, shape (row, p, q), the derivative of R with the indicators fixed."""

    gap: Tensor
    weights: Tensor


class MomentOracle(Protocol):
    """What Algorithm 1 may ask of the data.

    Attributes:
        detector: W^D, shape (row, patch_dim, channel).
        samples_drawn: per row so far.
    """

    detector: Tensor
    samples_drawn: int

    def compare(self, dictionary: Tensor) -> MomentGap:
        """Return R* - R and nu at the learner's dictionary, shape (row, patch_dim, channel)."""

    def in_range(self, dictionary: Tensor) -> Tensor:
        """Whether ``compare`` can be asked at this dictionary, (row,): not once it has run away."""


class PopulationMoments:
    """Exact expectations for codes with one common factor.

    What is dropped: samples in which a silent channel is read as active because the others add up to more than bb.
    ``dropped`` bounds it.
    """

    samples_drawn = 0

    def __init__(
        self, atoms: Tensor, target: FactorCodes, learner: FactorCodes, detector: Tensor, cutoff: Tensor
    ) -> None:
        """Fix W* (row, patch_dim, channel), the laws of S* and S, W^D (the same shape) and bb (row,)."""
        self.detector, self.cutoff = detector, cutoff
        self._atoms, self._target = atoms, target
        self._channels, self._node_weights = learner.given_factor()
        self.target_weights = self._weights(*target.given_factor(), detector.mT @ atoms)
        self._target_moments = self.target_weights @ atoms.mT

    def _weights(self, channels: RectifiedChannels, node_weights: Tensor, mixing: Tensor) -> Tensor:
        given = moments_above(channels, mixing.expand(len(node_weights), *mixing.shape), self.cutoff)
        return torch.einsum("n,n...->...", node_weights, given)

    def compare(self, dictionary: Tensor) -> MomentGap:
        """See ``MomentOracle``."""
        weights = self._weights(self._channels, self._node_weights, self.detector.mT @ dictionary)
        return MomentGap(self._target_moments - weights @ dictionary.mT, weights)

    def in_range(self, dictionary: Tensor) -> Tensor:
        """See ``MomentOracle``: while W^D still reads W as nearly the identity."""
        mixing = self.detector.mT @ dictionary
        given = is_near_identity(self._channels, mixing.expand(len(self._node_weights), *mixing.shape))
        return given.all(dim=0)

    def dropped(self, dictionary: Tensor) -> Tensor:
        """Bound, (row,), on the largest ||R_p|| that is missing at the learner's or at the true dictionary, over its nu_pp.

        The columns of both have norm 1 up to the learner's error, which is counted in full.
        """
        length = dictionary.norm(dim=1).amax(dim=-1)
        ours = self._bound(self._channels, self._node_weights, self.detector.mT @ dictionary) * length
        smallest = torch.diagonal(self.target_weights, dim1=-2, dim2=-1).amin(dim=-1)
        return (self._dropped_of_target + ours) / smallest

    @cached_property
    def _dropped_of_target(self) -> Tensor:
        return self._bound(*self._target.given_factor(), self.detector.mT @ self._atoms)

    def _bound(self, channels: RectifiedChannels, node_weights: Tensor, mixing: Tensor) -> Tensor:
        given = false_activation_bound(channels, mixing.expand(len(node_weights), *mixing.shape), self.cutoff)
        return torch.einsum("n,nrp->rp", node_weights, given).amax(dim=-1)


class SampledMoments:
    """Averages over samples: fresh ones at every call, as Algorithm 6 says, or the same ones at each.

    Samples are streamed in chunks of ``CHUNK_SIZE``; the numbers do not depend on it.
    """

    def __init__(
        self,
        atoms: Tensor,
        target: FactorCodes,
        learner: FactorCodes,
        detector: Tensor,
        cutoff: Tensor,
        *,
        seeds: Sequence[int],
        num_samples: int,
        fresh: bool = True,
    ) -> None:
        """As ``PopulationMoments``; ``num_samples`` is N of Algorithm 6, for each of X* and X at each call."""
        self.detector, self.cutoff = detector, cutoff
        self._atoms, self._target, self._learner = atoms, target, learner
        self._seeds, self._num_samples, self._fresh = seeds, num_samples, fresh
        self.samples_drawn = 0
        self._restart()

    def _restart(self) -> None:
        self._true_stream = streams(self._seeds, REAL_SAMPLES)
        self._fake_stream = streams(self._seeds, FAKE_SAMPLES)

    def compare(self, dictionary: Tensor) -> MomentGap:
        """See ``MomentOracle``."""
        if not self._fresh:
            self._restart()
        true = self._average(self._target, self._true_stream, self.detector.mT @ self._atoms)
        weights = self._average(self._learner, self._fake_stream, self.detector.mT @ dictionary)
        if self._fresh or not self.samples_drawn:
            self.samples_drawn += self._num_samples
        return MomentGap(true @ self._atoms.mT - weights @ dictionary.mT, weights)

    def in_range(self, dictionary: Tensor) -> Tensor:
        """See ``MomentOracle``: as long as it is finite."""
        return dictionary.isfinite().all(dim=-1).all(dim=-1)

    def _average(self, codes: FactorCodes, generators: Sequence[np.random.Generator], mixing: Tensor) -> Tensor:
        total = torch.zeros_like(mixing)
        for start in range(0, self._num_samples, CHUNK_SIZE):
            drawn = codes.sample(generators, min(CHUNK_SIZE, self._num_samples - start))
            active = (drawn @ mixing.mT > self.cutoff[:, None, None]).to(drawn.dtype)
            total += active.mT @ drawn
        return total / self._num_samples
