"""The closed forms of the first level against independent formulas and against sampling with exact limits."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from scipy.stats import multivariate_normal

from fsrcheck.gaussian.univariate import tail
from fsrcheck.model.assumptions import measure_assumptions
from fsrcheck.model.co_activity import co_activity
from fsrcheck.model.dictionaries import haar_dictionaries
from fsrcheck.model.gaussian_level import GaussianLevel
from fsrcheck.model.gaussian_triples import upper_orthant_three
from fsrcheck.model.sampled_level import PairMoments, TripleCounts, code_chunks
from fsrcheck.model.single_level import cross_patch_correlated, equicorrelated, independent_channels
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import FirstLevel, TargetNetwork


def _random_target(seed: int, num_channels: int = 5, num_patches: int = 2, latent_dim: int = 12) -> TargetNetwork:
    """Correlations of either sign, thresholds and scales all different."""
    generators = streams([seed], "random target")
    weights = standard_normal(generators, (num_patches, num_channels, latent_dim))
    thresholds = 2 + 0.5 * standard_normal(generators, (num_patches, num_channels))
    dictionary = haar_dictionaries(generators, num_patches, num_channels, num_channels)
    return TargetNetwork((FirstLevel(dictionary, weights, thresholds),))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-0.5, 3), min_size=3, max_size=3), st.integers(0, 2**32))
def test_triples_against_scipy(thresholds: list[float], seed: int) -> None:
    rows = standard_normal(streams([seed], "rows"), (3, 5))[0]
    rows = rows / rows.norm(dim=1, keepdim=True)
    gram = rows @ rows.T
    ours = upper_orthant_three(torch.tensor([thresholds], dtype=torch.float64), gram[[0, 0, 1], [1, 2, 2]][None]).item()
    theirs = multivariate_normal(cov=gram.numpy(), allow_singular=True).cdf([-t for t in thresholds])
    assert ours == pytest.approx(theirs, rel=1e-3, abs=2e-5)


def test_independent_triples_are_products() -> None:
    thresholds = torch.tensor([[0.5, 1.5, 2.5], [3.0, 4.0, 5.0]], dtype=torch.float64)
    product = upper_orthant_three(thresholds, torch.zeros(2, 3, dtype=torch.float64))
    torch.testing.assert_close(product, tail(thresholds).prod(dim=1), rtol=1e-12, atol=0)


def test_equicorrelated_triples_against_the_one_factor_formula() -> None:
    rho, threshold = 0.3, 1.9
    points = torch.linspace(-10, 10, 4001, dtype=torch.float64)
    density = torch.exp(-points.square() / 2) / (2 * torch.pi) ** 0.5
    given_factor = tail((threshold - rho**0.5 * points) / (1 - rho) ** 0.5) ** 3
    expected = torch.trapezoid(density * given_factor, points)
    ours = upper_orthant_three(torch.full((1, 3), threshold).double(), torch.full((1, 3), rho).double())
    assert ours.item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("seed", [1, 2])
def test_closed_forms_lie_within_the_exact_limits_of_a_sample(seed: int) -> None:
    """Limits of risk 1e-6 each: a false alarm over all of these has probability below 1e-4."""
    target = _random_target(seed)
    law, deltas, floor = GaussianLevel(target.first), (0.5, 1.0), 0.1
    moments, triples = PairMoments(deltas, floor, risk=1e-6), TripleCounts(risk=1e-6)
    for block, codes in code_chunks(target, 1, [seed], 200_000, 20_000):
        events = co_activity(codes)
        moments.add(block, events)
        triples.add(events)
    exact = measure_assumptions(target, seeds=[seed], deltas=deltas, pair_floor=floor)
    channels = 5
    for name, measured, factor in (
        ("activation_probability", moments.activation_probability(), channels),
        ("mean_activation", moments.mean_activation(), channels),
        ("pair_probability", moments.pair_probability(), channels**2),
        ("triple_probability", triples.measured(), channels**2.01),
        ("anti_concentration", moments.anti_concentration(), 1),
        ("joint_anti_concentration", moments.joint_anti_concentration(), 1),
        ("sigma_min", moments.sigma_min(), channels**1.15),
    ):
        value = getattr(exact, name).value
        assert (value >= measured.lower * factor).all(), name
        assert (value <= measured.upper * factor).all(), name
    assert law.triple_probability() is not None


def test_gated_means_of_independent_channels() -> None:
    """mu = e (1 - pi) I + e pi 11^T with e = E[S], pi = Pr[S > 0], so sigma_min = e (1 - pi)."""
    target = independent_channels(16, 2, seeds=[1])
    measured = measure_assumptions(target, seeds=[1])
    expected = 16**1.15 * (2 / 16) * (1 - 2 / 16)
    assert measured.sigma_min.value.item() == pytest.approx(expected, rel=1e-10)


def test_cross_ratio_sees_other_patches() -> None:
    target = cross_patch_correlated(6, 1, seeds=[1], correlation=0.8)
    measured = measure_assumptions(target, seeds=[1])
    assert measured.cross_ratio is not None
    smallest, largest = measured.cross_ratio
    torch.testing.assert_close(smallest.value, torch.full((1, 2), 1 / 6).double())
    assert (largest.value > 0.4).all()


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.permutations(range(5)))
def test_permuting_channels_and_rotating_latents_changes_nothing(seed: int, order: list[int]) -> None:
    target = _random_target(seed)
    first = target.first
    rotation = haar_dictionaries(streams([seed], "rotation"), 1, 12, 12)[0]
    moved = FirstLevel(
        first.dictionary[..., order],
        (first.latent_weights @ rotation)[:, :, order],
        first.thresholds[..., order],
    )
    before, after = GaussianLevel(first), GaussianLevel(moved)
    close = {"rtol": 1e-9, "atol": 0.0}
    torch.testing.assert_close(after.probability.sort().values, before.probability.sort().values, **close)
    largest = [law.largest_over_others(law.pair_probability) for law in (before, after)]
    torch.testing.assert_close(*largest, **close)
    torch.testing.assert_close(after.triple_probability(), before.triple_probability(), **close)
    sigma = [torch.linalg.svdvals(law.gated_means())[..., -1] for law in (before, after)]
    torch.testing.assert_close(*sigma, rtol=1e-8, atol=1e-12)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.1, 10))
def test_scaling_scales_means_and_deltas(seed: int, scale: float) -> None:
    first = _random_target(seed).first
    scaled = FirstLevel(first.dictionary, scale * first.latent_weights, scale * first.thresholds)
    before, after = GaussianLevel(first), GaussianLevel(scaled)
    torch.testing.assert_close(after.mean, scale * before.mean)
    torch.testing.assert_close(
        after.anti_concentration([0.5 * scale]) * scale,
        before.anti_concentration([0.5]),
        rtol=1e-8,
        atol=1e-8,
    )
    torch.testing.assert_close(after.pair_probability, before.pair_probability, rtol=1e-8, atol=0)


def test_a_target_of_thousands_of_different_triples_is_sampled() -> None:
    target = _random_target(3, num_channels=32, num_patches=1, latent_dim=40)
    assert GaussianLevel(target.first).triple_probability() is None
    measured = measure_assumptions(target, seeds=[3], num_samples=16_000)
    assert measured.num_samples == 16_000
    assert (measured.triple_probability.lower < measured.triple_probability.upper).all()


def test_two_channels_have_no_triples() -> None:
    assert GaussianLevel(independent_channels(2, 0.5, seeds=[1]).first).triple_probability() == 0


def test_identical_channels_do_not_crash() -> None:
    first = equicorrelated(4, 1, seeds=[1]).first
    same = first.latent_weights[:, :, :1].expand(-1, -1, 4, -1)
    law = GaussianLevel(FirstLevel(first.dictionary, same, first.thresholds))
    pair = law.largest_over_others(law.pair_probability).item()
    assert pair == pytest.approx(0.25, rel=1e-5)
