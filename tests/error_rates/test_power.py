"""Power: exact as simulated, growing with the violation and with the number of trials."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsrcheck.error_rates.power import (
    CAUGHT,
    Power,
    Subject,
    _caught,
    _excess_needed,
    _steeper,
    quantile,
    scaling_curve,
    smallest_caught,
    subjects,
)
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.runs.seeds import fresh_seed
from fsrcheck.runs.trying import silent
from tests.evidence.making import is_at_least, is_at_most

SHARE = 1e-6 / 512
FITTED, CERTAIN, FREQUENCY = subjects(SHARE)
EACH = pytest.mark.parametrize("subject", subjects(SHARE), ids=lambda subject: subject.kind)


@EACH
def test_what_is_simulated_is_what_is_known(subject: Subject) -> None:
    trials = subject.trials[1]
    for violation in (0.0, 0.3 * subject.most, 0.6 * subject.most):
        hits, known = (
            _caught(subject.toy(violation, trials), 200, fresh_seed(), SHARE),
            subject.known(violation, trials),
        )
        assert is_at_most(hits, 200, min(known, 1.0))
        assert is_at_least(hits, 200, known)


@EACH
def test_power_grows_with_the_violation_and_the_trials(subject: Subject) -> None:
    for trials in subject.trials:
        line = [subject.known(x, trials) for x in np.linspace(0, subject.most, 20)]
        assert (np.diff(line) >= -1e-12).all()
    smallest = [smallest_caught(lambda x, n=trials: subject.known(x, n), subject.limit) for trials in subject.trials]
    assert smallest == sorted(smallest, reverse=True)


@EACH
def test_the_smallest_violation_is_caught_with_the_probability_asked_for(subject: Subject) -> None:
    trials = subject.trials[-1]
    violation = smallest_caught(lambda x: subject.known(x, trials), subject.limit)
    step = 1e-4 * subject.limit
    assert subject.known(violation + step, trials) >= CAUGHT >= subject.known(max(violation - step, 0.0), trials)


def test_nothing_is_caught_where_nothing_is_violated() -> None:
    assert CERTAIN.known(0.0, 16) == 0.0
    assert FITTED.known(0.0, 64) <= SHARE
    assert FREQUENCY.known(0.0, 1000) <= SHARE


def test_a_certain_bound_by_hand() -> None:
    assert CERTAIN.known(1 / 19, 1) == pytest.approx(0.5)  # half of (0.9, 1) * 20/19 is above 1
    assert CERTAIN.known(1 / 19, 2) == pytest.approx(0.75)
    assert smallest_caught(lambda x: CERTAIN.known(x, 1), 1.0) == pytest.approx(1 / (1 - 0.0999) - 1)


def test_what_cannot_be_caught_has_no_smallest_violation() -> None:
    assert smallest_caught(lambda x: FITTED.known(x, 8), 10.0) == math.inf  # nine exceedances are needed


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6))
def test_a_steeper_law_is_seen_from_the_excess_it_needs(run: int) -> None:
    level = _steeper(0.0, 8)
    needed = _excess_needed(level, run, SHARE)
    if math.isfinite(needed):
        for change, seen in ((1e-6, True), (-1e-6, False)):
            steep = replace(_steeper(needed + change, 8), name=level.name)  # the same trials
            assert (steep.look(run, SHARE).outcome is Outcome.VIOLATED) is seen


def test_the_curve_of_an_exponent_agrees_with_itself() -> None:
    told: list[int] = []
    curve = scaling_curve(16, 100, fresh_seed(), SHARE, lambda label, done, total: told.append(done))
    assert all(point.agrees for point in curve.points)
    assert told[-1] == 40
    assert curve.line[0][1] == 0.0 < curve.line[-1][1]


@pytest.mark.parametrize(
    ("point", "agrees"),
    [
        (Power(0.1, 50, 100, 0.5), True),
        (Power(0.1, 50, 100, 0.9), False),
        (Power(0.1, 100, 100, 1.0), True),
        (Power(0.1, 50, 100, 0.6, 100), True),
        (Power(0.1, 10, 100, 0.8, 100), False),
    ],
)
def test_a_share_agrees_with_what_is_known_within_its_limits(point: Power, agrees: bool) -> None:
    assert point.agrees is agrees


@given(st.integers(1, 3000))
def test_a_quantile_lies_within_its_limits(count: int) -> None:
    found = quantile(np.arange(count, dtype=float), 0.9)
    assert found.low <= found.value <= found.high


def test_limits_of_a_median_by_hand() -> None:
    found = quantile([1.0, 2.0, 3.0, 4.0, 5.0], 0.5, deficit=1 / 16)
    assert (found.value, found.low, found.high) == (3.0, 2.0, 5.0)
    assert quantile([1.0, 2.0, 3.0], 0.999).high == math.inf


def test_progress_is_told_of_every_curve() -> None:
    told: list[str] = []
    FREQUENCY.curve(100, 5, 1, SHARE, lambda label, done, total: told.append(label))
    assert set(told) == {"power of Frequency, at least 0.9, 100 trials"}
    assert FREQUENCY.curve(100, 5, 1, SHARE, silent) == FREQUENCY.curve(100, 5, 1, SHARE, silent)
