"""Algorithm 6 against its transcription, its limits and its noise."""

import numpy as np
import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.sgda import AutogradGame, SGDASettings, descend_ascend
from lemmas.fsr.algorithm_6_transcription import Players, transcribe
from lemmas.fsr.scale_game import DISCRIMINATOR, GENERATOR, ScaleGame, zeros

SCALES = torch.tensor([[1.0, 1.5, 2.0], [1.2, 1.8, 1.1]], dtype=torch.float64)
each_order = pytest.mark.parametrize("inside", [DISCRIMINATOR, GENERATOR])


def game(inside=DISCRIMINATOR, rows=(0, 1), num_samples=30, **options):
    seeds = [row + 1 for row in rows]
    real, latent = streams(seeds, "real"), streams(seeds, "latent")
    return ScaleGame(SCALES[list(rows)], real, latent, num_samples, inside, **options)


def play(inside=DISCRIMINATOR, rows=(0, 1), settings=None, **options):
    made = game(inside, rows, **options)
    settings = settings or SGDASettings(6, 5, 0.3, 0.5, 0.1)
    return descend_ascend(made, *zeros(made), settings, generators=streams([row + 1 for row in rows], "noise"))


@each_order
def test_the_batched_form_is_the_pseudo_code(inside):
    found = play(inside)
    for row in range(2):
        real, latent, noise = (streams([row + 1], name)[0] for name in ("real", "latent", "noise"))
        scales = SCALES[row].numpy()
        players = transcribe(
            lambda real=real, scales=scales: scales * np.abs(real.standard_normal((30, 3))),
            lambda latent=latent: latent.standard_normal((30, 3)),
            lambda noise=noise: 0.1 * noise.standard_normal(3),
            Players(np.zeros(3), np.zeros(3)),
            6,
            5,
            0.3,
            0.5,
            generator_inside=inside == GENERATOR,
        )
        ends = (
            (players.discriminator, players.generator)
            if inside == GENERATOR
            else (players.generator, players.discriminator)
        )
        np.testing.assert_allclose(found.outer[row].numpy(), ends[0], rtol=0, atol=1e-13)
        np.testing.assert_allclose(found.inner[row].numpy(), ends[1], rtol=0, atol=1e-13)


@each_order
def test_the_closed_form_is_the_limit_of_the_ascent(inside):
    """The inner loss has curvature 1: every step leaves half of the distance to the maximum."""
    distances = []
    for steps in (5, 10, 20, 0):
        made = game(inside)
        samples = made.draw(0)
        outer, inner = torch.full_like(SCALES, 0.4), torch.zeros_like(SCALES)
        for _ in range(steps):
            inner = inner + 0.5 * made.inner_gradient(outer, inner, samples)
        distances.append(float((inner - made.best_response(outer, samples)).abs().max()))
    assert distances[1] / distances[0] == pytest.approx(2**-5)
    assert distances[2] / distances[1] == pytest.approx(2**-10)
    made = game(inside)
    samples = made.draw(0)
    best = made.best_response(torch.full_like(SCALES, 0.4), samples)
    assert float(made.inner_gradient(torch.full_like(SCALES, 0.4), best, samples).abs().max()) < 1e-15


@each_order
def test_zero_inner_steps_are_many_inner_steps(inside):
    ends = [play(inside, settings=SGDASettings(6, steps, 0.3, 0.5)) for steps in (0, 80)]
    torch.testing.assert_close(ends[0].outer, ends[1].outer, rtol=0, atol=1e-13)
    torch.testing.assert_close(ends[0].inner, ends[1].inner, rtol=0, atol=1e-13)


def test_a_batch_equals_a_loop():
    together = play()
    for row in (0, 1):
        alone = play(rows=(row,))
        torch.testing.assert_close(alone.outer[0], together.outer[row], rtol=0, atol=1e-14)
        torch.testing.assert_close(alone.inner[0], together.inner[row], rtol=0, atol=1e-14)


def flat(steps, noise, step_size=0.5, batch=2, size=2000):
    """A game without a slope: only the noise moves the outer player."""
    nothing = AutogradGame(lambda outer, inner, samples: (0 * outer * inner).sum(dim=-1))
    start = torch.zeros(batch, size, dtype=torch.float64)
    settings = SGDASettings(steps, 1, step_size, noise=noise)
    return descend_ascend(nothing, start, start, settings, generators=streams([1, 2], "noise")).outer


def test_the_noise_has_the_stated_size():
    """After 9 steps of 0.5 times noise 0.2 the standard deviation is 0.3; of 4000 numbers its relative error is 1.1 %."""
    moved = flat(9, 0.2)
    assert float(moved.std()) == pytest.approx(0.3, rel=0.08)
    assert abs(float(moved.mean())) < 6 * 0.3 / 4000**0.5
    assert not flat(9, 0.0).any()


def test_the_noise_is_a_function_of_the_seed():
    drawn = streams([1, 2], "noise")
    expected = -0.5 * 0.2 * sum(standard_normal(drawn, (2000,)) for _ in range(3))
    torch.testing.assert_close(flat(3, 0.2), expected, rtol=1e-13, atol=0)


def test_noise_needs_a_generator_for_every_instance():
    made = game()
    with pytest.raises(InputError, match="noise needs 2 generators, one per instance, got 1"):
        descend_ascend(made, *zeros(made), SGDASettings(1, 1, 0.1, noise=0.1), generators=streams([1], "noise"))


def test_every_round_draws_once_and_both_players_see_the_same():
    drawn, seen = [], []

    def loss(outer, inner, samples):
        seen.append(samples)
        return (outer * inner).sum(dim=-1)

    made = AutogradGame(loss, lambda step: drawn.append(step) or step)
    start = torch.ones(1, 1, dtype=torch.float64)
    descend_ascend(made, start, start, SGDASettings(3, 2, 0.1))
    assert drawn == [0, 1, 2]
    assert seen == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_what_is_watched_is_the_course_of_the_run():
    made = game()
    watched = descend_ascend(made, *zeros(made), SGDASettings(4, 3, 0.3), watch=lambda outer, inner: outer).watched
    assert watched.shape == (5, 2, 3)
    assert not watched[0].any()
    made = game()
    torch.testing.assert_close(watched[-1], descend_ascend(made, *zeros(made), SGDASettings(4, 3, 0.3)).outer)


def test_without_an_inner_rate_both_players_have_the_same():
    same = play(settings=SGDASettings(4, 3, 0.3))
    assert torch.equal(same.outer, play(settings=SGDASettings(4, 3, 0.3, 0.3)).outer)
    assert not torch.equal(same.outer, play(settings=SGDASettings(4, 3, 0.3, 0.2)).outer)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 1, 0.1), "num_steps must be at least 0, got -1"),
        ((1, -1, 0.1), "inner_steps must be at least 0, got -1"),
        ((1, 1, 0.0), "step_size must be positive, got 0.0"),
        ((1, 1, float("nan")), "step_size must be positive, got nan"),
        ((1, 1, 0.1, -1.0), r"inner_step_size must be positive, got -1\.0"),
        ((1, 1, 0.1, None, -0.1), r"noise must be at least 0, got -0\.1"),
        ((1, 1, 0.1, None, float("nan")), "noise must be at least 0, got nan"),
    ],
)
def test_settings_that_no_run_can_have_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        SGDASettings(*arguments)
