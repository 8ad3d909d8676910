"""What the measured statements of the first hidden layer look at: moments, codes and rotations of the learner."""

from dataclasses import replace

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.gaussian import relu_mean
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.first_hidden import Learned
from fsrcheck.training.first_hidden_oracles import FirstLevelLaw, root_of
from lemmas.fsr.c1_induction import START as ROUND
from lemmas.fsr.c1_induction import CommonMoments, column_error
from lemmas.fsr.c1_induction import run as run_round
from lemmas.fsr.c2_invariant import CASES, marginal_extremes
from lemmas.fsr.c2_invariant import run as run_invariant
from lemmas.fsr.c10_training import gated_error, learned_target, sparsity_ratio
from lemmas.fsr.c18_training import aligned
from lemmas.fsr.first_hidden_runs import EXACT_START, Instances, Parameters, build, target_of

SEEDS = [4, 5]


def _at_target(parameters: Parameters) -> tuple[Instances, Learned]:
    """A learner that is the target, up to a rotation of the latents."""
    instances = build(parameters, SEEDS, "cpu")
    rows = torch.linalg.cholesky(instances.law.correlations)
    zeros = torch.zeros(len(SEEDS), dtype=torch.float64)
    return instances, Learned(instances.law.channels, rows, zeros.long(), zeros, None)


@pytest.fixture(scope="module")
def small() -> Parameters:
    """Two patches of eight channels."""
    return Parameters(**{**vars(EXACT_START), "num_channels": 8, "expected_active": 1.0})


def test_a_learner_that_is_the_target_has_no_error_and_rotates_onto_it(small: Parameters) -> None:
    instances, learned = _at_target(small)
    assert float(gated_error(small, instances, learned).max()) < 1e-12
    rows, turned = aligned(learned, instances.law)
    torch.testing.assert_close(rows, turned, rtol=0, atol=1e-12)


def test_mixed_means_agree_with_sampled_codes(small: Parameters) -> None:
    instances, learned = _at_target(small)
    moved = Learned(learned.channels, learned.directions.flip(1), learned.steps, learned.residual, None)
    found = gated_error(small, instances, moved) * small.firing**2
    assert bool((found > 1e-4).all())
    codes = learned_target(instances.law, learned).sample_codes(streams(SEEDS, "test"), 40000)[0]
    means = instances.law.channels.scales * relu_mean(instances.law.channels.thresholds / instances.law.channels.scales)
    torch.testing.assert_close(codes.mean(dim=1).flatten(1), means, rtol=0.1, atol=0)


def test_codes_that_are_too_large_break_the_limits_of_sparsity(small: Parameters) -> None:
    instances, learned = _at_target(small)
    assert float(sparsity_ratio(small, instances, learned, SEEDS).max()) < 1
    channels = type(learned.channels)(10 * learned.channels.scales, 10 * learned.channels.thresholds)
    large = Learned(channels, learned.directions, learned.steps, learned.residual, None)
    assert float(sparsity_ratio(small, instances, large, SEEDS).min()) > 1


def test_common_moments_agree_where_the_laws_do_and_see_a_moved_column() -> None:
    target = target_of(ROUND, SEEDS, "cpu")
    law, atoms = FirstLevelLaw.of(target.first), target.first.dictionary[:, 0]
    normal = standard_normal(streams(SEEDS, "test"), (4096, 16)) @ root_of(law.correlations)
    codes = (law.channels.scales[:, None] * normal - law.channels.thresholds[:, None]).clamp(min=0)
    oracle = CommonMoments(atoms, atoms, torch.full((2,), 0.1, dtype=torch.float64), codes, codes)
    assert float(oracle.compare(atoms).gap.abs().max()) < 1e-15
    moved = atoms.clone()
    moved[:, :, 0] = (atoms[:, :, 0] + 0.1 * atoms[:, :, 1]) / 1.01**0.5
    gap = oracle.compare(moved).gap.norm(dim=-1)
    assert float(gap[:, :2].amin()) > 1e-3
    assert float(column_error(moved[:, None], atoms[:, None])[0]) == pytest.approx(0.0998, abs=1e-3)


def test_a_round_does_not_depend_on_the_other_instances() -> None:
    together = [x.measurements["after"].value for x in run_round(ROUND, SEEDS, "cpu")]
    alone = [run_round(ROUND, [seed], "cpu")[0].measurements["after"].value for seed in SEEDS]
    assert together == pytest.approx(alone, rel=1e-6)


def test_extremes_are_those_of_the_neurons_and_a_batch_equals_a_loop() -> None:
    instances = build(CASES[0], SEEDS, "cpu")
    found = marginal_extremes(instances.law.channels)
    assert float(found[0, 0]) == pytest.approx(CASES[0].firing, rel=1e-9)
    together = run_invariant(CASES[0], SEEDS, "cpu")
    for index, seed in enumerate(SEEDS):
        (alone,) = run_invariant(CASES[0], [seed], "cpu")
        for name, value in alone.measurements.items():
            assert value.value == pytest.approx(together[index].measurements[name].value, rel=1e-6), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_patches": 2}, "one patch"),
        ({"dictionary_error": 0.0, "cutoff": 0.1}, "error of the dictionary above 0"),
        ({"num_rounds": 0}, "num_rounds must be at least 1, got 0"),
        ({"output_samples": 0}, "output_samples must be at least 1, got 0"),
        ({"real_samples": 8}, "real_samples must be 0 where the dictionary is not exact"),
    ],
)
def test_what_no_round_can_be_run_on_is_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(ROUND, **changes)  # type: ignore[arg-type]


def test_a_round_through_a_cutoff_without_a_bound_or_samples_fails_its_premise() -> None:
    (unseen,) = run_round(replace(ROUND, cutoff_ratio=4.5, dictionary_error=1e-3), [4], "cpu")
    assert unseen.premises["false_activations"] < 0
    (safe,) = run_round(ROUND, [4], "cpu")
    assert safe.premises["false_activations"] > 0
