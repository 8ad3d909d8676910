"""Generator and discriminator of a multi-scale GAN (Figure 1 of the paper; Karnewar and Wang 2019, MSG-GAN; float32).

Generator: S_1 = ReLU(V_1 z), S_l = ReLU(V_l * S_{l-1}), X_l = W_l * S_l, where V_1 is linear, V_l (l > 1) and W_l are
deconvolutions of stride 2 without a nonlinearity after W_l, with or without batch normalisation before each ReLU. S_l has
``first_size`` 2^(l-1) pixels and X_l twice as many, in [-1, 1] for pictures.

Discriminator: its first layers F_l = LeakyReLU(W^D_l * X_l) (convolutions of stride 2, one a level) mirror the outputs. From the
highest level read downwards, H_l = F_l + LeakyReLU(U_l * H_{l+1}), and the score is linear in LeakyReLU(U_0 H_1), U_0 a full
matrix. (Linear in H_1 itself it would be the sum of a score of X_1 and one of all others, blind to whether X_1 and X_2 fit
together.) Either one discriminator reads all levels, or every level has one of its own.

Levels are numbered from 1, as in the paper. All weights follow from one seed, the same on every device.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from fsrcheck.errors import InputError
from fsrcheck.images.multiscale_settings import MultiscaleSettings

SLOPE = 0.2
"""Of the discriminator's leaky ReLU for negative arguments."""
STRIDE = 2
HIDDEN_KERNEL = 4
COLOURS = 3


class MultiscaleGenerator(nn.Module):
    """Latents (sample, latent) to images of all levels."""

    def __init__(self, settings: MultiscaleSettings, seed: int) -> None:
        super().__init__()
        self.settings = settings
        channels, bias = settings.hidden_channels, not settings.batch_norm
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            first = _First(settings.latent_dim, channels[0], settings.first_size, bias)
            higher = [_deconvolution(*pair, HIDDEN_KERNEL, bias) for pair in pairwise(channels)]
            norms = (nn.BatchNorm2d(width) if settings.batch_norm else nn.Identity() for width in channels)
            self.hidden = nn.ModuleList(map(_hidden_layer, [first, *higher], norms))
            outputs = (_deconvolution(m, COLOURS, settings.kernel_size, settings.output_bias) for m in channels)
            self.outputs = nn.ModuleList(outputs)

    @property
    def num_levels(self) -> int:
        """L."""
        return len(self.outputs)

    def codes(self, latents: Tensor, top: int | None = None) -> list[Tensor]:
        """S_1, ..., S_top, each (sample, m_l, size_l / 2, size_l / 2); all levels by default.

        Raises:
            InputError: latents of another width, or no such level.
        """
        if latents.ndim != 2 or latents.shape[1] != self.settings.latent_dim:
            raise InputError(f"latents must be (sample, {self.settings.latent_dim}), got {tuple(latents.shape)}")
        return self._raised([], latents, self._level(top))

    def codes_from(self, level: int, code: Tensor, top: int | None = None) -> list[Tensor]:
        """S_level as given, and the S_{level+1}, ..., S_top that follow from it."""
        return self._raised([code], code, self._level(top), self._level(level))

    def images(self, codes: Sequence[Tensor], lowest: int = 1) -> list[Tensor]:
        """X_l = W_l S_l (sample, 3, size_l, size_l) of codes of levels from ``lowest`` on."""
        return [self.outputs[level - 1](code) for level, code in enumerate(codes, start=lowest)]

    def forward(self, latents: Tensor, top: int | None = None) -> list[Tensor]:
        """X_1, ..., X_top."""
        return self.images(self.codes(latents, top))

    def output_weights(self, level: int) -> Tensor:
        """W_l, (m_l, 3, kernel, kernel): the patch that each channel adds; detached."""
        return self.outputs[self._level(level) - 1].get_parameter("weight").detach()

    def set_trained(self, levels: Sequence[int]) -> None:
        """Train the hidden layers and outputs of these levels; freeze the others, statistics of batch normalisation too."""
        for level, parts in enumerate(zip(self.hidden, self.outputs, strict=True), start=1):
            for part in parts:
                part.train(level in levels).requires_grad_(level in levels)

    def _raised(self, codes: list[Tensor], code: Tensor, top: int, below: int = 0) -> list[Tensor]:
        for layer in self.hidden[below:top]:
            code = layer(code)
            codes.append(code)
        return codes

    def _level(self, level: int | None) -> int:
        return checked_level(self.num_levels if level is None else level, self.num_levels)


