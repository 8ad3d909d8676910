"""What the statements on Figures 3, 6, 7 and 8 run on: random networks, Algorithm 4 hand-over by hand-over, activations."""

from dataclasses import replace
from itertools import combinations
from math import log2

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fsrcheck.errors import InputError
from fsrcheck.model.premises import AssumptionConstants
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import TargetNetwork, orthonormality_defect
from fsrcheck.training.level_samples import TargetSamples
from fsrcheck.training.minmax_gan import BRIDGE, HIDDEN, OUTPUT, WARM_START
from fsrcheck.training.super_resolution import identity_start
from fsrcheck.training.super_resolution_samples import NetworkPairs
from lemmas.fsr import fig3_activations as fig3
from lemmas.fsr import fig7_runs as fig7
from lemmas.fsr import fig8_feature_correction as fig8
from lemmas.fsr.fig6_moments import CODES, MomentParameters, beginning, summarised
from lemmas.fsr.figure_runs import Parameters, build, extreme, random_first, random_higher, random_network
from lemmas.fsr.training_course import START, course

SMALL = Parameters(num_channels=4, num_samples=8192, num_steps=20, evaluation_samples=2048)
SEEDS = [5, 6]


@pytest.fixture(scope="module")
def instances():
    return build(SMALL, SEEDS, "cpu")


@pytest.fixture(scope="module")
def moments(instances):
    return list(course(instances.learner(SMALL)))


def test_random_channels_are_active_half_of_the_time_and_of_the_size_of_the_learned_ones(instances):
    first = instances.target.first
    found = random_first(first, SEEDS, width=3)
    assert found.thresholds.shape == (2, 2, 12)
    latents = standard_normal(streams(SEEDS, "latents"), (40_000, 8))
    codes, wanted = found.codes(latents), first.codes(latents)
    assert torch.allclose((codes > 0).double().mean(dim=1), torch.full((2, 2, 12), 0.5, dtype=torch.float64), atol=0.02)
    sizes = codes.square().mean(dim=(1, 2, 3)) / wanted.square().mean(dim=(1, 2, 3))
    assert torch.allclose(sizes, torch.ones(2, dtype=torch.float64), rtol=0.2)


def test_random_networks_keep_dictionaries_and_parents_and_follow_from_the_seeds(instances):
    found, again = (random_network(instances.target, SEEDS) for _ in range(2))
    for level, other, true in zip(found.levels, again.levels, instances.target.levels, strict=True):
        assert torch.equal(level.dictionary, true.dictionary)
        assert torch.equal(level.thresholds, torch.zeros_like(true.thresholds))
        assert torch.equal(level.dictionary, other.dictionary)
    assert torch.equal(found.higher[0].weights, again.higher[0].weights)
    assert not torch.equal(found.higher[0].weights, random_network(instances.target, [7, 8]).higher[0].weights)
    assert random_higher(instances.target.higher[0], SEEDS, 2, width=3).weights.shape == (2, 2, 4, 24)


def test_every_hand_over_is_shown_in_order(moments):
    expected = [START, WARM_START, BRIDGE, HIDDEN, OUTPUT, HIDDEN]
    assert [moment.what for moment in moments] == 2 * expected
    assert [moment.level for moment in moments] == 6 * [1] + 6 * [2]
    assert all(moment.network.num_levels == moment.level for moment in moments)


def test_the_last_network_is_the_one_that_algorithm_4_returns(instances, moments):
    learned = instances.learned(SMALL).network
    for found, expected in zip(moments[-1].network.levels, learned.levels, strict=True):
        assert torch.equal(found.dictionary, expected.dictionary)
        assert torch.equal(found.thresholds, expected.thresholds)
    assert torch.equal(moments[-1].network.higher[0].weights, learned.higher[0].weights)


def test_a_level_starts_with_a_random_dictionary_and_the_algorithms_hidden_layer(instances, moments):
    for moment in moments:
        if moment.what == START:
            top = moment.network.levels[-1]
            assert float(orthonormality_defect(top.dictionary).max()) < 1e-12
            assert not torch.allclose(top.dictionary, instances.target.levels[moment.level - 1].dictionary, atol=0.1)
    first, second = moments[0].network.first, moments[6].network.higher[0]
    gram = first.latent_weights.flatten(1, 2) @ first.latent_weights.flatten(1, 2).mT
    assert torch.allclose(gram, torch.diag_embed(gram.diagonal(dim1=1, dim2=2)), atol=1e-12)
    assert bool((second.thresholds == 0).all())
    source = NetworkPairs(
        instances.target,
        second.dictionary,
        seeds=SEEDS,
        lower=TargetNetwork(instances.target.levels[:1]),
        level=2,
    )
    rows, expected = second.weights.flatten(0, 1), identity_start(source)[..., :-1]
    assert torch.equal(rows > 0, expected > 0)


