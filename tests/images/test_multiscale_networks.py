"""The networks of the multi-scale GAN: shapes, wiring, spectral norms, seeds."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from fsrcheck.errors import InputError
from fsrcheck.images.multiscale_networks import (
    SLOPE,
    MultiscaleDiscriminator,
    MultiscaleGenerator,
    SeparateDiscriminators,
)
from fsrcheck.images.multiscale_settings import MultiscaleSettings
from tests.images.multiscale_cases import SMALL, identical

LATENTS = torch.randn(5, 4, generator=torch.Generator().manual_seed(2))
PAPER = MultiscaleSettings(num_levels=4, channels=4, widening=1, latent_dim=4)


def images_of(settings: MultiscaleSettings, number: int = 5) -> dict[int, torch.Tensor]:
    random = torch.Generator().manual_seed(3)
    return {
        level: torch.randn(number, 3, size, size, generator=random)
        for level, size in enumerate(settings.sizes, start=1)
    }


@pytest.mark.parametrize("settings", [SMALL, PAPER, replace(SMALL, batch_norm=False, num_levels=1)])
def test_shapes_are_those_of_the_paper(settings):
    generator = MultiscaleGenerator(settings, 0)
    codes = generator.codes(LATENTS)
    for level, (code, image) in enumerate(zip(codes, generator.images(codes), strict=True), start=1):
        size = settings.first_size * 2**level
        channels = settings.hidden_channels[level - 1]
        assert code.shape == (5, channels, size // 2, size // 2)
        assert image.shape == (5, 3, size, size)
        assert generator.output_weights(level).shape == (channels, 3, settings.kernel_size, settings.kernel_size)
        assert (code >= 0).all()
        assert (code > 0).any()


def test_the_paper_has_images_of_8_to_64_pixels_and_patches_of_6_by_6():
    assert PAPER.sizes == (8, 16, 32, 64)
    assert MultiscaleGenerator(PAPER, 0).output_weights(4).shape == (4, 3, 6, 6)


def test_width_factor_widens_the_generator_alone():
    wide = replace(SMALL, width_factor=2.0)
    assert wide.hidden_channels == tuple(2 * m for m in SMALL.hidden_channels)
    assert wide.discriminator_channels == SMALL.discriminator_channels == (6, 3)


@pytest.mark.parametrize("bias", [False, True])
def test_an_image_is_linear_in_its_code_with_weight_patches_at_stride_2(bias):
    generator = MultiscaleGenerator(replace(SMALL, output_bias=bias), 0).requires_grad_(False)
    code = torch.zeros(1, 3, 4, 4)
    (nothing,) = generator.images([code], lowest=2)
    code[0, 1, 1, 2] = 2.5
    (image,) = generator.images([code], lowest=2)
    patch = (image - nothing)[0, :, 1:5, 3:7]  # kernel 4 begins one pixel before the two that the stride gives
    torch.testing.assert_close(patch, 2.5 * generator.output_weights(2)[1])
    outside = (image - nothing).abs().sum() - patch.abs().sum()
    assert float(outside.abs()) < 1e-5
    assert bool(nothing.any()) is False


def test_codes_from_a_level_go_on_as_the_whole_does():
    generator = MultiscaleGenerator(PAPER, 0).eval()
    codes = generator.codes(LATENTS)
    assert identical(generator.codes_from(2, codes[1]), codes[1:])
    assert identical(generator.codes_from(2, codes[1], top=3), codes[1:3])
    assert identical(generator.codes(LATENTS, top=2), codes[:2])


def test_a_changed_patch_of_a_code_changes_a_patch_of_the_images_above():
    generator = MultiscaleGenerator(PAPER, 0).eval()
    code = generator.codes(LATENTS)[1]
    changed = code.clone()
    changed[:, :, 3, 3] += 1
    pairs = zip(*(generator.images(generator.codes_from(2, given), lowest=2) for given in (code, changed)), strict=True)
    for level, (one, other) in enumerate(pairs, start=2):
        far = (one - other).abs().amax(dim=(0, 1)) > 1e-6
        rows = far.any(dim=1).nonzero().flatten()
        assert far.any()
        assert int(rows.max() - rows.min()) + 1 <= 2 ** (level - 1) * 4 + 6


def test_a_seed_makes_the_same_weights_and_leaves_the_global_generator_alone():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    one, same, other = (MultiscaleDiscriminator(SMALL, seed).state_dict() for seed in (4, 4, 5))
    assert torch.equal(before, torch.get_rng_state())
    assert identical(dict(one), dict(same))
    assert not identical(dict(one), dict(other))
    weights = [MultiscaleGenerator(SMALL, seed).output_weights(1) for seed in (4, 4, 5)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_the_discriminator_is_the_transcription_of_its_formula():
    network = MultiscaleDiscriminator(SMALL, 0).eval()
    images = images_of(SMALL)

    def act(layer: nn.Module, given: torch.Tensor) -> torch.Tensor:
        return functional.leaky_relu(functional.conv2d(given, layer.weight, layer.bias, stride=2, padding=1), SLOPE)

    high = act(network.first[1], images[2])
    low = act(network.first[0], images[1]) + act(network.down[0], high)
    last = functional.leaky_relu(low.flatten(1) @ network.last.weight.mT + network.last.bias, SLOPE)
    score = last @ network.score.weight[0] + network.score.bias
    torch.testing.assert_close(network(images), score)


def test_the_discriminator_can_see_that_two_levels_do_not_fit_together():
    """A score that were a sum of one of X_1 and one of the others would come out the same for both sums."""
    network = MultiscaleDiscriminator(PAPER, 0).eval()
    one, other = images_of(PAPER), {level: 1 - images for level, images in images_of(PAPER).items()}
    for level in one:
        crossed = [{**first, level: second[level]} for first, second in ((one, other), (other, one))]
        fitting, unfitting = (sum(network(images) for images in pair) for pair in ((one, other), crossed))
        assert not torch.allclose(fitting, unfitting)


def test_only_the_levels_that_are_given_are_read():
    network = MultiscaleDiscriminator(PAPER, 0).eval()
    images = images_of(PAPER)
    scores = network({2: images[2], 3: images[3]})
    assert scores.shape == (5,)
    assert not torch.allclose(scores, network({3: images[3]}))
    assert not torch.allclose(scores, network({2: images[2]}))
    assert not torch.allclose(scores, network({1: images[1], 2: images[2], 3: images[3]}))


def test_separate_discriminators_see_one_level_each():
    network = SeparateDiscriminators(PAPER, 0).eval()
    images = images_of(PAPER)
    scores = network(images)
    assert scores.shape == (5, 4)
    for level in images:
        torch.testing.assert_close(scores[:, level - 1], network.levels[level - 1]({level: images[level]}))
        other = {**images, level: images[level] + 1}
        unmoved = [number for number in range(4) if torch.equal(network(other)[:, number], scores[:, number])]
        assert unmoved == [number for number in range(4) if number != level - 1]
    assert network({2: images[2]}).shape == (5, 1)
    assert torch.equal(network.first_weights(2), network.levels[1].first_weights(2))
    weights = [part.score.weight for part in network.levels]
    assert not torch.equal(weights[0], weights[1])
    with pytest.raises(InputError, match="level must be between 1 and 4"):
        network.first_weights(5)


def test_spectral_norms_are_at_most_1():
    network = MultiscaleDiscriminator(SMALL, 0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(5.0)
        for _ in range(100):  # power iteration goes on with every reading in training
            network(images_of(SMALL))
    network.eval()
    for layer in (*network.first, *network.down, network.last, network.score):
        assert float(torch.linalg.matrix_norm(layer.weight.flatten(1), 2)) == pytest.approx(1, abs=1e-3)
    unbounded = MultiscaleDiscriminator(replace(SMALL, spectral_norm=False), 0)
    assert torch.equal(unbounded.first_weights(1), unbounded.first[0].weight)


def test_looking_at_first_weights_changes_nothing():
    network = MultiscaleDiscriminator(SMALL, 0).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    weights = network.first_weights(2)
    assert weights.shape == (3, 3, 4, 4)
    assert not weights.requires_grad
    assert identical(before, dict(network.state_dict()))
    assert all(part.training for part in network.modules())
    torch.testing.assert_close(weights, network.eval().first[1].weight.detach())


@pytest.mark.parametrize("level", [0, 3, -1])
def test_a_level_that_is_not_there_is_refused(level):
    for look in (MultiscaleGenerator(SMALL, 0).output_weights, MultiscaleDiscriminator(SMALL, 0).first_weights):
        with pytest.raises(InputError, match=f"level must be between 1 and 2, got {level}"):
            look(level)


def test_latents_of_another_width_are_refused():
    with pytest.raises(InputError, match=r"latents must be \(sample, 4\)"):
        MultiscaleGenerator(SMALL, 0).codes(torch.zeros(2, 5))
