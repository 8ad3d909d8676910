r"""Statistics of a learner's codes against the target's: sparsity, marginals and pairs (what Lemmas C.6 and C.10 are about).

Both are sampled on one latent (see ``coupling``), which leaves each law as it is and makes the sampling error of a difference
as small as the difference of the codes.

Relative differences are (learned - true) / true. A pair that fires together more rarely than by chance is compared with chance,
that is, with the product of the true marginals: relative errors of what hardly ever happens say nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.coupling import CHUNK_SIZE, coupled
from fsrcheck.model.target import TargetNetwork


@dataclass(frozen=True)
class Difference:
    """Relative differences of one statistic over the channels or pairs of a level, each (batch, level).

    Attributes:
        largest: the largest |relative difference|.
        largest_error: the standard error of that one.
        rms: root mean square of the relative differences.
        noise: root mean square of their standard errors: what ``rms`` would be by chance if there were no difference.

    NaN where a level has no such pair (one patch has no pairs across patches).
    """

    largest: Tensor
    largest_error: Tensor
    rms: Tensor
    noise: Tensor


@dataclass(frozen=True)
class CodeStatistics:
    """Learned against true codes, level by level.

    Attributes:
        rates: Pr[S_p > 0].
        means: E S_p.
        squares: E S_p^2.
        pair_rates: Pr[S_p > 0, S_q > 0] of two channels of a patch.
        pair_moments: E S_p S_q of two channels of a patch.
        cross_rates, cross_moments: the same of channels of two patches of the level.
        active, true_active: expected number of active channels of a patch, mean over the patches, (batch, level).
        num_samples: fresh latents per instance.
    """

    rates: Difference
    means: Difference
    squares: Difference
    pair_rates: Difference
    pair_moments: Difference
    cross_rates: Difference
    cross_moments: Difference
    active: Tensor
    true_active: Tensor
    num_samples: int


def code_statistics(
    learned: TargetNetwork,
    target: TargetNetwork,
    *,
    seeds: Sequence[int],
    num_samples: int,
    chunk_size: int = CHUNK_SIZE,
) -> CodeStatistics:
    """Measure the codes of a learned network, its channels in any order, on ``num_samples`` fresh latents.

    Memory: a chunk, and ten matrices of a level's channels squared.

    Raises:
        InputError: networks that cannot be coupled; a channel of the target that was never seen active.
    """
    pair = coupled(learned, target)
    levels = [_Sums.empty(level.thresholds) for level in target.levels]
    for own, true in pair.codes(seeds, "code statistics", num_samples, chunk_size):
        for sums, code, wanted in zip(levels, own, true, strict=True):
            sums.add(code, wanted)
    rows = [sums.differences(num_samples, number) for number, sums in enumerate(levels, start=1)]
    names = rows[0][0].keys()
    found = {name: _stacked([differences[name] for differences, _ in rows]) for name in names}
    active, true_active = torch.stack([active for _, active in rows], dim=-1)
    return CodeStatistics(**found, active=active, true_active=true_active, num_samples=num_samples)


@dataclass
class _Sums:
    """Sums over the samples of one level, channels of all patches in one row.

    ``pairs`` (2, 5, batch, channel, channel): of f = 1{S > 0} and of f = S, the sums of f f', f* f*', (f f')^2, (f* f*')^2 and
    f f' f* f*', where f' is of another channel and f* of the target.
    ``means`` (2, batch, channel) and ``product`` (batch, channel): of S and S*, and of S S*.
    """

    num_patches: int
    pairs: Tensor
    means: Tensor
    product: Tensor

    @classmethod
    def empty(cls, thresholds: Tensor) -> "_Sums":
        batch, num_patches, num_channels = thresholds.shape
        size = num_patches * num_channels
        return cls(
            num_patches,
            thresholds.new_zeros(2, 5, batch, size, size),
            thresholds.new_zeros(2, batch, size),
            thresholds.new_zeros(batch, size),
        )

    def add(self, own: Tensor, true: Tensor) -> None:
        own, true = own.flatten(2), true.flatten(2)
        for sums, first, second in zip(self.pairs, ((own > 0).to(own), own), ((true > 0).to(true), true), strict=True):
            parts = (first, second, first.square(), second.square(), first * second)
            for total, part in zip(sums, parts, strict=True):
                total += part.mT @ part
        self.means += torch.stack([own.sum(dim=1), true.sum(dim=1)])
        self.product += (own * true).sum(dim=1)

    def differences(self, num_samples: int, number: int) -> tuple[dict[str, Difference], Tensor]:
        """The differences by name, and the expected number active of both codes, (2, batch)."""
        pairs, means, product = self.pairs / num_samples, self.means / num_samples, self.product / num_samples
        # on the diagonal are E f^2 and so on: rates in the first row, second moments in the other
        single = pairs.diagonal(dim1=-2, dim2=-1)
        if not bool((single[0, 1] > 0).all()):
            raise InputError(
                f"num_samples must be such that every channel of level {number} is seen active, got {num_samples}"
            )
        code = torch.stack([means[0], means[1], single[1, 0], single[1, 1], product])
        everywhere = torch.ones_like(means[0], dtype=torch.bool)
        found = {
            "rates": _difference(single[0], single[0, 1], num_samples, everywhere),
            "means": _difference(code, means[1], num_samples, everywhere),
            "squares": _difference(single[1], single[1, 1], num_samples, everywhere),
        }
        statistics = (("rates", pairs[0], single[0, 1]), ("moments", pairs[1], means[1]))
        for name, mask in self._scopes():
            for kind, moments, marginal in statistics:
                reference = torch.maximum(moments[1], marginal[:, :, None] * marginal[:, None])
                found[f"{name}_{kind}"] = _difference(moments, reference, num_samples, mask.expand(reference.shape))
        return found, single[0, :2].sum(dim=-1) / self.num_patches

    def _scopes(self) -> tuple[tuple[str, Tensor], tuple[str, Tensor]]:
        """Each pair p < q once: (channel, channel) of one patch, and of two."""
        size = self.means.shape[-1]
        patch = torch.arange(size, device=self.means.device) // (size // self.num_patches)
        once = torch.ones(size, size, dtype=torch.bool, device=patch.device).triu(diagonal=1)
        together = patch[:, None] == patch
        return ("pair", once & together), ("cross", once & ~together)


def _difference(moments: Tensor, reference: Tensor, num_samples: int, mask: Tensor) -> Difference:
    """Relative differences from E h, E h*, E h^2, E h*^2, E h h* (5, batch, ...) at ``mask``, (batch,) each.

    A reference E h* is sampled as well: the error of E h / E h* is that of E h - c E h*, c = E h / E h*, over E h*. One by chance
    counts as known.
    """
    own, true, own_square, true_square, product = moments
    factor = torch.where(reference == true, own / reference, 1.0)
    variance = own_square - 2 * factor * product + factor.square() * true_square - (own - factor * true).square()
    relative = ((own - true) / reference)[mask].reshape(len(mask), -1)
    errors = ((variance.clamp(min=0) / num_samples).sqrt() / reference)[mask].reshape(len(mask), -1)
    if relative.shape[1] == 0:
        nothing = torch.full_like(reference.flatten(1)[:, 0], torch.nan)
        return Difference(nothing, nothing, nothing, nothing)
    largest, at = relative.abs().max(dim=1)
    return Difference(largest, errors.gather(1, at[:, None])[:, 0], *(_rms(values) for values in (relative, errors)))


def _rms(values: Tensor) -> Tensor:
    return values.square().mean(dim=1).sqrt()


def _stacked(levels: list[Difference]) -> Difference:
    """(batch,) of each level as (batch, level)."""
    return Difference(
        *(
            torch.stack([getattr(level, name) for level in levels], dim=-1)
            for name in ("largest", "largest_error", "rms", "noise")
        )
    )
