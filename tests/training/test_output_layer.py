"""Algorithm 1: its game against automatic differentiation and its transcription, its stable step, its symmetries."""

import hypothesis.strategies as st
import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from fsrcheck.errors import InputError
from fsrcheck.model.discriminators import TruncatedMomentDiscriminator
from fsrcheck.model.learned_codes import BIAS, learned_codes
from fsrcheck.model.streams import streams
from fsrcheck.training.output_layer import OutputLayerGame, SharpenSettings, polyak_step, sharpen, unit_columns
from fsrcheck.training.printed_output_layer import printed_game
from fsrcheck.training.sgda import SGDASettings, descend_ascend
from fsrcheck.training.truncated_moments import (
    FAKE_SAMPLES,
    REAL_SAMPLES,
    MomentGap,
    PopulationMoments,
    SampledMoments,
)
from lemmas.fsr.algorithm_1_transcription import transcribe
from tests.training.output_layer_cases import cutoffs, instance, population, started

SHORT = SharpenSettings(power=2.0, max_steps=200, tolerance=1e-10, relaxation=0.5)
each_decay = pytest.mark.parametrize("decay", [1.0, 0.5])


def random_state(rows=2, channels=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    gap = torch.randn(rows, channels, channels, generator=generator, dtype=torch.float64)
    weights = torch.randn(rows, channels, channels, generator=generator, dtype=torch.float64)
    return MomentGap(gap, weights)


def norm_of(dictionary, state, start, power):
    """(sum_r a_r^power)^(1/power) with R linear in the dictionary, as it is with the indicators held."""
    moved = state.gap - state.weights @ (dictionary - start).mT
    return moved.norm(dim=-1).pow(power).sum(dim=-1) ** (1 / power)


@pytest.mark.parametrize("power", [2.0, 3.5, 20.0])
def test_polyaks_step_is_the_gradient_of_the_norm(power):
    state = random_state()
    start = torch.zeros(2, 5, 5, dtype=torch.float64)
    variable = start.clone().requires_grad_()
    value = norm_of(variable, state, start, power)
    (gradient,) = torch.autograd.grad(value.sum(), variable)
    expected = -value[:, None, None] * gradient / gradient.square().sum(dim=(1, 2), keepdim=True)
    torch.testing.assert_close(polyak_step(state, power), expected.detach(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("size", [1.0, 1e-6, 1e-100])
def test_the_stable_step_at_the_printed_power_is_exact(size):
    """Against 60 digits, for gaps whose 1001st powers no float64 holds, the largest of them nearly equal."""
    state = random_state(rows=1)
    lengths = torch.tensor([1.0, 0.999, 0.99, 0.5, 1.0005], dtype=torch.float64)
    directions = state.gap / state.gap.norm(dim=-1, keepdim=True)
    state = MomentGap(size * lengths[:, None] * directions, state.weights)
    found = polyak_step(state, 1001.0)[0].numpy() / size
    with mpmath.workdps(60):
        gap = [[mpmath.mpf(x) for x in row] for row in state.gap[0].tolist()]
        weights = [[mpmath.mpf(x) for x in row] for row in state.weights[0].tolist()]
        sizes = [mpmath.sqrt(sum(x * x for x in row)) for row in gap]
        value = sum(a**1001 for a in sizes) ** (mpmath.mpf(1) / 1001)
        response = [[(a / value) ** 1000 * x / a for x in row] for a, row in zip(sizes, gap, strict=True)]
        descent = [[sum(weights[r][q] * response[r][i] for r in range(5)) for q in range(5)] for i in range(5)]
        square = sum(x * x for row in descent for x in row)
        expected = [[float(value * x / square / size) for x in row] for row in descent]
    np.testing.assert_allclose(found, expected, rtol=1e-11)


def drawn_game(decay, num_samples=200, sampler_seed=(1, 2), learner_error=0.1):
    """The game on fixed draws, its printed loss on the same, and the start."""
    atoms, codes = instance(num_channels=5, active=1.5)
    start = started(atoms, 0.2)
    shown = (atoms, codes, learned_codes(codes, learner_error, BIAS, [1, 2]))
    oracle = SampledMoments(*shown, start, cutoffs(0.7), seeds=sampler_seed, num_samples=num_samples)
    discriminator = TruncatedMomentDiscriminator(start, cutoffs(0.7))
    printed = printed_game(*shown, discriminator, decay=decay, seeds=sampler_seed, num_samples=num_samples)
    return start, OutputLayerGame(oracle, decay), printed


@pytest.mark.parametrize("decay", [1.0, 0.5, 0.1])
def test_gradients_are_those_of_the_printed_loss_on_the_same_samples(decay):
    start, game, printed = drawn_game(decay)
    generator = torch.Generator().manual_seed(0)
    dictionary = start + 0.05 * torch.randn(start.shape, generator=generator, dtype=torch.float64)
    parameters = 0.2 * torch.randn(start.mT.shape, generator=generator, dtype=torch.float64)
    parameters[0, 2] = 0.0  # where the regulariser has its kink
    samples, drawn = game.draw(0), printed.draw(0)
    for name in ("inner_gradient", "outer_gradient"):
        here = getattr(game, name)(dictionary, parameters, samples)
        there = getattr(printed, name)(dictionary, parameters, drawn)
        torch.testing.assert_close(here, there, rtol=1e-10, atol=1e-13)


@each_decay
def test_the_game_goes_where_the_printed_loss_and_the_transcription_go(decay):
    start, game, printed = drawn_game(decay, num_samples=40)
    rates = SGDASettings(3, 4, 3.0, 0.05)
    ends = [descend_ascend(each, start, torch.zeros_like(start.mT), rates).outer for each in (game, printed)]
    torch.testing.assert_close(ends[0], ends[1], rtol=0, atol=1e-12)
    assert float((ends[0] - start).abs().max()) > 1e-3
    atoms, codes = instance(num_channels=5, active=1.5)
    learner = learned_codes(codes, 0.1, BIAS, [1, 2])
    for row, seed in enumerate((1, 2)):
        (real,), (fake,) = streams([seed], REAL_SAMPLES), streams([seed], FAKE_SAMPLES)
        laws = [
            type(codes)(law.scales[row : row + 1], law.thresholds[row : row + 1], law.loadings[row : row + 1])
            for law in (codes, learner)
        ]
        found = transcribe(
            lambda law=laws[0], real=real, atom=atoms[row]: (law.sample([real], 40)[0] @ atom.T).numpy(),
            lambda law=laws[1], fake=fake: law.sample([fake], 40)[0].numpy(),
            start[row].numpy(),
            0.7,
            decay,
            3,
            4,
            3.0,
            0.05,
        )
        np.testing.assert_allclose(unit_columns(ends[0])[row].numpy(), found, rtol=0, atol=1e-12)


@each_decay
def test_the_best_response_is_the_limit_of_the_ascent(decay):
    _, start, oracle = population(num_channels=5, active=1.5, error=0.2)
    game = OutputLayerGame(oracle, decay)
    samples = game.draw(0)
    best, inner = game.best_response(start, samples), torch.zeros_like(start.mT)
    for _ in range(3000):
        inner = inner + 0.02 * game.inner_gradient(start, inner, samples)
    torch.testing.assert_close(inner, best, rtol=1e-6, atol=1e-12)
    assert float(game.inner_gradient(start, best, samples).abs().max()) < 1e-14


def test_at_the_printed_decay_the_best_response_underflows():
    _, start, oracle = population()
    game = OutputLayerGame(oracle)
    assert not game.best_response(start, game.draw(0)).any()
    sizes = oracle.compare(start).gap.norm(dim=-1)
    assert float(1000 * torch.log10(sizes / 1.001).max()) < -324


def test_the_discriminator_is_the_sum_that_is_printed():
    generator = torch.Generator().manual_seed(1)
    detector, patches, parameters = (
        torch.randn(2, *shape, generator=generator, dtype=torch.float64) for shape in ((4, 3), (20, 4), (3, 4))
    )
    found = TruncatedMomentDiscriminator(detector, cutoffs(0.4)).value(patches, parameters)
    for row in range(2):
        for sample, patch in enumerate(patches[row]):
            terms = [
                float(patch @ parameters[row, r]) for r in range(3) if float(detector[row, :, r] @ patch) - 0.4 > 0
            ]
            assert float(found[row, sample]) == pytest.approx(sum(terms), abs=1e-12)


def test_the_stable_form_and_the_surrogate_find_the_dictionary():
    atoms, start, oracle = population(error=0.15, cutoff=1.2)
    for power in (2.0, 1001.0):
        result = sharpen(oracle, start, SharpenSettings(power=power, relaxation=0.5, tolerance=1e-9))
        assert not result.diverged.any()
        assert float((result.dictionary - atoms).norm(dim=1).max()) < 1e-8
        torch.testing.assert_close(result.dictionary.norm(dim=1), torch.ones_like(result.dictionary[:, 0]))


def test_a_frozen_discriminator_moves_nothing_and_a_flipped_one_goes_astray():
    atoms, start, oracle = population(error=0.15)
    frozen = sharpen(oracle, start, SharpenSettings(power=2.0, max_steps=10, sign=0.0))
    torch.testing.assert_close(frozen.dictionary, start)
    assert frozen.steps.tolist() == [10, 10]
    flipped = sharpen(oracle, start, SharpenSettings(power=2.0, max_steps=60, relaxation=0.5, sign=-1.0))
    assert bool((flipped.diverged | ((flipped.dictionary - atoms).norm(dim=1).amax(dim=-1) > 0.3)).all())


def test_instances_that_are_done_wait_and_what_is_watched_is_every_step():
    atoms, codes = instance()
    start = torch.stack([atoms[0], started(atoms, 0.15)[1]])
    oracle = PopulationMoments(atoms, codes, codes, start, cutoffs(1.5))
    result = sharpen(oracle, start, SHORT, lambda dictionary, state: state.gap.norm(dim=-1).amax(dim=-1))
    assert result.watched.shape == (int(result.steps.max()) + 1, 2)
    assert float(result.watched[-1, 1]) <= 1e-10 * float(result.watched[0, 1])
    assert float((result.dictionary - atoms).norm(dim=1).max()) < 1e-8


def sharpened(atoms, codes, start, cutoff=1.5):
    oracle = PopulationMoments(atoms, codes, codes, start, cutoffs(cutoff, len(atoms)))
    return sharpen(oracle, start, SharpenSettings(power=2.0, max_steps=8, tolerance=0.0, relaxation=0.5)).dictionary


def law_of(codes, rows=slice(None), order=slice(None)):
    return type(codes)(*(v[rows][:, order] for v in (codes.scales, codes.thresholds, codes.loadings)))


@given(st.integers(0, 2**31))
@settings(max_examples=5, deadline=None)
def test_rotating_the_dictionary_rotates_the_answer(seed):
    atoms, codes = instance(seeds=[seed, seed + 1])
    start = started(atoms, 0.12, [seed, seed + 1])
    turn = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))[0]
    plain = sharpened(atoms, codes, start)
    torch.testing.assert_close(sharpened(turn @ atoms, codes, turn @ start), turn @ plain, rtol=0, atol=1e-9)


@given(st.permutations(range(8)), st.integers(0, 2**31))
@settings(max_examples=5, deadline=None)
def test_permuting_the_channels_permutes_the_answer(order, seed):
    atoms, codes = instance("one_correlated_pair", seeds=[seed], correlation=0.5)
    start = started(atoms, 0.12, [seed])
    plain = sharpened(atoms, codes, start)
    permuted = sharpened(atoms[..., order], law_of(codes, order=order), start[..., order])
    torch.testing.assert_close(permuted, plain[..., order], rtol=0, atol=1e-9)


@given(st.floats(0.01, 100.0), st.integers(0, 2**31))
@settings(max_examples=5, deadline=None)
def test_scaling_codes_and_cutoff_changes_nothing(factor, seed):
    atoms, codes = instance(seeds=[seed])
    start = started(atoms, 0.12, [seed])
    larger = type(codes)(factor * codes.scales, codes.thresholds, codes.loadings)
    plain = sharpened(atoms, codes, start)
    torch.testing.assert_close(sharpened(atoms, larger, start, 1.5 * factor), plain, rtol=0, atol=1e-9)


@given(st.integers(0, 2**31))
@settings(max_examples=5, deadline=None)
def test_a_batch_equals_a_loop(seed):
    seeds = [seed, seed + 1]
    atoms, codes = instance(seeds=seeds)
    start = started(atoms, 0.12, seeds)
    together = sharpened(atoms, codes, start)
    for row in (0, 1):
        one = slice(row, row + 1)
        alone = sharpened(atoms[one], law_of(codes, one), start[one])
        torch.testing.assert_close(alone[0], together[row], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"power": 1.5}, r"power must be at least 2, got 1\.5"),
        ({"power": float("nan")}, "power must be at least 2, got nan"),
        ({"tolerance": 1.0}, r"tolerance must be in \[0, 1\), got 1\.0"),
        ({"relaxation": 2.0}, r"relaxation must be in \(0, 2\), got 2\.0"),
        ({"max_steps": -1}, "max_steps must be at least 0, got -1"),
    ],
)
def test_settings_that_no_descent_can_have_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        SharpenSettings(**changes)
