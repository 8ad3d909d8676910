"""All families of synthetic targets by name.

Each is f(num_channels, expected_active, *, seeds, num_patches, patch_dim, device, ...) -> `TargetNetwork`
with one instance per seed.
"""

from collections.abc import Callable

from fsrcheck.model.multilevel import (
    dense_mixing,
    disjoint_supports,
    overlapping_inhibition,
    paper_example,
    shared_supports,
)
from fsrcheck.model.scattered_level import scattered_correlations
from fsrcheck.model.single_level import (
    cross_patch_correlated,
    equicorrelated,
    independent_channels,
    neuron_units,
    non_orthonormal_dictionary,
    one_correlated_pair,
)
from fsrcheck.model.target import TargetNetwork

__all__ = [
    "FAMILIES",
    "cross_patch_correlated",
    "dense_mixing",
    "disjoint_supports",
    "equicorrelated",
    "independent_channels",
    "neuron_units",
    "non_orthonormal_dictionary",
    "one_correlated_pair",
    "overlapping_inhibition",
    "paper_example",
    "scattered_correlations",
    "shared_supports",
]

FAMILIES: dict[str, Callable[..., TargetNetwork]] = {
    family.__name__: family
    for family in (
        independent_channels,
        equicorrelated,
        one_correlated_pair,
        cross_patch_correlated,
        scattered_correlations,
        non_orthonormal_dictionary,
        disjoint_supports,
        overlapping_inhibition,
        paper_example,
        dense_mixing,
        shared_supports,
    )
}
