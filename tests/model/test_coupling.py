"""Channels are put in order, latents aligned, and errors measured on one latent."""

from dataclasses import fields, replace

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.coupling import coupled, coupling_errors, latent_coupling, matched
from fsrcheck.model.dictionaries import haar_dictionaries
from fsrcheck.model.families import independent_channels, overlapping_inhibition, paper_example
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import FirstLevel, HigherLevel, TargetNetwork
from tests.model.imperfect import imperfect

SEEDS = st.integers(0, 2**32)
TARGET = overlapping_inhibition(4, 1.0, seeds=[0, 1], num_patches=4, num_levels=3, patch_dim=5)
SHRINKING = paper_example(8, 2.0, seeds=[0, 1], num_patches=2, num_levels=2)
WIDE = TARGET.latent_dim + 7


def parts(network: TargetNetwork) -> list[Tensor]:
    return [getattr(level, field.name) for level in network.levels for field in fields(level)]


def of_instance(network: TargetNetwork, row: int) -> TargetNetwork:
    def cut(level: FirstLevel | HigherLevel) -> FirstLevel | HigherLevel:
        names = [field.name for field in fields(level) if field.name != "parents"]
        return replace(level, **{name: getattr(level, name)[row : row + 1] for name in names})

    return TargetNetwork(tuple(cut(level) for level in network.levels))


def scaled_first(target: TargetNetwork, factor: float) -> TargetNetwork:
    """The first level's codes and thresholds times a factor."""
    first = target.first
    rows, thresholds = factor * first.latent_weights, factor * first.thresholds
    return TargetNetwork((replace(first, latent_weights=rows, thresholds=thresholds), *target.levels[1:]))


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.sampled_from([TARGET, SHRINKING]))
def test_matching_undoes_a_shuffle_at_every_level_and_patch(seed: int, target: TargetNetwork) -> None:
    shuffled = imperfect(target, [seed, seed + 1])
    assert not torch.equal(shuffled.levels[1].dictionary, target.levels[1].dictionary)
    found = matched(shuffled, target)
    frame = latent_coupling(found, target)
    aligned = TargetNetwork(
        (replace(found.first, latent_weights=found.first.latent_weights @ frame.mT[:, None]), *found.levels[1:])
    )
    for have, want in zip(parts(aligned), parts(target), strict=True):
        torch.testing.assert_close(have, want, atol=1e-12, rtol=0)


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.sampled_from([TARGET, SHRINKING]), st.floats(0.01, 3))
def test_matching_leaves_the_function_of_the_latents(seed: int, target: TargetNetwork, noise: float) -> None:
    learned = imperfect(target, [seed, seed + 1], noise=noise, latent_dim=target.latent_dim + 3)
    latents = standard_normal(streams([seed, seed + 1], "latents"), (50, learned.latent_dim))
    found = matched(learned, target)
    for have, want in zip(found.patches(found.codes(latents)), learned.patches(learned.codes(latents)), strict=True):
        torch.testing.assert_close(have, want)


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.floats(0, 2), st.floats(0.001, 0.5))
def test_no_other_row_orthonormal_coupling_is_closer(seed: int, noise: float, turn: float) -> None:
    learned = matched(imperfect(TARGET, [seed, seed + 1], noise=noise, latent_dim=WIDE), TARGET)
    coupling = latent_coupling(learned, TARGET)
    identity = torch.eye(TARGET.latent_dim, dtype=torch.float64).expand(2, -1, -1)
    torch.testing.assert_close(coupling @ coupling.mT, identity, atol=1e-12, rtol=0)
    skew = turn * standard_normal(streams([seed, seed], "turn"), (WIDE, WIDE))

    def distance(candidate: Tensor) -> Tensor:
        return (learned.first.latent_weights - TARGET.first.latent_weights @ candidate[:, None]).flatten(1).norm(dim=1)

    turned = coupling @ torch.linalg.matrix_exp(skew - skew.mT)
    assert bool((distance(coupling) <= distance(turned) + 1e-12).all())


