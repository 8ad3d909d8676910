r"""How far a learned generator is from its target on one and the same latent: Theorem 5.1 (l.466-470) measured.

With z ~ N(0, I) in R^{m0'} and U (m0 x m0') with orthonormal rows, U z ~ N(0, I) in R^{m0}, so that G*(U z) has the law of G*.
(The paper prints "column orthonormal", which m0 < m0' excludes; see Lemma C.18, l.1851-1862.) The U of Lemma C.18 is the one
that minimises ||V - V* U||_F. For any U, the root mean square of ||G*(U z) - G(z)|| is an upper bound of the 2-Wasserstein
distance of the two laws.

A learner finds channels in no particular order (Lemma A.1, l.481: "assume as if P is the identity"), so they are put into
the target's order first; the function of the latents stays what it was.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.alignment import match_columns
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import FirstLevel, HigherLevel, TargetNetwork

CHUNK_SIZE = 4096
ONE_SIDED_TOLERANCE = 1e-9
"""Excess of a code S over S* that is rounding: codes are of size 1."""

QUANTILES = (0.5, 0.9, 0.99, 0.999)


@dataclass(frozen=True)
class Coupled:
    """Two generators on one latent.

    Attributes:
        learned: G, its channels in the target's order.
        target: G*.
        coupling: U, (batch, latent of the target, latent of the learner), with orthonormal rows.
    """

    learned: TargetNetwork
    target: TargetNetwork
    coupling: Tensor

    def codes(
        self, seeds: Sequence[int], purpose: str, num_samples: int, chunk_size: int = CHUNK_SIZE
    ) -> Iterator[tuple[list[Tensor], list[Tensor]]]:
        """Yield S(z) and S*(U z), one tensor (batch, sample, patch, channel) a level, in chunks of fresh latents.

        Raises:
            InputError: not one seed per instance, or a number below 1.
        """
        if len(seeds) != self.target.batch_size:
            raise InputError(f"seeds must be one per instance ({self.target.batch_size}), got {len(seeds)}")
        for name, value in (("num_samples", num_samples), ("chunk_size", chunk_size)):
            if value < 1:
                raise InputError(f"{name} must be at least 1, got {value}")
        generators = streams(seeds, purpose)
        for start in range(0, num_samples, chunk_size):
            shape = (min(chunk_size, num_samples - start), self.learned.latent_dim)
            latents = standard_normal(generators, shape, self.target.device)
            yield self.learned.codes(latents), self.target.codes(latents @ self.coupling.mT)


@dataclass(frozen=True)
class CouplingErrors:
    """Errors on one latent; "level" below has L + 1 entries: the levels, lowest first, and all of them together.

    The norm of a level is that of all its patches together.

    Attributes:
        coupling: U, (batch, latent of the target, latent of the learner).
        error_rms: root mean square of ||X_l - X*_l||, (batch, level); an upper bound of the 2-Wasserstein distance of the laws.
        norm_rms: the same of ||X*_l||, (batch, level).
        relative_rms: their ratio, (batch, level); the last entry is the relative coupling error.
        relative_error: standard error of the ratio, (batch, level).
        quantiles: of ||X_l - X*_l||, (batch, level, quantile): the smallest sampled value with at least the share q of the
            samples at or below it.
        one_sided: share of the samples with S <= S* in all channels and patches of a level, (batch, level).
        code_rms: root mean square of ||S - S*||, (batch, level).
        num_samples: fresh latents per instance.
    """

    coupling: Tensor
    error_rms: Tensor
    norm_rms: Tensor
    relative_rms: Tensor
    relative_error: Tensor
    quantiles: Tensor
    one_sided: Tensor
    code_rms: Tensor
    num_samples: int


def coupled(learned: TargetNetwork, target: TargetNetwork) -> Coupled:
    """Return both networks on one latent: ``matched`` and ``latent_coupling``, whose errors this raises."""
    ordered = matched(learned, target)
    return Coupled(ordered, target, latent_coupling(ordered, target))


def matched(learned: TargetNetwork, target: TargetNetwork) -> TargetNetwork:
    """Return the learned network with the channels of every level and patch in the target's order.

    Columns of a dictionary are matched to the target's by least total distance. A column takes its channel along: the row of
    its weights, its threshold, and its place among the inputs of the level above.

    Raises:
        InputError: networks of different shapes or parents; a learned number that is not finite.
    """
    _check_alike(learned, target)
    levels: list[FirstLevel | HigherLevel] = []
    order: Tensor | None = None
    for own, true in zip(learned.levels, target.levels, strict=True):
        below, order = order, _order(own.dictionary, true.dictionary)
        taken = replace(own, dictionary=_taken(own.dictionary.mT, order).mT, thresholds=_taken(own.thresholds, order))
        if isinstance(taken, FirstLevel):
            levels.append(replace(taken, latent_weights=_taken(taken.latent_weights, order)))
        else:
            assert below is not None
            inputs = _inputs(taken.weights, taken.parents, below)
            levels.append(replace(taken, weights=_taken(inputs, order)))
    return TargetNetwork(tuple(levels))


def latent_coupling(learned: TargetNetwork, target: TargetNetwork) -> Tensor:
    """Return U (batch, m0, m0') with orthonormal rows that minimises ||V - V* U||_F over the first levels' rows of all patches.

    Theorem 5.1 (l.468), Lemma C.18 (l.1851). ``learned`` has its channels in order.

    Raises:
        InputError: m0 > m0', where no such U exists.
    """
    own, true = learned.first.latent_weights.flatten(1, 2), target.first.latent_weights.flatten(1, 2)
    if true.shape[-1] > own.shape[-1]:
        raise InputError(
            f"latent dimension of the learned network must be at least {true.shape[-1]}, the target's, got {own.shape[-1]}"
        )
    return closest_coupling(own, true)


def closest_coupling(learner: Tensor, target: Tensor) -> Tensor:
    """Return U (batch, m0, m0') with orthonormal rows that minimises ||V - V* U||_F: the orthogonal Procrustes problem.

    For m0 > m0' the columns of U are orthonormal instead.

    Args:
        learner: V, (batch, n, m0').
        target: V*, (batch, n, m0).
    """
    left, _, right = torch.linalg.svd(target.mT @ learner, full_matrices=False)
    return left @ right


def coupling_errors(
    learned: TargetNetwork,
    target: TargetNetwork,
    *,
    seeds: Sequence[int],
    num_samples: int,
    quantiles: Sequence[float] = QUANTILES,
    chunk_size: int = CHUNK_SIZE,
) -> CouplingErrors:
    """Measure a learned network, its channels in any order, against its target on ``num_samples`` fresh latents.

    Memory: ``chunk_size`` samples of all patches, and one float32 per sample and level.

    Raises:
        InputError: networks that cannot be coupled; a quantile outside (0, 1), or one with less than one sample above it.
    """
    for quantile in quantiles:
        if not 0 < quantile < 1 or (1 - quantile) * num_samples < 1 - 1e-9:
            raise InputError(f"quantiles must be in (0, 1) with a sample of {num_samples} above them, got {quantile:g}")
    pair = coupled(learned, target)
    sums: Tensor | None = None
    norms = []
    for own, true in pair.codes(seeds, "coupling errors", num_samples, chunk_size):
        errors, sizes = _squares(pair, own, true)
        found = _sums(errors, sizes, own, true)
        sums = found if sums is None else sums + found
        norms.append(errors.sqrt().float())
    assert sums is not None
    return _summary(pair, sums / num_samples, _quantiles(torch.cat(norms, dim=1), quantiles), num_samples)


def _order(learned: Tensor, dictionary: Tensor) -> Tensor:
    """The learned channel of every channel of the target, (batch, patch, channel)."""
    permutation = match_columns(learned.flatten(0, 1), dictionary.flatten(0, 1)).permutation
    return permutation.unflatten(0, dictionary.shape[:2])


def _taken(values: Tensor, order: Tensor) -> Tensor:
    """Entries (batch, patch, channel, ...) in the order (batch, patch, channel)."""
    index = order.reshape(*order.shape, *[1] * (values.dim() - 3)).expand(values.shape)
    return values.gather(2, index)


def _inputs(weights: Tensor, parents: Tensor, order: Tensor) -> Tensor:
    """Weights (batch, patch, channel, parent * previous channel) with the level below in the order (batch, patch, channel)."""
    by_parent = weights.unflatten(3, (parents.shape[1], -1))
    return by_parent.gather(4, order[:, parents][:, :, None].expand(by_parent.shape)).flatten(3)


def _check_alike(learned: TargetNetwork, target: TargetNetwork) -> None:
    if learned.num_levels != target.num_levels:
        raise InputError(
            f"learned network must have {target.num_levels} levels, as the target, got {learned.num_levels}"
        )
    for number, (own, true) in enumerate(zip(learned.levels, target.levels, strict=True), start=1):
        _check_level(own, true, number)


def _check_level(own: FirstLevel | HigherLevel, true: FirstLevel | HigherLevel, number: int) -> None:
    shapes, wanted = _shapes(own), _shapes(true)
    if shapes != wanted:
        raise InputError(f"level {number} of the learned network must have the target's shapes {wanted}, got {shapes}")
    weights = own.latent_weights if isinstance(own, FirstLevel) else own.weights
    if not all(bool(torch.isfinite(part).all()) for part in (own.dictionary, own.thresholds, weights)):
        raise InputError(f"level {number} of the learned network must be finite, got NaN or infinity")
    if isinstance(own, HigherLevel) and isinstance(true, HigherLevel) and not torch.equal(own.parents, true.parents):
        raise InputError(f"level {number} of the learned network must have the target's parents, got others")


def _shapes(level: FirstLevel | HigherLevel) -> list[tuple[int, ...]]:
    """Shapes that the two networks must share: all but the latents' number."""
    weights = level.latent_weights[..., 0] if isinstance(level, FirstLevel) else level.weights
    return [tuple(part.shape) for part in (level.dictionary, level.thresholds, weights)]


def _squares(pair: Coupled, own: list[Tensor], true: list[Tensor]) -> tuple[Tensor, Tensor]:
    """||X_l - X*_l||^2 and ||X*_l||^2, each (batch, sample, level)."""
    patches, wanted = pair.learned.patches(own), pair.target.patches(true)
    errors = [(x - y).square().sum(dim=(2, 3)) for x, y in zip(patches, wanted, strict=True)]
    return _with_total(errors), _with_total([x.square().sum(dim=(2, 3)) for x in wanted])


def _with_total(squares: list[Tensor]) -> Tensor:
    stacked = torch.stack(squares, dim=-1)
    return torch.cat([stacked, stacked.sum(dim=-1, keepdim=True)], dim=-1)


def _sums(errors: Tensor, sizes: Tensor, own: list[Tensor], true: list[Tensor]) -> Tensor:
    """Sums over the samples, (7, batch, level): e, x, e^2, x^2, e x of the squared norms; one-sided; ||S - S*||^2."""
    codes = _with_total([(s - t).square().sum(dim=(2, 3)) for s, t in zip(own, true, strict=True)])
    excess = [(s - t).amax(dim=(2, 3)) for s, t in zip(own, true, strict=True)]
    sided = torch.stack([*excess, torch.stack(excess).amax(dim=0)], dim=-1) <= ONE_SIDED_TOLERANCE
    parts = (errors, sizes, errors.square(), sizes.square(), errors * sizes, sided.to(errors), codes)
    return torch.stack([part.sum(dim=1) for part in parts])


def _quantiles(norms: Tensor, quantiles: Sequence[float]) -> Tensor:
    """Order statistics of norms (batch, sample, level), as (batch, level, quantile), float64."""
    ordered = norms.sort(dim=1).values
    ranks = [max(math.ceil(quantile * norms.shape[1] - 1e-9), 1) - 1 for quantile in quantiles]
    return ordered[:, ranks].transpose(1, 2).double()


def _summary(pair: Coupled, means: Tensor, quantiles: Tensor, num_samples: int) -> CouplingErrors:
    error, norm, error_square, norm_square, product, one_sided, code = means
    # the variance of e / E e - x / E x gives that of log sqrt(mean e / mean x)
    spread = error_square / error.square() + norm_square / norm.square() - 2 * product / (error * norm)
    relative = (error / norm).sqrt()
    return CouplingErrors(
        coupling=pair.coupling,
        error_rms=error.sqrt(),
        norm_rms=norm.sqrt(),
        relative_rms=relative,
        relative_error=torch.where(error > 0, relative * (spread.clamp(min=0) / num_samples).sqrt() / 2, 0.0),
        quantiles=quantiles,
        one_sided=one_sided,
        code_rms=code.sqrt(),
        num_samples=num_samples,
    )
