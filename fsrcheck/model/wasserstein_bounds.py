r"""W2 between the laws of a learned generator and its target, from both sides, level by level and for all levels together.

Above: the root mean square of ||G(z) - G*(U z)|| (see ``coupling``), rigorous in the population for any U with orthonormal
rows. Below: two dual bounds (see ``potentials``), rigorous in the population as well, one quadratic (Gelbrich's), one separable
along the target's atoms [W*_{l,j}]_p of all patches and levels, completed to an orthonormal basis. Sampling adds standard
errors only. Both sides are averages over the same latents, and the potentials are fitted to other ones.

A vector is that of all patches of a level, or of all levels, one after the other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.coupling import CHUNK_SIZE, Coupled, coupled
from fsrcheck.model.potentials import QuadraticPotential, SeparablePotentials, fitted_quadratic, fitted_separable
from fsrcheck.model.target import TargetNetwork
from fsrcheck.model.wasserstein import STANDARD_ERRORS, SampledSquare

NUM_FIT = 16384


@dataclass(frozen=True)
class WassersteinBounds:
    """Bounds of W2^2, each (batch, level), with L + 1 "levels": the levels, lowest first, and all of them together.

    Attributes:
        upper: E||X - X*||^2 on one latent, an upper bound.
        gelbrich: a lower bound by means and covariances.
        projected: a lower bound by projections on the target's atoms.
        num_samples: latents per instance that the means are over.
    """

    upper: SampledSquare
    gelbrich: SampledSquare
    projected: SampledSquare
    num_samples: int

    def lower_limit(self, standard_errors: float = STANDARD_ERRORS) -> Tensor:
        """What W2 is at least: the larger of both lower bounds, less some standard errors, (batch, level)."""
        return torch.maximum(self.gelbrich.at_least(standard_errors), self.projected.at_least(standard_errors))

    def upper_limit(self, standard_errors: float = STANDARD_ERRORS) -> Tensor:
        """What W2 is at most, with some standard errors, (batch, level)."""
        return self.upper.at_most(standard_errors)


def wasserstein_bounds(
    learned: TargetNetwork,
    target: TargetNetwork,
    *,
    seeds: Sequence[int],
    num_samples: int,
    num_fit: int = NUM_FIT,
    chunk_size: int = CHUNK_SIZE,
) -> WassersteinBounds:
    """Bound W2 of a learned network, its channels in any order, from its target.

    Potentials are fitted to ``num_fit`` latents, which are held as patches (twice float64), and averaged over ``num_samples``
    others, which are streamed.

    Raises:
        InputError: networks that cannot be coupled; ``num_samples`` or ``num_fit`` below 2.
    """
    for name, value in (("num_samples", num_samples), ("num_fit", num_fit)):
        if value < 2:
            raise InputError(f"{name} must be at least 2, got {value}")
    pair = coupled(learned, target)
    fits = list(_vectors(pair, seeds, "potentials", num_fit, chunk_size))
    potentials = _fitted(
        target, torch.cat([own for own, _ in fits], dim=1), torch.cat([true for _, true in fits], dim=1)
    )
    sums = torch.zeros(5, target.batch_size, target.num_levels + 1, dtype=torch.float64, device=target.device)
    squares = torch.zeros_like(sums)
    for own, true in _vectors(pair, seeds, "2-Wasserstein bounds", num_samples, chunk_size):
        values = potentials.values(own, true)
        sums += values.sum(dim=2)
        squares += values.square().sum(dim=2)
    means, squares = sums / num_samples, squares / num_samples
    sizes = means[3] + means[4]
    upper, gelbrich, projected = (
        SampledSquare.of_means(means[row], squares[row], num_samples, size)
        for row, size in enumerate((0 * sizes, sizes, sizes))
    )
    return WassersteinBounds(upper, gelbrich, projected, num_samples)


def atom_basis(target: TargetNetwork) -> Tensor:
    """Orthonormal basis (batch, dim, dim) of the vectors of all levels: every patch's atoms, then the rest of its space."""
    blocks = [torch.linalg.qr(level.dictionary, mode="complete").Q.unbind(dim=1) for level in target.levels]
    return torch.stack(
        [torch.block_diag(*(block[row] for level in blocks for block in level)) for row in range(target.batch_size)]
    )


@dataclass(frozen=True)
class _Potentials:
    """Potentials of all levels; ``ends`` are where a level begins and ends in the vector of all of them."""

    ends: tuple[int, ...]
    separable: SeparablePotentials
    quadratic: tuple[QuadraticPotential, ...]

    def values(self, own: Tensor, true: Tensor) -> Tensor:
        """||x - y||^2, both f(x) + g(y), ||x||^2 and ||y||^2, (5, batch, sample, level), of vectors (batch, sample, dim)."""
        parts = (
            self._by_level((own - true).square()),
            self._quadratic(own, true),
            self._by_level(self.separable.gains(own, true)),
            self._by_level(own.square()),
            self._by_level(true.square()),
        )
        return torch.stack(parts)

    def _by_level(self, values: Tensor) -> Tensor:
        """Sums of (batch, sample, dim) over each level's entries and over all."""
        sums = [values[..., start:end].sum(dim=-1) for start, end in pairwise(self.ends)]
        return torch.stack([*sums, torch.stack(sums).sum(dim=0)], dim=-1)

    def _quadratic(self, own: Tensor, true: Tensor) -> Tensor:
        slices = _slices(self.ends)
        gains = [fit.gains(own[..., at], true[..., at]) for at, fit in zip(slices, self.quadratic, strict=True)]
        return torch.stack(gains, dim=-1)


def _fitted(target: TargetNetwork, own: Tensor, true: Tensor) -> _Potentials:
    ends = [0]
    for level in target.levels:
        ends.append(ends[-1] + level.dictionary.shape[1] * level.dictionary.shape[2])
    quadratic = tuple(fitted_quadratic(own[..., at], true[..., at]) for at in _slices(tuple(ends)))
    return _Potentials(tuple(ends), fitted_separable(own, true, atom_basis(target)), quadratic)


def _slices(ends: tuple[int, ...]) -> list[slice]:
    """The entries of each level, and of all."""
    return [*(slice(start, end) for start, end in pairwise(ends)), slice(None)]


def _vectors(
    pair: Coupled, seeds: Sequence[int], purpose: str, num_samples: int, chunk_size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield G(z) and G*(U z), (batch, sample, dim), in chunks."""
    for own, true in pair.codes(seeds, purpose, num_samples, chunk_size):
        yield _flat(pair.learned.patches(own)), _flat(pair.target.patches(true))


def _flat(patches: Sequence[Tensor]) -> Tensor:
    return torch.cat([level.flatten(2) for level in patches], dim=2)
