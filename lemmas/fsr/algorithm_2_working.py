"""The working form of Algorithm 2 on the targets of the printed one: where it ends, in how many steps, and what it descends on.

Its settings are the defaults of ``fsrcheck.training.first_hidden``; neurons start at twice the printed form's rate.
"""

from collections.abc import Callable
from dataclasses import replace
from math import inf

import torch
from torch import Tensor

from fsrcheck.gaussian import density, relu_mean, tail
from fsrcheck.gaussian.bivariate import relu_product_mean, upper_orthant
from fsrcheck.model.discriminators import AsymmetricGate, PairwiseDiscriminator, correlation_barrier
from fsrcheck.model.target import TargetNetwork
from fsrcheck.training.first_hidden import (
    LARGEST_START,
    Channels,
    FirstHiddenSettings,
    Learned,
    learn_correlations,
    learn_marginals,
    pair_indices,
)
from fsrcheck.training.first_hidden_oracles import ExactDictionary, FirstLevelLaw
from lemmas.fsr.algorithm_2_parameters import Parameters, cutoffs

MOST_STEPS, TOLERANCE = 300, 1e-11
LARGE_CUTOFF = 0.1  # b that steps at other b are compared with, on the same target
MARGINAL_WAY, PAIR_WAY = 25, 3  # steps to where the next one is compared: there nothing is cut off


def working_settings(parameters: Parameters) -> FirstHiddenSettings:
    """The defaults, with steps shortened by ``working_step``."""
    plain = FirstHiddenSettings(
        initial_rate=min(LARGEST_START, 2 * parameters.start_rate * parameters.firing),
        max_marginal_steps=MOST_STEPS,
        max_pair_steps=MOST_STEPS,
        max_refreshes=1,  # nothing changes at W = W*
        tolerance=TOLERANCE,
    )
    shorter = parameters.working_step
    return replace(plain, marginal_step=shorter * plain.marginal_step, pair_step=shorter * plain.pair_step)


def working_marginals(parameters: Parameters, target: TargetNetwork) -> dict[str, Tensor]:
    """Largest relative error of an alpha or beta at the end of D4, and its steps, each (batch,)."""
    law = FirstLevelLaw.of(target.first)
    found = learn_marginals(ExactDictionary(law, cutoffs(parameters, target)), working_settings(parameters))
    off = [
        (there / here - 1).abs().amax(dim=-1).nan_to_num(nan=inf)
        for here, there in (
            (law.channels.scales, found.channels.scales),
            (law.channels.thresholds, found.channels.thresholds),
        )
    ]
    return {"working_error": torch.maximum(*off), "working_steps": found.steps.double()}


def working_pairs(parameters: Parameters, target: TargetNetwork) -> dict[str, Tensor]:
    """Largest error of a correlation at the end of D5, the target's alpha and beta being learned, and its steps.

    With one patch also its steps over those at b = ``LARGE_CUTOFF``.
    """
    law = FirstLevelLaw.of(target.first)
    cutoff, settings = cutoffs(parameters, target), working_settings(parameters)
    found = learn_correlations(ExactDictionary(law, cutoff), law.channels, settings)
    off = (_rows(found) @ _rows(found).mT - law.correlations).abs().amax(dim=(1, 2)).nan_to_num(nan=inf)
    measured = {"working_error": off, "working_steps": found.steps.double()}
    if parameters.num_patches == 1:
        large = ExactDictionary(law, torch.full_like(cutoff, LARGE_CUTOFF))
        measured["working_of_large"] = found.steps / learn_correlations(large, law.channels, settings).steps
    return measured


def directions(parameters: Parameters, target: TargetNetwork) -> dict[str, Tensor]:
    """How far a step of either descent is from one down the gradient of its inner maximum, by machine, each (batch,).

    ``machine_weight`` stands for K of the gate of D4, and multiplies the constants of D5; 0 for the working form's own 1.
    """
    weight = parameters.machine_weight or 1.0
    law = FirstLevelLaw.of(target.first)
    oracle, settings = ExactDictionary(law, cutoffs(parameters, target)), working_settings(parameters)
    return {
        "direction_D4": _marginal_direction(oracle, settings, weight),
        "direction_D5": _pair_direction(oracle, law.channels, settings, weight),
    }


