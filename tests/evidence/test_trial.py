"""Trials tell what is missing and which premises fail."""

import math

import pytest

from fsrcheck.evidence.trial import Measurement
from tests.evidence.making import INFINITY, NAN, case, trial


@pytest.mark.parametrize(
    "measurement",
    [Measurement(NAN), Measurement(1.0, NAN), Measurement(1.0, -0.1), Measurement(1.0, INFINITY)],
)
def test_a_value_or_error_that_cannot_be_compared_is_unusable(measurement):
    assert not measurement.is_usable


def test_an_infinite_value_can_be_compared():
    assert Measurement(INFINITY).is_usable


def test_an_absent_measurement_is_nan():
    assert math.isnan(trial().measurement("absent").value)


@pytest.mark.parametrize(("margin", "fails"), [(0.0, False), (-1e-300, True), (NAN, True), (INFINITY, False)])
def test_a_premise_holds_when_its_margin_is_at_least_zero(margin, fails):
    assert bool(trial(premises={"p": margin}).failed_premises()) is fails


def test_only_waived_premises_are_forgiven():
    found = trial(premises={"p": -1.0, "q": -1.0}).failed_premises(frozenset({"p"}))
    assert found == ["q"]


def test_applicable_trials_are_those_whose_premises_hold():
    assert not case([1.0], premises={"p": -1.0}).applicable
    assert len(case([1.0], premises={"p": -1.0}, waived=["p"]).applicable) == 1
