"""The searches for violations: their tightest instances, recomputed, and both sides of the inequalities by other routes."""

import math

import hypothesis.strategies as st
import pytest
import torch
from flint import arb
from hypothesis import given, target
from scipy.integrate import quad
from scipy.stats import norm
from torch import Tensor

from fsrcheck.gaussian import tail, upper_orthant
from fsrcheck.registry import installed
from lemmas.fsr import b5_truncated_mean, c25_pair_comparison, c27_cutoff, pair_searches, smooth_searches
from lemmas.fsr.adversary import NAME, ONE_PERCENT_LESS, ROUNDING, Search, ascend

SEARCHES = {
    "fsr.C.23": pair_searches.ALL_FIRE,
    "fsr.C.24": pair_searches.WINDOW,
    "fsr.C.25a": pair_searches.MOVED_TAIL,
    "fsr.C.25b": pair_searches.MOVED_CONDITIONAL_TAIL,
    "fsr.C.25c": pair_searches.NEAR_THRESHOLD,
    "fsr.C.25d": c25_pair_comparison.RATES,
    "fsr.C.25e": c25_pair_comparison.WITH_CONDITION,
    "fsr.C.26a": pair_searches.MOVED_CONDITION_TAIL,
    "fsr.C.26b": pair_searches.MOVED_CONDITION_MEAN,
    **{f"fsr.C.27{letter}": pair_searches.CUTS[letter] for letter in "abcd"},
    "fsr.D.3": smooth_searches.DECODED,
    "fsr.B.5": b5_truncated_mean.SEARCH,
    "fsr.fn.13": smooth_searches.GROWTH,
    "fsr.fn.15": smooth_searches.DECREASE,
    "fsr.fn.19": smooth_searches.NON_NEGATIVE,
}
every_search = pytest.mark.parametrize("name", SEARCHES)
PARABOLA = Search(
    lambda x, y: 0.8 * torch.exp(-((x - 0.3) ** 2) - (y + 0.2) ** 2), {"x": (-1, 1), "y": (-2, 0)}, 0.8, (0.3, -0.2)
)


def ratio(search: Search, *point: float) -> float:
    """measured/bound at one point."""
    return search.ratio(*(column(value) for value in point)).item()


def column(*values: float) -> Tensor:
    """A tensor of doubles."""
    return torch.tensor(values, dtype=torch.float64)


def points(search: Search) -> st.SearchStrategy[tuple[float, ...]]:
    """Any point of the box."""
    return st.tuples(*(st.floats(low, high) for low, high in search.box.values()))


@every_search
def test_the_tightest_instance_is_as_tight_as_recorded(name):
    search = SEARCHES[name]
    assert ratio(search, *search.at) == pytest.approx(search.tightest, rel=1e-4)
    assert 0.3 < search.tightest <= 1
    assert all(low <= value <= high for value, (low, high) in zip(search.at, search.box.values(), strict=True))


@every_search
def test_a_longer_search_from_other_starts_finds_nothing_tighter_and_no_violation(name):
    search = SEARCHES[name]
    found = ascend(search, [11, 12], starts=40, effort=2).ratio.max().item()
    assert found <= 1 + ROUNDING
    assert found == pytest.approx(search.tightest, rel=0.01)


@every_search
def test_hardly_any_single_search_misses_a_violation_of_one_percent(name):
    search = SEARCHES[name]
    found = ascend(search, range(8)).ratio
    assert (found > ONE_PERCENT_LESS * search.tightest).sum().item() >= 5


@every_search
def test_the_registered_statement_is_searched_without_being_weakened(name):
    statement = installed().find(name)
    assert [claim.corroborates for claim in statement.claims if claim.name == NAME] == [True]
    assert statement.is_deduced
    assert statement.expected.name in ("PROVED", "CERTIFIED", "REPAIRED")


@given(points(pair_searches.MOVED_TAIL))
def test_no_moved_threshold_changes_a_joint_tail_by_more_than_its_bound(point):
    found = ratio(pair_searches.MOVED_TAIL, *point)
    target(found)
    assert found <= 1 + ROUNDING


