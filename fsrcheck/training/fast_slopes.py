"""The smoothed activations in as few operations as they take, for descents whose tensors are small and whose steps are many.

The same functions, to rounding, as in ``model.activations`` and ``model.smoothed_slopes``, which say what they are.
"""

import torch
from torch import Tensor


def leaky_relu(z: Tensor, leak: float | Tensor, smoothing: float) -> Tensor:
    """Return ``smoothed_leaky_relu``; ``smoothing`` must be positive and is not checked."""
    return _blend(leak, z, _relu_and_unit(z, smoothing)[0])


def leaky_relu_and_slope(z: Tensor, leak: float | Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """Return ``smoothed_leaky_relu`` and its derivative; ``smoothing`` as above."""
    above, u, square = _relu_and_unit(z, smoothing)
    step = square * torch.rsub(u, 3.0, alpha=2.0)
    if isinstance(leak, Tensor):
        return _blend(leak, z, above), torch.addcmul(leak, torch.rsub(leak, 1.0), step)
    return _blend(leak, z, above), leak + (1.0 - leak) * step


def abs_slope(x: Tensor, cutoff: float, smoothing: float) -> Tensor:
    """Return ``smoothed_abs_slope``, as the odd function that it is; ``smoothing`` as above."""
    u = torch.clamp((x - torch.clamp(x, -cutoff, cutoff)) / smoothing, -1.0, 1.0)
    size = u.abs()
    return u * size * torch.rsub(size, 3.0, alpha=2.0)


def _relu_and_unit(z: Tensor, smoothing: float) -> tuple[Tensor, Tensor, Tensor]:
    """``smoothed_relu``, u = z/zeta cut off at 0 and 1, and u^2."""
    u = torch.clamp(z / smoothing, 0.0, 1.0)
    square = u * u
    inside = torch.sub(u, square, alpha=0.5)
    return torch.addcmul(torch.relu(z - smoothing), square, inside, value=smoothing), u, square


def _blend(leak: float | Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return leak first + (1 - leak) second."""
    if isinstance(leak, Tensor):
        return torch.addcmul(leak * first, torch.rsub(leak, 1.0), second)
    return torch.add(leak * first, second, alpha=1.0 - leak)
