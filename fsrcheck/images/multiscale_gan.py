"""Training a multi-scale GAN on the pooled images of a set (MSG-GAN, Karnewar and Wang 2019): the instrument of Figures 1 to 8.

One step: a generated batch; the discriminator's step on it and on a true batch; the generator's step on the same generated batch
against the new discriminator. Losses: hinge with spectral normalisation (Miyato et al. 2018), or WGAN-GP (Gulrajani et al. 2017).
Adam. Samples are drawn from an exponential average of the generator's weights (Karras et al. 2018), short at the beginning of a
phase. Computed in float32, which is what such networks are trained in; whatever is measured on the images is to be in float64.

Measured on 3569 emoji of 32 pixels (3000 steps of all levels, batches of 32, one core of a server's CPU; ``quality`` by scale
from 32 to 4 pixels, in units of the floor; 6 is asked for; WGAN-GP: five seeds, the others one):

    WGAN-GP                                         8.2-8.6  3.7-4.0  3.2-3.7  2.0-2.4   9.5 steps a second
    hinge and spectral normalisation                  8.9      6.6      8.2      4.6    12.7 steps a second
    Gaussian with the true mean and covariance       14.5      9.7      3.3      2.0
    the same, clipped                                11.5      7.7      4.3      4.6

The finest scale stays above 6: outputs are linear, and half of the true pixels are exactly white, which takes an exact 1.

All randomness is a function of the seed and the number of the step, so a run goes on from any step as if it had not been stopped:
bit by bit on the CPU with the same number of threads.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fsrcheck.errors import InputError
from fsrcheck.images.multiscale_networks import MultiscaleDiscriminator, MultiscaleGenerator, SeparateDiscriminators
from fsrcheck.images.multiscale_settings import HINGE, WGAN_GP, MultiscaleSettings, Phase
from fsrcheck.images.pyramid import check_images, pyramid
from fsrcheck.model.streams import standard_normal, streams

CHUNK = 256  # images generated at a time
WARM_UP = 10  # the average after t steps of a phase is over at most about t / WARM_UP of them


@dataclass(frozen=True)
class Losses:
    """After a step (counted from 1) of all phases: what each player has minimised, before its step."""

    step: int
    discriminator: float
    generator: float


@dataclass
class MultiscaleGan:
    """A run of training. Networks, optimisers and snapshots can be looked at between steps.

    Attributes:
        images: true images (image, 3, size, size) in [0, 1], size that of the highest level.
        settings: of networks and steps.
        seed: of weights, latents and batches.
        phases: one after the other; by default 3000 steps of all levels.
        snapshots_at: numbers of steps after which the generator and its average are kept; 0 is the beginning.
        device: where everything is computed.
        step: steps done.
        generator, averaged, discriminator: the networks; between steps in evaluation mode, so that looking changes nothing.
        snapshots: by number of the step, states of "generator" and "averaged".
    """

    images: Tensor
    settings: MultiscaleSettings
    seed: int
    phases: tuple[Phase, ...] = ()
    snapshots_at: tuple[int, ...] = ()
    device: torch.device | str = "cpu"
    step: int = field(default=0, init=False)
    snapshots: dict[int, dict[str, dict[str, Tensor]]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Refuse what does not fit; make the networks."""
        settings = self.settings
        self.phases = tuple(self.phases) or (Phase(3000, tuple(range(1, settings.num_levels + 1))),)
        self._check()
        levels = pyramid(2 * self.images.float() - 1, settings.sizes)
        self._true = [level.to(self.device, memory_format=torch.channels_last) for level in levels]
        self.generator = self._placed(MultiscaleGenerator(settings, seed=2 * self.seed)).eval()
        discriminator = SeparateDiscriminators if settings.separate else MultiscaleDiscriminator
        self.discriminator = self._placed(discriminator(settings, seed=2 * self.seed + 1))
        self.discriminator.eval().requires_grad_(False)
        self.averaged = deepcopy(self.generator).requires_grad_(False)
        self._generator_steps = self._adam(self.generator, settings.step_size)
        self._discriminator_steps = self._adam(self.discriminator, settings.discriminator_step_size)
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.long)
        self._keep_snapshot()

    @property
    def num_steps(self) -> int:
        """Of all phases."""
        return sum(phase.num_steps for phase in self.phases)

    @property
    def latent_purpose(self) -> str:
        """Under which ``streams`` give the latents of samples."""
        return "multi-scale GAN: samples"

    def run(self, until: int | None = None, progress: Callable[[Losses], None] | None = None) -> None:
        """Train up to a number of steps, by default to the end of the last phase.

        Raises:
            InputError: a loss that is not finite.
        """
        last = self.num_steps if until is None else min(until, self.num_steps)
        while self.step < last:
            losses = self.advance()
            if progress is not None:
                progress(losses)

    def advance(self) -> Losses:
        """One step of both players.

        Raises:
            InputError: the phases are over, or a loss is not finite.
        """
        phase, done = self._phase()
        self._set_rates(phase, done)
        self.generator.set_trained(phase.trained)
        generated = self.generator(self._latents(), phase.top)
        read = {level: generated[level - 1] for level in phase.levels_read}
        discriminator = self._discriminator_step(self._true_batch(phase), read)
        generator = self._generator_step(read)
        self.generator.eval()
        self.step += 1
        if not isfinite(discriminator + generator):
            raise InputError(f"losses must stay finite, got {discriminator}, {generator} in step {self.step}")
        self._average(done)
        self._keep_snapshot()
        return Losses(self.step, discriminator, generator)

    def latents(self, num_samples: int, seed: int) -> Tensor:
        """Latents (sample, latent) of samples, float32, on the device; other than those of training."""
        normal = standard_normal(streams([seed], self.latent_purpose), (num_samples, self.settings.latent_dim))
        return normal[0].float().to(self.device)

    @torch.no_grad()
    def sample(self, num_samples: int, seed: int, *, averaged: bool = True, chunk: int = CHUNK) -> list[Tensor]:
        """Images (sample, 3, size_l, size_l) of every level, in units of [0, 1] but not clipped.

        From the running means and sizes of batch normalisation, not from those of the samples.
        """
        network = self.averaged if averaged else self.generator
        pieces = [network(latents) for latents in self.latents(num_samples, seed).split(chunk)]
        return [(torch.cat(level) + 1) / 2 for level in zip(*pieces, strict=True)]

    def snapshot(self, step: int, *, averaged: bool = True) -> MultiscaleGenerator:
        """The generator as it was after a step, in evaluation mode.

        Raises:
            InputError: it was not kept.
        """
        if step not in self.snapshots:
            raise InputError(f"step must be one of the snapshots {sorted(self.snapshots)}, got {step}")
        network = deepcopy(self.averaged)
        network.load_state_dict(self.snapshots[step]["averaged" if averaged else "generator"])
        return network

    def state(self) -> dict[str, Any]:
        """Where the run stands, as plain dictionaries of tensors and numbers."""
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        return {**parts, "step": self.step, "snapshots": self.snapshots}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go to a state of the same run."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.step, self.snapshots = state["step"], dict(state["snapshots"])

    def _parts(self) -> dict[str, Any]:
        return {
            "generator": self.generator,
            "averaged": self.averaged,
            "discriminator": self.discriminator,
            "generator_steps": self._generator_steps,
            "discriminator_steps": self._discriminator_steps,
        }

    def _check(self) -> None:
        check_images(self.images)
        _, channels, size, _ = self.images.shape
        if (channels, size) != (3, self.settings.sizes[-1]):
            wanted = f"3 colours and {self.settings.sizes[-1]} pixels"
            raise InputError(f"images must have {wanted}, got {channels} and {size}")
        if len(self.images) < self.settings.batch_size:
            raise InputError(f"images must be at least a batch of {self.settings.batch_size}, got {len(self.images)}")
        highest = max(phase.top for phase in self.phases)
        if highest > self.settings.num_levels:
            raise InputError(f"trained levels must be at most {self.settings.num_levels}, got {highest}")

    def _placed(self, network: nn.Module) -> Any:
        return network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _adam(self, network: nn.Module, step_size: float) -> torch.optim.Adam:
        betas = (float(self.settings.first_moment), float(self.settings.second_moment))
        return torch.optim.Adam(network.parameters(), lr=step_size, betas=betas, fused=True)

    def _phase(self) -> tuple[Phase, int]:
        """The phase of the next step, and how many of its steps are done."""
        done = self.step
        for phase in self.phases:
            if done < phase.num_steps:
                return phase, done
            done -= phase.num_steps
        raise InputError(f"steps must be at most the {self.num_steps} of all phases, got one more")

    def _set_rates(self, phase: Phase, done: int) -> None:
        start = self.settings.decay_from * phase.num_steps
        factor = 1.0 if done < start else (phase.num_steps - done) / (phase.num_steps - start)
        self._generator_steps.param_groups[0]["lr"] = factor * self.settings.step_size
        self._discriminator_steps.param_groups[0]["lr"] = factor * self.settings.discriminator_step_size

    def _latents(self) -> Tensor:
        shape = (self.settings.batch_size, self.settings.latent_dim)
        return (
            standard_normal(streams([self.seed], f"multi-scale GAN: latents {self.step}"), shape)[0]
            .float()
            .to(self.device)
        )

    def _true_batch(self, phase: Phase) -> dict[int, Tensor]:
        """Every image once an epoch, in an order of its own; the rest that fills no batch is left out."""
        batch = self.settings.batch_size
        epoch, number = divmod(self.step, len(self.images) // batch)
        if epoch != self._epoch:
            (generator,) = streams([self.seed], f"multi-scale GAN: order {epoch}")
            self._epoch, self._order = epoch, torch.from_numpy(generator.permutation(len(self.images)))
        rows = self._order[number * batch : (number + 1) * batch].to(self.device)
        return {level: self._true[level - 1][rows] for level in phase.levels_read}

    def _discriminator_step(self, true: Mapping[int, Tensor], generated: Mapping[int, Tensor]) -> float:
        self.discriminator.train().requires_grad_(True)
        given = {level: torch.cat([true[level], generated[level].detach()]) for level in true}
        scores = self.discriminator(given)
        loss = discriminator_loss(self.settings.loss, *scores.chunk(2))
        if self.settings.loss == WGAN_GP:
            loss = loss + self.settings.penalty * self._slope_penalty(true, generated)
        self._discriminator_steps.zero_grad()
        loss.backward()
        self._discriminator_steps.step()
        self.discriminator.eval().requires_grad_(False)
        return float(loss.detach())

    def _generator_step(self, generated: Mapping[int, Tensor]) -> float:
        loss = generator_loss(self.discriminator(generated))
        self._generator_steps.zero_grad()
        loss.backward()
        self._generator_steps.step()
        return float(loss.detach())

    def _slope_penalty(self, true: Mapping[int, Tensor], generated: Mapping[int, Tensor]) -> Tensor:
        """Mean of (|grad D| - 1)^2 between pairs of true and generated images, those of all levels together if D reads them so."""
        (generator,) = streams([self.seed], f"multi-scale GAN: mixing {self.step}")
        part = torch.from_numpy(generator.random((self.settings.batch_size, 1, 1, 1))).float().to(self.device)
        mixed = {level: generated[level].detach().lerp(true[level], part).requires_grad_() for level in true}
        slopes = torch.autograd.grad(self.discriminator(mixed).sum(), list(mixed.values()), create_graph=True)
        apart = [[slope] for slope in slopes] if self.settings.separate else [slopes]
        return torch.stack([slope_penalty(group) for group in apart]).mean()

    @torch.no_grad()
    def _average(self, done: int) -> None:
        kept = min(self.settings.averaging, (1 + done) / (WARM_UP + done))
        for old, new in zip(self.averaged.state_dict().values(), self.generator.state_dict().values(), strict=True):
            if old.is_floating_point():
                old.lerp_(new, 1 - kept)
            else:
                old.copy_(new)

    def _keep_snapshot(self) -> None:
        if self.step in self.snapshots_at:
            parts = {"generator": self.generator, "averaged": self.averaged}
            self.snapshots[self.step] = {name: _copied(part.state_dict()) for name, part in parts.items()}


def discriminator_loss(kind: str, true: Tensor, generated: Tensor) -> Tensor:
    """What the discriminator minimises, of scores (sample, ...), without the penalty of WGAN-GP."""
    if kind == HINGE:
        return functional.relu(1 - true).mean() + functional.relu(1 + generated).mean()
    return generated.mean() - true.mean()


def generator_loss(generated: Tensor) -> Tensor:
    """What the generator minimises, of scores (sample, ...), with either loss."""
    return -generated.mean()


def slope_penalty(slopes: Sequence[Tensor]) -> Tensor:
    """Mean over samples of (norm - 1)^2, the norm over all levels' slopes (sample, ...)."""
    squares = sum((slope.flatten(1).square().sum(dim=1) for slope in slopes), torch.zeros(()))
    return ((squares + 1e-12).sqrt() - 1).square().mean()


def _copied(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in state.items()}
