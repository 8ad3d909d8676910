"""Algorithm 2 as printed: gradients, oracles against each other, inner maxima, symmetries."""

from dataclasses import replace

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from fsrcheck.errors import InputError
from fsrcheck.gaussian import relu_mean, tail
from fsrcheck.model.discriminators import AsymmetricGate, MarginalDiscriminator, PairwiseDiscriminator
from fsrcheck.model.scattered_level import scattered_correlations
from fsrcheck.model.target import FirstLevel, TargetNetwork
from fsrcheck.training.printed_first_hidden import (
    MarginalGame,
    PairGame,
    PairRound,
    pair_correlations,
    printed_constants,
    starting_channel,
    starting_rows,
    unit_rows,
)
from fsrcheck.training.printed_first_hidden_losses import printed_marginals, printed_pairs
from fsrcheck.training.printed_first_hidden_moments import (
    ExactMarginals,
    ExactPairs,
    RoundDraws,
    SampledMarginals,
    SampledPairs,
)
from fsrcheck.training.sgda import SGDASettings, descend_ascend
from lemmas.fsr.found_columns import perturbed_columns

GATE = AsymmetricGate(3.1)
PATCHES, CHANNELS = 2, 3
NEURONS, PAIRS = 6, 15


def uniform(*shape, seed=0, least=0.5):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + least


def target_of(seeds):
    return scattered_correlations(CHANNELS, 1.0, seeds=list(seeds), num_patches=PATCHES, patch_dim=5)


def learned(target, seeds):
    found = perturbed_columns(target.first.dictionary.flatten(0, 1), 0.2, [s for s in seeds for _ in range(PATCHES)])
    return found.unflatten(0, (-1, PATCHES))


def cutoffs(count, value=0.1):
    return torch.full((count,), value, dtype=torch.float64)


def sampled_marginals(seeds=(1, 2), num_samples=200, zeta=0.2, target=None, dictionary=None, rows=None):
    target = target_of(seeds) if target is None else target
    dictionary = learned(target, seeds) if dictionary is None else dictionary
    discriminator = MarginalDiscriminator(dictionary.flatten(0, 1), cutoffs(PATCHES * len(seeds)), zeta, GATE)
    rows = starting_rows(len(seeds), NEURONS, 12) if rows is None else rows
    draws = RoundDraws.of(target, seeds, rows.shape[-1], num_samples, marginal=True)
    return SampledMarginals(draws, dictionary, rows, discriminator)


def sampled_pairs(seeds=(1, 2), num_samples=200, zeta=0.2, target=None, dictionary=None, channels=None):
    target = target_of(seeds) if target is None else target
    dictionary = learned(target, seeds) if dictionary is None else dictionary
    constants = printed_constants(PATCHES, CHANNELS, cutoffs(len(seeds)), 4.0)
    discriminator = PairwiseDiscriminator(dictionary, cutoffs(len(seeds)), zeta, constants)
    channels = uniform(len(seeds), NEURONS, 2) if channels is None else channels
    draws = RoundDraws.of(target, seeds, 12, num_samples, marginal=False)
    return SampledPairs(draws, dictionary, channels, discriminator)


def truth_of(target):
    first = target.first
    return torch.stack([first.latent_weights.norm(dim=-1), first.thresholds], dim=-1).flatten(1, 2)


def exact_pairs(target, cutoff=0.1):
    truth = pair_correlations(unit_rows(target.first.latent_weights.flatten(1, 2)))
    return ExactPairs(truth_of(target), truth, cutoffs(target.batch_size, cutoff))


def other_detector(oracle):
    """The same with W^D apart from W, with columns of other lengths."""
    detector = 0.8 * oracle.discriminator.detector + 0.2 * uniform(*oracle.discriminator.detector.shape, least=-0.5)
    return replace(oracle, discriminator=replace(oracle.discriminator, detector=detector))


@pytest.mark.parametrize("changed", [lambda oracle: oracle, other_detector])
def test_d4s_gradients_are_those_of_the_printed_loss_on_the_same_samples(changed):
    game = MarginalGame(changed(sampled_marginals()), GATE)
    machine = printed_marginals(changed(sampled_marginals()))
    channels, parameters = uniform(4, CHANNELS, 2), uniform(4, CHANNELS, 2, seed=1, least=-0.5)
    samples, drawn = game.draw(0), machine.draw(0)
    for name in ("inner_gradient", "outer_gradient"):
        here = getattr(game, name)(channels, parameters, samples)
        there = getattr(machine, name)(channels, parameters, drawn)
        torch.testing.assert_close(here, there, rtol=1e-10, atol=1e-13)
        assert float(here.abs().max()) > 0.1


