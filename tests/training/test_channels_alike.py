"""Algorithms 2 and 1 with all channels alike: the readings, the equations they solve, and the limits they must have."""

import math

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.gaussian import density, inverse_tail, relu_mean, tail
from fsrcheck.gaussian.lattice_sums import Channel
from fsrcheck.gaussian.shared_reads import first_moments, pair_moment, with_shared_factor
from fsrcheck.training.channels_alike import Learned, Tilt, learn, learn_marginals, relative_errors, sharpened_error
from fsrcheck.training.limits import population_limit

CUTOFF = 0.5


def dictionary(tilt: Tilt) -> torch.Tensor:
    """W in the basis of the atoms, columns p."""
    m = tilt.num_channels
    return torch.full((m, m), tilt.other, dtype=torch.float64).fill_diagonal_(tilt.own)


def test_readings_are_rows_of_the_products_of_dictionaries() -> None:
    tilt = Tilt(9, 2.0, 0.3)
    columns = dictionary(tilt)
    assert torch.allclose(columns.norm(dim=0), torch.ones(9, dtype=torch.float64), rtol=1e-14)
    atom = torch.eye(9, dtype=torch.float64)[:, 0]
    assert float((columns[:, 0] - atom).norm()) == pytest.approx(0.3, rel=1e-12)
    gram = columns.mT @ columns
    read = tilt.of_learner
    assert (read.own, read.other) == pytest.approx((float(gram[0, 0]), float(gram[0, 1])), rel=1e-12)
    assert (tilt.of_target.own, tilt.of_target.other) == pytest.approx((float(columns[0, 0]), float(columns[1, 0])))


def test_the_target_has_the_units_of_the_project() -> None:
    channel = Tilt(40, 2.0, 0.1).target
    assert float(channel.firing) == pytest.approx(2 / 40, rel=1e-12)
    assert float(channel.mean / channel.firing) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize(("channels", "active"), [(24, 1.0), (96, 2.0), (4096, 3.0)])
def test_what_is_learned_solves_both_discriminators(channels: int, active: float) -> None:
    tilt = Tilt(channels, active, population_limit(channels, active, 1.0))
    learned = learn(tilt, CUTOFF)
    assert learned is not None
    wanted = first_moments(tilt.target, tilt.of_target, CUTOFF)
    found = first_moments(learned.channel, tilt.of_learner, CUTOFF)
    assert [float(value) for value in found] == pytest.approx([float(value) for value in wanted], rel=1e-6)
    (pair,) = with_shared_factor(
        learned.channel, learned.correlation, lambda c: (pair_moment(c, tilt.of_learner, CUTOFF),)
    )
    gap = math.log(pair / float(pair_moment(tilt.target, tilt.of_target, CUTOFF)))
    assert gap == pytest.approx(learned.pair_gap, abs=1e-9)
    least = -1 / (channels - 1)
    assert learned.correlation >= least
    assert abs(gap) < 1e-3 or learned.correlation == least


def descended(tilt: Tilt, cutoff: float, rate: float) -> Channel:
    """Gradient descent on D4's log residuals, every moment evaluated anew, from a firing rate ``rate`` times the target's."""
    wanted = [value.log() for value in first_moments(tilt.target, tilt.of_target, cutoff)]
    scale = torch.tensor(1.0, dtype=torch.float64)
    reduced = inverse_tail(tilt.target.firing * rate)
    for _ in range(120):
        shift = cutoff / scale
        found = first_moments(Channel(scale, reduced - shift), tilt.of_learner, cutoff)
        mean_gap, rate_gap = (goal - value.log() for goal, value in zip(wanted, found, strict=True))
        hazard = density(reduced) / tail(reduced)
        pull = tail(reduced + shift) / relu_mean(reduced + shift)
        scale = scale * (0.3 * ((1 + shift * pull) * mean_gap).clamp(-0.3, 0.3)).exp()
        reduced = reduced - 0.3 * ((pull * mean_gap / hazard + rate_gap) / hazard).clamp(-0.3, 0.3)
    return Channel(scale, reduced - cutoff / scale)


@pytest.mark.parametrize(("channels", "active"), [(18, 1.0), (64, 2.0), (144, 3.0)])
@pytest.mark.parametrize("rate", [0.3, 3.0])
def test_descent_on_d4_ends_at_the_solution(channels: int, active: float, rate: float) -> None:
    tilt = Tilt(channels, active, population_limit(channels, active, 1.0))
    solved, found = learn_marginals(tilt, CUTOFF), descended(tilt, CUTOFF, rate)
    assert solved is not None
    assert float(found.scale) == pytest.approx(float(solved.scale), rel=1e-5)
    assert float(found.threshold) == pytest.approx(float(solved.threshold), rel=1e-5)


def test_a_dictionary_without_error_leaves_codes_and_columns_without_error() -> None:
    tilt = Tilt(64, 2.0, 1e-5)
    learned = learn(tilt, CUTOFF)
    assert learned is not None
    assert max(abs(error) for error in relative_errors(tilt, learned)) < 1e-4
    assert sharpened_error(tilt, learned, CUTOFF) < 1e-6


def test_with_exact_codes_the_columns_become_exact() -> None:
    tilt = Tilt(64, 2.0, 0.1)
    assert sharpened_error(tilt, Learned(tilt.target, 0.0, 0.0), CUTOFF) < 1e-6


def test_there_is_no_solution_where_false_activations_outnumber_the_true_ones() -> None:
    tilt = Tilt(1024, 2.0, population_limit(1024, 2.0, 1.0))
    assert learn_marginals(tilt, tilt.dictionary_error) is None
    assert learn(tilt, tilt.dictionary_error) is None
    assert learn_marginals(tilt, 0.2) is not None


def test_the_least_correlation_is_where_pairs_are_left_too_large() -> None:
    tilt = Tilt(144, 3.0, population_limit(144, 3.0, 1.0))
    learned = learn(tilt, CUTOFF)
    assert learned is not None
    assert learned.correlation == pytest.approx(-1 / 143, rel=1e-12)
    assert learned.pair_gap == pytest.approx(0.0355, rel=0.02)


@pytest.mark.parametrize(("channels", "error"), [(2, 0.1), (8, 0.0), (8, 1.0)])
def test_no_such_dictionary_is_refused(channels: int, error: float) -> None:
    with pytest.raises(InputError, match="num_channels must be at least 3 and dictionary_error in"):
        Tilt(channels, 1.0, error)