def test_turning_the_learners_latents_turns_the_coupling() -> None:
    learned = matched(imperfect(TARGET, [3, 4], noise=0.1, latent_dim=WIDE), TARGET)
    rotation = haar_dictionaries(streams([5, 6], "rotation"), 1, WIDE, WIDE)[:, 0]
    first = replace(learned.first, latent_weights=learned.first.latent_weights @ rotation[:, None])
    turned = TargetNetwork((first, *learned.levels[1:]))
    torch.testing.assert_close(latent_coupling(turned, TARGET), latent_coupling(learned, TARGET) @ rotation)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_a_target_with_its_channels_shuffled_and_its_latents_turned_has_no_error(seed: int) -> None:
    errors = coupling_errors(
        imperfect(TARGET, [seed, seed + 1], latent_dim=WIDE), TARGET, seeds=[7, 8], num_samples=2000, quantiles=(0.9,)
    )
    assert float(errors.error_rms.max()) < 1e-12
    assert bool((errors.quantiles < 1e-12).all())
    assert bool((errors.one_sided == 1).all())


def test_the_error_of_a_dictionary_is_its_closed_form() -> None:
    """E||(W - W*) S||^2 = sum_pq <d_p, d_q> E S_p S_q, and S_p are independent of one law."""
    target = independent_channels(8, 2.0, seeds=[0, 1], num_patches=2)
    learned = imperfect(target, [2, 3], dictionary=0.1)
    errors = coupling_errors(learned, target, seeds=[4, 5], num_samples=20000)
    codes = target.sample_codes(streams([6, 7], "law"), 200000)[0]
    change = matched(learned, target).first.dictionary - target.first.dictionary
    mean, square = codes.mean(dim=(1, 3)), codes.square().mean(dim=(1, 3))
    own, all_pairs = change.square().sum(dim=(2, 3)), change.sum(dim=3).square().sum(dim=2)
    exact = (own * (square - mean.square()) + all_pairs * mean.square()).sum(dim=1).sqrt()
    wanted = exact / (8 * square).sum(dim=1).sqrt()
    assert bool(((errors.relative_rms[:, 0] - wanted).abs() < 6 * errors.relative_error[:, 0] + 0.005 * wanted).all())
    assert bool((errors.relative_error[:, 0] < 0.02 * wanted).all())


def test_codes_that_are_a_factor_smaller_are_one_sided_by_that_factor() -> None:
    target = independent_channels(8, 2.0, seeds=[0], num_patches=2)
    errors = coupling_errors(scaled_first(target, 0.9), target, seeds=[1], num_samples=5000)
    assert float(errors.one_sided.min()) == 1
    torch.testing.assert_close(errors.relative_rms, torch.full((1, 2), 0.1, dtype=torch.float64))
    torch.testing.assert_close(errors.code_rms, errors.error_rms)  # the dictionary is orthonormal
    assert float(errors.relative_error.max()) < 1e-7  # every sample has the same ratio
    larger = coupling_errors(scaled_first(target, 1.1), target, seeds=[1], num_samples=5000)
    assert float(larger.one_sided.max()) < 0.2  # only samples without any active channel


def test_standard_errors_are_the_spread_over_seeds() -> None:
    rows = 64
    target = independent_channels(8, 2.0, seeds=[0] * rows, num_patches=2)
    learned = imperfect(target, [1] * rows, noise=0.1)
    errors = coupling_errors(learned, target, seeds=list(range(rows)), num_samples=1000)
    spread = errors.relative_rms.std(dim=0)
    assert bool((errors.relative_error.mean(dim=0) / spread - 1 < 0.4).all())
    assert bool((spread / errors.relative_error.mean(dim=0) - 1 < 0.4).all())


def test_quantiles_are_order_statistics_of_the_sampled_norms() -> None:
    learned = imperfect(TARGET, [1, 2], noise=0.1)
    errors = coupling_errors(learned, TARGET, seeds=[3, 4], num_samples=1000, quantiles=(0.5, 0.999))
    pair = coupled(learned, TARGET)
    own, true = next(pair.codes([3, 4], "coupling errors", 1000))
    pieces = zip(pair.learned.patches(own), TARGET.patches(true), strict=True)
    norms = torch.stack([(x - y).flatten(2).norm(dim=2) for x, y in pieces], dim=-1)
    norms = torch.cat([norms, norms.norm(dim=2, keepdim=True)], dim=2).sort(dim=1).values
    torch.testing.assert_close(errors.quantiles[:, :, 0], norms[:, 499], rtol=1e-6, atol=0)
    torch.testing.assert_close(errors.quantiles[:, :, 1], norms[:, 998], rtol=1e-6, atol=0)


