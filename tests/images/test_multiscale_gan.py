"""Training the multi-scale GAN: seeds, freezing, levels, losses, averages, snapshots."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fsrcheck.errors import InputError
from fsrcheck.images.multiscale_gan import (
    MultiscaleGan,
    discriminator_loss,
    generator_loss,
    slope_penalty,
)
from fsrcheck.images.multiscale_settings import HINGE, LOSSES, WGAN_GP, Phase
from fsrcheck.images.pyramid import pooled
from tests.images.multiscale_cases import SMALL, STEPS, all_levels, identical, patterns, small_gan

EVERY_KIND = (
    SMALL,
    replace(SMALL, batch_norm=False),
    replace(SMALL, loss=WGAN_GP, spectral_norm=False),
    replace(SMALL, separate=True),
)


def level_state(network: nn.Module, level: int) -> dict:
    parts = {"hidden": network.hidden[level - 1], "output": network.outputs[level - 1]}
    return {name: {k: v.clone() for k, v in part.state_dict().items()} for name, part in parts.items()}


@pytest.mark.parametrize("loss", LOSSES)
def test_separate_discriminators_leave_each_level_to_its_own_player(loss):
    """A level's network of true images at another level is trained as if that level were not there."""
    gan = small_gan(replace(SMALL, separate=True, loss=loss, spectral_norm=False))
    true = gan._true_batch(gan.phases[0])
    with torch.no_grad():
        generated = dict(enumerate(gan.generator(gan.latents(SMALL.batch_size, 0)), start=1))
    changed = {level: images.roll(1, dims=1 + level % 2) if level == 2 else images for level, images in true.items()}
    other = deepcopy(gan)
    gan._discriminator_step(true, generated)
    other._discriminator_step(changed, generated)
    kept, moved = ([dict(run.discriminator.levels[place].state_dict()) for run in (gan, other)] for place in (0, 1))
    assert identical(*kept)
    assert not identical(*moved)


@pytest.mark.parametrize("settings", EVERY_KIND)
def test_the_same_seed_is_the_same_run_and_another_is_another(settings):
    runs = [small_gan(settings, seed) for seed in (1, 1, 2)]
    losses = [[run.advance() for _ in range(3)] for run in runs]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]
    assert identical(runs[0].state(), runs[1].state())
    assert not identical(runs[0].state(), runs[2].state())


def test_a_run_does_not_depend_on_global_random_numbers():
    one, other = small_gan(), small_gan()
    one.run()
    torch.manual_seed(99)
    for _ in range(STEPS):
        torch.rand(5)
        other.advance()
    assert identical(one.state(), other.state())


def test_samples_follow_from_their_seed_and_not_from_the_chunk():
    gan = small_gan()
    gan.run()
    samples = gan.sample(7, 3)
    assert [level.shape for level in samples] == [(7, 3, 4, 4), (7, 3, 8, 8)]
    for chunk in (1, 3):
        for one, other in zip(samples, gan.sample(7, 3, chunk=chunk), strict=True):
            torch.testing.assert_close(one, other)
    assert not torch.equal(samples[1], gan.sample(7, 4)[1])
    assert not torch.equal(samples[1], gan.sample(7, 3, averaged=False)[1])
    torch.testing.assert_close(samples[0][:2], (gan.averaged(gan.latents(2, 3))[0] + 1) / 2)


def test_sampling_changes_nothing():
    gan, other = small_gan(), small_gan()
    for _ in range(STEPS):
        gan.advance()
        gan.sample(3, 0, averaged=False)
        gan.discriminator.first_weights(1)
        other.advance()
    assert identical(gan.state(), other.state())