def test_without_hidden_layers_only_dictionaries_change(instances):
    shown = [moment for moment in course(instances.learner(SMALL), hidden=False) if moment.level == 1]
    weights = [moment.network.first.latent_weights for moment in shown]
    assert all(torch.equal(weights[0], other) for other in weights)
    assert not torch.equal(shown[1].network.first.dictionary, shown[4].network.first.dictionary)


def test_the_targets_codes_have_the_targets_scales_and_thresholds(instances):
    parameters = MomentParameters(**{**vars(SMALL), "spare_dims": 0, "start": CODES})
    shown = next(iter(course(instances.learner(SMALL), begin=beginning(parameters, instances.target))))
    assert torch.allclose(shown.network.first.thresholds, instances.target.first.thresholds, rtol=1e-12)
    assert torch.allclose(shown.network.first.latent_weights, instances.target.first.latent_weights, rtol=1e-12)


def test_the_summary_takes_the_worst_order_and_level():
    one = torch.ones(1)
    times = {1: [START, BRIDGE, HIDDEN, HIDDEN], 2: [START, BRIDGE, HIDDEN, HIDDEN]}
    measured = {f"floor_{level}_{order}": one for level in (1, 2) for order in (2, 3, 4)}
    measured |= {
        f"distance_{level}_{order}_{time}": (100.0 + 10 * order * level) / 10**time * one
        for level in (1, 2)
        for order in (2, 3, 4)
        for time in range(4)
    }
    found, errors = summarised(measured, {name: 0.5 * value for name, value in measured.items()}, times)
    assert float(found["at_start"]) == 120.0
    assert float(found["after_first_hidden"]) == pytest.approx(0.01)
    assert float(found["at_end"]) == pytest.approx(0.18)
    assert float(errors["at_end"]) == pytest.approx(0.09)
    assert float(found["order_2_after_dictionary"]) == pytest.approx(0.1)


def test_extremes_keep_their_own_errors():
    values, errors = (
        [torch.tensor([1.0, 5.0]), torch.tensor([3.0, 2.0])],
        [torch.tensor([0.1, 0.2]), torch.tensor([0.3, 0.4])],
    )
    assert [part.tolist() for part in extreme(values, errors, largest=True)] == [[3.0, 5.0], pytest.approx([0.3, 0.2])]
    assert [part.tolist() for part in extreme(values, errors, largest=False)] == [[1.0, 2.0], pytest.approx([0.1, 0.4])]


def test_activations_are_counted_as_in_a_plain_loop(instances):
    parameters = fig3.ActivationParameters(**vars(SMALL))
    own, true = fig3.frequencies(instances.target, instances, parameters)
    for kind in fig3.KINDS:
        for found, expected in zip(own.by_kind[kind], true.by_kind[kind], strict=True):
            assert torch.equal(found, expected)  # a network against itself, on one latent
    latents = standard_normal(streams(SEEDS, "latents of Figure 3"), (2048, 8))
    for level, codes in enumerate(instances.target.codes(latents)):
        active = codes[1, :, 1] > 0
        for kind, order in ((fig3.RATES, 1), (fig3.PAIRS, 2), (fig3.TRIPLES, 3)):
            expected = [active[:, list(chosen)].all(dim=1).double().mean() for chosen in combinations(range(4), order)]
            assert torch.allclose(true.by_kind[kind][level][1, 1], torch.stack(expected), atol=1e-12)


def test_histograms_hold_every_channel_pair_and_triple():
    values = torch.tensor([[[0.5, 0.3, 1e-9, 0.0]]], dtype=torch.float64)
    found = fig3.histograms({fig3.AFTER: fig3.Frequencies({fig3.RATES: [values]})})
    counts = [int(found[fig3.BIN.format(kind=fig3.RATES, stage=fig3.AFTER, bin=place)]) for place in range(fig3.BINS)]
    assert counts[1] == 1
    assert counts[round(-log2(0.3))] == 1
    assert counts[-1] == 2
    assert sum(counts) == 4


def test_what_is_allowed_is_what_the_checker_allows():
    parameters = fig3.ActivationParameters(num_channels=16, expected_active=2.0, num_parents=1)
    limits = AssumptionConstants.defaults(2.0, 16)
    assert fig3.allowed(fig3.RATES, parameters, 1) == pytest.approx(limits.activation_probability / 16)
    assert fig3.allowed(fig3.PAIRS, parameters, 2) == pytest.approx(4 / 16**2)
    assert fig3.allowed(fig3.TRIPLES, parameters, 1) == pytest.approx(16**-2.01)


