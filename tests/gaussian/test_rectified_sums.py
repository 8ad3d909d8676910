"""Sums of rectified Gaussians against adaptive quadrature, samples and derivatives of the generating function."""

from math import factorial

import hypothesis.strategies as st
import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from scipy.integrate import quad
from scipy.stats import norm

from fsrcheck.errors import InputError
from fsrcheck.gaussian import relu_moment
from fsrcheck.gaussian.rectified_sums import (
    MAX_ORDER,
    RectifiedChannels,
    false_activation_bound,
    is_near_identity,
    moments_above,
)

REACH = 9.0


def channels_of(scales, thresholds):
    return RectifiedChannels(torch.tensor(scales, dtype=torch.float64), torch.tensor(thresholds, dtype=torch.float64))


def atoms_and_rule(scale, threshold):
    """Values and weights of a rule for one rectified Gaussian: its atom at 0, then Gauss-Legendre above."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    x = threshold + (REACH - threshold) * (nodes + 1) / 2
    weights = (REACH - threshold) / 2 * weights * norm.pdf(x)
    return np.append(0.0, scale * (x - threshold)), np.append(norm.cdf(threshold), weights)


def expectation(scale, threshold, function):
    """E function(S) for one rectified Gaussian, the function smooth and of arrays."""
    values, weights = atoms_and_rule(scale, threshold)
    return (weights * function(values)).sum()


def own(scale, threshold, level):
    """E[scale (g - threshold) 1{g > level}]."""
    return scale * (norm.pdf(level) - threshold * norm.sf(level))


def two_channels(scales, thresholds, row, cutoff):
    """E[1{Y~_0 > cutoff} S_q] for q = 0, 1, by conditioning on the other channel."""

    def level(s):
        return thresholds[0] + (cutoff - row[1] * s) / (row[0] * scales[0])

    other = expectation(scales[1], thresholds[1], lambda s: s * norm.sf(level(s)))
    return [expectation(scales[1], thresholds[1], lambda s: own(scales[0], thresholds[0], level(s))), other]


@given(
    st.tuples(st.floats(0.7, 1.4), st.floats(0.7, 1.4)),
    st.tuples(st.floats(0.0, 2.5), st.floats(0.0, 2.5)),
    st.floats(0.7, 1.2),
    st.floats(-0.06, 0.06),
    st.floats(0.0, 3.0),
)
@settings(max_examples=30, deadline=None)
def test_two_channels_agree_with_quadrature(scales, thresholds, diagonal, beside, cutoff):
    row = (diagonal, beside * scales[0] / scales[1])
    mixing = torch.tensor([row, (0.0, 1.0)], dtype=torch.float64)
    found = moments_above(channels_of(scales, thresholds), mixing, cutoff)[0]
    expected = two_channels(scales, thresholds, row, cutoff)
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=2e-12)


@pytest.mark.parametrize("cutoff", [0.4, 1.5])
@pytest.mark.parametrize("beside", [(0.12, -0.05), (-0.1, -0.08)])
def test_three_channels_agree_with_quadrature(beside, cutoff):
    scales, thresholds, diagonal = (1.4, 0.9, 1.2), (1.0, 1.3, 0.5), 0.95

    def level(s, r):
        return thresholds[0] + (cutoff - beside[0] * s - beside[1] * r) / (diagonal * scales[0])

    def both(function):
        """E function(S_1, S_2) by a product rule."""
        (s, first), (r, second) = (atoms_and_rule(scales[i], thresholds[i]) for i in (1, 2))
        return (first[:, None] * second * function(s[:, None], r)).sum()

    expected = [
        both(lambda s, r: own(scales[0], thresholds[0], level(s, r))),
        both(lambda s, r: s * norm.sf(level(s, r))),
        both(lambda s, r: r * norm.sf(level(s, r))),
    ]
    mixing = torch.eye(3, dtype=torch.float64)
    mixing[0] = torch.tensor([diagonal, *beside], dtype=torch.float64)
    found = moments_above(channels_of(scales, thresholds), mixing, cutoff)[0]
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-13)


def random_case(num_channels, batch=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    scales = 1 + torch.rand(batch, num_channels, generator=generator, dtype=torch.float64)
    thresholds = 0.8 + torch.rand(batch, num_channels, generator=generator, dtype=torch.float64)
    noise = torch.randn(batch, num_channels, num_channels, generator=generator, dtype=torch.float64)
    return RectifiedChannels(scales, thresholds), torch.eye(num_channels, dtype=torch.float64) + 0.04 * noise


def sampled(channels, mixing, cutoff, count=200_000, seed=1):
    """Mean and standard error of 1{(G S)_p > cutoff} S_q, S_p rectified as it is, (p, q)."""
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(count, mixing.shape[-1], generator=generator, dtype=torch.float64)
    codes = channels.scales[0] * (normal - channels.thresholds[0]).clamp(min=0)
    active = (codes @ mixing[0].T > cutoff).double()
    mean, square = active.T @ codes / count, active.T @ codes.square() / count
    return mean, ((square - mean**2) / count).sqrt()


def test_sixteen_channels_agree_with_samples():
    channels, mixing = random_case(16)
    bound = false_activation_bound(channels, mixing, 2.0)
    mean, error = sampled(channels, mixing, 2.0)
    assert float(bound.max()) < 0.3 * float(error.min())
    z = (mean - moments_above(channels, mixing, 2.0)[0]) / error
    assert float(z.abs().max()) < 6
    assert 0.7 < float(z.square().mean()) < 1.3  # 256 numbers that are not independent


def test_what_is_dropped_is_real_and_bounded():
    channels, mixing = random_case(16)
    for cutoff in (0.2, 0.4, 0.8):
        mean, error = sampled(channels, mixing, cutoff)
        missing = (mean - moments_above(channels, mixing, cutoff)[0]).abs().sum(dim=-1)
        noise = 6 * error.sum(dim=-1)
        assert bool((missing <= false_activation_bound(channels, mixing, cutoff)[0] + noise).all())
        assert cutoff > 0.2 or float((missing - noise).max()) > 0.01


@pytest.mark.parametrize("cutoff", [0.05, 0.2, 0.5])
def test_the_bound_holds_exactly_for_two_channels(cutoff):
    """By quadrature: the rectified sum exceeds the cutoff without channel 0 when the other alone does."""
    scales, thresholds, row = (1.0, 2.0), (1.0, 0.5), (1.0, 0.09)

    def missing(s):
        """Of q = 1 and of q = 0, given that the other channel has code s with row[1] s > cutoff."""
        low = (
            thresholds[0] - (row[1] * s - cutoff) / scales[0]
        )  # above it the unrectified sum exceeds the cutoff as well
        return s * norm.cdf(low), own(scales[0], thresholds[0], thresholds[0]) - own(scales[0], thresholds[0], low)

    def integral(which):
        edge = thresholds[1] + cutoff / (row[1] * scales[1])  # from here on the other channel alone exceeds the cutoff
        return quad(lambda x: norm.pdf(x) * missing(scales[1] * (x - thresholds[1]))[which], edge, edge + 9.0)[0]

    other, itself = integral(0), integral(1)
    mixing = torch.tensor([row, (0.0, 1.0)], dtype=torch.float64)
    bound = float(false_activation_bound(channels_of(scales, thresholds), mixing, cutoff)[0])
    assert itself > 0
    assert other + itself <= bound < 12 * (other + itself) + 1e-3


def test_dictionaries_out_of_range_are_refused():
    channels, mixing = random_case(4)
    flipped = mixing.clone()
    flipped[0, 2, 2] = -0.1
    with pytest.raises(InputError, match=r"diagonal must be positive, got -0\.1"):
        moments_above(channels, flipped, 1.0)
    far = mixing.clone()
    far[0, 1, 3] = 3.0
    with pytest.raises(InputError, match="off-diagonal entries of the mixing must be small"):
        moments_above(channels, far, 1.0)
    assert is_near_identity(channels, torch.cat([mixing, flipped, far])).tolist() == [True, False, False]


@given(st.floats(0.0, 1.2))
@settings(max_examples=30, deadline=None)
def test_what_is_called_near_identity_is_computed(entry):
    channels, _ = random_case(3)
    mixing = torch.eye(3, dtype=torch.float64)[None].clone()
    mixing[0, 0, 1] = entry
    near = bool(is_near_identity(channels, mixing))
    assert near if entry < 0.1 else not near or entry < 0.5
    if near:
        assert moments_above(channels, mixing, 0.5).isfinite().all()


def test_cumulants_are_derivatives_of_the_logarithm_of_the_generating_function():
    """By Cauchy's formula on a circle on which the generating function has no zero."""
    with mpmath.workdps(50):
        radius, count = mpmath.mpf("0.2"), 80
        circle = [radius * mpmath.expjpi(mpmath.mpf(2 * i) / count) for i in range(count)]
        for scale, threshold in ((1.3, 1.1), (0.7, 2.2), (1.0, -1.0), (0.8, -6.0), (1.0, -15.0)):
            found = channels_of([scale], [threshold]).cumulants
            values = [mpmath.log(generating_function(scale, threshold, s)) for s in circle]
            for j in range(1, MAX_ORDER + 2):
                turned = sum(v * mpmath.expjpi(-mpmath.mpf(2 * i * j) / count) for i, v in enumerate(values))
                exact = float((turned / count).real / radius**j * mpmath.factorial(j))
                # what matters is the size of a term of the series, with ratios of about 1/10
                slack = 1e-12 * abs(exact) + 1e-15 * factorial(j) * 5.0**j
                assert abs(float(found[j - 1]) - exact) < slack, (scale, threshold, j)