@pytest.mark.parametrize("changed", [lambda oracle: oracle, other_detector])
def test_d5s_gradients_are_those_of_the_printed_loss_on_the_same_samples(changed):
    oracle = changed(sampled_pairs())
    game, machine = PairGame(oracle, oracle.discriminator, 4.0, 0.3), printed_pairs(changed(sampled_pairs()), 4.0, 0.3)
    rows, shares = uniform(2, NEURONS, 12, least=-0.5), uniform(2, PAIRS, 2, least=0.1)
    samples, drawn = game.draw(0), machine.draw(0)
    for name in ("inner_gradient", "outer_gradient"):
        here, there = getattr(game, name)(rows, shares, samples), getattr(machine, name)(rows, shares, drawn)
        torch.testing.assert_close(here, there, rtol=1e-10, atol=1e-13)
        assert float(here.abs().max()) > 0.01


def test_exact_slopes_are_the_derivatives_of_the_exact_moments():
    oracle = ExactMarginals(uniform(2, 4, 2), cutoffs(2))
    channels = uniform(2, 4, 2, seed=1)
    channels[0, 0, 0] *= -1
    channels.requires_grad_()
    moments = oracle.moments(channels)
    slopes = oracle.compare(channels.detach(), []).slopes
    for feature in range(2):
        (gradient,) = torch.autograd.grad(moments[..., feature].sum(), channels, retain_graph=True)
        torch.testing.assert_close(slopes[..., feature, :], gradient, rtol=1e-10, atol=1e-14)


