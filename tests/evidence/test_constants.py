"""Fitted constants are tolerance limits and are valid only where they were fitted."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsrcheck.evidence.constants import Constant, Provenance, Range, calibration_trials, freeze
from tests.evidence.making import INFINITY, NAN, Point

RATIOS = list(np.linspace(0.1, 0.9, 405))
FROZEN = freeze("C", [(Point(16), RATIOS), (Point(64), RATIOS)], upper=True, note="")


@dataclass(frozen=True)
class NewerPoint(Point):
    damping: float = 0.0


def test_405_trials_are_needed_for_95_percent_at_confidence_one_minus_1e_9():
    needed = calibration_trials()
    assert needed == 405
    assert 0.95**needed <= 1e-9 < 0.95 ** (needed - 1)


def test_fewer_trials_than_the_tolerance_limit_needs_are_refused():
    with pytest.raises(ValueError, match="must have >= 405 trials a case, got 404"):
        freeze("C", [(Point(), RATIOS), (Point(), RATIOS[1:])], upper=True, note="")


def test_no_case_is_refused():
    with pytest.raises(ValueError, match="got none"):
        freeze("C", [], upper=True, note="")


@pytest.mark.parametrize("bad", [NAN, INFINITY, -INFINITY])
def test_a_run_without_a_result_is_refused(bad):
    with pytest.raises(ValueError, match="must be finite"):
        freeze("C", [(Point(), [*RATIOS, bad])], upper=True, note="")


def test_the_constant_is_the_extreme_over_all_cases():
    frozen = partial(freeze, "C", [(Point(), RATIOS), (Point(), [r + 1 for r in RATIOS])], note="")
    assert frozen(upper=True).value == max(RATIOS) + 1
    assert frozen(upper=False).value == min(RATIOS)


def test_a_fresh_run_exceeds_the_maximum_of_n_with_probability_one_in_n_plus_one():
    rng, fits, n = np.random.default_rng(1), 2000, 405
    values = [freeze("C", [(Point(), list(rng.random(n)))], upper=True, note="").value for _ in range(fits)]
    exceedance = 1 - np.array(values)  # of a fresh uniform number; its law is Beta(1, n)
    assert abs(exceedance.mean() - 1 / (n + 1)) < 6 / (n + 1) / fits**0.5
    assert (rng.random(fits) > values).sum() <= 30  # 4.9 are expected


def test_the_five_percent_are_known_and_not_guessed():
    rng = np.random.default_rng(2)
    values = [freeze("C", [(Point(), list(rng.random(405)))], upper=True, note="").value for _ in range(500)]
    assert min(values) > 0.95


def test_only_fitted_constants_may_be_exceeded():
    assert [Constant("C", 1.0, kind).exceedance_rate for kind in Provenance] == [0.0, 0.0, 0.0, 0.05]


def test_the_range_is_that_of_the_calibration_cases():
    assert FROZEN.outside(Point(32)) == []
    assert FROZEN.outside(Point(128)) == ["size = 128 outside [16, 64]"]
    assert FROZEN.outside(Point(32, "dense")) == ["family = dense outside {plain}"]


def test_a_parameter_that_is_nan_is_outside():
    assert FROZEN.outside(Point(NAN))


def test_a_parameter_newer_than_the_fit_is_outside():
    assert FROZEN.outside(NewerPoint(32)) == ["damping = 0.0 outside a fit that did not know it"]


def test_a_constant_of_the_paper_has_no_range():
    assert Constant("C", 1.0, Provenance.PAPER).outside(Point(1e9)) == []


@given(st.lists(st.integers(-100, 100), min_size=1), st.integers(-200, 200))
def test_a_range_of_numbers_is_an_interval(values, value):
    assert (value in Range.of(values)) == (min(values) <= value <= max(values))


def test_truth_values_and_strings_are_words():
    assert str(Range.of([True, False])) == "{False, True}"
    assert "a" in Range.of(["b", "a"])
    assert "c" not in Range.of(["b", "a"])


def test_an_empty_range_has_nothing():
    assert 1.0 not in Range()
