"""Every error model makes exactly the relative errors that it states, and no other."""

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.gaussian import relu_mean, tail, upper_orthant
from fsrcheck.model.factor_codes import FactorCodes
from fsrcheck.model.learned_codes import BIAS, CORRELATED, ERROR_MODELS, EXACT, INDEPENDENT, learned_codes
from fsrcheck.model.learned_codes import relative_errors as largest_error

SEEDS = [3, 4]


def alike(batch=2, channels=5):
    shape = (batch, channels)
    return FactorCodes(
        torch.full(shape, 0.6, dtype=torch.float64),
        torch.full(shape, 1.2, dtype=torch.float64),
        torch.zeros(shape, dtype=torch.float64),
    )


def marginals(codes):
    """Pr[S > 0] and E S, stacked."""
    return torch.stack([tail(codes.thresholds), codes.scales * relu_mean(codes.thresholds)])


def both_active(codes):
    """Pr[S_0 > 0, S_1 > 0]."""
    correlation = codes.loadings[:, 0] * codes.loadings[:, 1]
    return upper_orthant(codes.thresholds[:, 0], codes.thresholds[:, 1], correlation)


def relative_errors(model, error, codes=None):
    codes = alike() if codes is None else codes
    learned = learned_codes(codes, error, model, SEEDS)
    return learned, marginals(learned) / marginals(codes) - 1, both_active(learned) / both_active(codes) - 1


def test_exact_codes_and_codes_without_error_are_the_same():
    codes = alike()
    assert learned_codes(codes, 0.3, EXACT, SEEDS) is codes
    for model in ERROR_MODELS:
        assert learned_codes(codes, 0.0, model, SEEDS) is codes


@pytest.mark.parametrize("error", [1e-6, 0.01, 0.5])
def test_bias_raises_firing_and_mean_of_every_channel(error):
    learned, marginal, _ = relative_errors(BIAS, error)
    torch.testing.assert_close(marginal, torch.full_like(marginal, error), rtol=1e-7, atol=1e-13)
    assert not learned.loadings.any()


@pytest.mark.parametrize("error", [1e-6, 0.01, 0.5])
def test_independent_errors_have_the_stated_size_and_either_sign(error):
    codes = alike(channels=40)
    learned, marginal, _ = relative_errors(INDEPENDENT, error, codes)
    torch.testing.assert_close(marginal.abs(), torch.full_like(marginal, error), rtol=1e-7, atol=1e-13)
    for errors in (*marginal[0], *marginal[1]):  # 40 fair coins: fewer than 3 of a kind once in 10^9
        assert 3 <= int((errors > 0).sum()) <= 37
    assert not torch.equal(marginal[0] > 0, marginal[1] > 0)
    assert not torch.equal(marginal[:, 0] > 0, marginal[:, 1] > 0)
    assert not learned.loadings.any()


def test_independent_errors_are_a_function_of_the_seed():
    codes = alike()
    together = learned_codes(codes, 0.1, INDEPENDENT, SEEDS)
    again = learned_codes(codes, 0.1, INDEPENDENT, SEEDS[::-1])
    torch.testing.assert_close(together.thresholds, again.thresholds.flip(0), rtol=1e-14, atol=0)
    torch.testing.assert_close(together.scales, again.scales.flip(0), rtol=1e-14, atol=0)


@pytest.mark.parametrize("error", [1e-4, 0.01, 0.5])
def test_correlated_errors_are_those_of_pairs_alone(error):
    _, marginal, pairs = relative_errors(CORRELATED, error)
    assert not marginal.any()
    torch.testing.assert_close(pairs, torch.full_like(pairs, error), rtol=1e-6, atol=0)
    assert learned_codes(alike(), error, CORRELATED, SEEDS).loadings.dtype == torch.float64


@pytest.mark.parametrize("model", [BIAS, INDEPENDENT, CORRELATED])
def test_the_largest_error_is_the_stated_one(model):
    codes = alike()
    learned = learned_codes(codes, 0.05, model, SEEDS)
    torch.testing.assert_close(
        largest_error(codes, learned), torch.full((2,), 0.05, dtype=torch.float64), rtol=1e-6, atol=0
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.1, "bad"), "error model must be one of exact, bias, independent, correlated, got 'bad'"),
        ((-0.1, BIAS), r"relative error must be in \[0, 1\), got -0.1"),
        ((1.0, BIAS), r"relative error must be in \[0, 1\), got 1.0"),
        ((float("nan"), BIAS), r"relative error must be in \[0, 1\), got nan"),
    ],
)
def test_what_is_no_error_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        learned_codes(alike(), *arguments, SEEDS)


def test_correlated_errors_start_from_independent_channels_that_are_alike():
    codes = alike()
    different = FactorCodes(codes.scales, codes.thresholds + torch.arange(5), codes.loadings)
    correlated = FactorCodes(codes.scales, codes.thresholds, codes.loadings + 0.1)
    for start in (different, correlated):
        with pytest.raises(InputError, match="must start from independent channels that are all alike"):
            learned_codes(start, 0.1, CORRELATED, SEEDS)


def test_an_error_that_no_correlation_makes_is_refused():
    common = FactorCodes(*(torch.full((1, 3), value, dtype=torch.float64) for value in (1.0, -1.5, 0.0)))
    with pytest.raises(InputError, match=r"relative error must be one that a correlation of 0\.9 makes, got 0\.5"):
        learned_codes(common, 0.5, CORRELATED, [1])
