"""The copula is the law of first-level codes: what it was fitted to comes back from its samples."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fsrcheck.errors import InputError
from fsrcheck.model.families import cross_patch_correlated
from fsrcheck.model.gaussian_copula import MATCHES, fit_copula
from fsrcheck.model.streams import standard_normal, streams

NUM_CHANNELS, NUM_SAMPLES = 6, 40000


def codes(seed=0, count=NUM_SAMPLES, correlation=0.3):
    """Codes (1, sample, channel) of equicorrelated channels with Pr[S > 0] = 0.25."""
    wanted = torch.full((NUM_CHANNELS, NUM_CHANNELS), correlation, dtype=torch.float64).fill_diagonal_(1.0)
    normals = standard_normal(streams([seed], "codes"), (count, NUM_CHANNELS)) @ torch.linalg.cholesky(wanted).mT
    return 1.5 * (normals - 0.6745).clamp(min=0)


def correlation_of(copula):
    return copula.factor @ copula.factor.mT


def off_diagonal(matrix):
    return matrix[:, ~torch.eye(matrix.shape[-1], dtype=torch.bool)]


@pytest.mark.parametrize("match", MATCHES)
@pytest.mark.parametrize("correlation", [-0.1, 0.3, 0.7])
def test_correlations_of_true_codes_come_back(match, correlation):
    found = off_diagonal(correlation_of(fit_copula(codes(correlation=correlation), match)))
    assert torch.allclose(found, torch.full_like(found, correlation), atol=0.06)


@pytest.mark.parametrize("match", MATCHES)
def test_its_samples_have_rates_means_and_pairs_of_what_it_was_fitted_to(match):
    given_codes = codes()
    made = fit_copula(given_codes, match).sample(NUM_SAMPLES, [1])
    for statistic in (lambda s: (s > 0).double(), lambda s: s, lambda s: s**2):
        values, others = statistic(given_codes), statistic(made)
        error = ((values.var(dim=1) + others.var(dim=1)) / NUM_SAMPLES).sqrt()
        assert bool(((values.mean(dim=1) - others.mean(dim=1)).abs() < 5 * error).all())
    pairs, others = (((s > 0).double().mT @ (s > 0).double()) / NUM_SAMPLES for s in (given_codes, made))
    assert torch.allclose(pairs, others, atol=5 * (2 * 0.2 / NUM_SAMPLES) ** 0.5)


def test_codes_across_patches_are_one_law():
    target = cross_patch_correlated(4, 1.0, seeds=[2], num_patches=2)
    given_codes = target.sample_codes(streams([2], "codes"), NUM_SAMPLES)[0].flatten(2)
    weights = torch.nn.functional.normalize(target.first.latent_weights.flatten(1, 2), dim=2)
    found = correlation_of(fit_copula(given_codes))
    assert torch.allclose(found, weights @ weights.mT, atol=0.08)
    assert float((weights @ weights.mT)[0, :4, 4:].abs().max()) > 0.2


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.floats(1e-3, 1e3))
def test_scaling_scales_and_permuting_permutes(seed, factor):
    values = codes(seed, 400)
    plain = fit_copula(values)
    assert torch.allclose(fit_copula(factor * values).sample(50, [3]), factor * plain.sample(50, [3]))
    order = torch.randperm(NUM_CHANNELS, generator=torch.Generator().manual_seed(seed))
    turned = fit_copula(values[:, :, order])
    assert torch.equal(turned.thresholds, plain.thresholds[:, order])
    assert torch.allclose(correlation_of(turned), correlation_of(plain)[:, order][:, :, order], atol=1e-5)
    assert torch.equal(turned.quantiles, plain.quantiles[:, order])


@pytest.mark.parametrize("match", MATCHES)
def test_a_batch_is_its_instances(match):
    values = torch.cat([codes(seed, 500) for seed in (4, 5)])
    together = fit_copula(values, match)
    for index, seed in enumerate((8, 9)):
        alone = fit_copula(values[index, None], match)
        assert torch.allclose(correlation_of(alone)[0], correlation_of(together)[index], atol=1e-6)
        assert torch.equal(alone.quantiles[0], together.quantiles[index])
        one, both = alone.sample(30, [seed])[0], together.sample(30, [8, 9])[index]
        assert ((one > 0) == (both > 0)).double().mean() > 0.95


@pytest.mark.parametrize("match", MATCHES)
def test_values_are_those_seen_and_silent_features_stay_silent(match):
    values = codes(count=2000)
    values[:, :, 2] = 0
    values[:, 1:, 4] = 0
    values[:, 0, 4] = 1.0
    made = fit_copula(values, match).sample(5000, [7])
    assert bool((made[:, :, 2] == 0).all())
    active = made[0, :, 0][made[0, :, 0] > 0]
    seen = values[0, :, 0][values[0, :, 0] > 0]
    assert float(active.max()) <= float(seen.max())
    assert float(active.min()) >= float(seen.min())
    assert set(made[0, :, 4].unique().tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize(
    "values", [-torch.ones(1, 5, 2), torch.ones(1, 5, 2), torch.zeros(5, 2), torch.full((1, 5, 2), torch.nan)]
)
def test_what_are_no_codes_is_refused(values):
    with pytest.raises(InputError, match="must be"):
        fit_copula(values.double())


def test_an_unknown_match_and_too_few_seeds_are_refused():
    with pytest.raises(InputError, match="match must be one of"):
        fit_copula(codes(count=50), "moments")
    with pytest.raises(InputError, match="seeds must be one per instance"):
        fit_copula(codes(count=50)).sample(5, [1, 2])
