"""What a multi-scale GAN is run with: sizes of the networks, the players' steps, and which levels are trained when."""

from dataclasses import dataclass, fields

from fsrcheck.errors import InputError

HINGE, WGAN_GP = "hinge", "wgan_gp"
LOSSES = (HINGE, WGAN_GP)
_POSITIVE = ("step_size", "discriminator_step_size")
_FRACTIONS = ("first_moment", "second_moment", "averaging", "decay_from")


@dataclass(frozen=True)
class Phase:
    """Some steps in which only some levels are trained; the pictures end at the highest of them.

    Attributes:
        num_steps: of both players.
        trained: levels l >= 1 whose hidden layer S_l and output W_l are trained; all others stay bit by bit as they are,
            statistics of batch normalisation included.
        read: levels whose images the discriminator reads; empty: all up to the highest trained one.
    """

    num_steps: int
    trained: tuple[int, ...]
    read: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse levels that cannot be trained."""
        if self.num_steps < 0:
            raise InputError(f"num_steps must be at least 0, got {self.num_steps}")
        for name in ("trained", "read"):
            levels = getattr(self, name)
            if list(levels) != sorted(set(levels)) or (levels and levels[0] < 1):
                raise InputError(f"{name} must be rising levels from 1, got {levels}")
        if not self.trained:
            raise InputError("trained must name a level, got none")
        if self.read and self.read[-1] != self.trained[-1]:
            raise InputError(f"read must end at the highest trained level {self.trained[-1]}, got {self.read}")

    @property
    def top(self) -> int:
        """The highest level in use."""
        return self.trained[-1]

    @property
    def levels_read(self) -> tuple[int, ...]:
        """The levels that the discriminator reads."""
        return self.read or tuple(range(1, self.top + 1))


@dataclass(frozen=True)
class MultiscaleSettings:
    """Sizes and step sizes. Level l = 1..L has images of ``first_size`` * 2^l pixels.

    Attributes:
        num_levels: L.
        first_size: of the first hidden layer; 4 gives images of 8, 16, 32, ... pixels, 2 those of 4, 8, 16, ...
        channels: m_L, of the highest hidden layer and of the discriminator's first layers.
        widening: by which every level below has more channels; 1 gives m_l = m as in the paper.
        width_factor: of the generator's hidden layers alone, for wider generators against the same discriminator.
        latent_dim: of the Gaussian input.
        kernel_size: of outputs and of the discriminator's first layers, even; 6 in the paper (patches 6 x 6 x 3).
        batch_norm: on the generator's hidden layers, as in the paper.
        output_bias: whether outputs have one number a colour besides W_l S_l; the paper's have none. With pictures on white it
            is learned a little faster with it: emoji at 16 pixels after 600 steps are 6.4 instead of 7.9 times the floor off at
            the worst scale.
        spectral_norm: on every layer of the discriminator; to be taken with ``HINGE``.
        separate: a discriminator for every level, which sees nothing else ("we simply train the generator to match the marginal
            distribution", remark on Figure 1); otherwise one reads all levels together.
        loss: ``WGAN_GP`` with the penalty below, or ``HINGE``, which is 1.6 times as fast and ends further off.
        penalty: factor of (|grad D| - 1)^2 between true and generated images.
        batch_size: of true and of generated images.
        step_size, discriminator_step_size: Adam's.
        first_moment, second_moment: Adam's betas.
        decay_from: part of the steps of a phase after which both step sizes fall linearly to zero; 1 keeps them.
        averaging: of the generator's weights, per step; 0 for none.
    """

    num_levels: int = 3
    first_size: int = 4
    channels: int = 32
    widening: float = 2.0
    width_factor: float = 1.0
    latent_dim: int = 64
    kernel_size: int = 6
    batch_norm: bool = True
    output_bias: bool = True
    spectral_norm: bool = False
    separate: bool = False
    loss: str = WGAN_GP
    penalty: float = 10.0
    batch_size: int = 32
    step_size: float = 1e-3
    discriminator_step_size: float = 1e-3
    first_moment: float = 0.0
    second_moment: float = 0.99
    decay_from: float = 0.5
    averaging: float = 0.995

    def __post_init__(self) -> None:
        """Refuse what no network or step can have."""
        if self.loss not in LOSSES:
            raise InputError(f"loss must be one of {', '.join(LOSSES)}, got {self.loss!r}")
        for item in fields(self):
            value = getattr(self, item.name)
            if item.type is int and (not isinstance(value, int) or value < 1):
                raise InputError(f"{item.name} must be a whole number of at least 1, got {value}")
        if self.kernel_size % 2:
            raise InputError(f"kernel_size must be even, got {self.kernel_size}")
        if self.batch_norm and self.batch_size < 2:
            raise InputError(f"batch_size must be at least 2 with batch_norm, got {self.batch_size}")
        for name in _POSITIVE:
            if not 0 < getattr(self, name) < float("inf"):
                raise InputError(f"{name} must be positive, got {getattr(self, name)}")
        for name in _FRACTIONS:
            most = 1 if name == "decay_from" else 1 - 1e-9
            if not 0 <= getattr(self, name) <= most:
                raise InputError(f"{name} must be in [0, 1), got {getattr(self, name)}")
        if not self.penalty >= 0:
            raise InputError(f"penalty must not be negative, got {self.penalty}")
        for name in ("widening", "width_factor"):
            if not 1 / 64 <= getattr(self, name) <= 64:
                raise InputError(f"{name} must be between 1/64 and 64, got {getattr(self, name)}")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Pixels of the images, lowest level first."""
        return tuple(self.first_size << level for level in range(1, self.num_levels + 1))

    @property
    def discriminator_channels(self) -> tuple[int, ...]:
        """Of the discriminator's layers, lowest level first."""
        return self._widths(1.0)

    @property
    def hidden_channels(self) -> tuple[int, ...]:
        """m_l, lowest level first."""
        return self._widths(self.width_factor)

    def _widths(self, factor: float) -> tuple[int, ...]:
        below = range(self.num_levels - 1, -1, -1)
        return tuple(max(1, round(factor * self.channels * self.widening**number)) for number in below)
