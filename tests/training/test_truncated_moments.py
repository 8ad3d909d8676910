"""The two oracles of Algorithm 1 against each other, against pairs in closed form, and on bad dictionaries."""

import pytest
import torch

from fsrcheck.gaussian import gated_relu_mean, truncated_moment
from fsrcheck.model.learned_codes import BIAS, INDEPENDENT, learned_codes
from fsrcheck.training import truncated_moments
from fsrcheck.training.truncated_moments import PopulationMoments, SampledMoments
from tests.training.output_layer_cases import cutoffs, instance, population, started

FAMILIES = [
    ("independent_channels", {}),
    ("equicorrelated", {"correlation": 0.05}),
    ("one_correlated_pair", {"correlation": 0.9}),
]
each_family = pytest.mark.parametrize(("family", "extra"), FAMILIES, ids=[name for name, _ in FAMILIES])
ROWS = 32


def one_factor():
    """W* and unlike channels whose latents share a factor with loadings of either sign."""
    atoms, codes = instance(num_channels=6, seeds=[5])
    loadings = torch.tensor([[0.5, -0.4, 0.0, 0.7, 0.3, -0.2]], dtype=torch.float64)
    return atoms, type(codes)(codes.scales * (1 + loadings), codes.thresholds - 0.3 * loadings, loadings)


def repeated(codes, count):
    """One law in ``count`` rows."""
    return type(codes)(*(v.expand(count, -1) for v in (codes.scales, codes.thresholds, codes.loadings)))


def z_scores(atoms, target, learner, cutoff, num_samples=20_000):
    """Of the sampled gap and nu over independent rows, against the exact ones."""
    detector, dictionary = started(atoms, 0.04, [5]), started(atoms, 0.05, [6])
    exact = PopulationMoments(atoms, target, learner, detector, cutoffs(cutoff, 1))
    assert float(exact.dropped(dictionary)) < 1e-3
    oracle = SampledMoments(
        atoms.expand(ROWS, -1, -1),
        repeated(target, ROWS),
        repeated(learner, ROWS),
        detector.expand(ROWS, -1, -1),
        cutoffs(cutoff, ROWS),
        seeds=list(range(ROWS)),
        num_samples=num_samples,
    )
    expected, found = exact.compare(dictionary), oracle.compare(dictionary.expand(ROWS, -1, -1))
    return torch.cat(
        [
            (here.mean(dim=0) - there[0]) / (here.std(dim=0) / ROWS**0.5)
            for here, there in ((found.gap, expected.gap), (found.weights, expected.weights))
        ]
    )


def assert_like_students(scores):
    """The largest of a hundred numbers with 31 degrees of freedom: beyond 7 less than once in 10^5."""
    assert float(scores.abs().max()) < 7
    assert 0.1 < float(scores.square().mean()) < 3  # they depend on each other


@each_family
def test_closed_forms_agree_with_samples(family, extra):
    atoms, codes = instance(family, num_channels=6, seeds=[5], **extra)
    learner = learned_codes(codes, 0.2, BIAS, [5])
    assert_like_students(z_scores(atoms, codes, learner, 1.8))


def test_closed_forms_agree_with_samples_for_unlike_channels_with_one_factor():
    atoms, target = one_factor()
    learner = learned_codes(target, 0.2, INDEPENDENT, [5])
    assert_like_students(z_scores(atoms, target, learner, 1.8))


@each_family
def test_at_the_true_dictionary_they_are_pairs_of_gaussians(family, extra):
    atoms, codes = instance(family, **extra)
    oracle = PopulationMoments(atoms, codes, codes, atoms, cutoffs(0.7))
    raised = codes.thresholds + 0.7 / codes.scales
    correlation = codes.loadings[:, :, None] * codes.loadings[:, None, :]
    pairs = codes.scales[:, None, :] * gated_relu_mean(raised[:, :, None], codes.thresholds[:, None, :], correlation)
    own = codes.scales * truncated_moment(codes.thresholds, raised, 1)
    expected = pairs - torch.diag_embed(torch.diagonal(pairs, dim1=1, dim2=2) - own)
    torch.testing.assert_close(oracle.target_weights, expected, rtol=1e-9, atol=1e-13)
    state = oracle.compare(atoms)
    torch.testing.assert_close(state.weights, expected, rtol=1e-9, atol=1e-13)
    torch.testing.assert_close(state.gap, torch.zeros_like(state.gap), rtol=0, atol=1e-14)


def test_the_gap_is_the_difference_of_the_moments():
    atoms, start, oracle = population()
    state = oracle.compare(start)
    torch.testing.assert_close(state.gap, oracle.target_weights @ atoms.mT - state.weights @ start.mT)


