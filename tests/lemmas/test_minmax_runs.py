"""What the statements about Algorithm 4 run on: broken premises and settings do what they say, and nothing passes unseen."""

from dataclasses import replace
from math import inf, sqrt

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.training.minmax_settings import PRINTED
from lemmas.fsr import finite_samples, theorem_5_1
from lemmas.fsr.minmax_runs import NotBegun, Parameters, Ran, margins_of, observations, run_all, target_of, turned

TINY = Parameters(
    num_channels=6, num_samples=2**13, start_samples=2**13, super_steps=10, closing_steps=10, evaluation_samples=1000
)


def test_turned_rows_keep_their_length_and_make_the_stated_angle() -> None:
    first = target_of(TINY, [1, 2], "cpu").first
    rows, moved = first.latent_weights, turned(first, 0.5, [1, 2]).latent_weights
    lengths = rows.norm(dim=-1)
    torch.testing.assert_close(moved.norm(dim=-1), lengths)
    cosine = (rows * moved).sum(dim=-1) / lengths.square()
    torch.testing.assert_close(cosine, torch.full_like(cosine, torch.tensor(0.5).cos().item()), rtol=1e-6, atol=0)


def test_a_learner_that_cannot_begin_has_infinite_errors_and_keeps_its_premises() -> None:
    dense = replace(TINY, family="dense_mixing")
    runs = run_all(dense, [1, 2], "cpu")
    assert all(isinstance(ran, NotBegun) for ran in runs)
    found = observations(runs, theorem_5_1.measure, theorem_5_1.MEASURED)
    assert len(found) == 2
    assert all(one.measurements[name].value == inf for one in found for name in theorem_5_1.MEASURED)
    assert all(one.premises["sigma_min"] < 0 for one in found)


def test_untrained_codes_have_finite_errors_far_above_the_bound() -> None:
    (ran,) = run_all(TINY, [3], "cpu")
    assert isinstance(ran, Ran)
    found = theorem_5_1.measure(ran)
    assert 0.3 < float(found["coupling"]) < inf
    assert set(found) == set(theorem_5_1.MEASURED)


def test_a_nan_is_an_infinite_error() -> None:
    (ran,) = run_all(TINY, [4], "cpu")
    found = observations([ran], lambda _: {"error": torch.tensor([torch.nan])}, ("error",))
    assert found[0].measurements["error"].value == inf


def test_an_exact_first_level_has_no_error() -> None:
    (ran,) = run_all(replace(TINY, exact_first=True), [5], "cpu")
    assert isinstance(ran, Ran)
    assert float(ran.errors.relative_rms[0, 0]) < 1e-12


def test_every_level_is_checked_against_the_assumptions() -> None:
    violating = replace(TINY, family="dense_mixing")
    first_only = replace(TINY, family="independent_channels", num_levels=1)
    (above,) = margins_of(target_of(violating, [1], "cpu"), violating, [1])
    (below,) = margins_of(target_of(first_only, [1], "cpu"), first_only, [1])
    assert above["pair_probability"] < 0 < below["pair_probability"]


def test_one_cutoff_and_the_printed_schedule_reach_the_settings() -> None:
    common = replace(TINY, common_ratio=2.0).settings
    assert {common.first_ratio, common.output_ratio, common.super_ratio, common.closing_ratio} == {2.0}
    printed = replace(TINY, printed=True).settings
    assert (printed.schedule, printed.bridge, printed.last_raise, printed.super_steps) == (PRINTED, (), 7.0, 10)
    assert replace(TINY, bridge=False).settings.bridge == ()


def test_the_noise_is_that_of_the_pairs() -> None:
    parameters = replace(TINY, num_channels=16, expected_active=2.0, num_samples=100_000)
    assert parameters.scale == pytest.approx(8 * sqrt(2 * 32 / 1e5))


@pytest.mark.parametrize(("name", "value"), [("num_levels", 0), ("corrupted", -0.1), ("super_steps", 0)])
def test_numbers_that_no_run_can_have_are_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=name):
        replace(TINY, **{name: value})


def test_the_standard_cases_are_larger_and_contain_the_quick_ones() -> None:
    for module in (theorem_5_1, finite_samples):
        cases = module.STATEMENT.cases
        assert set(cases["quick"]) & set(cases["standard"])
        assert max(case.num_samples for case in cases["standard"]) > max(case.num_samples for case in cases["quick"])
