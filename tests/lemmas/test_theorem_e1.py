"""What Theorem E.1 measures of a network whose distance is known."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from fsrcheck.model.coupling import coupling_errors
from fsrcheck.model.families import independent_channels
from fsrcheck.model.target import TargetNetwork
from lemmas.fsr.theorem_e1 import measure, rare_and_far
from tests.model.imperfect import imperfect
from tests.model.test_coupling import scaled_first

SEEDS = [0, 1]
TARGET = independent_channels(8, 2.0, seeds=SEEDS, num_patches=2)


def ran(network: TargetNetwork) -> Any:
    errors = coupling_errors(network, TARGET, seeds=SEEDS, num_samples=20000)
    return SimpleNamespace(learned=SimpleNamespace(network=network), target=TARGET, errors=errors, seeds=SEEDS)


def test_a_network_larger_by_a_tenth_is_a_tenth_away_on_both_sides() -> None:
    found = measure(ran(scaled_first(TARGET, 1.1)), 20000)
    for name in ("distance", "from_below"):
        torch.testing.assert_close(found[name], torch.full((2,), 0.1, dtype=torch.float64), rtol=0.05, atol=0)
    assert bool((found["two_sides"] < 1.1).all())


@pytest.mark.parametrize("noise", [0.01, 0.1])
def test_the_worst_level_counts(noise: float) -> None:
    found = measure(ran(imperfect(TARGET, [2, 3], noise=noise)), 20000)
    assert bool((found["from_below"] < found["distance"]).all())
    assert bool((found["two_sides"] < 8).all())
    assert bool((found["two_sides_few"] > found["two_sides"]).all())
    assert bool((found["above_tail"] < 1).all())
    assert bool((found["above_median"] > 1).all())


def test_the_counterexample_is_its_closed_form() -> None:
    example = rare_and_far()
    assert example.contradicts
    assert example.actual == pytest.approx((0.999 * 0.1**2 + 0.001 * 10**2) ** 0.5)