def test_all_levels_of_a_true_batch_are_of_the_same_images():
    gan = small_gan()
    seen = []
    for _ in range(len(gan.images) // SMALL.batch_size):
        batch = gan._true_batch(gan.phases[0])
        torch.testing.assert_close(pooled(batch[2], 4), batch[1])
        seen.append((batch[2] + 1) / 2)
        gan.step += 1
    rows, images = torch.cat(seen).flatten(1), gan.images.flatten(1)
    found = torch.cdist(rows.double(), images.double()).argmin(dim=1)
    assert sorted(found.tolist()) == list(range(len(images)))  # every image once an epoch
    torch.testing.assert_close(rows, images[found])


@pytest.mark.parametrize("settings", EVERY_KIND)
@pytest.mark.parametrize("trained", [(1,), (2,)])
def test_frozen_levels_stay_bit_by_bit_and_trained_ones_move(settings, trained):
    gan = small_gan(settings, phases=(Phase(STEPS, trained),))
    before = {level: level_state(gan.generator, level) for level in (1, 2)}
    gan.run()
    for level in (1, 2):
        for network in (gan.generator, gan.averaged):
            assert identical(before[level], level_state(network, level)) == (level not in trained)
    for name, parameter in gan.generator.hidden[trained[0] - 1].named_parameters():
        assert not torch.equal(parameter, before[trained[0]]["hidden"][name]), name


def test_phases_follow_each_other_and_a_freed_level_moves_again():
    gan = small_gan(phases=(Phase(2, (1,)), Phase(0, (2,)), Phase(3, (2,), read=(2,)), Phase(2, (1, 2))))
    assert gan.num_steps == 7
    gan.run(until=2)
    first = level_state(gan.generator, 1)
    assert gan.generator.codes(gan.latents(2, 0), top=1)[0].shape == (2, 6, 2, 2)
    gan.run(until=5)
    assert identical(first, level_state(gan.generator, 1))
    gan.run()
    assert not identical(first, level_state(gan.generator, 1))
    assert gan.step == 7
    with pytest.raises(InputError, match="steps must be at most the 7 of all phases"):
        gan.advance()


def test_levels_that_are_not_read_have_no_part_in_the_discriminator():
    gan = small_gan(phases=(Phase(STEPS, (1, 2), read=(2,)),))
    unread = deepcopy(gan.discriminator.first[0].state_dict())
    output = gan.generator.output_weights(1).clone()
    gan.run()
    assert identical(dict(unread), dict(gan.discriminator.first[0].state_dict()))
    assert torch.equal(output, gan.generator.output_weights(1))


@pytest.mark.parametrize("settings", EVERY_KIND)
def test_a_discriminator_step_tells_true_from_generated_better(settings):
    gan = small_gan(replace(settings, discriminator_step_size=1e-3))
    true = gan._true_batch(gan.phases[0])
    generated = {level: image.detach() for level, image in enumerate(gan.generator(gan._latents()), start=1)}
    gaps, losses = [], []
    for _ in range(8):
        gaps.append(float((gan.discriminator(true) - gan.discriminator(generated)).mean()))
        losses.append(gan._discriminator_step(true, generated))
    assert losses[-1] < losses[0]
    assert gaps[-1] > gaps[0]


@pytest.mark.parametrize("settings", EVERY_KIND)
def test_a_generator_step_raises_the_score_of_its_images(settings):
    gan = small_gan(replace(settings, step_size=1e-3))
    latents = gan._latents()
    losses = [gan._generator_step(dict(enumerate(gan.generator(latents), start=1))) for _ in range(5)]
    assert losses[-1] < losses[0]
    assert all(parameter.grad is None for parameter in gan.discriminator.parameters())


def test_looking_at_codes_between_steps_changes_nothing():
    gan, other = small_gan(), small_gan()
    for run, looks in ((gan, True), (other, False)):
        for _ in range(STEPS):
            run.advance()
            if looks:
                run.generator.codes(run.latents(3, 0))
                run.discriminator(run._true_batch(run.phases[0]))
    assert identical(gan.state(), other.state())


@settings(deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=1, max_size=5), st.lists(st.floats(-3, 3), min_size=1, max_size=5))
def test_losses_are_those_of_the_papers(true, generated):
    ours = {kind: discriminator_loss(kind, torch.tensor(true), torch.tensor(generated)) for kind in LOSSES}
    hinge = sum(max(0, 1 - s) for s in true) / len(true) + sum(max(0, 1 + s) for s in generated) / len(generated)
    mean = sum(generated) / len(generated)
    assert float(ours[HINGE]) == pytest.approx(hinge, abs=1e-5)
    assert float(ours[WGAN_GP]) == pytest.approx(mean - sum(true) / len(true), abs=1e-5)
    assert float(generator_loss(torch.tensor(generated))) == pytest.approx(-mean, abs=1e-5)


def test_the_penalty_is_of_the_norm_over_all_levels_together():
    slopes = [torch.full((2, 3, 2, 2), 0.5), torch.zeros(2, 3, 4, 4)]
    slopes[1][1, 0, 0, 0] = 1.0
    assert float(slope_penalty(slopes)) == pytest.approx(((3**0.5 - 1) ** 2 + (2 - 1) ** 2) / 2, abs=1e-5)