class MultiscaleDiscriminator(nn.Module):
    """Images of some levels to one score a sample."""

    def __init__(self, settings: MultiscaleSettings, seed: int) -> None:
        super().__init__()
        self.settings = settings
        channels, bound = settings.discriminator_channels, settings.spectral_norm
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.first = nn.ModuleList(
                _bounded(_convolution(COLOURS, width, settings.kernel_size), bound) for width in channels
            )
            self.down = nn.ModuleList(
                _bounded(_convolution(upper, lower, HIDDEN_KERNEL), bound) for lower, upper in pairwise(channels)
            )
            self.last = _bounded(_linear(channels[0] * settings.first_size**2, channels[0]), bound)
            self.score = _bounded(nn.Linear(channels[0], 1), bound)
        self.activation = nn.LeakyReLU(SLOPE)

    def forward(self, images: Mapping[int, Tensor]) -> Tensor:
        """Scores (sample,) of images by level; the highest level given is where reading begins."""
        top = max(images)
        state = self.activation(self.first[top - 1](images[top]))
        for level in range(top - 1, 0, -1):
            state = self.activation(self.down[level - 1](state))
            if level in images:
                state = state + self.activation(self.first[level - 1](images[level]))
        return self.score(self.activation(self.last(state.flatten(1)))).squeeze(1)

    def first_weights(self, level: int) -> Tensor:
        """W^D_l as it is applied (after spectral normalisation), (m_l, 3, kernel, kernel); detached."""
        layer = self.first[checked_level(level, len(self.first)) - 1]
        was_training = layer.training
        weight = cast(Tensor, layer.eval().weight).detach().clone()
        layer.train(was_training)
        return weight


class SeparateDiscriminators(nn.Module):
    """A discriminator for every level, each of which is given nothing but the images of its own."""

    def __init__(self, settings: MultiscaleSettings, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            seeds = torch.randint(2**62, (settings.num_levels,)).tolist()
        self.levels = nn.ModuleList(MultiscaleDiscriminator(settings, own) for own in seeds)

    def forward(self, images: Mapping[int, Tensor]) -> Tensor:
        """Scores (sample, level) of images by level."""
        return torch.stack([self.levels[level - 1]({level: given}) for level, given in images.items()], dim=1)

    def first_weights(self, level: int) -> Tensor:
        """W^D_l of the discriminator of that level; see ``MultiscaleDiscriminator``."""
        return cast(MultiscaleDiscriminator, self.levels[checked_level(level, len(self.levels)) - 1]).first_weights(
            level
        )


def checked_level(level: int, num_levels: int) -> int:
    """The level itself.

    Raises:
        InputError: there is none of that number.
    """
    if not 1 <= level <= num_levels:
        raise InputError(f"level must be between 1 and {num_levels}, got {level}")
    return level


class _First(nn.Linear):
    """The linear layer from latents to (sample, channel, size, size)."""

    def __init__(self, latent_dim: int, channels: int, size: int, bias: bool) -> None:
        super().__init__(latent_dim, channels * size**2, bias=bias)
        self.shape = (channels, size, size)
        nn.init.kaiming_normal_(self.weight)

    def forward(self, latents: Tensor) -> Tensor:
        """See the class."""
        return super().forward(latents).unflatten(1, self.shape)


def _hidden_layer(linear: nn.Module, norm: nn.Module) -> nn.Module:
    return nn.Sequential(linear, norm, nn.ReLU())


def _deconvolution(inputs: int, outputs: int, kernel: int, bias: bool) -> nn.Module:
    layer = nn.ConvTranspose2d(inputs, outputs, kernel, STRIDE, (kernel - STRIDE) // 2, bias=bias)
    # every output pixel sees (kernel / stride)^2 pixels of each channel
    nn.init.normal_(layer.weight, std=(2 / (inputs * (kernel / STRIDE) ** 2)) ** 0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _convolution(inputs: int, outputs: int, kernel: int) -> nn.Module:
    layer = nn.Conv2d(inputs, outputs, kernel, STRIDE, (kernel - STRIDE) // 2)
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _linear(inputs: int, outputs: int) -> nn.Module:
    layer = nn.Linear(inputs, outputs)
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    nn.init.zeros_(layer.bias)
    return layer


def _bounded(layer: nn.Module, bound: bool) -> nn.Module:
    return spectral_norm(layer) if bound else layer
