"""Algorithm 3: its gradients by machine, one step of it by the printed game, what it recovers, and its symmetries."""

from dataclasses import replace

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.activations import smoothed_leaky_relu
from fsrcheck.model.discriminators import SuperResolutionDiscriminator
from fsrcheck.model.families import paper_example
from fsrcheck.model.target import TargetNetwork
from fsrcheck.training.sgda import SGDASettings, descend_ascend
from fsrcheck.training.super_resolution import (
    CONSTANT,
    CORRECTED_SIGNS,
    FALLING,
    POLYAK,
    PRINTED_SIGNS,
    SuperResolutionGame,
    SuperResolutionSettings,
    identity_start,
    learn_super_resolution,
    raised,
    super_resolution_game,
)
from fsrcheck.training.super_resolution_samples import NetworkPairs, PairSamples, pair_streams
from tests.training.super_resolution_cases import (
    SEEDS,
    SHORT,
    RandomPairs,
    below,
    cutoffs,
    moved,
    pairs_of,
    random,
    small_target,
    top_of,
)

LEAK, WIDTH = 0.05, 0.3


def game_of(source: RandomPairs, cutoff: float, signs: float, from_fakes: bool = True) -> SuperResolutionGame:
    """Large decays, so that a wrong sign is seen."""
    return SuperResolutionGame(
        source, 16, cutoffs(2, cutoff), lambda step: LEAK, WIDTH, 0.3, 0.7, signs=signs, from_fakes=from_fakes
    )