def test_the_average_is_the_exponential_one():
    gan = small_gan(replace(SMALL, averaging=0.3))
    expected = {name: value.double() for name, value in gan.generator.state_dict().items()}
    for done in range(STEPS):
        gan.advance()
        kept = min(0.3, (1 + done) / (10 + done))
        for name, value in gan.generator.state_dict().items():
            counted = not value.is_floating_point()
            expected[name] = value.double() if counted else kept * expected[name] + (1 - kept) * value.double()
    for name, value in gan.averaged.state_dict().items():
        torch.testing.assert_close(value.double(), expected[name], rtol=1e-5, atol=1e-6)
    plain = small_gan(replace(SMALL, averaging=0.0))
    plain.run()
    assert identical(dict(plain.averaged.state_dict()), dict(plain.generator.state_dict()))


def test_snapshots_are_kept_at_their_steps():
    gan = small_gan(snapshots_at=(0, 3, 99))
    start = gan.generator.output_weights(2).clone()
    gan.run(until=3)
    third = gan.averaged.output_weights(2).clone()
    gan.run()
    assert sorted(gan.snapshots) == [0, 3]
    assert torch.equal(gan.snapshot(0, averaged=False).output_weights(2), start)
    assert torch.equal(gan.snapshot(3).output_weights(2), third)
    assert not torch.equal(gan.averaged.output_weights(2), third)
    with pytest.raises(InputError, match=r"step must be one of the snapshots \[0, 3\], got 4"):
        gan.snapshot(4)


def test_step_sizes_fall_to_zero_at_the_end_of_a_phase():
    gan = small_gan(replace(SMALL, decay_from=0.5, step_size=1.0), phases=(Phase(4, (1, 2)), Phase(2, (1, 2))))
    rates = []
    for _ in range(6):
        gan._set_rates(*gan._phase())
        rates.append(gan._generator_steps.param_groups[0]["lr"])
        gan.step += 1
    assert rates == [1.0, 1.0, 1.0, 0.5, 1.0, 1.0]
    assert replace(SMALL, decay_from=1.0).decay_from == 1.0


def test_training_brings_the_generated_mean_to_the_true_one():
    settings = replace(SMALL, channels=8, batch_size=8, step_size=5e-3, discriminator_step_size=5e-3)
    gan = MultiscaleGan(patterns(), settings, 1, all_levels(60))
    errors = []
    for _ in range(2):
        errors.append(float((gan.sample(64, 0)[-1].mean(dim=0) - patterns().mean(dim=0)).abs().mean()))
        gan.run()
    assert errors[1] < errors[0] / 2


def test_progress_sees_every_step():
    seen = []
    small_gan().run(until=4, progress=seen.append)
    assert [losses.step for losses in seen] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (patterns(size=16), {}, "images must have 3 colours and 8 pixels, got 3 and 16"),
        (patterns()[:, :1], {}, "images must have 3 colours and 8 pixels, got 1 and 8"),
        (patterns(3), {}, "images must be at least a batch of 4, got 3"),
        (patterns().double().fill_(float("nan")), {}, "images must be finite"),
        (patterns(), {"phases": (Phase(1, (3,)),)}, "trained levels must be at most 2, got 3"),
    ],
)
def test_what_does_not_fit_is_refused(images, options, message):
    with pytest.raises(InputError, match=message):
        MultiscaleGan(images, SMALL, 1, **options)


def test_a_loss_that_is_not_finite_stops_the_run():
    gan = small_gan()
    with torch.no_grad():
        gan.generator.outputs[1].weight.fill_(float("inf"))
    with pytest.raises(InputError, match="losses must stay finite, got nan, nan in step 1"):
        gan.advance()


@pytest.mark.gpu
def test_a_gpu_gives_what_the_cpu_gives():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    here, there = small_gan(), small_gan(device="cuda")
    for _ in range(3):
        one, other = here.advance(), there.advance()
        assert one.discriminator == pytest.approx(other.discriminator, abs=1e-3)
    for one, other in zip(here.sample(4, 0), there.sample(4, 0), strict=True):
        torch.testing.assert_close(one, other.cpu(), atol=2e-2, rtol=0)
