"""What a user would take instead of Algorithms 5 and 1: FastICA, sparse dictionary learning, whitened tensor power.

Each peer maps N patches to a dictionary with unit columns, whose signs make the projections <w, X> skewed to the right, as
codes that are mostly zero and never negative are. FastICA and dictionary learning are scikit-learn's (the extra ``peers``).
Tensor power is ours: tensorly has it too, but one start after the other, for a fixed number of steps, from numpy's global
random state, so that a result would not be a function of its seed.

None of them knows the law of the codes.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.weighted_squares import third_moments

LOGCOSH, CUBE, SKEW = "logcosh", "cube", "skew"
CONTRASTS = (LOGCOSH, CUBE, SKEW)
ICA_STEPS = 400
PENALTY = 0.3
"""Of dictionary learning, in units of a typical active code. The median error grows with it from 0.1 on, below that fewer
atoms are found; at m = 64 and N = 20000 an atom was missed at every value up to 0.6."""
STARTS, POWER_STEPS, POWER_TOLERANCE = 16, 100, 1e-10


def fast_ica(patches: Tensor, num_channels: int, *, seed: int, contrast: str = LOGCOSH) -> Tensor:
    """FastICA (Hyvarinen 1999), all components at once; ``patches`` (sample, patch_dim) -> (patch_dim, channel).

    ``contrast``: logcosh and cube as in scikit-learn, or skew, the derivative x^2, which suits one-sided codes. Warns as
    scikit-learn does where it has not converged.

    Raises:
        InputError: scikit-learn is missing; an unknown contrast; sizes that do not fit.
    """
    _check(patches, num_channels)
    if contrast not in CONTRASTS:
        raise InputError(f"contrast must be one of {', '.join(CONTRASTS)}, got {contrast!r}")
    found = require_peers().FastICA(
        num_channels,
        fun=_skewness if contrast == SKEW else contrast,
        max_iter=ICA_STEPS,
        whiten="unit-variance",
        whiten_solver="eigh",
        random_state=seed,
    )
    mixing = found.fit(patches.cpu().numpy()).mixing_
    return right_skewed(patches, torch.from_numpy(mixing).to(patches))


def dictionary_learning(
    patches: Tensor, num_channels: int, *, seed: int, unit: float, penalty: float = PENALTY
) -> Tensor:
    """Mini-batch dictionary learning (Mairal et al. 2009) with codes that are not negative; shapes as ``fast_ica``.

    ``penalty`` times ``unit``, the size of a typical active code, multiplies the sum of the codes in the objective. Stops as
    scikit-learn decides.

    Raises:
        InputError: scikit-learn is missing; sizes that do not fit.
    """
    _check(patches, num_channels)
    found = require_peers().MiniBatchDictionaryLearning(
        num_channels, alpha=penalty * unit, positive_code=True, fit_algorithm="cd", random_state=seed
    )
    atoms = found.fit(patches.cpu().numpy()).components_.T
    return right_skewed(patches, torch.from_numpy(np.ascontiguousarray(atoms)).to(patches))


def tensor_power(patches: Tensor, num_channels: int, *, seed: int) -> Tensor:
    """Power iteration on the whitened third cumulant, with deflation (Anandkumar et al. 2014); shapes as ``fast_ica``.

    The best of ``STARTS`` random starts, run side by side, is taken for each component.

    Raises:
        InputError: sizes that do not fit.
    """
    _check(patches, num_channels)
    centred = patches - patches.mean(dim=0)
    values, vectors = torch.linalg.eigh(centred.mT @ centred / len(patches))
    values, vectors = values[-num_channels:].clamp(min=torch.finfo(values.dtype).tiny), vectors[:, -num_channels:]
    tensor = third_moments((centred @ (vectors / values.sqrt()))[None])[0]
    starts = standard_normal(streams([seed], "tensor power: starts"), (num_channels, STARTS, num_channels))[0]
    components = []
    for start in starts.to(tensor):
        component = _power(tensor, start)
        size = torch.einsum("ijk,i,j,k->", tensor, component, component, component)
        tensor = tensor - size * torch.einsum("i,j,k->ijk", component, component, component)
        components.append(component)
    return right_skewed(patches, (vectors * values.sqrt()) @ torch.stack(components, dim=1))


def right_skewed(patches: Tensor, columns: Tensor) -> Tensor:
    """Scale ``columns`` (patch_dim, channel) to unit length, with signs that make E (<w, X> - E <w, X>)^3 >= 0."""
    unit = columns / columns.norm(dim=0)
    projections = patches @ unit
    skewness = (projections - projections.mean(dim=0)).pow(3).mean(dim=0)
    return torch.where(skewness < 0, -unit, unit)


def _power(tensor: Tensor, starts: Tensor) -> Tensor:
    """The fixed point v ~ T(., v, v) with the largest T(v, v, v) among those reached from ``starts`` (start, dim)."""
    vectors = starts / starts.norm(dim=1, keepdim=True)
    flat = tensor.flatten(1)
    for _ in range(POWER_STEPS):
        squares = (vectors[:, :, None] * vectors[:, None, :]).flatten(1)
        image = squares @ flat.mT
        moved = image / image.norm(dim=1, keepdim=True)
        change = (moved - vectors).abs().max()
        vectors = moved
        if change < POWER_TOLERANCE:
            break
    return vectors[(image * vectors).sum(dim=1).argmax()]


def _skewness(projections: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The derivative x^2 of the contrast x^3 / 3, and its mean slope."""
    return projections**2, 2 * projections.mean(axis=-1)


def _check(patches: Tensor, num_channels: int) -> None:
    if patches.ndim != 2 or not 2 <= num_channels <= min(patches.shape):
        raise InputError(
            f"patches must be (sample, patch_dim), both at least num_channels = {num_channels}, got {tuple(patches.shape)}"
        )


def require_peers() -> Any:
    """Load and return scikit-learn's decompositions.

    Raises:
        InputError: scikit-learn is missing.
    """
    try:
        from sklearn import decomposition
    except ImportError:
        raise InputError("scikit-learn must be installed for this (pip install 'fsrcheck[peers]'), got none") from None
    return decomposition