@given(points(pair_searches.MOVED_CONDITION_TAIL))
def test_no_moved_condition_changes_a_conditional_tail_by_more_than_its_bound(point):
    found = ratio(pair_searches.MOVED_CONDITION_TAIL, *point)
    target(found)
    assert found <= 1 + ROUNDING


def test_the_ascent_finds_the_maximum_and_where_it_is():
    found = ascend(PARABOLA, [1, 2])
    assert found.ratio.tolist() == pytest.approx([0.8, 0.8], rel=1e-4)
    assert found.point[0].tolist() == pytest.approx([0.3, -0.2], abs=0.02)


def test_what_a_seed_finds_does_not_depend_on_the_other_seeds():
    together, alone = ascend(PARABOLA, [5, 6]), ascend(PARABOLA, [6])
    assert together.ratio[1] == alone.ratio[0]
    assert torch.equal(together.point[1], alone.point[0])


def test_a_ratio_that_is_no_number_somewhere_is_not_passed_over():
    broken = Search(lambda x: torch.where(x > 0.9, torch.nan, x), {"x": (0, 1)}, 1.0, (0.0,))
    assert math.isnan(ascend(broken, [1]).ratio.item())


def test_equally_correlated_tails_are_those_of_pairs():
    thresholds, xi = torch.tensor([[0.0, 0.0], [1.0, 2.5], [6.0, 5.0]], dtype=torch.float64), column(0.8, 0.3, 0.6)
    found = pair_searches.equally_correlated(thresholds, xi)
    assert torch.allclose(found[:, 0], tail(thresholds[:, 0]), rtol=1e-11, atol=0)
    assert torch.allclose(found[:, 1], upper_orthant(thresholds[:, 0], thresholds[:, 1], xi), rtol=1e-11, atol=0)


def test_a_window_around_a_moving_threshold_is_that_of_its_definition():
    b, shift, slope, half = 1.0, 0.2, -0.3, 0.25
    step = abs(shift) + abs(slope) * half / (1 - slope)
    g = torch.linspace(-3.0, 5.0, 800_001, dtype=torch.float64)
    moved = g - (shift + slope * (g - b - shift)).clamp(-step, step)
    inside = ((moved - b).abs() <= half).double()
    found = (inside * torch.exp(-(g**2) / 2)).sum().item() * 1e-5 / math.sqrt(2 * math.pi)
    relative = found / (norm.sf(b - half) - norm.sf(b + half))
    above = math.exp((b + half) * step - step**2 / 2) / (1 - abs(slope))
    below = math.exp(-(b + half) * step - step**2 / 2) / (1 + abs(slope))
    expected = max(relative / above, below / relative)
    assert ratio(pair_searches.WINDOW, b, shift, slope, half) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("order", [0, 1])
def test_a_moved_condition_is_that_of_the_density(order):
    own, given_, rho, step, by, above, below = 1.5, 2.0, 0.4, 0.2, 0.5, 0.7, -0.9
    spread, threshold = math.sqrt(1 - rho**2), own + by * step

    def weight(x: float) -> float:
        condition = given_ + (above if x > threshold else below) * step
        return norm.pdf(x) * norm.pdf((condition - rho * x) / spread)

    whole = quad(weight, -9, threshold)[0] + quad(weight, threshold, 12)[0]
    after = quad(lambda x: (x - threshold) ** order * weight(x), threshold, 12)[0] / whole
    before = quad(lambda x: (x - own) ** order * norm.pdf((x - rho * given_) / spread) / spread, own, 12)[0]
    arguments = [column(value) for value in (own, given_, rho, step, by, above, below)]
    bound = pair_searches.shift_bound(*(arguments[i] for i in (0, 1, 2)), column(abs(rho)), column(step), order).item()
    found = pair_searches.moved_condition(*arguments, order=order).item()
    assert found == pytest.approx(abs(math.log(after / before)) / bound, rel=1e-7)


def test_moments_at_a_cutoff_are_those_that_are_certified():
    for ball_mean, mean in ((c27_cutoff.weighted_mean, "a"), (c27_cutoff.mean_at_threshold, "c")):
        for point in ((3.0, 2.5, -0.5), (1.0, 2.0, 0.5)):
            found = pair_searches.MEANS[mean](*map(column, point)).item()
            assert found == pytest.approx(float(ball_mean(*map(arb, point))), rel=1e-9)
