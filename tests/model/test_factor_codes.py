"""Codes with one common factor: their samples against closed forms, and which patches they can describe."""

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.gaussian import relu_mean, relu_moment, relu_product_mean, tail
from fsrcheck.model.factor_codes import FactorCodes
from fsrcheck.model.families import FAMILIES
from fsrcheck.model.streams import streams
from fsrcheck.model.target import FirstLevel

LOADINGS = torch.tensor([[0.6, -0.3, 0.0, 0.9], [0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)


def law() -> FactorCodes:
    scales = torch.tensor([[1.0, 0.7, 1.5, 0.9], [1.2, 0.5, 1.0, 0.8]], dtype=torch.float64)
    thresholds = torch.tensor([[0.5, 1.0, 0.2, 0.8], [0.0, 0.4, 1.1, -0.3]], dtype=torch.float64)
    return FactorCodes(scales, thresholds, LOADINGS)


def pair_means(codes):
    """E S_p S_q for p != q and E S_p^2 on the diagonal, (batch, p, q)."""
    correlations = codes.loadings[:, :, None] * codes.loadings[:, None, :]
    products = relu_product_mean(codes.thresholds[:, :, None], codes.thresholds[:, None, :], correlations)
    found = codes.scales[:, :, None] * codes.scales[:, None, :] * products
    own = codes.scales**2 * relu_moment(codes.thresholds, 2)
    return found - torch.diag_embed(torch.diagonal(found, dim1=1, dim2=2) - own)


def z_scores(draws, expected):
    """Of the mean over the sample axis, 1."""
    return (draws.mean(dim=1) - expected) / (draws.std(dim=1) / draws.shape[1] ** 0.5)


def test_samples_have_the_moments_of_the_law():
    codes = law()
    drawn = codes.sample(streams([1, 2], "test"), 100_000)
    scores = [
        z_scores((drawn > 0).double(), tail(codes.thresholds)),
        z_scores(drawn, codes.scales * relu_mean(codes.thresholds)),
        z_scores((drawn[..., None] * drawn[..., None, :]).flatten(2), pair_means(codes).flatten(1)),
    ]
    assert float(torch.cat([score.flatten() for score in scores]).abs().max()) < 5.5


def test_channels_are_independent_given_the_factor():
    codes = law()
    channels, weights = codes.given_factor()
    assert float(weights.sum()) == pytest.approx(1, abs=1e-11)
    means = channels.scales * relu_mean(channels.thresholds)
    torch.testing.assert_close(torch.einsum("n,nbp->bp", weights, means), codes.scales * relu_mean(codes.thresholds))
    products = torch.einsum("n,nbp,nbq->bpq", weights, means, means)
    off = 1 - torch.eye(4, dtype=torch.float64)
    torch.testing.assert_close(products * off, pair_means(codes) * off, rtol=1e-9, atol=1e-12)


def test_independent_channels_need_one_node():
    codes = law()
    alone = FactorCodes(codes.scales, codes.thresholds, torch.zeros_like(codes.loadings))
    channels, weights = alone.given_factor()
    assert weights.tolist() == [1.0]
    assert torch.equal(channels.thresholds[0], codes.thresholds)
    assert torch.equal(channels.scales[0], codes.scales)


def test_how_many_are_drawn_at_once_does_not_matter():
    codes = law()
    whole = codes.sample(streams([1, 2], "test"), 50)
    generators = streams([1, 2], "test")
    assert torch.equal(whole, torch.cat([codes.sample(generators, count) for count in (1, 7, 42)], dim=1))


def test_a_batch_equals_a_loop():
    codes = law()
    whole = codes.sample(streams([1, 2], "test"), 50)
    for row, seed in enumerate((1, 2)):
        one = FactorCodes(*(value[row : row + 1] for value in (codes.scales, codes.thresholds, codes.loadings)))
        torch.testing.assert_close(one.sample(streams([seed], "test"), 50)[0], whole[row], rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize(
    ("family", "extra"),
    [
        ("independent_channels", {}),
        ("equicorrelated", {"correlation": 0.05}),
        ("equicorrelated", {"correlation": 0.6}),
        ("one_correlated_pair", {"correlation": 0.9}),
    ],
)
def test_a_patch_with_one_factor_is_recognised(family, extra):
    target = FAMILIES[family](6, 1.5, seeds=[1, 2], num_patches=2, **extra)
    for patch in (0, 1):
        codes = FactorCodes.of_patch(target.first, patch)
        weights = target.first.latent_weights[:, patch]
        torch.testing.assert_close(codes.scales, weights.norm(dim=-1))
        torch.testing.assert_close(codes.scales * codes.thresholds, target.first.thresholds[:, patch])
        off = 1 - torch.eye(6, dtype=torch.float64)
        unit = weights / weights.norm(dim=-1, keepdim=True)
        product = codes.loadings[:, :, None] * codes.loadings[:, None, :]
        torch.testing.assert_close(product * off, (unit @ unit.mT) * off, rtol=0, atol=1e-10)


def level_with(correlations):
    size = len(correlations)
    weights = torch.linalg.cholesky(torch.tensor(correlations, dtype=torch.float64))
    dictionary = torch.eye(size, dtype=torch.float64)[None, None]
    return FirstLevel(dictionary, weights[None, None], torch.ones(1, 1, size, dtype=torch.float64))


def test_factors_of_either_sign_are_recognised():
    loadings = torch.tensor([0.6, -0.3, 0.0, -0.9], dtype=torch.float64)
    gram = loadings[:, None] * loadings
    found = FactorCodes.of_patch(level_with((gram + torch.diag(1 - torch.diagonal(gram))).tolist()), 0).loadings[0]
    torch.testing.assert_close(found * found[0].sign(), loadings, rtol=0, atol=1e-12)
    pair = FactorCodes.of_patch(level_with([[1.0, -0.4], [-0.4, 1.0]]), 0).loadings[0]
    assert float(pair[0] * pair[1]) == pytest.approx(-0.4)


@pytest.mark.parametrize(
    "correlations",
    [
        [[1.0, 0.5, 0.25], [0.5, 1.0, 0.0], [0.25, 0.0, 1.0]],  # a star without its far side
        [[1.0, 0.4, 0.0, 0.0], [0.4, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.4], [0.0, 0.0, 0.4, 1.0]],  # two pairs
        [[1.0, -0.3, -0.3], [-0.3, 1.0, -0.3], [-0.3, -0.3, 1.0]],  # all negative: an imaginary factor
        [[1.0, 0.9, 0.9], [0.9, 1.0, 0.7], [0.9, 0.7, 1.0]],  # a loading above 1
    ],
)
def test_other_correlations_are_refused(correlations):
    with pytest.raises(InputError, match="channels of a patch must share one common factor"):
        FactorCodes.of_patch(level_with(correlations), 0)
