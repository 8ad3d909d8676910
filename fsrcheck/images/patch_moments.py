r"""How far the moments of two sets of patches are apart, orders 1 to 4, as in Figure 6 of the paper (line 278; float64).

For a patch of d numbers X_1, ..., X_d, the moment of order r > 1 of the indices i_1 > ... > i_r is
E prod_s (X_{i_s} - E X_{i_s}). That of order 1 is E X_i: centred, as the caption prints it, it is 0 for every law. (The caption
lets the indices run to m_l, the number of channels; patches have d numbers.)

``moment_distances`` is the squared difference of these moments, averaged over all index sets: the caption's words in the reading
under which it vanishes only if all moments agree. Nothing is sampled, nothing enumerated: with x, x' centred in their own sets,

    sum over sets of (E_P prod x_i - E_Q prod x_i)^2 = E e_r(x, x') over P, P + the same over Q, Q - 2 the same over P, Q,

where e_r(x, x') is the elementary symmetric polynomial of the products x_i x'_i, and Newton's identities give it from the sums
of their powers. Expectations are over the given samples (all pairs, a sample with itself too), so this is the exact squared
distance of the empirical moments, up to rounding of about |x|^2r that the identities cancel. It is positive for two sets of one
law: compare with the two halves of the true images (the floor).

This is no measure of quality: a Gaussian with the true mean and covariance has distance 0 in orders 1 and 2.
"""

from math import comb

import torch
from torch import Tensor
from torch.nn import functional

from fsrcheck.errors import InputError
from fsrcheck.images.pyramid import check_images

ORDERS = (1, 2, 3, 4)
CHUNK = 128  # samples of one set against all of the other at a time; three times as fast as 512, whose tables leave the cache


def windows(images: Tensor, size: int, stride: int) -> Tensor:
    """All windows of images (image, channel, size, size): (patch, image, number), patches row by row.

    Raises:
        InputError: windows larger than the images, or a stride below 1.
    """
    check_images(images)
    if not 1 <= size <= images.shape[-1]:
        raise InputError(f"size must be between 1 and the {images.shape[-1]} pixels of the images, got {size}")
    if stride < 1:
        raise InputError(f"stride must be at least 1, got {stride}")
    return functional.unfold(images, size, stride=stride).permute(2, 0, 1)


def moment_distances(one: Tensor, other: Tensor, order: int, *, chunk: int = CHUNK) -> Tensor:
    """Per patch the mean squared difference of moments, (patch,), of two sets (patch, image, number).

    The numbers of images may differ. 0 for an order above the numbers of a patch.

    Raises:
        InputError: an order that is not 1 to 4, or patches that do not fit.
    """
    _check(one, other, order)
    return _distances(_centred(one, order), _centred(other, order), order, chunk)[-1]


def moment_distances_by_order(one: Tensor, other: Tensor, *, chunk: int = CHUNK) -> dict[int, Tensor]:
    """``moment_distances`` of all orders, at little more than the cost of the highest.

    Raises:
        InputError: see ``moment_distances``.
    """
    highest = ORDERS[-1]
    _check(one, other, highest)
    found = _distances(_centred(one, highest), _centred(other, highest), highest, chunk)
    return {1: moment_distances(one, other, 1, chunk=chunk), **{order: found[order - 1] for order in ORDERS[1:]}}


def _distances(first: Tensor, second: Tensor, highest: int, chunk: int) -> Tensor:
    """Of orders 1 to ``highest``, (order, patch)."""
    sides = ((first, first, 1.0), (second, second, 1.0), (first, second, -2.0))
    total = sum(factor * _mean_kernels(left, right, highest, chunk) for left, right, factor in sides)
    counts = [max(comb(first.shape[2], order), 1) for order in range(1, highest + 1)]
    return torch.as_tensor(total).clamp(min=0) / torch.tensor(counts, device=first.device)[:, None]


def mean_moments(patches: Tensor, order: int) -> Tensor:
    """Per patch the moment averaged over all index sets, (patch,): the other reading of the caption; patches as above.

    Raises:
        InputError: see ``moment_distances``.
    """
    _check(patches, patches, order)
    centred = _centred(patches, order)
    sums = [centred.pow(power).sum(dim=2) for power in range(1, order + 1)]
    return elementary(sums)[order].mean(dim=1) / max(comb(patches.shape[2], order), 1)


def elementary(power_sums: list[Tensor]) -> list[Tensor]:
    """Elementary symmetric polynomials e_0, ..., e_r from the sums of powers p_1, ..., p_r (Newton's identities)."""
    found = [torch.ones_like(power_sums[0])]
    for order in range(1, len(power_sums) + 1):
        terms = [(-1) ** (k - 1) * found[order - k] * power_sums[k - 1] for k in range(1, order + 1)]
        found.append(torch.stack(terms).sum(dim=0) / order)
    return found


def _centred(patches: Tensor, order: int) -> Tensor:
    values = patches.double()
    return values if order == 1 else values - values.mean(dim=1, keepdim=True)


def _mean_kernels(left: Tensor, right: Tensor, highest: int, chunk: int) -> Tensor:
    """Means of e_1, ..., e_highest over all pairs, (order, patch)."""
    columns = [right.pow(power).mT for power in range(1, highest + 1)]
    sums = []
    for rows in left.split(chunk, dim=1):
        found = elementary([rows.pow(power) @ column for power, column in enumerate(columns, start=1)])
        sums.append(torch.stack([one.sum(dim=(1, 2)) for one in found[1:]]))
    return torch.stack(sums).sum(dim=0) / (left.shape[1] * right.shape[1])


def _check(one: Tensor, other: Tensor, order: int) -> None:
    if order not in ORDERS:
        raise InputError(f"order must be one of {', '.join(map(str, ORDERS))}, got {order}")
    shapes = [tuple(patches.shape) for patches in (one, other)]
    if any(len(shape) != 3 or 0 in shape for shape in shapes) or shapes[0][::2] != shapes[1][::2]:
        raise InputError(f"patches must be (patch, image, number) of one size, got {shapes[0]} and {shapes[1]}")
