"""Runs of Algorithm 2 as printed, the working form beside it: what is measured on exact moments."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf, log

import torch
from torch import Tensor

from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.gaussian import inverse_tail, relu_mean, tail
from fsrcheck.model.discriminators import PairwiseDiscriminator
from fsrcheck.model.target import TargetNetwork
from fsrcheck.training.printed_first_hidden import (
    MarginalGame,
    PairGame,
    PairRound,
    pair_correlations,
    printed_constants,
    starting_rows,
    unit_rows,
)
from fsrcheck.training.printed_first_hidden_moments import ExactMarginals, ExactPairs
from fsrcheck.training.sgda import Game, SGDASettings, descend_ascend
from lemmas.fsr.algorithm_2_compare import compared
from lemmas.fsr.algorithm_2_parameters import (
    BARRIER,
    COMPARE,
    INITIAL_PARAMETER,
    MARGIN,
    MARGINALS,
    MAXIMA,
    PAIR_ASCENT,
    PAIRS,
    REPAIRED,
    Parameters,
    build,
    channels_of,
    cutoffs,
    starting_channels,
)
from lemmas.fsr.algorithm_2_working import directions, working_marginals, working_pairs
from lemmas.fsr.targets import premise_margins

DEAD = 1e-3  # a neuron with a moment below this share of the target's


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Run one of the tasks; every measurement is a list over instances."""
    target = build(parameters, seeds, device)
    premises = premise_margins(target, parameters.sizes, seeds)
    if parameters.task == COMPARE:
        margins, measured = compared(parameters, target, seeds)
        premises = [{**known, "orthonormal_learner": margins[i]} for i, known in enumerate(premises)]
    else:
        measured = {MAXIMA: _maxima, MARGINALS: _marginals, PAIRS: _pairs}[parameters.task](parameters, target)
    return [
        Observation(premises[i], {name: Measurement(float(values[i])) for name, values in measured.items()})
        for i in range(len(seeds))
    ]


def _marginals(parameters: Parameters, target: TargetNetwork) -> dict[str, Tensor]:
    """Error of alpha and beta after T rounds of D4, and the smallest share of the target's moments on the way."""
    truth = channels_of(target)
    oracle = ExactMarginals(truth, cutoffs(parameters, target))
    start = starting_channels(parameters, truth.shape[:-1], truth.device)

    initial = torch.full_like(start, INITIAL_PARAMETER)
    game = MarginalGame(oracle, parameters.gate)
    found = descend_ascend(game, start, initial, parameters.settings, watch=lambda outer, inner: outer)
    assert found.watched is not None
    shares = oracle.moments(found.watched) / oracle.target_moments
    smallest = shares.nan_to_num(nan=0.0).amin(dim=(0, -1))
    return {
        "error": marginal_error(found.outer, truth),
        "smallest": smallest.amin(dim=-1),
        "dead": (smallest < DEAD).double().mean(dim=-1),
        **working_marginals(parameters, target),
    }


def marginal_error(channels: Tensor, truth: Tensor) -> Tensor:
    """Largest relative error of an alpha or beta, (batch,); infinite for what is no number."""
    return (channels / truth - 1).abs().amax(dim=(1, 2)).nan_to_num(nan=inf)


def pair_game(parameters: Parameters, target: TargetNetwork) -> PairGame:
    """D5 on exact moments, the target's alpha and beta being learned."""
    cutoff, first = cutoffs(parameters, target), target.first
    across = 1 / cutoff if parameters.constants == REPAIRED else None
    constants = printed_constants(parameters.num_patches, parameters.num_channels, cutoff, parameters.poly, across)
    discriminator = PairwiseDiscriminator(first.dictionary, cutoff, 1.0, constants)  # zeta: no samples here
    truth = pair_correlations(unit_rows(first.latent_weights.flatten(1, 2)))
    return PairGame(ExactPairs(channels_of(target), truth, cutoff), discriminator, BARRIER, MARGIN)


def pair_settings(parameters: Parameters) -> SGDASettings:
    """eta in units of P/(C dM/drho)^2 of uncorrelated channels with rate k/m, and that of u, in units of 2P."""
    size = parameters.num_patches * parameters.num_channels
    pairs = size * (size - 1) / 2
    threshold = inverse_tail(parameters.firing)
    scale = tail(threshold) / relu_mean(threshold)
    slope = float((scale * tail(threshold + parameters.cutoff / scale)) ** 2)
    slope *= parameters.num_channels**2 / parameters.cutoff / parameters.poly
    return SGDASettings(
        parameters.num_steps, parameters.inner_steps, parameters.step * pairs / slope**2, PAIR_ASCENT * 2 * pairs
    )


