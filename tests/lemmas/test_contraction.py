"""The per-sample contraction of Claims D.5 and D.7: random and adversarial samples, and the tightest one found."""

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, target
from torch import Tensor

from fsrcheck.model.activations import smoothed_leaky_relu, smoothed_relu
from lemmas.fsr.contraction_search import FLOOR, TIGHTEST, Instances, absolute, leaky, worst_instances

ROUNDING = 1e-9
values, unit = st.floats(-20.0, 20.0), st.floats(-1.0, 1.0)
fractions, leaks = st.floats(1e-3, 1.0), st.floats(1e-3, 0.999)


def one(*numbers: float) -> Instances:
    """A single sample: x, y, c, eta, zeta."""
    return Instances(*(torch.tensor([number], dtype=torch.float64) for number in numbers))


def column(*numbers: float) -> Tensor:
    """A tensor of doubles."""
    return torch.tensor(numbers, dtype=torch.float64)


@given(values, values, unit, fractions, leaks)
def test_no_sample_with_an_offset_within_the_cutoff_violates_the_contraction(
    x: float, y: float, offset: float, step: float, leak: float
) -> None:
    excess = one(x, y, offset, step, leak).excess().item()
    target(excess)
    assert excess <= ROUNDING / (step * leak)


def test_gradient_ascent_finds_no_violation_for_offsets_within_the_cutoff() -> None:
    assert worst_instances(1.0).excess().max().item() <= ROUNDING


def test_gradient_ascent_finds_violations_once_the_offset_may_exceed_the_cutoff() -> None:
    assert worst_instances(1.3).excess().max().item() > 1


def test_gradient_ascent_comes_closer_to_a_violation_than_its_starts() -> None:
    start, end = (worst_instances(num_steps=count).rate() for count in (0, 100))
    assert end[end.isfinite()].min() < start[start.isfinite()].min()


def test_the_tightest_sample_found_is_still_at_its_rate() -> None:
    assert one(*TIGHTEST).rate().item() == pytest.approx(1.0097, abs=1e-3)


def test_the_rate_of_the_extremal_family_is_the_derived_one() -> None:
    step, leak, y = 1e-3, 0.1, 1e7
    rate = one(-step * y / (1 - step), y, -1.0, step, leak).rate().item()
    assert rate == pytest.approx(1 / (1 - step * (1 - leak)), rel=1e-5)
    assert 1 <= rate < 1.01


def test_a_sample_at_its_target_is_not_moved() -> None:
    before, after = one(0.5, 0.5, 1.2, 0.3, 0.1).losses()
    assert before.item() == after.item() > FLOOR


def test_activations_with_a_leak_for_every_element_are_those_of_the_model() -> None:
    z = torch.linspace(-2, 2, 41, dtype=torch.float64)
    for leak in (0.05, 0.3, 0.9):
        assert torch.allclose(leaky(z, column(leak)), smoothed_leaky_relu(z, leak), atol=1e-15)
        expected = smoothed_relu(z - 1, leak) + smoothed_relu(-z - 1, leak)
        assert torch.allclose(absolute(z, column(leak)), expected, atol=1e-15)
    assert math.isclose(absolute(column(3.0), column(0.2)).item(), 3 - 1 - 0.1)
