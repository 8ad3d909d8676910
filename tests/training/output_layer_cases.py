"""Small instances of Algorithm 1 that several test files share."""

import torch

from fsrcheck.model.factor_codes import FactorCodes
from fsrcheck.model.families import FAMILIES
from fsrcheck.training.truncated_moments import PopulationMoments
from lemmas.fsr.found_columns import perturbed_columns


def instance(family="independent_channels", num_channels=8, active=2.0, seeds=(1, 2), **extra):
    """W* and the law of the codes, one instance per seed."""
    first = FAMILIES[family](num_channels, active, seeds=list(seeds), **extra).first
    return first.dictionary[:, 0], FactorCodes.of_patch(first, 0)


def started(atoms, error, seeds=(1, 2)):
    """A dictionary at the given distance from the atoms."""
    return perturbed_columns(atoms, error, list(seeds))


def cutoffs(value, batch=2):
    return torch.full((batch,), value, dtype=torch.float64)


def population(num_channels=8, error=0.15, cutoff=1.5, seeds=(1, 2), learner=None, **extra):
    """W*, the start and the exact oracle at it."""
    atoms, codes = instance(num_channels=num_channels, seeds=seeds, **extra)
    start = started(atoms, error, seeds)
    return atoms, start, PopulationMoments(atoms, codes, learner or codes, start, cutoffs(cutoff, len(seeds)))