def _pairs(parameters: Parameters, target: TargetNetwork) -> dict[str, Tensor]:
    """Errors of moments and correlations after T rounds of D5, by kind of pair, and rounds until C |s* - s| <= 1."""
    game, settings = pair_game(parameters, target), pair_settings(parameters)
    truth = pair_correlations(unit_rows(target.first.latent_weights.flatten(1, 2)))
    size = parameters.num_channels * parameters.num_patches
    start = starting_rows(target.batch_size, size, size, target.device)
    ones = truth.new_ones(1)  # b; the printed C is m^2 within a patch then, and 1/m across
    within = (printed_constants(parameters.num_patches, parameters.num_channels, ones, 1.0) > 1)[0]

    def exponents(outer: Tensor, inner: Tensor) -> Tensor:
        return game.discriminator.constants * game.oracle.gap(unit_rows(outer), PairRound())

    initial = torch.ones(*truth.shape, 2, dtype=torch.float64, device=truth.device)
    found = descend_ascend(game, start, initial, settings, watch=exponents)
    assert found.watched is not None
    sizes = found.watched.abs().nan_to_num(nan=inf)
    law = rounds_in_turn(
        sizes[0] / game.discriminator.constants, truth, game.discriminator.constants, settings.step_size
    )
    gaps = game.oracle.gap(unit_rows(found.outer), PairRound()).abs().nan_to_num(nan=inf)
    off = (pair_correlations(unit_rows(found.outer)) - truth).abs().nan_to_num(nan=inf)
    unit = parameters.cutoff * parameters.firing**2
    measured = {
        "within": gaps[:, within].amax(dim=-1) / unit,
        "rounds": crossing(sizes.amax(dim=-1)) / (parameters.cutoff * law),
        "of_law": crossing(sizes.amax(dim=-1)) / law,
        "above_floor": game.discriminator.inner_maximum(gaps) - log(2 * truth.shape[-1]),
        "printed_steps": crossing(sizes.amax(dim=-1)),
        **working_pairs(parameters, target),
    }
    if parameters.num_patches > 1:
        measured["across"] = gaps[:, ~within].amax(dim=-1) / parameters.cutoff
        measured["left"] = off[:, ~within].amax(dim=-1) / truth[:, ~within].abs().amax(dim=-1)
    return measured


def rounds_in_turn(gaps: Tensor, correlations: Tensor, constants: Tensor, step_size: float) -> Tensor:
    """The sum over pairs of rho*^2/(2 eta C |s* - s|), (batch,): rounds from orthogonal rows if pairs are learned in turn.

    The pair with all the weight moves by 2 eta C ds/drho a round, over rho*, with ds/drho = |s* - s|/rho* in the mean.
    """
    apart = gaps > 0
    return (correlations.square() / torch.where(apart, 2 * step_size * constants * gaps, 1.0) * apart).sum(dim=-1)


def crossing(sizes: Tensor) -> Tensor:
    """The first round, interpolated, at which ``sizes`` (round, batch) is at most 1; infinite if there is none."""
    below = (sizes <= 1).double()
    first = below.argmax(dim=0)
    last = (first - 1).clamp(min=0)
    here, before = (sizes.gather(0, at[None])[0].log() for at in (first, last))
    part = torch.where(first > 0, before / (before - here), 0.0)
    return torch.where(below.amax(dim=0) > 0, last + part, inf)


def _maxima(parameters: Parameters, target: TargetNetwork) -> dict[str, Tensor]:
    """How far the players are apart after T rounds with inner steps as written and with closed forms."""
    size = parameters.num_channels * parameters.num_patches
    truth, rows = channels_of(target), starting_rows(target.batch_size, size, size, target.device)
    marginals = MarginalGame(ExactMarginals(truth, cutoffs(parameters, target)), parameters.gate)
    start = starting_channels(parameters, truth.shape[:-1], truth.device)
    pairs = pair_game(parameters, target)
    shares = torch.ones(*pairs.discriminator.constants.shape, 2, dtype=torch.float64, device=truth.device)
    return {
        "D4": _apart(marginals, start, torch.full_like(truth, INITIAL_PARAMETER), parameters.settings),
        "D5": _apart(pairs, rows, shares, pair_settings(parameters)),
        **directions(parameters, target),
    }


def _apart(game: Game, outer: Tensor, inner: Tensor, settings: SGDASettings) -> Tensor:
    """Largest difference of a parameter of either player, (batch,); infinite for what is no number."""
    written = descend_ascend(game, outer, inner, settings)
    solved = descend_ascend(game, outer, inner, replace(settings, inner_steps=0))
    both = [(written.outer, solved.outer), (written.inner, solved.inner)]
    if isinstance(game, PairGame):  # u counts up to its sum
        both[1] = (written.inner / written.inner.sum(dim=(1, 2), keepdim=True), solved.inner)
    apart = torch.stack([(x - y).abs().flatten(1).amax(dim=-1) for x, y in both])
    return apart.amax(dim=0).nan_to_num(nan=inf)