def printed_objective(
    game: SuperResolutionGame, outer: Tensor, inner: Tensor, samples: PairSamples, b: float
) -> Tensor:
    """Line 5's of every channel, (channel,), summed over rows, over b, in the units of the samples; the fakes are patches."""
    source = game.source
    assert isinstance(source, RandomPairs)
    lower_eye, upper_eye = (torch.eye(n, dtype=torch.float64).expand(2, -1, -1) for n in (source.fan_in, 3))
    seen, reader = (
        SuperResolutionDiscriminator(detector, lower_eye[:, None], b, LEAK, WIDTH * b)
        for detector in (upper_eye, source.detector)
    )
    value = seen.value(samples.upper, samples.lower[:, :, None], outer)
    if game.from_fakes:
        linear = samples.own_codes @ inner[..., :-1].mT - inner[:, None, :, -1]
        fakes = smoothed_leaky_relu(linear, LEAK, WIDTH * b) @ source.detector.mT
        value = value - reader.value(fakes, samples.own_lower[:, :, None], outer)
    decays = 0.3 * inner[..., :-1].square().sum(dim=-1) - 0.7 * outer[..., :-1].square().sum(dim=-1)
    return (value.mean(dim=1) / b + game.signs * decays).sum(dim=0)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    cutoff=st.floats(0.05, 3.0),
    signs=st.sampled_from([PRINTED_SIGNS, CORRECTED_SIGNS]),
    from_fakes=st.booleans(),
)
def test_the_gradients_are_the_machines(seed: int, cutoff: float, signs: float, from_fakes: bool) -> None:
    source = RandomPairs(seed)
    game = game_of(source, cutoff, signs, from_fakes)
    outer, inner = (random(2, 3, 5, seed=seed + i).requires_grad_() for i in (10, 11))
    values = printed_objective(game, outer, inner, source.draw(16), cutoff)
    drawn = game.draw(0)
    players = [(outer, game.outer_gradient)] + ([(inner, game.inner_gradient)] if from_fakes else [])
    for variable, gradient in players:
        found = gradient(outer.detach(), inner.detach(), drawn)
        for r in range(3):
            (wanted,) = torch.autograd.grad(values[r], variable, retain_graph=True)
            torch.testing.assert_close(found[:, r], wanted[:, r], rtol=1e-9, atol=1e-10)
            one = gradient.__func__(replace(game, channel=r), outer.detach(), inner.detach(), drawn)
            assert torch.equal(one[:, r], found[:, r])
            assert int((one != 0).any(dim=(0, 2)).sum()) == 1


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), factor=st.floats(0.05, 20.0))
def test_codes_thresholds_and_b_may_be_scaled_together(seed: int, factor: float) -> None:
    source, cutoff, scale = RandomPairs(seed), 0.5, torch.tensor([1, 1, 1, 1, factor], dtype=torch.float64)

    class Scaled(RandomPairs):
        def draw(self, num_samples: int) -> PairSamples:
            plain = super().draw(num_samples)
            return PairSamples(*(factor * v for v in (plain.upper, plain.lower, plain.own_lower, plain.own_codes)))

    outer, inner = (random(2, 3, 5, seed=seed + i) for i in (10, 11))
    plain, scaled = (
        replace(game_of(where, b, CORRECTED_SIGNS), generator_decay=0.0, discriminator_decay=0.0)
        for where, b in ((source, cutoff), (Scaled(seed), factor * cutoff))
    )
    for name in ("outer_gradient", "inner_gradient"):
        here = getattr(plain, name)(outer, inner, plain.draw(0))
        there = getattr(scaled, name)(scale * outer, scale * inner, scaled.draw(0))
        torch.testing.assert_close(there * scale, here, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("signs", [PRINTED_SIGNS, CORRECTED_SIGNS])
@pytest.mark.parametrize("inner_steps", [1, 3])
def test_with_one_eta_the_working_form_is_the_printed_game(signs: float, inner_steps: int) -> None:
    chosen = replace(
        SHORT, rule=CONSTANT, num_steps=4, step_size=0.2, decay=0.05, signs=signs, inner_steps=inner_steps
    )  # rounding grows by a factor a step
    cutoff = cutoffs(6)
    working = learn_super_resolution(pairs_of(SEEDS), cutoff, chosen)
    source = pairs_of(SEEDS)
    start = identity_start(source)
    plain = SGDASettings(chosen.num_steps, inner_steps, chosen.step_size * 0.1)
    printed = descend_ascend(super_resolution_game(source, cutoff, chosen), start, start, plain)
    torch.testing.assert_close(working.discriminator, printed.outer, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(working.generator, printed.inner, rtol=1e-9, atol=1e-11)
    assert float((printed.inner - start).abs().max()) > 0.1


@pytest.mark.parametrize("rule", [POLYAK, FALLING, CONSTANT])
def test_every_rule_goes_down_the_printed_gradient(rule: str) -> None:
    source, cutoff = pairs_of(SEEDS), cutoffs(6)
    chosen = replace(SHORT, rule=rule, num_steps=1, decay=0.0)
    start = identity_start(source)
    found = learn_super_resolution(source, cutoff, chosen)
    game = super_resolution_game(pairs_of(SEEDS), cutoff, chosen)
    samples = game.draw(0)
    for moved_by, gradient in (
        (found.generator - start, game.inner_gradient(start, start, samples)),
        (start - found.discriminator, game.outer_gradient(start, found.generator, samples)),
    ):
        cosine = torch.nn.functional.cosine_similarity(moved_by, gradient, dim=-1)
        sizes, largest = moved_by.norm(dim=-1), chosen.step_size * 0.1 * gradient.norm(dim=-1)
        assert bool(((cosine > 1 - 1e-12) | (sizes == 0)).all())
        assert bool((sizes <= largest * (1 + 1e-12)).all())


@pytest.mark.parametrize("learned", [False, True])
def test_samples_are_what_the_players_read_of_patches(learned: bool) -> None:
    target = small_target(SEEDS)
    source = pairs_of(SEEDS, learned=learned)
    samples, dictionary = source.draw(50), moved(top_of(target).dictionary, SEEDS)
    own_network = below(target, SEEDS) if learned else TargetNetwork((target.first,))
    target_streams, own_streams = pair_streams(SEEDS, 2)
    images = target.patches(target.sample_codes(target_streams, 50))
    own = own_network.sample_codes(own_streams, 50)
    own_images = own_network.patches(own)[0]
    detector = own_network.first.dictionary

    def of_parents(values: Tensor) -> Tensor:
        """Values (batch, sample, lower patch, channel) of the parents of every row."""
        rows = [values[i][:, parents].flatten(1) for i in range(3) for parents in top_of(target).parents]
        return torch.stack(rows)

    upper = torch.stack([images[1][i, :, j] @ dictionary[i, j] for i in range(3) for j in range(2)])
    torch.testing.assert_close(samples.upper, upper)
    torch.testing.assert_close(samples.lower, of_parents(torch.einsum("bspd,bpdc->bspc", images[0], detector)))
    torch.testing.assert_close(samples.own_lower, of_parents(torch.einsum("bspd,bpdc->bspc", own_images, detector)))
    torch.testing.assert_close(samples.own_codes, of_parents(own[0]))
    torch.testing.assert_close(source.overlaps, (dictionary.mT @ dictionary).flatten(0, 1))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 1500), min_size=1, max_size=5))
def test_samples_do_not_depend_on_how_they_are_cut(sizes: list[int]) -> None:
    whole = pairs_of([7]).draw(sum(sizes))
    source, at = pairs_of([7]), 0
    for size in sizes:
        part = source.draw(size)
        for name in ("upper", "lower", "own_lower", "own_codes"):
            assert torch.equal(getattr(part, name), getattr(whole, name)[:, at : at + size])
        at += size


