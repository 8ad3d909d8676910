"""Algorithm 4 on samples: what it learns, what it cannot depend on, and what it refuses."""

from dataclasses import replace

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.model.alignment import match_columns
from fsrcheck.model.coupling import coupling_errors, matched
from fsrcheck.model.target import TargetNetwork
from fsrcheck.training.level_samples import GivenSamples
from fsrcheck.training.minmax_gan import BRIDGE, HIDDEN, OUTPUT, WARM_START, Learned, MinmaxGan, State, learn
from fsrcheck.training.minmax_settings import MinmaxSettings, Structure
from tests.training.minmax_cases import SHORT, SHORTEST, given, small_samples, small_target


@pytest.fixture(scope="module")
def learned() -> tuple[TargetNetwork, Learned]:
    """Two instances, learned with short settings."""
    target, samples, structure = small_samples([0, 1])
    return target, learn(samples, structure, SHORT, seeds=[0, 1])


def test_the_generator_is_close_to_the_target_at_every_level(learned: tuple[TargetNetwork, Learned]) -> None:
    target, found = learned
    errors = coupling_errors(found.network, target, seeds=[7, 8], num_samples=4096)
    assert float(errors.relative_rms.max()) < 0.2  # 0.09 here; a level-2 network at random is at 1 and above


def test_the_bridge_helps_and_the_learner_can_tell_its_error(learned: tuple[TargetNetwork, Learned]) -> None:
    target, found = learned
    for hand_over in found.history:
        if hand_over.what == HIDDEN:
            continue
        atoms = target.levels[hand_over.level - 1].dictionary.flatten(0, 1)
        true = match_columns(hand_over.dictionary.flatten(0, 1), atoms).dictionary_error
        assert torch.allclose(hand_over.estimated.flatten(), true, rtol=0.15, atol=3e-3), hand_over.what
        if hand_over.what == WARM_START:
            start = true
        if hand_over.what == BRIDGE:
            assert bool((true < start / 4).all())


def test_the_history_names_every_stage(learned: tuple[TargetNetwork, Learned]) -> None:
    _, found = learned
    per_level = [WARM_START, BRIDGE, HIDDEN, OUTPUT, HIDDEN]
    assert [hand_over.what for hand_over in found.history] == per_level * 2
    assert [(h.hidden is not None) for h in found.history] == [what == HIDDEN for what in per_level * 2]


def test_an_instance_does_not_depend_on_its_company() -> None:
    """Few steps: Algorithm 3 multiplies differences of rounding by about 10 in three steps, so that long runs part."""
    together, alone = (
        learn(samples, structure, SHORTEST, seeds=seeds).network.levels
        for seeds in ([0, 1], [1])
        for _, samples, structure in [small_samples(seeds, 2**14)]
    )
    for own, other in zip(alone, together, strict=True):
        torch.testing.assert_close(own.dictionary, other.dictionary[1:], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(own.thresholds, other.thresholds[1:], rtol=1e-5, atol=1e-5)


def test_given_arrays_teach_the_same_as_the_target_they_came_from() -> None:
    _, samples, structure = small_samples([2], 2**14)
    streamed = learn(samples, structure, SHORTEST, seeds=[2])
    stored = learn(given(samples), structure, SHORTEST, seeds=[2])
    for own, other in zip(streamed.network.levels, stored.network.levels, strict=True):
        torch.testing.assert_close(own.thresholds, other.thresholds, rtol=0, atol=0)


def test_scaling_the_samples_scales_the_network() -> None:
    _, samples, structure = small_samples([3], 2**14)
    plain = learn(samples, structure, SHORTEST, seeds=[3])
    stretched = GivenSamples([scale * part for scale, part in zip((8.0, 0.25), _levels(given(samples)), strict=True)])
    scaled = learn(stretched, structure, SHORTEST, seeds=[3])
    latents = torch.randn(1, 200, plain.network.latent_dim, dtype=torch.float64)
    for scale, own, other in zip((8.0, 0.25), plain.network.codes(latents), scaled.network.codes(latents), strict=True):
        torch.testing.assert_close(scale * own, other, rtol=1e-6, atol=1e-6)


def test_rotating_the_patches_rotates_the_dictionary() -> None:
    _, samples, structure = small_samples([4], 2**14)
    turn = torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64)).Q
    turned = GivenSamples([part @ turn.mT for part in _levels(given(samples))])
    plain, rotated = (learn(x, structure, SHORTEST, seeds=[4]).network for x in (samples, turned))
    for own, other in zip(plain.levels, matched(rotated, _rotated(plain, turn)).levels, strict=True):
        torch.testing.assert_close(turn @ own.dictionary, other.dictionary, rtol=1e-4, atol=1e-4)


def _levels(samples: GivenSamples) -> list[torch.Tensor]:
    return samples.reader((1, 2))(samples.num_samples)


def _rotated(network: TargetNetwork, turn: torch.Tensor) -> TargetNetwork:
    return TargetNetwork(tuple(replace(level, dictionary=turn @ level.dictionary) for level in network.levels))


