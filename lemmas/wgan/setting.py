"""What the statements of Lei et al. share: activations by name, random rows, the least slope of a kernel.

Letters of the paper: d outputs, k latents of the generator, k_0 of the truth, A the d x k matrix of the generator with
rows a_i, phi the activation, z standard normal. The target is phi(A* z). A star lost in the converted text (``A`` for
A*, ``a i`` for a*_i) is put back from the sentence around it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.kernels import ABSOLUTE, RELU, SIGMOID, SOFTPLUS, TANH, Activation, PiecewiseLinear
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.one_layer_wgan import unit_rows

NAMED: Mapping[str, Activation] = {
    "tanh": TANH,
    "sigmoid": SIGMOID,
    "softplus": SOFTPLUS,
    "relu": RELU,
    "absolute": ABSOLUTE,
}
LEAKY = "leaky"
GRID = 2001


@dataclass(frozen=True)
class Generators:
    """Parameters of a statement about random generators with unit rows."""

    activation: str = "tanh"  # phi
    leak: float = 0.2  # slope of the leaky ReLU for negative arguments; the experiments' alpha
    num_outputs: int = 3  # d
    num_latents: int = 3  # k
    true_latents: int = 3  # k_0

    def __post_init__(self) -> None:
        """Refuse sizes below 1 and an unknown activation."""
        for name in ("num_outputs", "num_latents", "true_latents"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        activation_named(self.activation, self.leak)


def activation_named(name: str, leak: float = 0.2) -> Activation:
    """The activation with this name; ``leak`` is the slope of "leaky" for negative arguments.

    Raises:
        InputError: an unknown name.
    """
    if name == LEAKY:
        return PiecewiseLinear(leak)
    if name not in NAMED:
        raise InputError(f"activation must be one of {', '.join([*NAMED, LEAKY])}, got {name!r}")
    return NAMED[name]


def normal_rows(seeds: Sequence[int], purpose: str, shape: Sequence[int], device: str = "cpu") -> Tensor:
    """Standard normal entries, shape (seed, *shape)."""
    return standard_normal(streams(seeds, purpose), shape, device)


def random_rows(seeds: Sequence[int], purpose: str, shape: Sequence[int], device: str = "cpu") -> Tensor:
    """Rows that are uniform on the sphere, shape (seed, *shape)."""
    return unit_rows(normal_rows(seeds, purpose, shape, device))


def least_slope(activation: Activation) -> float:
    """A lower bound of c' on [-1, 1], attained for piecewise linear activations.

    Those have c'' >= 0, so that it is c'(-1), the leak. For others |c''| <= c''(1), and a grid tells up to half its
    step times that.
    """
    if isinstance(activation, PiecewiseLinear):
        return activation.leak
    grid = torch.linspace(-1, 1, GRID, dtype=torch.float64)
    curvature = float(activation.kernel(1.0, 2))
    return float(activation.kernel(grid, 1).min()) - curvature / (GRID - 1)
