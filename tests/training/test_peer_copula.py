"""FastICA with a copula: right where codes are a Gaussian copula, not where a level is a function of the one below."""

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.model.alignment import match_columns
from fsrcheck.model.families import cross_patch_correlated, disjoint_supports
from fsrcheck.model.reading_statistics import ONE_LEVEL, PAIR, SEVERAL_LEVELS, compare_readings, read
from fsrcheck.model.sampler import NetworkSampler
from fsrcheck.training.peer_copula import CopulaSettings, fit_codes, fit_peer_copula

pytest.importorskip("sklearn")

NUM_SAMPLES = 20000


def samples(target, seed):
    return NetworkSampler(target).sample(NUM_SAMPLES, [seed] * target.batch_size)


def pair_errors(target, sampler):
    true, made = read(samples(target, 1), target), read(sampler.sample(NUM_SAMPLES, [2]), target)
    found = compare_readings(true, made, 0.3, triples=False)
    return {one.place: float(one.relative) for one in found if one.statistic == PAIR}


@pytest.mark.parametrize("patch_dim", [6, 9])
def test_correlated_patches_of_one_level_come_back(patch_dim):
    target = cross_patch_correlated(6, 1.0, seeds=[0], num_patches=2, patch_dim=patch_dim)
    found = fit_peer_copula(samples(target, 0), [6], [0])
    learned, atoms = found.dictionaries[0][0], target.first.dictionary[0]
    assert float(match_columns(learned, atoms).dictionary_error.max()) < 0.1
    assert pair_errors(target, found)[ONE_LEVEL] < 0.1


def test_with_the_true_dictionary_only_the_copula_errs():
    target = disjoint_supports(6, 2.0, seeds=[0])
    exact = fit_codes(samples(target, 0), [level.dictionary for level in target.levels], CopulaSettings(1e-3))
    errors = pair_errors(target, exact)
    assert errors[SEVERAL_LEVELS] < 0.15
    made = exact.sample(2000, [5])
    codes = read(made, target).values
    assert float(codes.min()) > -1e-12
    assert float((codes.abs() < 1e-12).double().mean()) > 0.6


def test_a_level_is_not_the_function_of_the_level_below_that_it_should_be():
    """S_2 of the target follows from S_1; of the copula it does not."""
    target = disjoint_supports(6, 2.0, seeds=[0])
    level = target.higher[0]

    def left(patches):
        codes = read(patches, target).values.unflatten(2, (4, 6))
        predicted = level.codes(codes[:, :, :2])
        return float((predicted - codes[:, :, 2:]).square().mean().sqrt() / codes[:, :, 2:].square().mean().sqrt())

    found = fit_peer_copula(samples(target, 0), [6, 6], [0])
    assert left(samples(target, 1)) < 1e-6
    assert left(found.sample(NUM_SAMPLES, [2])) > 0.1


def test_a_batch_is_its_instances_and_the_seed_decides():
    target = disjoint_supports(4, 1.0, seeds=[0, 1])
    patches = [level[:, :4000] for level in samples(target, 0)]
    together = fit_peer_copula(patches, [4, 4], [5, 6]).sample(500, [7, 8])
    for index in range(2):
        alone = fit_peer_copula([level[index, None] for level in patches], [4, 4], [5 + index])
        made = alone.sample(500, [7 + index])
        for one, both in zip(made, together, strict=True):
            assert torch.allclose(one[0].mean(dim=0), both[index].mean(dim=0), atol=1e-3)
        again = alone.sample(500, [7 + index])
        assert all(torch.equal(one, other) for one, other in zip(made, again, strict=True))


def test_bad_input_is_refused():
    patches = [level[:, :50] for level in samples(disjoint_supports(4, 1.0, seeds=[0]), 0)]
    with pytest.raises(InputError, match="cutoff must be positive"):
        CopulaSettings(cutoff=0.0)
    with pytest.raises(InputError, match="num_channels must be one a level"):
        fit_peer_copula(patches, [4], [0])
    with pytest.raises(InputError, match=r"num_channels must be in 2\.\.patch_dim"):
        fit_peer_copula(patches, [4, 5], [0])
    with pytest.raises(InputError, match="seeds must be one per instance"):
        fit_peer_copula(patches, [4, 4], [0, 1])
