"""Runs of Algorithm 3 and what Lemma D.2 measures of them."""

from dataclasses import replace

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from fsrcheck.errors import InputError
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.super_resolution import SuperResolved
from lemmas.fsr.d2_measures import cutoff_grid, measure
from lemmas.fsr.d2_super_resolution import COARSE, START, STATEMENT, markov_is_polynomial, run
from lemmas.fsr.super_resolution_runs import Instances, Parameters, Tail, build, comparisons, lower_levels

SMALL = replace(START, num_channels=4, num_steps=600, evaluation_samples=8192)


def at_target(parameters: Parameters, instances: Instances) -> SuperResolved:
    """The learner that has the target's own weights."""
    top = instances.top
    own = torch.cat([top.weights, top.thresholds[..., None]], dim=-1).flatten(0, 1)
    return SuperResolved(own, own, torch.full((len(own),), 1e-9, dtype=torch.float64), None)


def test_the_target_itself_has_no_error_but_half_the_smoothing():
    instances = build(SMALL, [3, 4], "cpu")
    found = measure(SMALL, instances, at_target(SMALL, instances))
    assert float(found.measurements["largest_error"].max()) == pytest.approx(0.05, abs=1e-6)
    assert float(found.measurements["lower_gap"].max()) == pytest.approx(7.05, abs=1e-6)
    assert found.counts["within"].tolist() == found.counts["one_sided"].tolist() == [8192, 8192]


def test_a_learner_above_the_target_is_not_one_sided():
    instances = build(SMALL, [3], "cpu")
    learned = at_target(SMALL, instances)
    lifted = learned.generator.clone()
    lifted[..., -1] -= 8 * SMALL.b
    found = measure(SMALL, instances, replace(learned, generator=lifted))
    assert int(found.counts["one_sided"]) < 8192
    assert int(found.counts["within"]) < 8192


def test_the_second_corollary_sees_a_pair_that_fires_too_often():
    instances = build(SMALL, [3], "cpu")
    learned = at_target(SMALL, instances)
    copied = learned.generator.clone()
    copied[:, 1] = copied[:, 0]
    right = measure(SMALL, instances, learned).measurements["pair_change"]
    wrong = measure(SMALL, instances, replace(learned, generator=copied)).measurements["pair_change"]
    assert float(wrong) > 10 * float(right)


def test_training_meets_the_lemma_and_a_level_below_that_is_off_does_not():
    good, bad = (run(replace(SMALL, lower_error=error), [5, 6], "cpu") for error in (0.0, 0.3))
    assert all(found.measurements["largest_error"].value < 7 for found in good)
    assert all(found.measurements["largest_error"].value > 7 for found in bad)


def test_an_instance_does_not_depend_on_its_batch():
    together, alone = run(SMALL, [7, 8], "cpu"), run(SMALL, [8], "cpu")
    for name, value in alone[0].measurements.items():
        assert together[1].measurements[name].value == pytest.approx(value.value, rel=1e-6), name


def test_more_evaluation_samples_begin_with_the_fewer():
    instances = build(SMALL, [3], "cpu")
    generator = at_target(SMALL, instances).generator
    few, many = (
        torch.cat(
            [chunk.target for chunk in comparisons(replace(SMALL, evaluation_samples=n), instances, generator)], dim=1
        )
        for n in (1000, 5000)
    )
    assert torch.equal(many[:, :1000], few)


def test_the_level_below_is_off_by_what_is_said():
    parameters = replace(SMALL, lower_error=0.2)
    instances = build(parameters, [3], "cpu")
    rows, own = instances.target.first.latent_weights, instances.lower.first.latent_weights
    cosines = (rows * own).sum(-1) / rows.norm(dim=-1) / own.norm(dim=-1)
    assert torch.allclose(cosines.arccos(), torch.full_like(cosines, 0.2), atol=1e-9)
    assert torch.allclose(own.norm(dim=-1), rows.norm(dim=-1))
    distance = (instances.lower.first.dictionary - instances.target.first.dictionary).norm(dim=-2)
    assert torch.allclose(distance, torch.full_like(distance, 0.2), atol=1e-9)


def test_an_exact_level_below_is_the_targets():
    target = build(SMALL, [3], "cpu").target
    assert lower_levels(target, SMALL, [3]).levels == target.levels[:-1]


def test_level_three_is_learned_from_level_two():
    parameters = replace(SMALL, num_levels=3, num_patches=4, num_steps=1000)
    found = run(parameters, [2], "cpu")
    assert found[0].measurements["largest_error"].value < 7


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(10, 400), st.sampled_from([1.0, 0.1, 0.01]))
def test_tails_are_those_of_all_values_however_they_come(rows, channels, samples, exceedance):
    values = standard_normal(streams([samples], "tail"), (rows, samples, channels))[0]
    tail = Tail(samples, exceedance)
    for part in values.split(7, dim=1):
        tail.add(part)
    ordered = values.sort(dim=1, descending=True).values
    kept = min(int(samples * exceedance), samples - 1)
    assert torch.equal(tail.largest, ordered[:, 0])
    assert torch.equal(tail.quantile, ordered[:, kept])


def test_the_cutoffs_run_from_b_to_nearly_one():
    grid = cutoff_grid(START)
    assert grid[0] == START.b
    assert grid[-1] == pytest.approx(START.num_channels**-0.01)
    assert cutoff_grid(replace(COARSE, cutoff_ratio=20.0)) == [2.0] * len(grid)


def test_what_markov_gives_is_a_power():
    found = markov_is_polynomial()
    assert found.contradicts
    assert 1 < found.actual < 49


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule": "adam"},
        {"direction": "north"},
        {"dictionary_error": 0.0},
        {"cutoff_ratio": -1.0},
        {"num_parents": 3},
        {"num_levels": 1},
        {"num_steps": 0},
        {"first_leak": 0.0},
        {"lower_error": 2.0},
        {"evaluation_samples": 0},
    ],
)
def test_what_no_run_can_have_is_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        replace(START, **wrong)


def test_every_claim_has_a_control():
    assert {claim.name for claim in STATEMENT.claims} == {control.claim for control in STATEMENT.controls}


def test_a_learner_that_is_not_a_number_passes_nothing():
    instances = build(SMALL, [3], "cpu")
    learned = at_target(SMALL, instances)
    found = measure(SMALL, instances, replace(learned, generator=torch.full_like(learned.generator, torch.nan)))
    assert found.counts["within"].tolist() == found.counts["one_sided"].tolist() == [0]
    for name in ("largest_error", "tail_error", "lower_gap", "mean_change", "pair_change", "small_mean"):
        assert found.measurements[name].isnan().all(), name
    assert float(found.measurements["least_activity"]) == 0
