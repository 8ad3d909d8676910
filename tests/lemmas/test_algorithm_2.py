"""Algorithm 2's runs: the transcription, what a trial depends on, rounds that are counted, errata."""

from dataclasses import replace
from math import inf

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.training.printed_first_hidden import PairRound, starting_rows
from lemmas.fsr.algorithm_2 import STATEMENT, leaves_the_simplex, one_sample
from lemmas.fsr.algorithm_2_claims import CASES
from lemmas.fsr.algorithm_2_parameters import COMPARE, MARGINALS, MAXIMA, PAIRS, Parameters, build, channels_of
from lemmas.fsr.algorithm_2_runs import crossing, pair_game, pair_settings, rounds_in_turn, run

COMPARED = Parameters(
    COMPARE,
    num_channels=2,
    expected_active=0.5,
    num_patches=3,
    cutoff=0.15,
    weight=5.0,
    start_rate=0.5,
    poly=12.0,
    num_steps=2,
    inner_steps=2,
    num_samples=10,
)
SHORT = tuple(replace(case, num_steps=min(case.num_steps, 20)) for case in CASES)


def values(parameters, seeds=(7, 8)):
    return [{k: v.value for k, v in each.measurements.items()} for each in run(parameters, list(seeds), "cpu")]


def test_games_machine_and_transcription_agree_at_other_sizes():
    for found in values(COMPARED):
        assert found["distance"] < 1e-10
        assert found["machine"] < 1e-10
        assert found["moved"] > 1e-3


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"exchange_rates": True}, "distance"),
        ({"machine_weight": 4.0}, "machine"),
        ({"orthonormal": False}, "distance"),
    ],
)
def test_what_is_broken_is_seen(changes, name):
    assert min(found[name] for found in values(replace(COMPARED, **changes))) > 1e-6


@pytest.mark.parametrize("parameters", SHORT, ids=lambda case: f"{case.task}-{case.num_channels}-{case.cutoff}")
def test_a_trial_is_a_function_of_its_seed_alone(parameters):
    together, alone = values(parameters, (3, 4, 5))[1], values(parameters, (4,))[0]
    assert together.keys() == alone.keys()
    for name, value in alone.items():
        assert together[name] == pytest.approx(value, rel=1e-8, abs=1e-12), name


def test_channels_differ_by_at_most_the_contrast():
    parameters = Parameters(MARGINALS, num_channels=8, expected_active=0.8, contrast=1.5)
    target = build(parameters, [1, 2], "cpu")
    target.validate()
    channels = channels_of(target)
    rates = torch.special.ndtr(-channels[..., 1] / channels[..., 0]) / parameters.firing
    assert 1 / 1.5 <= float(rates.min()) < 0.9 < 1.1 < float(rates.max()) <= 1.5


def test_a_neuron_that_starts_at_the_target_stays_alive_and_a_large_step_kills():
    parameters = Parameters(MARGINALS, num_channels=8, expected_active=0.8, start_rate=1.4, num_steps=100)
    assert all(found["dead"] == 0 for found in values(parameters))
    assert all(found["dead"] > 0 for found in values(replace(parameters, step=0.5)))


def test_the_first_round_below_one_is_interpolated_on_a_logarithmic_scale():
    sizes = torch.tensor([[8.0, 0.5, 8.0], [4.0, 0.4, 8.0], [0.25, 0.3, 8.0]], dtype=torch.float64)
    assert crossing(sizes).tolist() == pytest.approx([1.5, 0.0, inf])


def test_the_working_form_reaches_the_printed_forms_targets_and_short_steps_do_not():
    for task in (MARGINALS, PAIRS):
        parameters = Parameters(
            task, num_channels=5, expected_active=0.6, num_patches=2, cutoff=0.3, start_rate=1.0, num_steps=1
        )
        for found, broken in zip(values(parameters), values(replace(parameters, working_step=0.05)), strict=True):
            assert found["working_error"] < 1e-9
            assert 10 < found["working_steps"] < 200
            assert broken["working_error"] > 1e-6
            assert broken["working_steps"] == 300


def test_steps_of_the_working_form_go_down_the_gradients_by_machine():
    parameters = replace(COMPARED, task=MAXIMA, num_channels=4)
    for found in values(parameters):
        assert max(found["direction_D4"], found["direction_D5"]) < 1e-10
    for found in values(replace(parameters, machine_weight=2.0)):
        assert min(found["direction_D4"], found["direction_D5"]) > 1e-6


def test_rounds_of_a_single_pair_in_turn():
    one = torch.ones(1, 1, dtype=torch.float64)
    assert float(rounds_in_turn(0.1 * one, 0.4 * one, 5 * one, 0.01)) == pytest.approx(0.16 / (2 * 0.01 * 5 * 0.1))
    assert float(rounds_in_turn(0 * one, 0 * one, 5 * one, 0.01)) == 0.0


def test_the_law_of_rounds_is_met_where_b_is_small():
    parameters = Parameters(PAIRS, num_channels=4, expected_active=0.7, cutoff=0.005, poly=1.0, num_steps=700)
    for found in values(parameters):
        assert 0.8 < found["of_law"] < 1.4


def test_eta_of_d5_is_in_units_of_the_curvature_of_uncorrelated_equal_channels():
    parameters = Parameters(PAIRS, num_channels=4, expected_active=0.7, cutoff=0.1, contrast=1.0, step=0.3)
    game = pair_game(parameters, build(parameters, [1, 2], "cpu"))
    seen = PairRound()
    game.oracle.gap(starting_rows(2, 4, 4), seen)
    curvature = (game.discriminator.constants * seen.slopes).square()
    assert (0.3 * 6 / curvature).flatten().tolist() == pytest.approx([pair_settings(parameters).step_size] * 12)


def test_the_errata_are_computed_and_contradict():
    assert one_sample().contradicts
    found = leaves_the_simplex()
    assert found.contradicts
    assert not leaves_the_simplex(exponent=0.5, most=2000).contradicts
    refuting = [erratum for erratum in STATEMENT.errata if erratum.refutes]
    assert all(erratum.counterexample is not None and erratum.counterexample().contradicts for erratum in refuting)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "nothing"}, "task must be one of"),
        ({"constants": "mine"}, "constants must be one of"),
        ({"weight": 0.5}, r"weight must be in \[1, 1e\+06\], got 0\.5"),
        ({"cutoff": 0.0}, r"cutoff must be in \[1e-06, 1\], got 0\.0"),
        ({"num_channels": 1}, "num_channels must be at least 2, got 1"),
    ],
)
def test_parameters_that_no_run_can_have_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        Parameters(**changes)