def generating_function(scale, threshold, s):
    """E exp(s S) at a complex s."""
    a, t = mpmath.mpf(scale), mpmath.mpf(threshold)
    above = mpmath.erfc((t - s * a) / mpmath.sqrt(2)) / 2
    return mpmath.ncdf(t) + mpmath.exp(s * a * (s * a / 2 - t)) * above


def test_central_moments_agree_with_the_closed_forms_of_low_order():
    channels = channels_of([1.5, 0.6], [1.2, 3.5])
    first, second, third = (channels.scales**j * relu_moment(channels.thresholds, j) for j in (1, 2, 3))
    central = torch.stack([first, second - first**2, third - 3 * first * second + 2 * first**3])
    torch.testing.assert_close(channels.central_moments[:3], central, rtol=1e-12, atol=0)


def test_the_laplace_transform_and_its_slope():
    channels = channels_of([1.5, 0.6, 1.0], [1.2, 2.0, -0.5])
    tilt = torch.tensor([0.7, -0.4, 1.1], dtype=torch.float64, requires_grad=True)
    value, slope = channels.log_laplace(tilt)
    (derivative,) = torch.autograd.grad(value.sum(), tilt)
    torch.testing.assert_close(slope, derivative, rtol=1e-12, atol=0)
    for i, (a, t) in enumerate(((1.5, 1.2), (0.6, 2.0), (1.0, -0.5))):
        expected = expectation(a, t, lambda s, i=i: np.exp(tilt[i].item() * s))
        assert value[i].item() == pytest.approx(np.log(expected), rel=1e-10)


