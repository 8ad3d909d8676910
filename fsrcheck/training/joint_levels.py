r"""Several levels of a generator trained together against one discriminator, as in Figure 8; Algorithm 4 never does.

The paper says of Figure 8 only that all levels become trainable. Here the discriminator is that of D^(5) (section 4.2), on the
reads of all levels that it sees side by side, f(s) = ReLU(s - b), s = (W^D_l)^T X_l with W^D the dictionaries at the start:

    D(X) = <a, f> + f^T A f,    trained against quadratic penalties on a and A.

Its maximum is known: a weighted sum of (E f_p - E f*_p)^2 and (E f_p f_q - E f*_p f*_q)^2 over all p and q, also of two patches or
two levels; the weights are inverse variances, for p != q those of independent channels. The generator descends on that maximum
by Adam, on fresh latents; the target's moments are averages over all samples. Columns of W are of length 1 throughout.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import FirstLevel, HigherLevel, TargetNetwork
from fsrcheck.training.level_samples import LevelSamples, chunks, reads

MOMENTUM = (0.9, 0.99)
"""Adam's betas."""


@dataclass(frozen=True)
class JointSettings:
    """How levels are trained together.

    Attributes:
        trained: levels whose W, V and b move; 1 is the lowest.
        seen: levels whose patches the discriminator sees.
        num_steps, batch_size: T, and fresh latents in each step.
        step_size: Adam's; it falls linearly to 0 over the last half of the steps.
        cutoff: b, in the units of the samples.
    """

    trained: tuple[int, ...]
    seen: tuple[int, ...]
    num_steps: int = 400
    batch_size: int = 1024
    step_size: float = 3e-3
    cutoff: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what no descent can have."""
        for name in ("trained", "seen"):
            levels = getattr(self, name)
            if not levels or min(levels) < 1 or len(set(levels)) < len(levels):
                raise InputError(f"{name} must be different levels from 1 on, got {levels}")
        for name, least in (("num_steps", 0), ("batch_size", 1), ("cutoff", 0)):
            if not getattr(self, name) >= least:
                raise InputError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not self.step_size > 0:
            raise InputError(f"step_size must be positive, got {self.step_size}")

    def eta(self, step: int) -> float:
        """The share of Adam's step size in a step."""
        return min(1.0, 2 * (1 - step / max(self.num_steps, 1)))


@dataclass(frozen=True)
class JointDiscriminator:
    """The target's moments and their weights.

    Attributes:
        detectors: W^D of every level that is seen.
        seen, cutoff: see ``JointSettings``.
        means, products: E f* and E f* f*^T, (batch, neuron) and (batch, neuron, neuron), all levels and patches side by side.
        mean_weights, product_weights: of the squared differences.
    """

    detectors: Sequence[Tensor]
    seen: tuple[int, ...]
    cutoff: float
    means: Tensor
    products: Tensor
    mean_weights: Tensor
    product_weights: Tensor

    @classmethod
    def of(cls, samples: LevelSamples, network: TargetNetwork, settings: JointSettings) -> "JointDiscriminator":
        """Average f, f f^T and f^4 over all samples.

        Raises:
            InputError: a channel is never seen above b.
        """
        detectors = [network.levels[level - 1].dictionary for level in settings.seen]
        totals: list[Tensor] = []
        for parts in chunks(samples, settings.seen):
            seen = _above([reads(part, w) for part, w in zip(parts, detectors, strict=True)], settings.cutoff)
            found = [seen.sum(dim=1), seen.mT @ seen, seen.square().square().sum(dim=1)]
            totals = found if not totals else [total + part for total, part in zip(totals, found, strict=True)]
        means, products, fourths = (total / samples.num_samples for total in totals)
        squares = products.diagonal(dim1=1, dim2=2)
        if not bool((squares > 0).all()):
            raise InputError(
                f"num_samples must show every channel above {settings.cutoff:g}, got {samples.num_samples}"
            )
        spread = squares[:, :, None] * squares[:, None]
        own = torch.diag_embed(spread.diagonal(dim1=1, dim2=2) + squares.square() - fourths)
        return cls(detectors, settings.seen, settings.cutoff, means, products, 1 / squares, 0.5 / (spread - own))

    def value(self, network: TargetNetwork, latents: Tensor) -> Tensor:
        """Its maximum over a and A, summed over instances."""
        codes = network.codes(latents)
        mixings = [
            w.mT @ network.levels[level - 1].dictionary for w, level in zip(self.detectors, self.seen, strict=True)
        ]
        seen = _above(
            [_mixed(codes[level - 1], mix) for mix, level in zip(mixings, self.seen, strict=True)], self.cutoff
        )
        products = seen.mT @ seen / seen.shape[1]
        gaps = (products - self.products).square() * self.product_weights
        return gaps.sum() + ((seen.mean(dim=1) - self.means).square() * self.mean_weights).sum()


