"""M and L as power series in the correlation, against integrals over it and against quadrature."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import example, given, settings
from torch import Tensor

from fsrcheck.gaussian import relu_mean, tail
from fsrcheck.gaussian.bivariate import relu_product_mean, upper_orthant
from fsrcheck.gaussian.pair_series import MAX_TERMS, MIN_TERMS, PairSeries, hermite_coefficients, num_terms
from fsrcheck.gaussian.quadrature import gauss_legendre

THRESHOLDS = st.floats(-3.0, 5.0)
CORRELATIONS = st.floats(-0.97, 0.999)


def real(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@settings(max_examples=150, deadline=None)
@given(h1=THRESHOLDS, h2=THRESHOLDS, rho=CORRELATIONS)
@example(h1=1.6, h2=1.6, rho=0.0)
@example(h1=1.6, h2=1.6, rho=0.7)
@example(h1=1.6, h2=1.6, rho=0.701)
@example(h1=4.0, h2=4.0, rho=-0.69)
@example(h1=2.0, h2=2.0, rho=-0.55)
@example(h1=0.3, h2=4.0, rho=-0.69)
def test_both_moments_are_those_of_the_integrals(h1: float, h2: float, rho: float) -> None:
    product, both = PairSeries(real(h1), real(h2))(real(rho))
    true_product, true_both = (float(f(h1, h2, rho)) for f in (relu_product_mean, upper_orthant))
    assert float(both) == pytest.approx(true_both, rel=1e-9, abs=0)
    assert float(product) == pytest.approx(true_product, rel=1e-9, abs=2e-11 * true_both)


def test_gaps_of_negative_pairs_keep_their_digits_in_the_tail() -> None:
    heights, rho = torch.linspace(0.5, 4.5, 60, dtype=torch.float64)[:, None], -torch.linspace(0, 0.95, 96).double()
    heights, rho = (x.contiguous() for x in torch.broadcast_tensors(heights, rho))
    product, both = PairSeries(heights, heights)(rho)
    apart = (product - relu_product_mean(heights, heights, rho)) / both
    assert float(apart.abs().max()) < 1e-12


@settings(max_examples=60, deadline=None)
@given(h1=st.floats(-2.0, 3.0), h2=st.floats(-2.0, 3.0), rho=st.floats(-0.5, 0.9))
def test_the_second_moment_is_the_derivative_of_the_first(h1: float, h2: float, rho: float) -> None:
    width = 1e-5
    series = PairSeries(real(h1).expand(3), real(h2).expand(3))
    product, both = series(real(rho - width, rho, rho + width))
    slope = float(product[2] - product[0]) / (2 * width)
    assert slope == pytest.approx(float(both[1]), rel=1e-5, abs=1e-10)


@pytest.mark.parametrize("threshold", [-2.0, 0.0, 0.7, 2.5, 5.0])
def test_coefficients_are_the_integrals_against_hermite_polynomials(threshold: float) -> None:
    nodes, weights = gauss_legendre(200, torch.device("cpu"))
    normal = threshold + 14 * nodes
    mass = 14 * weights * torch.exp(-normal.square() / 2) / (2 * torch.pi) ** 0.5 * (normal - threshold)
    polynomials = [torch.ones_like(normal), normal]
    for k in range(2, 12):
        polynomials.append((normal * polynomials[-1] - (k - 1) ** 0.5 * polynomials[-2]) / k**0.5)
    wanted = torch.stack([(mass * each).sum() for each in polynomials])
    found = hermite_coefficients(torch.tensor(threshold, dtype=torch.float64), 12)
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-14)


def test_squares_of_the_coefficients_add_up_to_the_second_moment() -> None:
    # Parseval; the terms fall like k^-5/2 only, hence the loose limit
    threshold = real(1.5)
    found = hermite_coefficients(threshold, 4000).square().sum()
    second = (1 + threshold**2) * tail(threshold) - threshold * (relu_mean(threshold) + threshold * tail(threshold))
    assert float(found) == pytest.approx(float(second), rel=1e-4)


def test_a_correlation_that_is_no_number_stays_one_and_leaves_the_others_alone() -> None:
    heights = real(1.0, 1.5, 2.0)
    series = PairSeries(heights, heights)
    spoiled, whole = series(real(0.3, torch.nan, 0.8)), series(real(0.3, 0.2, 0.8))
    for found, wanted in zip(spoiled, whole, strict=True):
        assert found.isnan().tolist() == [False, True, False]
        torch.testing.assert_close(found[[0, 2]], wanted[[0, 2]], rtol=1e-14, atol=0)
    assert all(bool(found.isnan().all()) for found in series(real(*[torch.nan] * 3)))


@settings(max_examples=40, deadline=None)
@given(rho=st.lists(CORRELATIONS, min_size=2, max_size=6), seed=st.integers(0, 1000))
def test_a_pair_does_not_depend_on_the_others(rho: list[float], seed: int) -> None:
    heights = torch.rand(2, len(rho), generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3
    product, both = PairSeries(*heights)(real(*rho))
    for i, one in enumerate(rho):
        alone = PairSeries(heights[0, i : i + 1], heights[1, i : i + 1])(real(one))
        assert [float(x) for x in alone] == pytest.approx([float(product[i]), float(both[i])], rel=1e-9, abs=1e-300)


def test_terms_that_are_left_out_are_below_the_tolerance() -> None:
    assert num_terms(0.0) == num_terms(1e-9) == num_terms(float("nan")) == MIN_TERMS
    assert num_terms(0.7) <= MAX_TERMS
    for largest in (0.05, 0.1, 0.3, 0.5, 0.69):
        assert largest ** num_terms(largest) < 1e-15