def test_a_run_goes_on_from_any_step_as_if_it_had_not_stopped() -> None:
    _, samples, structure = small_samples([5], 2**13)
    states: list[State] = []
    whole = learn(samples, structure, SHORTEST, seeds=[5], save=states.append)
    for state in states[:-1]:
        resumed = learn(samples, structure, SHORTEST, seeds=[5], state=state)
        for own, other in zip(whole.network.levels, resumed.network.levels, strict=True):
            torch.testing.assert_close(own.thresholds, other.thresholds, rtol=0, atol=0)
    assert len(states) == len(MinmaxGan(samples, structure, SHORTEST, [5]).plan)


def test_a_dictionary_that_algorithm_1_made_worse_is_dropped() -> None:
    """After ten steps of Algorithm 3 the learner's codes are wrong, and so is what Algorithm 1 makes of them."""
    _, samples, structure = small_samples([0, 1], 2**14)
    grown = {}
    for largest in (2.0, float("inf")):
        found = learn(samples, structure, replace(SHORTEST, largest_growth=largest), seeds=[0, 1])
        before, after = (h.estimated for h in found.history if h.level == 2 and h.what in (BRIDGE, OUTPUT))
        grown[largest] = float((after / before).max())
    assert grown[2.0] <= 2
    assert grown[float("inf")] > 3


def test_progress_counts_to_the_end() -> None:
    _, samples, structure = small_samples([6], 2**13)
    told: list[tuple[int, int, str]] = []
    learn(samples, structure, SHORTEST, seeds=[6], progress=lambda *line: told.append(line))
    assert [done for done, _, _ in told] == list(range(1, len(told) + 1))
    assert told[-1] == (6, 6, "level 2, stage 2")


def test_the_printed_schedule_shrinks_as_printed() -> None:
    printed, error = MinmaxSettings.printed(), torch.full((1,), 0.1, dtype=torch.float64)
    b = [float(printed.hidden_cutoff(1, stage, 16, error)) for stage in (1, 2)]
    assert b == pytest.approx([16**-0.32, 16**-0.34])
    assert float(printed.output_cutoff(1, 1, 16, error)) == pytest.approx(16 ** (-0.32 + 0.152))


def test_working_cutoffs_follow_the_error_within_their_limits() -> None:
    settings, error = MinmaxSettings(), torch.tensor([1e-4, 0.02, 0.9], dtype=torch.float64)
    assert settings.hidden_cutoff(1, 1, 16, error).tolist() == pytest.approx([12e-4, 0.24, 0.5])
    assert settings.hidden_cutoff(2, 1, 16, error).tolist() == pytest.approx([0.001, 0.04, 1.8])
    assert settings.hidden_cutoff(2, 1, 16, error, closing=True).tolist() == pytest.approx([0.001, 0.05, 2.25])
    assert settings.output_cutoff(2, 1, 16, error).tolist() == pytest.approx([2e-3, 0.4, 1.0])


def test_too_few_samples_to_see_every_channel_are_refused() -> None:
    _, samples, structure = small_samples([7], 60)
    with pytest.raises(InputError, match=r"must show every channel: \d+ of 16 were not found in 60 samples"):
        learn(samples, structure, SHORTEST, seeds=[7])


@pytest.mark.parametrize(
    ("structure", "message"),
    [
        (Structure((8,), ()), "num_channels must be given for 2 levels"),
        (Structure((8, 9), (((0,), (1,)),)), r"num_channels of level 2 must be at most patch_dim \(8\), got 9"),
        (Structure((8, 8), (((0,), (2,)),)), r"parents of level 2 must be 2 lists of patches 0..1"),
        (Structure((8, 8), (((0,),),)), r"parents of level 2 must be 2 lists"),
    ],
)
def test_a_structure_that_does_not_fit_is_refused(structure: Structure, message: str) -> None:
    _, samples, _ = small_samples([8], 100)
    with pytest.raises(InputError, match=message):
        learn(samples, structure, SHORTEST, seeds=[8])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schedule": "best"}, "schedule must be one of working, printed, got 'best'"),
        ({"super_steps": 0}, "super_steps must be at least 1, got 0"),
        ({"first_ratio": 0.0}, "first_ratio must be positive, got 0.0"),
        ({"super_ratio": float("nan")}, "super_ratio must be positive, got nan"),
        ({"bridge": (1.0, -1.0)}, "bridge must be positive cutoffs"),
    ],
)
def test_settings_that_no_run_can_have_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        MinmaxSettings(**changes)


@pytest.mark.parametrize(
    ("channels", "parents", "message"),
    [
        ((1, 8), (((0,),),), "num_channels must be at least 2"),
        ((8, 8), (), "parents must be given for every level above the first, got 0 for 2 levels"),
        ((8, 8), (((0,), (0, 1)),), "equally many for every patch"),
    ],
)
def test_structures_that_are_no_network_are_refused(channels: tuple, parents: tuple, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Structure(channels, parents)


def test_one_seed_for_each_instance() -> None:
    _, samples, structure = small_samples([9], 100)
    with pytest.raises(InputError, match=r"one per instance \(1\), got 2"):
        learn(samples, structure, SHORTEST, seeds=[9, 10])


def test_small_target_has_its_last_level_in_random_order() -> None:
    first, second = small_target([1]), small_target([2])
    assert not torch.equal(first.higher[-1].weights != 0, second.higher[-1].weights != 0)
