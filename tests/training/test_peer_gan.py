"""The GAN learns something of every level, a function of its seed alone, and says so when it fails."""

import math

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.peer_gan import GanSettings, train_peer_gan

SMALL = GanSettings(latent_dim=4, width=24, depth=1, num_steps=30, batch_size=32)
LONGER = GanSettings(latent_dim=8, width=48, depth=1, num_steps=600, batch_size=64, step_size=2e-3)
NUM_SAMPLES = 3000


def patches(seed=0, batch=1, count=NUM_SAMPLES):
    """Two levels of Gaussian patches, the second 3 times the first and moved by 5."""
    low = standard_normal(streams(range(seed, seed + batch), "low"), (count, 2, 2))
    low[..., 1] = 0.8 * low[..., 0] + 0.6 * low[..., 1]
    return [low, 5 + 3 * low]


def test_levels_are_learned_together():
    data = patches()
    low, high = train_peer_gan(data, [0], LONGER).sample(NUM_SAMPLES, [1])
    assert (low.shape, high.shape) == (data[0].shape, data[1].shape)
    assert low.dtype == torch.float64
    untrained_low, untrained_high = train_peer_gan(data, [0], GanSettings(num_steps=1)).sample(NUM_SAMPLES, [1])

    def misfit(lower, upper):
        """Share of the upper level that is not 5 + 3 times the lower one."""
        return float((upper - 5 - 3 * lower).square().mean().sqrt()) / 3

    assert misfit(low, high) < 0.35
    assert misfit(untrained_low, untrained_high) > 0.7
    for level, made in zip(data, (low, high), strict=True):
        assert torch.allclose(made.mean(dim=1), level.mean(dim=1), atol=0.3 * float(level.std()))
        assert float(made.std()) == pytest.approx(float(level.std()), rel=0.3)
    pairs = low[0].flatten(1).T.corrcoef()
    assert float(pairs[0, 1]) > 0.5
    assert abs(float(pairs[0, 2])) < 0.3


def test_a_level_is_built_on_the_one_below():
    found = train_peer_gan(patches(), [0], SMALL)
    before = found.sample(5, [1])
    with torch.no_grad():
        for values in found.generators[0].hidden[0].parameters():
            values.zero_()
    low, high = found.sample(5, [1])
    assert torch.allclose(low, low[:, :1].expand_as(low))
    assert not torch.allclose(high, before[1])
    assert not torch.allclose(high, high[:, :1].expand_as(high))  # from the latents


def test_units_of_the_data_do_not_matter():
    data = patches()
    plain = train_peer_gan(data, [0], SMALL).sample(10, [1])
    scaled = train_peer_gan([data[0] * 64, data[1] / 1024], [0], SMALL).sample(10, [1])
    assert torch.allclose(scaled[0], plain[0] * 64, rtol=1e-3, atol=1e-2)
    assert torch.allclose(scaled[1], plain[1] / 1024, rtol=1e-3, atol=1e-5)


def test_a_batch_is_its_instances_and_nothing_else_is_random():
    data = patches(batch=2)
    state = torch.get_rng_state()
    together = train_peer_gan(data, [3, 4], SMALL).sample(5, [7, 8])
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(3)
    for index in range(2):
        alone = train_peer_gan([level[index, None] for level in data], [3 + index], SMALL).sample(5, [7 + index])
        assert all(torch.equal(one[0], both[index]) for one, both in zip(alone, together, strict=True))
    other = train_peer_gan(data, [5, 4], SMALL).sample(5, [7, 8])
    assert not torch.equal(other[0][0], together[0][0])
    assert torch.equal(other[0][1], together[0][1])


def test_samples_do_not_depend_on_how_many_are_drawn():
    found = train_peer_gan(patches(), [0], SMALL)
    few, many = found.sample(3, [1]), found.sample(9, [1])
    assert all(torch.allclose(one, other[:, :3], atol=1e-5) for one, other in zip(few, many, strict=True))


def losses(penalty, every=1, num_steps=5):
    told = []
    settings = GanSettings(width=32, depth=1, num_steps=num_steps, penalty=penalty, penalty_every=every)
    train_peer_gan(patches(batch=2), [0, 1], settings, told.append)
    assert [(one.instance, one.step) for one in told] == [(i, s) for i in (0, 1) for s in range(1, num_steps + 1)]
    return [one.discriminator_loss for one in told[:num_steps]]


def test_the_penalty_is_in_the_loss_when_its_turn_comes():
    plain, once, twice = (losses(penalty)[0] for penalty in (0.0, 1.0, 2.0))
    assert once > plain + 0.01
    assert twice - plain == pytest.approx(2 * (once - plain), rel=1e-3)
    every, third = losses(1.0, every=3), losses(0.0)
    assert every[:2] == third[:2]  # the same batches, latents and weights
    assert every[2] > third[2] + 0.01


def test_the_penalty_flattens_the_discriminator():
    strict = losses(30.0, num_steps=200)
    assert strict[-1] < 0.4 * strict[0]
    assert strict[-1] > 2 * math.log(2)
    assert losses(0.0, num_steps=200)[-1] < 2 * math.log(2)


@pytest.mark.parametrize(
    "change",
    [{"width": 0}, {"num_steps": 0}, {"penalty": -1.0}, {"step_size": 0.0}, {"averaging": 1.0}, {"penalty_every": 0}],
)
def test_settings_that_are_none_are_refused(change):
    with pytest.raises(InputError, match="must be"):
        GanSettings(**change)


def test_bad_input_and_divergence_are_refused():
    data = patches()
    with pytest.raises(InputError, match="must be finite"):
        train_peer_gan([data[0] * torch.nan, data[1]], [0], SMALL)
    with pytest.raises(InputError, match="seeds must be one per instance"):
        train_peer_gan(data, [0, 1], SMALL)
    with pytest.raises(InputError, match="losses must be finite"):
        train_peer_gan(data, [0], GanSettings(num_steps=60, step_size=1e18))