def test_a_negative_scale_has_the_moments_of_its_size():
    channels = uniform(1, 3, 2)
    oracle = ExactMarginals(channels, cutoffs(1))
    turned = channels * torch.tensor([-1.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(oracle.compare(turned, []).gap, torch.zeros(1, 3, 2, dtype=torch.float64))


def test_the_exact_pull_is_the_gradient_of_the_exact_moments():
    oracle, weights = exact_pairs(target_of((1, 2))), uniform(2, PAIRS, least=-0.5)
    rows = unit_rows(uniform(2, NEURONS, NEURONS, least=-0.5)).requires_grad_()
    step, base = 1e-6, oracle.pull(rows.detach(), weights, PairRound())
    direction = uniform(2, NEURONS, NEURONS, seed=3, least=-0.5)
    ends = [oracle.gap(rows.detach() + sign * step * direction, PairRound()) for sign in (1, -1)]
    slope = -((ends[0] - ends[1]) * weights).sum(dim=-1) / (2 * step)
    torch.testing.assert_close((base * direction).sum(dim=(1, 2)), slope, rtol=1e-6, atol=1e-9)


def test_sampled_moments_of_d4_are_the_exact_ones_within_standard_errors():
    seeds, count = (3, 4), 40_000
    target = target_of(seeds)
    oracle = sampled_marginals(seeds, count, 1e-4, target, target.first.dictionary)
    channels = uniform(4, CHANNELS, 2)
    truth = truth_of(target).unflatten(1, (PATCHES, CHANNELS)).flatten(0, 1)
    exact = ExactMarginals(truth, cutoffs(4))
    found, wanted = oracle.compare(channels, []).gap, exact.compare(channels, []).gap
    # A feature has variance at most E f^2, of order 1 here; zeta shifts S by zeta/2 and smooths over zeta.
    assert float((found - wanted).abs().max()) < 6 * 1.5 / count**0.5 + 1e-3
    assert float(wanted.abs().min()) > 6 * 1.5 / count**0.5 + 1e-3  # so that no gap passes for another


def test_sampled_moments_of_d5_are_the_exact_ones_within_standard_errors():
    seeds, count = (3, 4), 40_000
    target = target_of(seeds)
    oracle = sampled_pairs(seeds, count, 1e-4, target, target.first.dictionary, truth_of(target))
    exact = exact_pairs(target)
    rows = unit_rows(starting_rows(2, NEURONS, 12) + 0.2 * uniform(2, NEURONS, 12, least=-0.5))
    found, wanted = oracle.gap(rows, oracle.draw(0)), exact.gap(rows, PairRound())
    assert float((found - wanted).abs().max()) < 6 * 2.0 / count**0.5
    assert float(wanted.abs().max()) > 0.05


def test_ascent_as_written_ends_at_d4s_closed_form():
    game = MarginalGame(ExactMarginals(uniform(2, 4, 2), cutoffs(2)), GATE)
    channels, samples = uniform(2, 4, 2, seed=1), game.draw(0)
    best, inner = game.best_response(channels, samples), torch.full((2, 4, 2), 0.5, dtype=torch.float64)
    for _ in range(300):
        inner = inner + 0.1 * game.inner_gradient(channels, inner, samples)
    torch.testing.assert_close(inner, best, rtol=1e-9, atol=1e-12)
    assert bool((best > 0).any() and (best < 0).any())


def test_ascent_as_written_ends_at_d5s_closed_form():
    target = target_of((1, 2))
    constants = printed_constants(PATCHES, CHANNELS, cutoffs(2), 10.0)
    discriminator = PairwiseDiscriminator(target.first.dictionary, cutoffs(2), 0.1, constants)
    game = PairGame(exact_pairs(target), discriminator, 4.0, 0.3)
    rows, samples = starting_rows(2, NEURONS, NEURONS), game.draw(0)
    best, inner = game.best_response(rows, samples), torch.ones(2, PAIRS, 2, dtype=torch.float64)
    for _ in range(2000):
        inner = inner + 3.0 * game.inner_gradient(rows, inner, samples)
    torch.testing.assert_close(inner / inner.sum(dim=(1, 2), keepdim=True), best, rtol=1e-9, atol=1e-12)
    assert float(best.max() / best.min()) > 1.5


def test_norms_of_rows_do_not_matter_and_only_grow():
    oracle = exact_pairs(target_of((1, 2)))
    constants = printed_constants(PATCHES, CHANNELS, cutoffs(2), 40.0)
    game = PairGame(oracle, PairwiseDiscriminator(torch.eye(3), cutoffs(2), 0.1, constants), 4.0, 0.3)
    rows, shares = starting_rows(2, NEURONS, NEURONS), uniform(2, PAIRS, 2)
    gradient = game.outer_gradient(rows, shares, game.draw(0))
    torch.testing.assert_close(game.outer_gradient(5 * rows, shares, game.draw(0)), gradient / 5)
    torch.testing.assert_close((gradient * rows).sum(dim=-1), torch.zeros(2, NEURONS, dtype=torch.float64))


def played(target, seeds):
    """Ends of both games after a few rounds on samples."""
    marginal = sampled_marginals(seeds, 50, 0.2, target)
    start = torch.tensor(starting_channel(0.13), dtype=torch.float64).expand(len(seeds) * PATCHES, CHANNELS, 2)
    rates = SGDASettings(3, 3, 0.5, 0.1)
    channels = descend_ascend(MarginalGame(marginal, GATE), start, torch.full_like(start, 0.5), rates).outer
    pairs = sampled_pairs(seeds, 50, 0.2, target, channels=channels.unflatten(0, (-1, PATCHES)).flatten(1, 2))
    game = PairGame(pairs, pairs.discriminator, 4.0, 0.3)
    ones = torch.ones(len(seeds), PAIRS, 2, dtype=torch.float64)
    rows = descend_ascend(game, starting_rows(len(seeds), NEURONS, 12), ones, rates).outer
    return channels.unflatten(0, (-1, PATCHES)), rows


@given(st.integers(0, 2**31))
@settings(max_examples=3, deadline=None)
def test_a_batch_equals_a_loop(seed):
    seeds = (seed, seed + 1)
    together = played(target_of(seeds), seeds)
    for row, one in enumerate(seeds):
        for alone, all_of_them in zip(played(target_of((one,)), (one,)), together, strict=True):
            torch.testing.assert_close(alone[0], all_of_them[row], rtol=0, atol=1e-10)


def test_rotating_both_dictionaries_changes_nothing():
    target, seeds = target_of((1, 2)), (1, 2)
    turn = torch.linalg.qr(uniform(5, 5, least=-0.5))[0]
    first = target.first
    turned = TargetNetwork((replace(first, dictionary=turn @ first.dictionary),))
    dictionary, channels = learned(target, seeds), uniform(4, CHANNELS, 2)
    plain = sampled_marginals(target=target, dictionary=dictionary).compare(channels, [])
    rotated = sampled_marginals(target=turned, dictionary=turn @ dictionary).compare(channels, [])
    torch.testing.assert_close(rotated.gap, plain.gap, rtol=0, atol=1e-11)
    torch.testing.assert_close(rotated.slopes, plain.slopes, rtol=0, atol=1e-11)
    rows, oracles = starting_rows(2, NEURONS, 12), (sampled_pairs(target=target, dictionary=dictionary),)
    oracles += (sampled_pairs(target=turned, dictionary=turn @ dictionary),)
    gaps = [oracle.gap(rows, oracle.draw(0)) for oracle in oracles]
    torch.testing.assert_close(gaps[1], gaps[0], rtol=0, atol=1e-11)


def permuted(target, order):
    """The same target with its channels renamed."""
    first = target.first
    parts = first.dictionary[..., order], first.latent_weights[:, :, order], first.thresholds[..., order]
    return TargetNetwork((FirstLevel(*parts),))


@given(st.permutations(range(CHANNELS)))
@settings(max_examples=4, deadline=None)
def test_permuting_the_channels_permutes_what_the_exact_games_find(order):
    target = target_of((1, 2))
    ends = []
    for each in (target, permuted(target, order)):
        oracle = ExactMarginals(truth_of(each) * 1.1, cutoffs(2))
        start, rates = truth_of(each), SGDASettings(5, 0, 1.0)
        channels = descend_ascend(MarginalGame(oracle, GATE), start, 0 * start, rates).outer
        constants = printed_constants(PATCHES, CHANNELS, cutoffs(2), 40.0)
        game = PairGame(exact_pairs(each), PairwiseDiscriminator(torch.eye(3), cutoffs(2), 0.1, constants), 4.0, 0.3)
        rows = starting_rows(2, NEURONS, NEURONS)
        found = unit_rows(descend_ascend(game, rows, torch.ones(2, PAIRS, 2), SGDASettings(5, 0, 0.5)).outer)
        ends.append((channels.unflatten(1, (PATCHES, CHANNELS)), found @ found.mT))
    torch.testing.assert_close(ends[1][0], ends[0][0][:, :, order], rtol=0, atol=1e-12)
    moved = torch.arange(NEURONS).reshape(PATCHES, CHANNELS)[:, order].flatten()
    torch.testing.assert_close(ends[1][1], ends[0][1][:, moved][:, :, moved], rtol=0, atol=1e-12)
    assert float((ends[0][1] - torch.eye(NEURONS)).abs().max()) > 1e-3


def test_the_constants_of_footnote_4():
    found = printed_constants(2, 2, torch.tensor([0.1, 0.2], dtype=torch.float64), 8.0)
    assert found[1].tolist() == pytest.approx([2.5, 0.5, 0.5, 0.5, 0.5, 2.5])
    across = printed_constants(2, 2, cutoffs(1), 8.0, across=10 * cutoffs(1))
    assert across[0].tolist() == pytest.approx([5.0, 1.0, 1.0, 1.0, 1.0, 5.0])


def test_line_2_fires_at_the_rate_that_is_asked_for():
    alpha, beta = starting_channel(0.01)
    assert float(tail(beta / alpha)) == pytest.approx(0.01, rel=1e-12)
    assert 0.525 * 0.01 < alpha * float(relu_mean(beta / alpha)) < 0.01
    rows = starting_rows(2, 3, 7)
    torch.testing.assert_close(rows @ rows.mT, torch.eye(3, dtype=torch.float64).expand(2, -1, -1))


def test_starts_that_cannot_be_are_refused():
    with pytest.raises(InputError, match=r"rate must be in \[1e-12, 0\.15\], got 0\.5"):
        starting_channel(0.5)
    with pytest.raises(InputError, match="num_latents must be at least num_neurons = 6, got 5"):
        starting_rows(2, 6, 5)


def test_every_round_of_a_sampled_game_has_samples_of_its_own():
    oracle = sampled_pairs()
    first, second = oracle.draw(0), oracle.draw(1)
    assert not torch.equal(first.latents, second.latents)
    assert not torch.equal(first.target, second.target)
    again = replace(oracle, draws=RoundDraws.of(target_of((1, 2)), (1, 2), 12, 200, marginal=False)).draw(0)
    torch.testing.assert_close(again.latents, first.latents, rtol=0, atol=0)
