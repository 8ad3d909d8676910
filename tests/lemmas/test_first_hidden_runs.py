"""Runs of Algorithm 2: the columns they start from, what looks like a control but is none, both devices."""

from dataclasses import replace

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from fsrcheck.errors import InputError
from lemmas.fsr.first_hidden_runs import (
    EXACT_START,
    LEARNED_START,
    NO_PAIRS,
    RANDOM,
    SAFE_RATIO,
    TOWARDS_ALL,
    VISIBLE,
    WITHIN_ONLY,
    Parameters,
    build,
    inner_product_errors,
    marginal_errors,
    perturbed,
    same_patch,
    train_marginals,
    train_pairs,
    unseen_margin,
)
from lemmas.fsr.targets import build_target

EQUICORRELATED = Parameters(family="equicorrelated", num_channels=16, expected_active=1.5, cutoff_ratio=0.0)


def errors(parameters: Parameters, seeds: tuple[int, ...] = (5, 6), device: str = "cpu") -> torch.Tensor:
    """The largest error of a channel and of an inner product, (batch,)."""
    instances = build(parameters, seeds, device)
    marginals = train_marginals(parameters, instances)
    pairs = train_pairs(parameters, instances, marginals)
    found = {
        **marginal_errors(marginals.channels, instances.law.channels),
        **inner_product_errors(pairs, instances.law),
    }
    return torch.stack([*found.values()]).amax(dim=0)


@settings(max_examples=20, deadline=None)
@given(
    error=st.floats(1e-6, 0.5),
    direction=st.sampled_from([RANDOM, TOWARDS_ALL]),
    num_patches=st.integers(1, 3),
    seed=st.integers(0, 2**32),
)
def test_columns_are_unit_and_delta_away(error: float, direction: str, num_patches: int, seed: int) -> None:
    parameters = replace(
        LEARNED_START, num_channels=8, dictionary_error=error, direction=direction, num_patches=num_patches
    )
    atoms = build_target(parameters, [seed], "cpu").first.dictionary
    found = perturbed(atoms, parameters, [seed])
    assert found.shape == atoms.shape
    norms, apart = found.norm(dim=-2), (found - atoms).norm(dim=-2)
    torch.testing.assert_close(norms, torch.ones_like(norms), rtol=0, atol=1e-13)
    torch.testing.assert_close(apart, torch.full_like(apart, error), rtol=1e-9, atol=1e-15)
    leaks = (found.mT @ atoms) * (1 - torch.eye(8, dtype=torch.float64))
    assert bool((leaks >= -1e-15).all()) == (direction == TOWARDS_ALL)


@pytest.mark.parametrize("correlation", [0.3, 0.65])
def test_positive_correlations_within_a_patch_are_learned_and_only_the_checker_refuses_them(correlation: float) -> None:
    parameters = replace(EQUICORRELATED, correlation=correlation)
    assert float(errors(parameters).max()) < 1e-8
    for margins in build(parameters, (5, 6), "cpu").margins:
        assert min(margins.values()) < 0
    for margins in build(replace(EQUICORRELATED, family="independent_channels"), (5, 6), "cpu").margins:
        assert min(margins.values()) >= 0


@pytest.mark.parametrize("cutoff", [0.5, 1.0])
def test_a_cutoff_far_above_delta_is_no_obstacle(cutoff: float) -> None:
    for parameters in (
        replace(EXACT_START, num_channels=16, expected_active=1.5, cutoff=cutoff),
        replace(EXACT_START, num_channels=8, expected_active=1.0, num_patches=4, cutoff=cutoff),
    ):
        assert float(errors(parameters).max()) < 1e-8
        assert all(min(margins.values()) >= 0 for margins in build(parameters, (5, 6), "cpu").margins)


def test_what_is_a_control_leaves_its_pairs_where_they_were() -> None:
    parameters = replace(EXACT_START, num_channels=8, expected_active=1.0)
    for pairs, within_learned in ((NO_PAIRS, False), (WITHIN_ONLY, True)):
        chosen = replace(parameters, pairs=pairs)
        instances = build(chosen, (5, 6), "cpu")
        found = inner_product_errors(train_pairs(chosen, instances, train_marginals(chosen, instances)), instances.law)
        assert (float(found["within_error"].max()) < 1e-8) == within_learned
        assert float(found["across_error"].min()) > 0.1


def test_pairs_of_one_patch() -> None:
    instances = build(replace(EXACT_START, num_channels=3, expected_active=0.5), (1,), "cpu")
    assert int(same_patch(instances.law).sum()) == 2 * 3


def test_false_activations_that_no_sample_shows_need_a_bound() -> None:
    assert unseen_margin(LEARNED_START, 1.0, VISIBLE) == 0.0
    assert unseen_margin(LEARNED_START, 1.0, VISIBLE - 1) < 0
    assert unseen_margin(LEARNED_START, 0.0, 0) == pytest.approx(0.1 * LEARNED_START.dictionary_error)


def test_false_activations_of_the_learner_need_a_bound_as_well() -> None:
    """In this instance two columns' errors point the same way: only the learner's own reads leak more than 12 delta."""
    tight = replace(LEARNED_START, num_channels=12, cutoff_ratio=12.0)
    seen = [build(p, [119563172015809674], "cpu").margins[0] for p in (tight, replace(tight, cutoff_ratio=SAFE_RATIO))]
    assert seen[0]["false_activations"] < 0 < seen[1]["false_activations"]


def test_a_trial_is_a_function_of_its_seed_alone() -> None:
    small = replace(LEARNED_START, num_channels=8, expected_active=1.0, dictionary_error=1e-3)
    together, alone = errors(small, (3, 4, 5)), errors(small, (4,))
    assert float(together[1]) == pytest.approx(float(alone[0]), rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cutoff": -0.1}, r"cutoff must be in .*, got -0\.1"),
        ({"cutoff": 0.0}, r"the cutoff b must be positive, got 0\.0"),
        ({"dictionary_error": 1e-3, "cutoff_ratio": 0.0}, "the cutoff b must be positive"),
        ({"direction": "up"}, "direction must be one of random, towards all, got 'up'"),
        ({"pairs": "few"}, "pairs must be one of"),
        ({"samples_per_pair": 0}, r"samples_per_pair must be"),
    ],
)
def test_parameters_that_no_run_can_have_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Parameters(**changes)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, got none")
@pytest.mark.parametrize("parameters", [EXACT_START, replace(LEARNED_START, dictionary_error=1e-3)])
def test_the_gpu_learns_what_the_cpu_learns(parameters: Parameters) -> None:
    learned = []
    for device in ("cpu", "cuda"):
        instances = build(parameters, (5, 6), device)
        marginals = train_marginals(parameters, instances)
        pairs = train_pairs(parameters, instances, marginals)
        assert pairs.directions is not None
        assert pairs.directions.device.type == device
        learned.append((marginals.channels, pairs.directions @ pairs.directions.mT, marginals.steps, pairs.steps))
    here, there = learned
    for name in ("scales", "thresholds"):
        torch.testing.assert_close(getattr(there[0], name).cpu(), getattr(here[0], name), rtol=1e-9, atol=0)
    torch.testing.assert_close(there[1].cpu(), here[1], rtol=1e-9, atol=1e-11)
    assert there[2].cpu().equal(here[2])
