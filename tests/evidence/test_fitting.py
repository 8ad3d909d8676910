"""Fitted power laws: limits that come from the spread between instances and cover as often as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fsrcheck.evidence.fitting import PowerLaw, fit_power_law
from tests.evidence.making import INFINITY, NAN, is_at_least, is_at_most

SIZES = np.array([16.0, 24, 32, 48, 64])


def law(exponent: float, spread: np.ndarray, trials: int, rng: np.random.Generator) -> dict[float, list[float]]:
    """Trials of 3 * size ** exponent with log-normal spread."""
    noise = rng.standard_normal((len(SIZES), trials)) * spread[:, None]
    return {size: list(3 * size**exponent * np.exp(row)) for size, row in zip(SIZES, noise, strict=True)}


def noiseless(function) -> dict[float, list[float]]:
    return {size: [float(function(size))] * 3 for size in SIZES}


@given(st.floats(-3, 3), st.floats(0.01, 100))
def test_an_exact_law_is_found_exactly(exponent, prefactor):
    fitted = fit_power_law(noiseless(lambda size: prefactor * size**exponent), 0.05)
    assert fitted.exponent.value == pytest.approx(exponent, abs=1e-9)
    assert fitted.prefactor == pytest.approx(prefactor)
    assert fitted.drift.value == pytest.approx(0, abs=1e-8)
    assert fitted.exponent.low == fitted.exponent.high


@given(st.floats(0.001, 1000), st.integers(0, 1000))
def test_scaling_the_measurement_leaves_the_exponent(factor, seed):
    values = law(-0.5, np.full(5, 0.1), 4, np.random.default_rng(seed))
    scaled = {size: [factor * value for value in found] for size, found in values.items()}
    first, second = fit_power_law(values, 0.01).exponent, fit_power_law(scaled, 0.01).exponent
    assert (second.low, second.high) == pytest.approx((first.low, first.high), abs=1e-9)


def covered(fitted: PowerLaw, exponent: float) -> bool:
    return fitted.exponent.low <= exponent <= fitted.exponent.high


@pytest.mark.parametrize(
    "spread", [np.full(5, 0.2), 3.2 / SIZES, 0.01 * SIZES], ids=["constant", "shrinking", "growing"]
)
def test_a_95_percent_interval_covers_in_95_percent_of_data_sets(spread):
    rng, runs = np.random.default_rng(1), 2000
    hits = sum(covered(fit_power_law(law(-0.5, spread, 10, rng), 0.05), -0.5) for _ in range(runs))
    assert is_at_least(hits, runs, 0.95 - 0.003)  # Satterthwaite's approximation is good to 0.003 here
    assert is_at_most(hits, runs, 0.95 + 0.003)


def test_errors_are_those_of_a_mean_and_limits_those_of_student():
    spread = np.array([0.0, 0.0, 0.0, 0.0, 0.3])
    values = law(-0.5, spread, 4, np.random.default_rng(7))
    fitted = fit_power_law(values, 0.05)
    assert fitted.errors[:4] == (0.0, 0.0, 0.0, 0.0)
    assert fitted.errors[4] == pytest.approx(stats.sem(np.log(values[64.0])))
    assert fitted.quantile == pytest.approx(stats.t.isf(0.025, 3))


def test_a_spread_at_one_end_alone_does_not_make_the_interval_too_narrow():
    spread, rng, runs = np.array([0.01, 0.01, 0.01, 0.01, 0.1]), np.random.default_rng(2), 2000
    misses = sum(not covered(fit_power_law(law(-0.5, spread, 10, rng), 1e-3), -0.5) for _ in range(runs))
    assert is_at_most(misses, runs, 3e-3)  # a pooled variance misses in 3 % of these


def test_drift_limits_cover_a_drift_of_zero():
    rng, runs = np.random.default_rng(3), 2000
    fits = [fit_power_law(law(-0.5, 3.2 / SIZES, 10, rng), 0.05).drift for _ in range(runs)]
    misses = sum(not drift.low <= 0 <= drift.high for drift in fits)
    assert is_at_most(misses, runs, 0.055)


def test_the_misfit_of_a_noiseless_curve_is_not_counted_as_noise():
    fitted = fit_power_law(noiseless(lambda size: np.exp(np.log(size) ** 2 / 10)), 1e-9)
    assert fitted.exponent.high - fitted.exponent.low == 0
    assert fitted.drift.low == fitted.drift.value > 0.2


def test_drift_is_the_change_of_the_local_slope_over_the_range():
    fitted = fit_power_law(noiseless(lambda size: np.exp(0.1 * np.log(size) ** 2)), 0.05)
    assert fitted.drift.value == pytest.approx(0.2 * np.log(64 / 16))


def test_local_slopes_lie_between_neighbouring_sizes():
    fitted = fit_power_law(noiseless(lambda size: size**2), 0.05)
    middles = [size for size, _ in fitted.local]
    assert middles == pytest.approx(list(np.sqrt(SIZES[1:] * SIZES[:-1])))
    assert [slope.value for _, slope in fitted.local] == pytest.approx([2.0] * 4)


def test_more_instances_make_the_interval_narrower():
    few, many = (
        fit_power_law(law(-0.5, np.full(5, 0.2), n, np.random.default_rng(4)), 0.01).exponent for n in (5, 500)
    )
    assert many.high - many.low < (few.high - few.low) / 5


def test_the_band_has_the_line_inside_and_widens_outwards():
    fitted = fit_power_law(law(-0.5, np.full(5, 0.2), 10, np.random.default_rng(5)), 0.01)
    line, low, high = fitted.band([32, 1000, 1e6])
    assert ((low < line) & (line < high)).all()
    assert (np.diff(high / low) > 0).all()


@pytest.mark.parametrize("bad", [0.0, -1.0, NAN, INFINITY])
def test_values_that_have_no_logarithm_are_refused(bad):
    values = noiseless(lambda size: size)
    values[32.0] = [1.0, bad, 1.0]
    with pytest.raises(ValueError, match="positive and finite"):
        fit_power_law(values, 0.05)


def test_fewer_than_three_sizes_are_refused():
    with pytest.raises(ValueError, match="3 sizes, got 2"):
        fit_power_law({1.0: [1, 2], 2.0: [1, 2]}, 0.05)


@pytest.mark.parametrize("values", [[1.0], []])
def test_a_size_without_spread_between_instances_is_refused(values):
    with pytest.raises(ValueError, match=">= 2 trials at every size"):
        fit_power_law({**noiseless(lambda size: size), 128.0: values}, 0.05)


def test_a_budget_below_machine_precision_still_gives_a_finite_interval():
    fitted = fit_power_law(law(-0.5, np.full(5, 0.2), 40, np.random.default_rng(6)), 1e-18)
    assert np.isfinite([fitted.exponent.low, fitted.exponent.high]).all()


def test_a_law_that_can_be_worked_out_by_hand():
    """Sizes 1, e, e^2 with 2, 4 and 2 trials: the slope is that of the ends, and the drift a second difference."""
    logs = {0: [0.0, 0.4], 1: [1.0, 1.2, 1.2, 1.4], 2: [3.0, 3.8]}
    found = fit_power_law({float(np.exp(x)): list(np.exp(y)) for x, y in logs.items()}, 0.05)
    variances = np.array([0.08 / 2, 0.08 / 3 / 4, 0.32 / 2])  # of the means 0.2, 1.2 and 3.4
    terms = variances[[0, 2]] / 4
    degrees = terms.sum() ** 2 / (terms**2 / 1).sum()
    assert found.sizes == pytest.approx(np.exp([0, 1, 2]))
    assert found.means == pytest.approx([0.2, 1.2, 3.4])
    assert found.errors == pytest.approx(np.sqrt(variances))
    assert found.centre == pytest.approx(1)
    assert found.exponent.value == pytest.approx(1.6)
    assert found.prefactor == pytest.approx(np.exp(1.5 - 1.6))
    assert found.quantile == pytest.approx(stats.t.ppf(0.975, degrees))
    assert found.exponent.high - 1.6 == pytest.approx(found.quantile * np.sqrt(terms.sum()))
    assert found.drift.value == pytest.approx(2 * 0.6 * 2)  # y = ... + 0.6 x^2
    assert [size for size, _ in found.local] == pytest.approx(np.exp([0.5, 1.5]))
    assert [slope.value for _, slope in found.local] == pytest.approx([1.0, 2.2])
    assert found.variance_at_centre == pytest.approx((np.array([2, 4, 2]) ** 2 * variances).sum() / 64)
    check_band(found, variances)


def check_band(found: PowerLaw, variances: np.ndarray) -> None:
    """The band is narrowest at the centre, and widens by the error of the slope."""
    line, low, high = found.band([float(np.e), float(np.e**4)])
    slope = variances[[0, 2]].sum() / 4
    halves = found.quantile * np.sqrt(found.variance_at_centre + slope * np.array([0.0, 9.0]))
    assert line == pytest.approx(np.exp([1.5, 1.5 + 4.8]))
    assert high / line == pytest.approx(np.exp(halves))
    assert low / line == pytest.approx(np.exp(-halves))


def test_sizes_with_more_trials_count_for_more():
    values = {1.0: [1.0] * 2, float(np.e): [1.0] * 6, float(np.e**2): [float(np.e)] * 2}
    found = fit_power_law(values, 0.05)
    assert found.centre == pytest.approx(1)
    assert np.log(found.prefactor) == pytest.approx(0.2 - 0.5)  # mean 2 / 10, slope 1 / 2
    skewed = fit_power_law({**values, float(np.e**2): [float(np.e)] * 12}, 0.05)
    assert skewed.centre == pytest.approx((6 + 24) / 20)


def test_slope_and_drift_are_those_of_weighted_least_squares():
    counts = {1.0: 2, 2.0: 9, 4.0: 3, 8.0: 30}
    values = {size: [size**1.5 * (1 + 0.1 * (size == 2))] * count for size, count in counts.items()}
    x, y, w = np.log([*counts]), np.log([row[0] for row in values.values()]), np.sqrt([*counts.values()])
    found = fit_power_law(values, 0.05)
    assert found.exponent.value == pytest.approx(np.polyfit(x, y, 1, w=w)[0])
    assert found.drift.value == pytest.approx(np.polyfit(x, y, 2, w=w)[0] * 2 * (x[-1] - x[0]))


def test_a_spread_beyond_rounding_is_a_spread_and_rounding_is_none():
    tiny = {size: [10.0, 10 * (1 + 1e-9)] for size in (1.0, 2.0, 4.0)}
    assert all(error == pytest.approx(5e-10, rel=1e-3) for error in fit_power_law(tiny, 0.05).errors)
    exact = fit_power_law({size: [2.0, 2.0 + 4e-16] for size in (1.0, 2.0, 4.0)}, 0.05)
    assert exact.errors == (0.0, 0.0, 0.0)
    assert exact.quantile == 0.0
    assert all(np.array_equal(limit, exact.band([3.0])[0]) for limit in exact.band([3.0]))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({1.0: [1.0, 2.0], 2.0: [1.0, 2.0]}, "a power law must be fitted over >= 3 sizes, got 2"),
        ({1.0: [1.0, 2.0], 2.0: [1.0], 3.0: [1.0, 2.0]}, "the spread between instances needs >= 2 trials"),
        ({1.0: [1.0, 2.0], 2.0: [1.0, 0.0], 3.0: [1.0, 2.0]}, "^values must be positive and finite$"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_words(values, message):
    with pytest.raises(ValueError, match=message):
        fit_power_law(values, 0.05)