def _marginal_direction(oracle: ExactDictionary, settings: FirstHiddenSettings, weight: float) -> Tensor:
    """Distance of unit vectors in log alpha and h t, largest over neurons."""
    here, there = (
        learn_marginals(oracle, replace(settings, max_marginal_steps=steps)).channels
        for steps in (MARGINAL_WAY, MARGINAL_WAY + 1)
    )
    cutoff = oracle.cutoff[:, None]
    logs, heights = _coordinates(here, cutoff)
    hazard = density(heights) / tail(heights)
    points = (logs.clone().requires_grad_(), heights.clone().requires_grad_())
    scales = points[0].exp()
    gaps = (
        oracle.target_means.log() - (scales * relu_mean(points[1] + cutoff / scales)).log(),
        oracle.target_rates.log() - tail(points[1]).log(),
    )
    gate = AsymmetricGate(weight)
    value = torch.stack([gate.inner_maximum(gap).sum() for gap in gaps]).sum()
    by_log, by_height = torch.autograd.grad(value, points)
    later = _coordinates(there, cutoff)
    moved = torch.stack([later[0] - logs, hazard * (later[1] - heights)], dim=-1)
    down = -torch.stack([by_log, by_height / hazard], dim=-1)
    return _largest(moved / moved.norm(dim=-1, keepdim=True) - down / down.norm(dim=-1, keepdim=True))


def _coordinates(channels: Channels, cutoff: Tensor) -> tuple[Tensor, Tensor]:
    """log alpha and t = (beta + b)/alpha, each (batch, neuron)."""
    return channels.scales.log(), (channels.thresholds + cutoff) / channels.scales


def _pair_direction(
    oracle: ExactDictionary, channels: Channels, settings: FirstHiddenSettings, weight: float
) -> Tensor:
    """Distance of the rows after a step from those that T^2 P H + R5 sends them to, H as in (C.13)."""
    here, there = (
        _rows(learn_correlations(oracle, channels, replace(settings, max_pair_steps=steps)))
        for steps in (PAIR_WAY, PAIR_WAY + 1)
    )
    gap_at, slopes = _pair_gaps(oracle, channels, here)
    variable = here.clone().requires_grad_()
    gap, correlations = gap_at(variable)
    temperature = (gap.detach() / slopes).abs().amax(dim=-1, keepdim=True)
    discriminator = PairwiseDiscriminator(here, oracle.cutoff, 1.0, weight / (temperature * slopes))
    value = gap.shape[-1] * temperature[:, 0].square() * discriminator.inner_maximum(gap)
    value = value + correlation_barrier(correlations, settings.barrier, settings.margin)
    (gradient,) = torch.autograd.grad(value.sum(), variable)
    eigenvalues = torch.linalg.eigvalsh(here @ here.mT)
    step = settings.pair_step / (eigenvalues**8).sum(dim=-1) ** (1 / 8)
    wanted = here - step[:, None, None] * gradient
    return _largest(there - wanted / wanted.norm(dim=-1, keepdim=True))


def _pair_gaps(
    oracle: ExactDictionary, channels: Channels, rows: Tensor
) -> tuple[Callable[[Tensor], tuple[Tensor, Tensor]], Tensor]:
    """s* - s and the correlations as functions of the rows, and ds/drho at ``rows``, (batch, pair)."""
    first, second = pair_indices(rows.shape[-2], rows.device)
    heights = (channels.thresholds + oracle.cutoff[:, None]) / channels.scales
    at, scale = (heights[:, first], heights[:, second]), channels.scales[:, first] * channels.scales[:, second]

    def gaps(moved: Tensor) -> tuple[Tensor, Tensor]:
        correlations = (moved @ moved.mT)[:, first, second]
        return oracle.target_pairs - scale * relu_product_mean(*at, correlations), correlations

    return gaps, scale * upper_orthant(*at, (rows @ rows.mT)[:, first, second])


def _rows(learned: Learned) -> Tensor:
    assert learned.directions is not None
    return learned.directions


def _largest(apart: Tensor) -> Tensor:
    return apart.abs().flatten(1).amax(dim=-1).nan_to_num(nan=inf)
