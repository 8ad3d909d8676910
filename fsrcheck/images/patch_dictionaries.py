"""Orthonormal dictionaries of whitened patches: FastICA, Algorithm 5, and a random one to compare with.

All are (rank, atom) with orthonormal columns, in whitened coordinates. An atom's sign is the one that gives readings a positive
third moment, as Algorithm 5 chooses it: the codes of the paper are not negative.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.images.whitening import Whitening
from fsrcheck.model.streams import streams
from fsrcheck.training.given_patches import GivenPatches
from fsrcheck.training.sample_oracle import SampleOracle
from fsrcheck.training.warm_start import WarmStartSettings, warm_start

ICA_STEPS = 200
ICA_TOLERANCE = 1e-4


@dataclass(frozen=True, eq=False)
class PatchDictionary:
    """Atoms (rank, atom), and whether the learner came to an end."""

    atoms: Tensor
    converged: bool


def fast_ica(whitened: Tensor, seed: int) -> PatchDictionary:
    """FastICA (parallel, log cosh) on whitened patches (sample, rank).

    Single precision takes half the time, and the atoms are made orthonormal afterwards. But scikit-learn inverts what it has
    found, and now and then LAPACK's decomposition of such a matrix, whose singular values are all 1, does not converge in
    single precision: then it is done again in double precision.

    Raises:
        InputError: scikit-learn is not installed.
        LinAlgError: it broke down in double precision too.
    """
    state = int(streams([seed], "fast ica")[0].integers(2**31))
    patches = whitened.cpu().numpy()
    found = _independent_rows(patches.astype(np.float32), state) or _independent_rows(patches.astype(np.float64), state)
    if found is None:
        raise np.linalg.LinAlgError(f"FastICA must end with finite rows, got others (seed {seed})")
    rows, converged = found
    left, _, right = torch.linalg.svd(torch.from_numpy(rows.T.astype(np.float64)).to(whitened))
    return PatchDictionary(signed(left @ right, whitened), converged)


def _independent_rows(patches: np.ndarray, state: int) -> tuple[np.ndarray, bool] | None:
    """The rows (component, rank) that scikit-learn finds, and whether it came to an end; None if it broke down."""
    try:
        from sklearn.decomposition import FastICA
        from sklearn.exceptions import ConvergenceWarning
    except ImportError as error:
        raise InputError("scikit-learn must be installed, with the extra `images`") from error
    learner = FastICA(whiten=False, max_iter=ICA_STEPS, tol=ICA_TOLERANCE, random_state=state)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            learner.fit(patches)
        except np.linalg.LinAlgError:
            return None
    rows = learner.components_
    return (rows, learner.n_iter_ < ICA_STEPS) if np.isfinite(rows).all() else None


def algorithm_5(whitening: Whitening, patches: Tensor, seed: int, max_iterations: int | None = None) -> PatchDictionary:
    """Algorithm 5, the repaired rule, on patches (sample, dim); the columns that it found, as it found them, (rank, column).

    The patches are scaled as whitening does, but keep their mean: the algorithm is for X = W S with S >= 0, and finds nothing
    in centred codes. The columns are nearly orthonormal at best: it purifies each one alone.
    """
    scaled = patches @ whitening.forward
    source = GivenPatches(scaled[None], whitening.rank, [seed])
    oracle = SampleOracle(source, len(scaled), keep_bytes=scaled.numel() * scaled.element_size())
    result = warm_start(oracle, WarmStartSettings.repaired(), max_iterations=max_iterations)
    return PatchDictionary(result.dictionary[0][:, result.found[0]], bool(result.complete[0]))


def random_basis(rank: int, seed: int, name: str = "one") -> Tensor:
    """A rotation by chance, (rank, rank); another name is another one."""
    noise = torch.from_numpy(streams([seed], f"random basis: {name}")[0].standard_normal((rank, rank)))
    return torch.linalg.qr(noise).Q


def signed(atoms: Tensor, whitened: Tensor) -> Tensor:
    """The atoms with the signs that give E<w, x>^3 >= 0."""
    skewness = (whitened @ atoms).pow(3).mean(dim=0)
    return atoms * torch.where(skewness < 0, -1.0, 1.0).to(atoms)
