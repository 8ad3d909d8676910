"""Claims D.5 and D.7 along runs, Invariant D.4, Lemmas D.6 and D.9, Claim D.8: measured by the right formulas, able to fail."""

from dataclasses import replace

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.evidence.claim import Evidence
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.trial import Case, Trial
from fsrcheck.training.super_resolution import (
    identity_start,
    learn_generator,
    learn_super_resolution,
    super_resolution_game,
)
from lemmas.fsr import d4_invariant, d5_contraction, d6_generator, d9_discriminator
from lemmas.fsr import d_along_runs as along
from lemmas.fsr.super_resolution_halves import AT_RANDOM, starting_point
from lemmas.fsr.super_resolution_runs import build, cutoffs

SEEDS = [3, 4]
SHORT = along.AlongParameters(num_channels=6, num_steps=30)
GENERATOR = replace(d6_generator.CASES[0], num_steps=40)
DISCRIMINATOR = replace(d9_discriminator.CASES[1], num_steps=40)
FOLLOWED = d4_invariant.InvariantParameters(num_channels=6, num_steps=25)
STATEMENTS = (*along.STATEMENTS[1:], *d4_invariant.STATEMENTS, d6_generator.STATEMENT, d9_discriminator.STATEMENT)
LEAK, WIDTH = 0.03, 0.1


def values(found, name):
    return [observation.measurements[name].value for observation in found]


def moves(num_samples=4000, spread=20.0, offset=3.0):
    """Samples x, y and c at random, one row."""
    generator = torch.Generator().manual_seed(0)
    x, y, c = (torch.randn(1, num_samples, 1, dtype=torch.float64, generator=generator) for _ in range(3))
    target = along.Moves(spread * x, spread * y, torch.zeros_like(c), LEAK, WIDTH)
    return replace(target, rest=offset * c - target.offset)


def test_no_sample_exceeds_the_bound_whatever_its_offset_is():
    seen = moves()
    assert bool((seen.offset.abs() > 1).any())
    assert float(seen.use(SHORT).max()) <= 1 + 1e-6


@pytest.mark.parametrize("change", [{"forward": -1.0}, {"offset_weight": 0.0}])
def test_a_step_away_and_an_offset_left_out_exceed_it(change):
    assert float(moves().use(replace(SHORT, **change)).max()) > 1.01


def test_without_offsets_beyond_the_cutoff_the_bound_is_that_of_the_claims():
    seen = moves(offset=0.2)
    assert float(seen.beyond()) == 0
    torch.testing.assert_close(seen.use(SHORT), seen.use(replace(SHORT, offset_weight=0.0)))


@pytest.fixture(scope="module")
def game():
    """A game on two instances, parameters of both players, and samples."""
    instances = build(SHORT, SEEDS, "cpu")
    source = instances.source()
    game = super_resolution_game(source, cutoffs(instances, SHORT), replace(SHORT.settings, from_fakes=False))
    drawn = [starting_point(source, replace(GENERATOR, start=AT_RANDOM), seeds) for seeds in (SEEDS, [5, 6])]
    return instances, game, drawn[0], drawn[1], game.draw(0)


def test_the_losses_of_both_players_have_the_gradients_of_the_game(game):
    instances, game, discriminator, generator, samples = game
    generator = generator.clone().requires_grad_()
    seen = along.generator_moves(game, discriminator, generator, samples)
    fixed = replace(seen, rest=seen.rest.detach())  # the other channels stay as they are
    (slope,) = torch.autograd.grad(fixed.loss(0.0).mean(dim=1).sum(), generator)
    torch.testing.assert_close(slope, game.generator_slope(discriminator, generator.detach(), *samples).gradient)
    discriminator = discriminator.clone().requires_grad_()
    seen = along.discriminator_moves(game, discriminator, along.target_parameters(instances), samples)
    (slope,) = torch.autograd.grad(seen.loss(0.0).mean(dim=1).sum(), discriminator)
    torch.testing.assert_close(slope, game.discriminator_slope(discriminator.detach(), generator, *samples).gradient)