def test_turned_directions_leave_the_law_of_independent_channels(instances):
    first = instances.target.first
    found = fig7.turned(first, SEEDS)
    rows = found.latent_weights.flatten(1, 2)
    assert torch.allclose(rows.norm(dim=-1), first.latent_weights.flatten(1, 2).norm(dim=-1))
    gram = rows @ rows.mT
    assert torch.allclose(gram, torch.diag_embed(gram.diagonal(dim1=1, dim2=2)), atol=1e-12)
    assert not torch.allclose(found.latent_weights, first.latent_weights, atol=0.1)


def test_the_layer_wise_network_is_algorithm_4s_and_the_free_one_is_wide(instances):
    parameters = fig7.LayerwiseParameters(**{**vars(SMALL), "free_steps": 2, "free_batch": 64, "width": 3})
    found = fig7.train(parameters, instances)
    assert torch.equal(found.layer_wise.higher[0].weights, instances.learned(parameters).network.higher[0].weights)
    assert found.free.first.thresholds.shape == (2, 2, 12)
    assert torch.equal(found.random.first.dictionary, found.layer_wise.first.dictionary)
    assert not torch.equal(found.random.higher[0].weights, found.layer_wise.higher[0].weights)


def test_a_sample_is_near_itself_and_far_from_another_law(instances):
    target = instances.target
    sampler, other = (target.patches(target.sample_codes(streams(SEEDS, name), 4096)) for name in ("one", "two"))
    near, floor = fig7.distance(sampler, other)
    far, _ = fig7.distance([2 * level for level in sampler], other)
    assert bool((near < 2 * floor).all())
    assert bool((far > 0.7).all())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.01, 1.5))
def test_rows_are_turned_by_the_angle_and_keep_their_length(seed, angle):
    rows = standard_normal(streams([1], "rows"), (2, 3, 5))
    found = fig8.turned_rows(rows, angle, [seed])
    cosine = torch.nn.functional.cosine_similarity(found, rows, dim=-1)
    assert torch.allclose(found.norm(dim=-1), rows.norm(dim=-1), rtol=1e-10)
    assert torch.allclose(cosine.arccos(), torch.full_like(cosine, angle), rtol=1e-5)


def test_a_move_is_relative_to_the_rows():
    rows = torch.eye(2, dtype=torch.float64)[None, None] * torch.tensor([[2.0], [4.0]], dtype=torch.float64)
    moved = rows + torch.tensor([[0.0, 0.6], [0.0, 1.6]], dtype=torch.float64)
    assert float(fig8.move(moved, rows)) == pytest.approx(((0.3**2 + 0.4**2) / 2) ** 0.5)


def test_a_level_that_is_held_does_not_move_and_one_put_right_has_no_error():
    parameters = fig8.CorrectionParameters(num_channels=4, num_samples=4096, joint_steps=2, joint_batch=64)
    for corrected in (False, True):
        (found,) = fig8.run(replace(parameters, corrected=corrected), [3], "cpu")
        assert found.measurements["held_move_above"].value == 0
        assert found.measurements["after_move_above"].value > 0
        assert (found.measurements["after_left_1"].value < 1e-6) == corrected
    assert found.measurements["before_1"].value > 0.2


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: replace(SMALL, family="file", target="x.npz"), "synthetic"),
        (lambda: replace(SMALL, num_samples=100), "num_samples must be in"),
        (lambda: replace(SMALL, num_steps=0), "num_steps must be in"),
        (lambda: MomentParameters(num_channels=3, spare_dims=0), "num_channels \\+ spare_dims"),
        (lambda: MomentParameters(start="else"), "start must be one of"),
        (lambda: fig7.LayerwiseParameters(num_levels=3, num_patches=4), "num_levels must be 2"),
        (lambda: fig7.LayerwiseParameters(features="else"), "features must be one of"),
        (lambda: fig7.LayerwiseParameters(width=0), "width must be at least 1"),
        (lambda: fig8.CorrectionParameters(turn=3.0), "turn must be in"),
        (lambda: fig8.CorrectionParameters(seen="none"), "seen must be one of"),
        (lambda: fig8.CorrectionParameters(joint_batch=0), "batch_size must be at least 1"),
    ],
)
def test_numbers_and_words_that_no_run_can_have_are_refused(made, message):
    with pytest.raises(InputError, match=message):
        made()


def test_the_warm_start_is_given_enough_samples():
    for m, k, parents, count in ((8, 1.0, 2, 16384), (6, 1.2, 1, 16384), (4, 1.0, 2, 4096)):
        chosen = Parameters(num_channels=m, expected_active=k, num_parents=parents, num_samples=count).settings
        assert chosen.warm_samples >= min(count, 512 * m / (k * parents / 2))


def test_samples_for_a_learner_are_the_same_every_time(instances):
    one, other = (instances.samples(100).reader((1, 2))(100) for _ in range(2))
    assert isinstance(instances.samples(100), TargetSamples)
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
