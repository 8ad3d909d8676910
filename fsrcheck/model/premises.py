"""Explicit constants for Assumptions 2.2 and 2.3, and the margins by which measurements keep to them."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.measurements import AssumptionMeasurements, Measured
from fsrcheck.model.target import ORTHONORMALITY_TOLERANCE


@dataclass(frozen=True)
class AssumptionConstants:
    """The limits that stand for poly(k), 1/poly(d) and m^o(1), in the units of `AssumptionMeasurements`.

    Lower limits are `mean_activation`, `sigma_min`, `cross_ratio` and `cross_gap` (the least 1 - ratio); all
    others are upper limits.
    """

    activation_probability: float
    mean_activation: float
    max_activation: float
    num_active: float
    pair_probability: float
    triple_probability: float
    anti_concentration: float
    joint_anti_concentration: float
    sigma_min: float
    cross_ratio: float
    cross_gap: float
    dictionary_defect: float = ORTHONORMALITY_TOLERANCE

    @classmethod
    def defaults(cls, expected_active: float, patch_dim: int, quantile: float = 0.99) -> "AssumptionConstants":
        """Return the limits for a target meant to have m Pr[S_p > 0] about k = `expected_active`."""
        if not expected_active > 0:
            raise InputError(f"expected_active must be positive, got {expected_active}")
        k = max(1.0, expected_active)
        return cls(
            # chosen: poly(k) = 2k, neurons may differ, or be calibrated by sampling, within a factor 2
            activation_probability=2 * k,
            # chosen: 1/poly(k) = 1/(4k); k would be the value at E[S | S > 0] = 1
            mean_activation=1 / (4 * k),
            # chosen: twice the quantile of the maximum of 2k exponential activations with mean 1
            max_activation=2 * math.log(2 * k / (1 - quantile)),
            # derived: Bernstein's inequality for independent channels with m Pr[S_p > 0] = 2k
            num_active=_bernstein(2 * k, math.log(1 / (1 - quantile))),
            # derived: independent channels have k^2; 4 k^2 is their value at the largest admitted probability
            pair_probability=4 * k**2,
            # paper: epsilon_2 = 1 / m^2.01 without a constant
            triple_probability=1.0,
            # chosen: poly(k) = 4; an exponential activation with mean 1 has slope 1
            anti_concentration=4.0,
            # chosen: as for single channels
            joint_anti_concentration=4.0,
            # chosen: the paper's 1 over 4; m^0.15 < 2.1 up to m = 128, so at reachable sizes the printed
            # constant would ask for m E[S_p] >= 1/2 at least, above the limit for mean_activation
            sigma_min=0.25,
            # chosen: 1/poly(d) = 1/d^2; independent channels have k/m >= 1/d
            cross_ratio=patch_dim**-2.0,
            # chosen: 1/poly(d) = 1/d
            cross_gap=1 / patch_dim,
        )


def premises(measurements: AssumptionMeasurements, constants: AssumptionConstants) -> dict[str, Tensor]:
    """Return margins (batch,), the worst over patches; a premise holds where its margin is >= 0.

    For an upper limit 1 - upper confidence limit / limit, for a lower one lower confidence limit / limit - 1:
    what cannot be told from the sample does not hold. A NaN is a NaN, which is not >= 0.
    """
    margins = {
        name: _below(getattr(measurements, name), getattr(constants, name))
        for name in (
            "activation_probability",
            "max_activation",
            "num_active",
            "pair_probability",
            "triple_probability",
            "anti_concentration",
            "joint_anti_concentration",
        )
    }
    for name in ("mean_activation", "sigma_min"):
        margins[name] = _above(getattr(measurements, name).lower, getattr(constants, name))
    if measurements.cross_ratio is not None:
        smallest, largest = measurements.cross_ratio
        margins["cross_nondegeneracy"] = torch.minimum(
            _above(smallest.lower, constants.cross_ratio), _above(1 - largest.upper, constants.cross_gap)
        )
    margins["orthonormal_dictionary"] = _below(measurements.dictionary_defect, constants.dictionary_defect)
    return margins


def _below(measured: Measured, limit: float) -> Tensor:
    return (1 - measured.upper / limit).amin(dim=-1)


def _above(value: Tensor, limit: float) -> Tensor:
    return (value / limit - 1).amin(dim=-1)


def _bernstein(mean: float, log_risk: float) -> float:
    """Return mean + s with Pr[sum >= mean + s] <= exp(-log_risk), from s^2 / (2 (mean + s/3)) = log_risk."""
    third = log_risk / 3
    return mean + third + math.sqrt(third**2 + 2 * log_risk * mean)
