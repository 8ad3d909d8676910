"""Rounds on a level above the first, the level they end at, and how the level below enters."""

from dataclasses import replace

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import TargetNetwork
from fsrcheck.statement import Statement
from fsrcheck.training.super_resolution import SuperResolutionSettings, SuperResolved, learn_super_resolution
from fsrcheck.training.super_resolution_samples import NetworkPairs
from lemmas.fsr import d1_induction, d10_level, d11_recursion
from lemmas.fsr.coinciding_parents import SEEDS, coinciding_parents, least_margin, moved_to_one_parent
from lemmas.fsr.d10_level import LevelParameters
from lemmas.fsr.level_rounds import RoundParameters, Stage, course, one_round, output_layer, round_seeds
from lemmas.fsr.super_resolution_runs import Parameters, build

SMALL = RoundParameters(num_channels=4, num_steps=30, output_samples=512, output_steps=5, evaluation_samples=512)


def _knowing_all(stage: Stage) -> SuperResolved:
    """A generator that has the target's weights and thresholds, and no leak to speak of."""
    top = stage.instances.top
    generator = torch.cat([top.weights, top.thresholds[..., None]], dim=-1).flatten(0, 1)
    return SuperResolved(generator, generator, torch.full(generator.shape[:1], 1e-9, dtype=torch.float64), None)


def test_with_the_targets_codes_the_output_layer_finds_the_targets_dictionary() -> None:
    parameters = replace(SMALL, dictionary_error=0.05, output_samples=8192, output_steps=200)
    stage = Stage.of(build(parameters, [1, 2], "cpu"))
    # b is so small that the smoothed activation is the target's
    found = output_layer(replace(parameters, cutoff_ratio=1e-3), stage, _knowing_all(stage))
    after = Stage.of(replace(stage.instances, dictionary=found))
    assert float((after.error / stage.error).max()) < 0.01


def test_a_round_does_not_depend_on_the_other_instances_and_draws_new_samples() -> None:
    together = course(replace(SMALL, num_rounds=2), build(SMALL, [3, 4], "cpu"))
    alone = course(replace(SMALL, num_rounds=2), build(SMALL, [4], "cpu"))
    for both, one in zip(together, alone, strict=True):
        torch.testing.assert_close(both.error[1:], one.error, rtol=1e-6, atol=0)
    again = one_round(SMALL, replace(together[1], number=0))
    assert not torch.equal(again.error, together[2].error)
    assert round_seeds([3, 4], 0) == [3, 4]


def test_a_round_from_a_twentieth_sharpens_every_column() -> None:
    for found in d1_induction.run(d1_induction.LATER, [10, 11], "cpu"):
        assert found.measurements["worst_gain"].value < 0.8
        assert min(found.premises.values()) > 0
    with pytest.raises(InputError, match="num_rounds must be at least 1, got 0"):
        replace(d1_induction.LATER, num_rounds=0)


def test_one_stage_has_one_cutoff_for_all_its_patches() -> None:
    stage = Stage.of(build(SMALL, [5, 6], "cpu"))
    torch.testing.assert_close(stage.error, torch.full((2,), 0.1, dtype=torch.float64))
    assert stage.cutoff(SMALL).tolist() == pytest.approx([0.2] * 4)


def test_the_raise_of_lemma_d2_is_what_makes_codes_one_sided() -> None:
    parameters = LevelParameters(
        **{**vars(SMALL), "num_steps": 400, "num_rounds": 0, "evaluation_samples": 4096, "batch_size": 64}
    )
    (raised,) = d10_level.run(parameters, [7], "cpu")
    (unraised,) = d10_level.run(replace(parameters, last_raise=0.0), [7], "cpu")
    assert raised.counts["not_above"] == raised.counts["latents"] == 4096
    assert unraised.counts["not_above"] < 4000
    assert raised.measurements["tail"].value == unraised.measurements["tail"].value


def test_equal_parents_meet_the_assumptions_and_hide_the_weights() -> None:
    target = coinciding_parents()
    target.validate()
    assert least_margin(target) >= 0
    codes = target.codes(standard_normal(streams(SEEDS, "test"), (500, target.latent_dim)))
    assert torch.equal(codes[1][:, :, 0], codes[1][:, :, 1])
    assert bool((codes[2] > 0).any())
    moved = moved_to_one_parent(target)
    second = target.higher[-1].weights.chunk(2, dim=-1)[1]
    distance = (target.higher[-1].weights - moved.higher[-1].weights).norm()
    assert float(distance) == pytest.approx(2**0.5 * float(second.norm()))


def test_between_equal_parents_algorithm_3_keeps_the_difference_of_its_start() -> None:
    target = coinciding_parents()
    source = NetworkPairs(target, target.levels[-1].dictionary, seeds=SEEDS, level=3)
    settings = SuperResolutionSettings(step_size=2.0, num_steps=60, batch_size=64, decay=0.0)
    learned = learn_super_resolution(source, torch.tensor([0.1], dtype=torch.float64), settings).generator[..., :-1]
    first, second = learned.chunk(2, dim=-1)
    torch.testing.assert_close(first - second, torch.eye(8, dtype=torch.float64)[None], rtol=0, atol=1e-12)
    assert float((first + second - torch.eye(8)).norm()) > 0.1


def test_the_measured_error_of_the_level_below_is_the_stated_one() -> None:
    parameters = d11_recursion.RecursionParameters(num_steps=1, evaluation_samples=4096)
    small, large = (d11_recursion.run(replace(parameters, lower_error=error), [8, 9], "cpu") for error in (0.01, 0.02))
    for one, two in zip(small, large, strict=True):
        assert two.measurements["lower"].value / one.measurements["lower"].value == pytest.approx(2, rel=0.02)
    with pytest.raises(InputError, match="lower_error must be above 0"):
        replace(parameters, lower_error=0.0)


@pytest.mark.parametrize("statement", [d1_induction.STATEMENT, d10_level.STATEMENT, d11_recursion.STATEMENT])
def test_cases_and_controls_are_ones_that_can_be_built(statement: Statement) -> None:
    for control in statement.controls:
        for parameters in statement.cases["quick"]:
            assert isinstance(replace(parameters, **control.changes), Parameters)
        assert control.claim in {claim.name for claim in statement.claims}


def test_the_counterexample_contradicts_the_printed_lemma() -> None:
    found = d10_level.same_function()
    assert found.contradicts
    assert found.actual > 1


def test_targets_keep_their_lower_levels_where_weights_are_moved() -> None:
    target = coinciding_parents()
    moved = moved_to_one_parent(target)
    assert isinstance(moved, TargetNetwork)
    assert moved.levels[:-1] == target.levels[:-1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_rounds": -1}, r"num_rounds must be in \[0, 1000\], got -1"),
        ({"output_power": 1.0}, "output_power must be in"),
        ({"output_samples": 0}, "output_samples must be in"),
        ({"raise_ratio": -1.0}, "raise_ratio must be in"),
        ({"closing_ratio": 0.0}, "closing_ratio must be in"),
        ({"last_raise": -1.0}, "last_raise must be in"),
        ({"dictionary_error": 1e-8}, "dictionary_error must be in"),
    ],
)
def test_what_no_round_can_be_run_on_is_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(LevelParameters(), **changes)  # type: ignore[arg-type]
