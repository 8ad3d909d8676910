"""Rounds of Algorithm 1: what an instance does is a function of its seed alone."""

from dataclasses import replace

import pytest

from fsrcheck.model.learned_codes import INDEPENDENT
from lemmas.fsr.b1_rounds import RoundParameters, course, run

PARAMETERS = RoundParameters(num_channels=48, dictionary_error=0.1, cutoff_ratio=10.0, num_rounds=3)


def test_an_instance_goes_its_own_way_whatever_else_is_in_the_batch():
    parameters = replace(PARAMETERS, error_model=INDEPENDENT)
    together = run(parameters, [1, 2, 3], "cpu")
    alone = run(parameters, [2], "cpu")[0]
    assert alone.measurements.keys() == together[1].measurements.keys()
    for name, found in alone.measurements.items():
        assert together[1].measurements[name].value == pytest.approx(found.value, rel=1e-9)


def test_rounds_are_counted_only_where_the_goal_was_reached():
    assert course(PARAMETERS, [0.1, 0.01, 1e-10])["rounds"].value == 2
    assert course(PARAMETERS, [0.1, 0.01])["rounds"].value == float("inf")
    assert course(PARAMETERS, [0.1, 0.01, 0.009])["worst_gain"].value == pytest.approx(0.9)
