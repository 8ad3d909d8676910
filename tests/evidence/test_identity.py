"""``Identity``: equal means equal on every trial."""

import pytest

from fsrcheck.evidence.claim import Selection
from fsrcheck.evidence.identity import Identity
from fsrcheck.evidence.outcome import Outcome
from tests.evidence.making import INFINITY, NAN, case, evidence

SMALL = Identity("i", "left = right", "y", 1e-12)


def test_residuals_within_rounding_hold():
    assert SMALL.judge(evidence(case([0.0, 1e-13]))).outcome is Outcome.HOLDS


@pytest.mark.parametrize("value", [2e-12, -2e-12, INFINITY, -INFINITY])
def test_one_residual_beyond_rounding_violates_whatever_its_sign(value):
    assert SMALL.judge(evidence(case([0.0] * 99 + [value]))).outcome is Outcome.VIOLATED


def test_a_residual_that_is_nan_decides_nothing():
    assert SMALL.judge(evidence(case([0.0, NAN, 0.0]))).outcome is Outcome.INCONCLUSIVE


def test_a_residual_that_is_not_measured_decides_nothing():
    assert Identity("i", "", "absent", 1.0).judge(evidence(case([0.0]))).outcome is Outcome.INCONCLUSIVE


def test_no_selected_case_is_no_evaluation():
    claim = Identity("i", "", "y", 1.0, where=Selection({"size": 99}))
    assert claim.judge(evidence(case([0.0]))).outcome is Outcome.NOT_EVALUATED


def test_a_residual_as_large_as_the_tolerance_is_allowed():
    claim = Identity("i", "left = right", "y", 0.5)
    assert claim.judge(evidence(case([0.5, -0.5]))).outcome is Outcome.HOLDS
    assert claim.judge(evidence(case([-0.5000001]))).outcome is Outcome.VIOLATED
