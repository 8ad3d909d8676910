"""Every trial's seed follows from one integer, and calibration and judging never share one."""

from hypothesis import given
from hypothesis import strategies as st

from fsrcheck.runs.seeds import calibration_seeds, fresh_seed, trial_seeds

SEEDS, LABELS, COUNTS = st.integers(0, 2**63), st.text(max_size=20), st.integers(0, 50)


@given(SEEDS, LABELS, SEEDS, LABELS)
def test_calibration_and_judging_seeds_never_meet(first, label, second, other):
    judging, calibration = trial_seeds(first, label, 50), calibration_seeds(second, other, 50)
    assert max(judging) < 2**62 <= min(calibration)
    assert max(calibration) < 2**63


@given(SEEDS, LABELS, COUNTS, COUNTS)
def test_later_trials_continue_the_same_stream(seed, label, first, more):
    whole = trial_seeds(seed, label, first + more)
    assert [*trial_seeds(seed, label, first), *trial_seeds(seed, label, more, start=first)] == whole


@given(SEEDS, LABELS)
def test_seeds_of_a_stream_differ(seed, label):
    assert len(set(trial_seeds(seed, label, 100))) == 100


def test_streams_of_other_runs_and_labels_are_others():
    streams = [trial_seeds(seed, label, 10) for seed in (1, 2) for label in ("a", "b")]
    assert len({seed for stream in streams for seed in stream}) == 40


def test_a_drawn_seed_is_short_enough_to_be_typed_again():
    assert all(0 <= fresh_seed() < 2**31 for _ in range(100))