def train_jointly(
    network: TargetNetwork, samples: LevelSamples, settings: JointSettings, *, seeds: Sequence[int]
) -> TargetNetwork:
    """Train levels of ``network`` together on samples of typical codes of size 1; the other levels stay as they are.

    Raises:
        InputError: levels that the network does not have; not one seed per instance; samples in which a channel is never seen.
    """
    if len(seeds) != network.batch_size:
        raise InputError(f"seeds must be one per instance ({network.batch_size}), got {len(seeds)}")
    if max(*settings.trained, *settings.seen) > network.num_levels:
        given = f"trained = {settings.trained} and seen = {settings.seen}"
        raise InputError(f"trained and seen must be levels up to {network.num_levels}, got {given}")
    discriminator = JointDiscriminator.of(samples, network, settings)
    start = TargetNetwork(network.levels[: max(*settings.trained, *settings.seen)])
    free = {level: _free(start.levels[level - 1]) for level in settings.trained}
    optimiser = torch.optim.Adam([part for parts in free.values() for part in parts], settings.step_size, MOMENTUM)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, settings.eta)
    latents = streams(seeds, "latents of joint training")
    for _ in range(settings.num_steps):
        drawn = standard_normal(latents, (settings.batch_size, network.latent_dim), network.device)
        optimiser.zero_grad(set_to_none=True)
        discriminator.value(_with(start, free), drawn).backward()
        optimiser.step()
        schedule.step()
    trained = _with(start, {level: [part.detach() for part in parts] for level, parts in free.items()})
    return TargetNetwork((*trained.levels, *network.levels[trained.num_levels :]))


def _free(level: FirstLevel | HigherLevel) -> list[Tensor]:
    """W, V and b as leaves."""
    weights = level.latent_weights if isinstance(level, FirstLevel) else level.weights
    return [part.clone().requires_grad_() for part in (level.dictionary, weights, level.thresholds)]


def _with(network: TargetNetwork, free: dict[int, list[Tensor]]) -> TargetNetwork:
    """The network with these W, V and b; columns of W divided by their lengths."""
    levels = list(network.levels)
    for number, (dictionary, weights, thresholds) in free.items():
        level, unit = levels[number - 1], dictionary / dictionary.norm(dim=-2, keepdim=True)
        levels[number - 1] = (
            replace(level, dictionary=unit, latent_weights=weights, thresholds=thresholds)
            if isinstance(level, FirstLevel)
            else replace(level, dictionary=unit, weights=weights, thresholds=thresholds)
        )
    return TargetNetwork(tuple(levels))


def _above(read: Sequence[Tensor], cutoff: float) -> Tensor:
    """ReLU(s - b) of reads (batch, sample, patch, channel) of several levels side by side, (batch, sample, neuron)."""
    return torch.cat([part.flatten(2) for part in read], dim=2).sub(cutoff).clamp(min=0)


def _mixed(codes: Tensor, mixing: Tensor) -> Tensor:
    """s = (W^D)^T W S, patch by patch, (batch, sample, patch, channel)."""
    return (codes.transpose(1, 2) @ mixing.mT).transpose(1, 2)