def test_an_instance_does_not_depend_on_its_batch() -> None:
    together = learn_super_resolution(pairs_of(SEEDS, learned=True), cutoffs(6), SHORT)
    for i, seed in enumerate(SEEDS):
        alone = learn_super_resolution(pairs_of([seed], learned=True), cutoffs(2), SHORT)
        for name in ("generator", "discriminator", "leak"):
            rows = getattr(together, name)[2 * i : 2 * i + 2]
            torch.testing.assert_close(rows, getattr(alone, name), rtol=1e-9, atol=1e-11)


@settings(max_examples=6, deadline=None)
@given(order=st.permutations(range(4)))
def test_permuting_the_channels_permutes_the_answer(order: list[int]) -> None:
    target, start = small_target(SEEDS), identity_start(pairs_of(SEEDS))
    top = top_of(target)
    other = replace(
        top,
        dictionary=top.dictionary[..., order],
        weights=top.weights[:, :, order],
        thresholds=top.thresholds[:, :, order],
    )
    dictionary = moved(top.dictionary, SEEDS)
    plain = learn_super_resolution(pairs_of(SEEDS), cutoffs(6), SHORT)
    permuted = learn_super_resolution(
        NetworkPairs(TargetNetwork((target.first, other)), dictionary[..., order], seeds=SEEDS),
        cutoffs(6),
        SHORT,
        start=start[:, order],
    )
    torch.testing.assert_close(permuted.generator, plain.generator[:, order], rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(permuted.discriminator, plain.discriminator[:, order], rtol=1e-9, atol=1e-11)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_rotating_the_patches_of_both_levels_changes_nothing(seed: int) -> None:
    target = small_target(SEEDS)
    top, dictionary = top_of(target), moved(top_of(target).dictionary, SEEDS)
    first_turn, turn = (
        torch.linalg.qr(random(3, 2, size, size, seed=seed + i)).Q
        for i, size in enumerate((target.first.dictionary.shape[2], dictionary.shape[2]))
    )
    first = replace(target.first, dictionary=first_turn @ target.first.dictionary)
    turned = TargetNetwork((first, replace(top, dictionary=turn @ top.dictionary)))
    source = NetworkPairs(turned, turn @ dictionary, seeds=SEEDS, lower=TargetNetwork((first,)))
    plain = learn_super_resolution(pairs_of(SEEDS), cutoffs(6), SHORT)
    other = learn_super_resolution(source, cutoffs(6), SHORT)
    torch.testing.assert_close(other.generator, plain.generator, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(other.discriminator, plain.discriminator, rtol=1e-9, atol=1e-11)


def test_the_start_is_the_identity_on_the_first_parent_cut_off_where_levels_differ() -> None:
    equal = identity_start(pairs_of(SEEDS))
    assert equal.shape == (6, 4, 9)
    assert torch.equal(equal[5], torch.cat([torch.eye(4), torch.zeros(4, 5)], dim=1).double())
    target = paper_example(8, 1.0, seeds=[1], num_patches=1)
    fewer = identity_start(NetworkPairs(target, top_of(target).dictionary, seeds=[1]))
    assert fewer.shape == (2, 4, 9)
    assert torch.equal(fewer[1, :, :4], torch.eye(4).double())
    assert not bool(fewer[..., 4:].any())


def test_a_level_with_half_the_channels_is_learned() -> None:
    """The paper's own example, one parent and m_2 = m_1/2, from the identity cut off."""
    target = paper_example(8, 1.0, seeds=[1, 2], num_patches=1)
    source = NetworkPairs(target, moved(top_of(target).dictionary, [1, 2]), seeds=[1, 2])
    found = learn_super_resolution(
        source, cutoffs(4), SuperResolutionSettings(step_size=1.0, num_steps=1200, batch_size=64)
    )
    samples = source.draw(4000)
    codes = torch.relu(samples.own_codes @ found.generator[..., :-1].mT - found.generator[:, None, :, -1])
    true = torch.relu(
        samples.own_codes @ top_of(target).weights.flatten(0, 1).mT - top_of(target).thresholds.flatten(0, 1)[:, None]
    )
    assert float((codes - true).abs().quantile(0.9999)) < 0.4
    assert float(true.max()) > 2


def test_a_target_that_is_known_stays_known() -> None:
    target = small_target(SEEDS)
    top = top_of(target)
    known = torch.cat([top.weights, top.thresholds[..., None]], dim=-1).flatten(0, 1)
    source = NetworkPairs(target, top.dictionary, seeds=SEEDS)
    found = learn_super_resolution(source, cutoffs(6), replace(SHORT, decay=0.0, first_leak=1e-3), start=known)
    assert torch.equal(found.generator, known)
    assert torch.equal(found.discriminator, known)


def test_a_generator_without_steps_stays_and_the_regression_does_not_see_it() -> None:
    alone = replace(SHORT, from_fakes=False)
    moving, still = (learn_super_resolution(pairs_of(SEEDS), cutoffs(6), replace(alone, inner_steps=n)) for n in (1, 0))
    assert torch.equal(still.generator, identity_start(pairs_of(SEEDS)))
    assert torch.equal(still.discriminator, moving.discriminator)
    assert not torch.equal(still.generator, moving.generator)


def test_only_thresholds_are_raised() -> None:
    parameters, amount = random(2, 3, 5), torch.tensor([0.5, 2.0], dtype=torch.float64)
    found = raised(parameters, amount)
    assert torch.equal(found[..., :-1], parameters[..., :-1])
    torch.testing.assert_close(found[..., -1] - parameters[..., -1], amount[:, None].expand(2, 3))


def test_the_leak_falls_geometrically_to_a_multiple_of_b_and_never_rises() -> None:
    chosen = replace(SHORT, num_steps=100, first_leak=0.04, last_leak=0.1, settled=0.5)
    cutoff = torch.tensor([0.001, 1.0], dtype=torch.float64)
    leaks = torch.stack([chosen.leak(cutoff, step)[:, 0, 0] for step in (0, 25, 50, 100)])
    expected = torch.tensor([[0.04, 0.002, 1e-4, 1e-4], [0.04] * 4], dtype=torch.float64).mT
    torch.testing.assert_close(leaks, expected)
    found = learn_super_resolution(pairs_of([1]), cutoff, chosen)
    torch.testing.assert_close(found.leak, expected[-1])


def test_eta_falls_to_zero_over_the_second_half() -> None:
    falling = replace(SHORT, rule=FALLING, num_steps=100)
    assert [falling.eta(step) for step in (0, 49)] == [0.3, 0.3]
    assert falling.eta(75) == pytest.approx(0.15)
    assert falling.eta(100) == pytest.approx(0.0)
    assert {replace(falling, rule=rule).eta(90) for rule in (POLYAK, CONSTANT)} == {0.3}


def test_watchers_see_every_step_and_the_end() -> None:
    found = learn_super_resolution(
        pairs_of(SEEDS), cutoffs(6), SHORT, watch=lambda game, outer, inner, samples: torch.stack([outer, inner])
    )
    assert found.watched is not None
    assert found.watched.shape == (SHORT.num_steps + 1, 2, 6, 4, 9)
    assert torch.equal(found.watched[0, 0], identity_start(pairs_of(SEEDS)))
    assert torch.equal(found.watched[-1], torch.stack([found.discriminator, found.generator]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rule": "newton"}, "step rule must be one of polyak, falling, constant, got 'newton'"),
        ({"num_steps": 0}, "num_steps must be at least 1, got 0"),
        ({"inner_steps": -1}, "inner_steps must be at least 0, got -1"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"step_size": 0.0}, r"step_size must be positive, got 0\.0"),
        ({"smoothing": float("nan")}, "smoothing must be positive, got nan"),
        ({"first_leak": 1.5}, r"first_leak must be at most 1, got 1\.5"),
        ({"last_leak": 0.0}, r"last_leak must be positive, got 0\.0"),
        ({"settled": 0.0}, r"settled must be in \(0, 1\], got 0\.0"),
        ({"decay": -1.0}, r"decay must be at least 0, got -1\.0"),
    ],
)
def test_settings_that_no_descent_can_have_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SuperResolutionSettings(**{"step_size": 1.0, **changes})


def test_levels_seeds_and_cutoffs_that_cannot_be_are_refused() -> None:
    target = small_target(SEEDS)
    dictionary = top_of(target).dictionary
    for level in (1, 3):
        with pytest.raises(InputError, match=rf"level must be in 2\.\.2, got {level}"):
            NetworkPairs(target, dictionary, seeds=SEEDS, level=level)
    with pytest.raises(InputError, match=r"seeds must be one per instance \(3\), got 1"):
        NetworkPairs(target, dictionary, seeds=[1])
    with pytest.raises(InputError, match=r"cutoff must be positive, got 0\.0"):
        learn_super_resolution(pairs_of(SEEDS), cutoffs(6, 0.0), SHORT)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, got none")
@pytest.mark.parametrize("learned", [False, True])
def test_the_gpu_learns_what_the_cpu_learns(learned: bool) -> None:
    here, there = (
        learn_super_resolution(pairs_of(SEEDS, device, learned=learned), cutoffs(6, 0.1, device), SHORT)
        for device in ("cpu", "cuda")
    )
    assert there.generator.device.type == "cuda"
    for name in ("generator", "discriminator", "leak"):
        torch.testing.assert_close(getattr(there, name).cpu(), getattr(here, name), rtol=1e-9, atol=1e-11)