def test_a_batch_equals_a_loop():
    channels, mixing = random_case(5, batch=4)
    cutoff = torch.tensor([0.3, 0.6, 1.0, 2.0], dtype=torch.float64)
    together = moments_above(channels, mixing, cutoff), false_activation_bound(channels, mixing, cutoff)
    for i in range(4):
        one = RectifiedChannels(channels.scales[i], channels.thresholds[i])
        torch.testing.assert_close(together[0][i], moments_above(one, mixing[i], cutoff[i]), rtol=1e-11, atol=1e-14)
        bound = false_activation_bound(one, mixing[i], float(cutoff[i]))
        assert float(bound.max()) < 1.1 * float(together[1][i].max())  # the grid of tilts follows the largest cutoff
        assert float(together[1][i].max()) < 1.6 * float(bound.max())


def test_permuting_the_channels_permutes_the_moments():
    channels, mixing = random_case(6)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    permuted = RectifiedChannels(channels.scales[:, order], channels.thresholds[:, order])
    found = moments_above(permuted, mixing[:, order][:, :, order], 0.9)
    expected = moments_above(channels, mixing, 0.9)[:, order][:, :, order]
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-14)


def test_scaling_codes_and_cutoff_scales_the_moments():
    channels, mixing = random_case(6)
    larger = RectifiedChannels(3 * channels.scales, channels.thresholds)
    found = moments_above(larger, mixing, 2.7)
    torch.testing.assert_close(found, 3 * moments_above(channels, mixing, 0.9), rtol=1e-11, atol=1e-14)


def test_the_bound_of_a_row_does_not_depend_on_the_others_cutoffs():
    channels = RectifiedChannels(torch.ones(2, 4, dtype=torch.float64), torch.full((2, 4), 1.5, dtype=torch.float64))
    mixing = torch.stack([torch.eye(4, dtype=torch.float64) + scale for scale in (1e-3, 1e-9)])
    cutoff = torch.tensor([1e-2, 1e-8], dtype=torch.float64)
    together = false_activation_bound(channels, mixing, cutoff)
    alone = false_activation_bound(
        RectifiedChannels(channels.scales[1:], channels.thresholds[1:]), mixing[1:], cutoff[1:]
    )
    assert torch.equal(together[1:], alone)