def test_all_levels_together_add_in_squares() -> None:
    errors = coupling_errors(imperfect(TARGET, [1, 2], noise=0.1), TARGET, seeds=[3, 4], num_samples=1000)
    for values in (errors.error_rms, errors.norm_rms, errors.code_rms):
        torch.testing.assert_close(values[:, :-1].norm(dim=1), values[:, -1])
    assert bool((errors.one_sided[:, -1:] <= errors.one_sided).all())


def test_neither_chunks_nor_the_rest_of_the_batch_matter() -> None:
    learned = imperfect(TARGET, [1, 2], noise=0.1, latent_dim=WIDE)
    whole = coupling_errors(learned, TARGET, seeds=[3, 4], num_samples=1000)
    pieces = coupling_errors(learned, TARGET, seeds=[3, 4], num_samples=1000, chunk_size=77)
    rows = [
        coupling_errors(of_instance(learned, row), of_instance(TARGET, row), seeds=[3 + row], num_samples=1000)
        for row in range(2)
    ]
    for field in fields(whole)[:-1]:
        have = getattr(whole, field.name)
        torch.testing.assert_close(getattr(pieces, field.name), have, rtol=1e-6, atol=1e-9)
        loop = torch.cat([getattr(row, field.name) for row in rows])
        torch.testing.assert_close(loop, have, rtol=1e-6, atol=1e-9)


def test_a_learner_with_fewer_latents_is_refused() -> None:
    latents = TARGET.first.latent_weights[..., :-1]
    narrow = TargetNetwork((replace(TARGET.first, latent_weights=latents), *TARGET.levels[1:]))
    with pytest.raises(InputError, match=f"at least {TARGET.latent_dim}"):
        coupled(narrow, TARGET)


def test_networks_that_do_not_fit_are_refused() -> None:
    first, second, third = TARGET.levels
    assert isinstance(second, HigherLevel)
    with pytest.raises(InputError, match="must have 3 levels"):
        matched(TargetNetwork((first, second)), TARGET)
    with pytest.raises(InputError, match="level 1 of the learned network must have the target's shapes"):
        matched(TargetNetwork((replace(first, dictionary=first.dictionary[..., :3]), second, third)), TARGET)
    with pytest.raises(InputError, match="parents"):
        matched(TargetNetwork((first, replace(second, parents=second.parents.flip(0)), third)), TARGET)
    weights = second.weights.clone()
    weights[0, 0, 0, 0] = torch.nan
    with pytest.raises(InputError, match="level 2 of the learned network must be finite"):
        matched(TargetNetwork((first, replace(second, weights=weights), third)), TARGET)


@pytest.mark.parametrize("quantile", [0.0, 1.0, 0.995, float("nan")])
def test_a_quantile_without_a_sample_above_it_is_refused(quantile: float) -> None:
    with pytest.raises(InputError, match="quantiles"):
        coupling_errors(TARGET, TARGET, seeds=[0, 1], num_samples=100, quantiles=(quantile,))


def test_seeds_and_numbers_are_checked() -> None:
    with pytest.raises(InputError, match="one per instance"):
        coupling_errors(TARGET, TARGET, seeds=[0], num_samples=2000)
    with pytest.raises(InputError, match="chunk_size"):
        coupling_errors(TARGET, TARGET, seeds=[0, 1], num_samples=2000, chunk_size=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, got none")
def test_the_gpu_agrees() -> None:
    learned = imperfect(TARGET, [1, 2], noise=0.1, latent_dim=WIDE)
    here = coupling_errors(learned, TARGET, seeds=[3, 4], num_samples=2000)
    there = coupling_errors(learned.to("cuda"), TARGET.to("cuda"), seeds=[3, 4], num_samples=2000)
    torch.testing.assert_close(there.relative_rms.cpu(), here.relative_rms)
    torch.testing.assert_close(there.quantiles.cpu(), here.quantiles, rtol=1e-6, atol=1e-9)
