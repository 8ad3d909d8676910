"""Joint training: its discriminator against a plain loop, what moves and what does not, equivariance, and that it learns."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fsrcheck.errors import InputError
from fsrcheck.model.coupling import coupling_errors
from fsrcheck.model.families import independent_channels, overlapping_inhibition
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import TargetNetwork
from fsrcheck.training.joint_levels import JointDiscriminator, JointSettings, train_jointly
from fsrcheck.training.level_samples import GivenSamples, TargetSamples

BRIEF = JointSettings((1, 2), (1, 2), num_steps=5, batch_size=64)


def target_of(seeds, num_channels=4):
    return overlapping_inhibition(num_channels, 1.0, seeds=seeds, num_inhibitory=1)


def samples_of(target, seeds, count=2000):
    return TargetSamples(target, seeds=seeds, num_samples=count)


def off(target, seeds, size=0.2):
    """The target with its first level's rows moved."""
    rows = target.first.latent_weights
    moved = rows + size * standard_normal(streams(seeds, "off"), rows.shape[1:])
    return TargetNetwork((replace(target.first, latent_weights=moved), *target.levels[1:]))


def parts(network):
    for level in network.levels:
        yield from (
            level.dictionary,
            level.thresholds,
            getattr(level, "latent_weights", getattr(level, "weights", None)),
        )


def alike(one, other, **tolerance):
    return all(torch.allclose(a, b, **tolerance) for a, b in zip(parts(one), parts(other), strict=True))


def test_the_discriminators_maximum_is_that_of_a_plain_loop():
    target, latents = target_of([3]), standard_normal(streams([4], "latents"), (50, 8))
    given_samples = GivenSamples(target.patches(target.sample_codes(streams([5], "samples"), 300)))
    network = off(target, [3])
    found = JointDiscriminator.of(given_samples, network, BRIEF).value(network, latents)

    def read(patches):
        reads = [
            (x[0].transpose(0, 1) @ level.dictionary[0]).transpose(0, 1)
            for x, level in zip(patches, network.levels, strict=True)
        ]
        return torch.cat([(read - BRIEF.cutoff).clamp(min=0).flatten(1) for read in reads], dim=1)

    true, own = read(given_samples.reader((1, 2))(300)), read(network.patches(network.codes(latents)))
    expected = ((own.mean(dim=0) - true.mean(dim=0)).square() / true.square().mean(dim=0)).sum()
    for p, q in product(range(true.shape[1]), repeat=2):
        spread = true[:, p].square().mean() * true[:, q].square().mean()
        if p == q:
            spread = true[:, p].pow(4).mean() - true[:, p].square().mean().square()
        gap = (own[:, p] * own[:, q]).mean() - (true[:, p] * true[:, q]).mean()
        expected += gap.square() / spread / 2
    assert float(found) == pytest.approx(float(expected), rel=1e-10)


def test_it_is_least_at_the_target():
    target = target_of([1])
    discriminator = JointDiscriminator.of(samples_of(target, [1], 100_000), target, BRIEF)
    latents = standard_normal(streams([2], "latents"), (50_000, 8))
    assert 20 * discriminator.value(target, latents) < discriminator.value(off(target, [1], 0.5), latents)


@pytest.mark.parametrize(("trained", "moving"), [((1,), [True, False]), ((2,), [False, True]), ((1, 2), [True, True])])
def test_levels_that_are_not_trained_stay_as_they_are(trained, moving):
    target = target_of([1, 2])
    found = train_jointly(target, samples_of(target, [1, 2]), replace(BRIEF, trained=trained), seeds=[1, 2])
    for old, new, moves in zip(target.levels, found.levels, moving, strict=True):
        for before, after in zip(parts(TargetNetwork((old,))), parts(TargetNetwork((new,))), strict=True):
            assert torch.equal(before, after) != moves


def test_a_level_above_what_is_seen_and_trained_stays():
    target = target_of([1])
    found = train_jointly(target, samples_of(target, [1]), replace(BRIEF, trained=(1,), seen=(1,)), seeds=[1])
    assert found.levels[1] is target.levels[1]


def test_columns_keep_length_1():
    target = target_of([1])
    found = train_jointly(target, samples_of(target, [1]), replace(BRIEF, step_size=0.1), seeds=[1])
    for level in found.levels:
        assert torch.allclose(level.dictionary.norm(dim=-2), torch.ones(1, dtype=torch.float64), atol=1e-12)


def test_no_steps_change_nothing():
    target = target_of([1])
    assert alike(train_jointly(target, samples_of(target, [1]), replace(BRIEF, num_steps=0), seeds=[1]), target)


def test_a_batch_is_its_instances():
    both = target_of([7, 8])
    found = train_jointly(off(both, [7, 8]), samples_of(both, [7, 8]), BRIEF, seeds=[7, 8])
    for index, seed in enumerate((7, 8)):
        one = target_of([seed])
        alone = train_jointly(off(one, [seed]), samples_of(one, [seed]), BRIEF, seeds=[seed])
        for together, apart in zip(parts(found), parts(alone), strict=True):
            assert torch.allclose(together[index : index + 1], apart, rtol=1e-8, atol=1e-10)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.permutations(range(4)))
def test_permuting_the_channels_of_the_last_level_permutes_the_answer(seed, order):
    target = target_of([seed])
    samples, start = samples_of(target, [seed], 500), off(target, [seed])

    def permuted(network):
        top = network.levels[-1]
        taken = replace(
            top,
            dictionary=top.dictionary[..., order],
            weights=top.weights[:, :, order],
            thresholds=top.thresholds[..., order],
        )
        return TargetNetwork((*network.levels[:-1], taken))

    found, other = (train_jointly(one, samples, BRIEF, seeds=[seed]) for one in (start, permuted(start)))
    assert alike(permuted(found), other, rtol=1e-6, atol=1e-8)


def test_a_level_that_is_off_is_put_right():
    target = independent_channels(6, 2.0, seeds=[11, 12])
    start = off(target, [11, 12], 0.3)
    chosen = JointSettings((1,), (1,), num_steps=300, batch_size=2048, step_size=0.01)
    found = train_jointly(start, samples_of(target, [11, 12], 30_000), chosen, seeds=[11, 12])
    before, after = (
        coupling_errors(network, target, seeds=[1, 2], num_samples=4096).relative_rms[:, 0]
        for network in (start, found)
    )
    assert bool((after < 0.8 * before).all())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trained": ()}, "trained must be different levels"),
        ({"seen": (0,)}, "seen must be different levels"),
        ({"seen": (1, 1)}, "seen must be different levels"),
        ({"num_steps": -1}, "num_steps must be at least 0"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"cutoff": -0.1}, "cutoff must be at least 0"),
        ({"step_size": 0.0}, "step_size must be positive"),
    ],
)
def test_settings_that_no_descent_can_have_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        replace(BRIEF, **changes)


def test_bad_input_is_refused():
    target = target_of([1])
    with pytest.raises(InputError, match="one per instance"):
        train_jointly(target, samples_of(target, [1]), BRIEF, seeds=[1, 2])
    with pytest.raises(InputError, match="levels up to 2"):
        train_jointly(target, samples_of(target, [1]), replace(BRIEF, seen=(3,)), seeds=[1])
    with pytest.raises(InputError, match="show every channel above 50"):
        train_jointly(target, samples_of(target, [1]), replace(BRIEF, cutoff=50.0), seeds=[1])
