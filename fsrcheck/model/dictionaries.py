"""Random dictionaries: Haar-distributed orthonormal columns, and columns with a given coherence."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from fsrcheck.model.streams import standard_normal


def haar_dictionaries(
    generators: Sequence[np.random.Generator], num_patches: int, patch_dim: int, num_channels: int
) -> Tensor:
    """Draw column-orthonormal matrices (batch, patch, patch_dim, channel), uniform on the Stiefel manifold.

    Fixing the signs of R's diagonal makes the QR factor unique and its law rotation invariant. Computed on
    the CPU, so that one seed gives one dictionary on every device.
    """
    normals = standard_normal(generators, (num_patches, patch_dim, num_channels))
    orthonormal, triangular = torch.linalg.qr(normals)
    signs = torch.sign(torch.diagonal(triangular, dim1=-2, dim2=-1))
    return orthonormal * signs[..., None, :]


def correlated_columns(dictionary: Tensor, coherence: float) -> Tensor:
    """Mix orthonormal columns into unit columns all of whose inner products are `coherence` in [0, 1)."""
    num_channels = dictionary.shape[-1]
    identity = torch.eye(num_channels, dtype=dictionary.dtype, device=dictionary.device)
    gram = (1 - coherence) * identity + coherence
    return dictionary @ torch.linalg.cholesky(gram).T