def sampled(num_samples=3000, **options):
    atoms, codes = instance()
    start = started(atoms, 0.1)
    shown = (atoms, codes, learned_codes(codes, 0.1, BIAS, [1, 2]), start, cutoffs(0.8))
    return start, SampledMoments(*shown, seeds=[1, 2], num_samples=num_samples, **options)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_chunk_size_does_not_matter(size, monkeypatch):
    start, oracle = sampled(num_samples=150)
    expected = [oracle.compare(start) for _ in range(2)]
    monkeypatch.setattr(truncated_moments, "CHUNK_SIZE", size)
    start, oracle = sampled(num_samples=150)
    for there in expected:
        here = oracle.compare(start)
        torch.testing.assert_close(here.gap, there.gap, rtol=1e-12, atol=1e-15)
        torch.testing.assert_close(here.weights, there.weights, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("fresh", [True, False])
def test_fresh_samples_differ_and_fixed_ones_do_not(fresh):
    start, oracle = sampled(fresh=fresh)
    assert oracle.samples_drawn == 0
    first, second = oracle.compare(start), oracle.compare(start)
    assert torch.equal(first.gap, second.gap) is not fresh
    assert oracle.samples_drawn == (6000 if fresh else 3000)


def test_real_and_generated_samples_are_independent():
    """With the same draws for both, exact codes and the true dictionary would leave no gap."""
    atoms, codes = instance()
    oracle = SampledMoments(atoms, codes, codes, atoms, cutoffs(0.8), seeds=[1, 2], num_samples=1000)
    assert float(oracle.compare(atoms).gap.abs().min()) > 0


def test_a_batch_equals_a_loop():
    atoms, start, oracle = population()
    start, together = start + 0.01, oracle.compare(start + 0.01)
    _, codes = instance()
    for row in range(2):
        one = type(codes)(*(v[row : row + 1] for v in (codes.scales, codes.thresholds, codes.loadings)))
        detector = started(atoms, 0.15)[row : row + 1]
        alone = PopulationMoments(atoms[row : row + 1], one, one, detector, cutoffs(1.5, 1)).compare(
            start[row : row + 1]
        )
        torch.testing.assert_close(alone.gap[0], together.gap[row], rtol=1e-9, atol=1e-14)
        torch.testing.assert_close(alone.weights[0], together.weights[row], rtol=1e-9, atol=1e-14)


def test_what_is_dropped_is_bounded_where_something_is():
    atoms, codes = instance(num_channels=8, active=2.0, seeds=[5])
    detector, dictionary = started(atoms, 0.2, [5]), started(atoms, 0.2, [6])
    for cutoff, visible in ((0.3, True), (2.5, False)):
        exact = PopulationMoments(atoms, codes, codes, detector, cutoffs(cutoff, 1))
        drawn = SampledMoments(atoms, codes, codes, detector, cutoffs(cutoff, 1), seeds=[5], num_samples=200_000)
        missing = (drawn.compare(dictionary).gap - exact.compare(dictionary).gap).norm(dim=-1).max()
        smallest = float(torch.diagonal(exact.target_weights[0]).min())
        noise = 0.02 / smallest**0.5  # some standard errors of a vector of moments
        assert float(missing / smallest) < float(exact.dropped(dictionary)) + noise
        assert (float(missing / smallest) > noise) is visible


def test_a_dictionary_that_ran_away_is_out_of_range():
    _, start, oracle = population()
    far = torch.stack([start[0], -start[1]])
    assert oracle.in_range(far).tolist() == [True, False]
    assert oracle.in_range(torch.stack([start[0] + 2.0, start[1]])).tolist() == [False, True]
    broken = start.clone()
    broken[1, 2, 3] = torch.nan
    start, drawn = sampled()
    assert drawn.in_range(torch.stack([start[0], broken[1]])).tolist() == [True, False]


def test_nan_is_out_of_range():
    _, start, oracle = population()
    broken = start.clone()
    broken[1, 2, 3] = torch.nan
    assert oracle.in_range(broken).tolist() == [True, False]


def test_rotating_patches_rotates_the_gap_only():
    atoms, codes = instance()
    start, turn = (
        started(atoms, 0.15),
        torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(0)).double())[0],
    )
    plain = PopulationMoments(atoms, codes, codes, start, cutoffs(1.2)).compare(start)
    turned = PopulationMoments(turn @ atoms, codes, codes, turn @ start, cutoffs(1.2)).compare(turn @ start)
    torch.testing.assert_close(turned.weights, plain.weights, rtol=1e-9, atol=1e-14)
    torch.testing.assert_close(turned.gap, plain.gap @ turn.T, rtol=1e-9, atol=1e-13)