def test_the_offset_of_the_discriminator_is_small_and_the_generators_vanishes_with_exact_atoms(game):
    instances, game, discriminator, generator, samples = game
    seen = along.discriminator_moves(game, discriminator, along.target_parameters(instances), samples)
    assert float(seen.beyond().max()) < 0.02
    orthonormal = torch.eye(6, dtype=torch.float64).expand_as(game.source.overlaps)
    kept, game.source.overlaps = game.source.overlaps, orthonormal
    try:
        offsets = along.generator_moves(game, discriminator, generator, samples).offset
    finally:
        game.source.overlaps = kept
    lower = samples[0].own_codes.values - samples[0].own_lower.values  # by the first LeakyReLU, at most its width
    assert float(offsets.abs().max()) <= float(lower.abs().max()) * float(discriminator[..., :-1].abs().sum(-1).max())


@pytest.mark.parametrize("run", [along.generator_run, along.discriminator_run])
def test_a_run_is_looked_at_in_a_batch_as_alone(run):
    both, alone = run(SHORT, SEEDS, "cpu"), run(SHORT, SEEDS[1:], "cpu")
    assert values(both, "use")[1] == pytest.approx(values(alone, "use")[0], rel=1e-9)
    assert both[1].counts == {"looks": 3}
    assert max(values(both, "use")) <= 1 + 1e-6


def test_runs_are_added_to_what_was_deduced_and_do_not_change_what_is_expected():
    for deduced, measured in zip(d5_contraction.STATEMENTS[1:], along.STATEMENTS[1:], strict=True):
        assert measured.expected is deduced.expected
        assert measured.is_deduced
        assert [claim.name for claim in measured.claims][: len(deduced.claims)] == [
            claim.name for claim in deduced.claims
        ]


def test_looking_less_often_changes_nothing_else():
    instances = build(SHORT, SEEDS, "cpu")
    ends = [
        learn_super_resolution(
            instances.source(),
            cutoffs(instances, SHORT),
            SHORT.settings,
            watch=lambda *_: torch.zeros(1),
            watch_every=n,
        )
        for n in (1, 7)
    ]
    torch.testing.assert_close(ends[0].generator, ends[1].generator, rtol=0, atol=0)
    assert [len(end.watched) for end in ends] == [31, 6]


def test_a_generator_alone_takes_the_steps_that_it_takes_beside_a_discriminator_at_rest():
    instances = build(SHORT, SEEDS, "cpu")
    source, cutoff = instances.source(), cutoffs(instances, SHORT)
    start, settings = identity_start(source), replace(SHORT.settings, num_steps=1)
    alone = learn_generator(source, cutoff, settings, start=start, discriminator=start)
    together = learn_super_resolution(instances.source(), cutoff, settings)
    torch.testing.assert_close(alone.generator, together.generator)
    assert alone.discriminator is start
    with pytest.raises(InputError, match="cutoff must be positive"):
        learn_generator(source, -cutoff, settings, start=start, discriminator=start)


@pytest.mark.parametrize(
    ("module", "parameters"), [(d6_generator, GENERATOR), (d9_discriminator, DISCRIMINATOR)], ids=["D.6", "D.9"]
)
def test_on_the_way_the_gradient_points_as_far_down_as_promised(module, parameters):
    assert 0.1 < max(values(module.run(parameters, SEEDS, "cpu"), "descent")) <= 1 + 1e-6
    away = module.run(replace(parameters, forward=-1.0), SEEDS, "cpu")
    assert min(values(away, "descent")) == float("inf")


@pytest.mark.parametrize(
    ("module", "parameters"), [(d6_generator, GENERATOR), (d9_discriminator, DISCRIMINATOR)], ids=["D.6", "D.9"]
)
def test_a_player_who_has_arrived_stays_and_one_who_has_not_is_seen(module, parameters):
    few, many = (
        module.run(replace(parameters, num_steps=n, first_leak=0.3, last_leak=0.03), SEEDS, "cpu") for n in (5, 300)
    )
    assert max(values(many, "objective")) < 1 < min(values(few, "objective"))
    for found in many:
        assert found.counts["two"] <= found.counts["three"] <= found.counts["samples"]
        assert found.counts["two"] > 0.99 * found.counts["samples"]


def test_the_corollary_as_printed_fails_at_the_targets_own_parameters():
    found = d9_discriminator.without_leaky()
    assert found.contradicts
    assert 0 < found.actual < 0.5
    instances = build(DISCRIMINATOR, SEEDS, "cpu")
    errors = d9_discriminator.code_errors(
        replace(DISCRIMINATOR, evaluation_samples=500),
        instances,
        along.target_parameters(instances),
        torch.full((4,), 1e-3),
    )
    assert float(errors.max()) < 0.5  # of b, by the leak and the width alone


def test_the_first_look_is_at_the_start_and_starts_elsewhere_are_seen():
    plain = d4_invariant.run(replace(FOLLOWED, num_steps=1), SEEDS, "cpu")
    assert max(values(plain, "start")) < 2
    larger = d4_invariant.run(replace(FOLLOWED, num_steps=1, start_scale=10.0), SEEDS, "cpu")
    assert min(values(larger, "start")) > 3
    fewer = d4_invariant.run(replace(FOLLOWED, num_steps=1, start_threshold=-0.5), SEEDS, "cpu")
    assert min(values(fewer, "active_between")) == FOLLOWED.num_channels


def test_weights_count_by_their_regulariser():
    first = d4_invariant.run(replace(FOLLOWED, num_steps=1, decay=1e-2, start_scale=10.0), SEEDS, "cpu")
    regulariser = 1e-2 * FOLLOWED.b * 6
    wanted = 100 * regulariser / (2 * FOLLOWED.both_active + regulariser)  # |10 I|^2 = 100 m
    assert values(first, "weights") == pytest.approx([wanted, wanted], rel=0.02)


def test_sizes_of_both_levels_follow_the_family():
    one = replace(FOLLOWED, num_parents=1, num_levels=3, num_patches=4)
    assert (one.top_active, one.lower_active) == (0.25, 0.5)
    assert FOLLOWED.both_active == 2.0


@pytest.mark.parametrize(
    ("parameters", "change", "message"),
    [
        (GENERATOR, {"start": "elsewhere"}, "start must be one of"),
        (FOLLOWED, {"start_scale": 0.0}, "start_scale must be positive"),
        (FOLLOWED, {"inner_steps": 0}, "inner_steps must be at least 1"),
    ],
)
def test_bad_parameters_are_refused(parameters, change, message):
    with pytest.raises(InputError, match=message):
        replace(parameters, **change)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda s: s.id)
def test_every_control_names_a_claim_and_has_enough_trials(statement):
    names = {claim.name for claim in statement.claims}
    assert {control.claim for control in statement.controls} <= names
    assert all(control.trials >= 8 for control in statement.controls)


def test_a_measurement_beyond_its_bound_violates_its_claim():
    statement = d4_invariant.CLAIM_8
    (observation,) = d4_invariant.run(replace(FOLLOWED, num_steps=1), SEEDS[:1], "cpu")
    constants = {constant.name: constant for constant in statement.constants}
    claim = statement.claims[0]

    def outcome(factor):
        values = {name: replace(found, value=factor * found.value) for name, found in observation.measurements.items()}
        trials = [Trial(statement.id, {}, 0, replace(observation, measurements=values))] * 8
        return claim.judge(Evidence([Case(FOLLOWED, trials)], constants)).outcome

    assert outcome(1.0) is Outcome.HOLDS
    assert outcome(10.0) is Outcome.VIOLATED
