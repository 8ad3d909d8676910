"""Codes that a learner has to a stated relative accuracy: what the stages before Algorithm 1 deliver, as a premise.

Lemma C.6 gives every channel's Pr[S_r > 0] and E S_r up to a factor 1 +- b, Lemma C.10 every pair's moment. Algorithm 1 sees
the learner's codes only through their law, so an error is a change of that law:

- ``exact``: none;
- ``bias``: every channel fires more often by the factor 1 + b, and its mean is larger by the same;
- ``independent``: the same with 1 + b or 1 - b at random, for firing and mean separately, channel by channel;
- ``correlated``: the channels are right one by one, and every pair fires together more often by the factor 1 + b.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian import inverse_tail, relu_mean, tail, upper_orthant
from fsrcheck.model.factor_codes import FactorCodes
from fsrcheck.model.streams import streams

EXACT, BIAS, INDEPENDENT, CORRELATED = "exact", "bias", "independent", "correlated"
ERROR_MODELS = (EXACT, BIAS, INDEPENDENT, CORRELATED)
LARGEST_CORRELATION = 0.9


def learned_codes(codes: FactorCodes, relative_error: float | Tensor, model: str, seeds: Sequence[int]) -> FactorCodes:
    """Return the law of codes learned up to ``relative_error``, one number or (batch,), in the sense of ``model``.

    Raises:
        InputError: an unknown model; an error outside [0, 1); for ``correlated``, channels that differ or are correlated
            already, or an error that no correlation makes.
    """
    if model not in ERROR_MODELS:
        raise InputError(f"error model must be one of {', '.join(ERROR_MODELS)}, got {model!r}")
    errors = torch.as_tensor(relative_error, dtype=torch.float64).expand(len(codes.scales)).to(codes.scales.device)
    refused = errors[~((errors >= 0) & (errors < 1))]
    if len(refused):
        raise InputError(f"relative error must be in [0, 1), got {float(refused[0])}")
    if model == EXACT or not bool(errors.any()):
        return codes
    if model == CORRELATED:
        return _correlated(codes, errors)
    signs = torch.ones(2, *codes.scales.shape, dtype=torch.float64)
    if model == INDEPENDENT:
        drawn = [rng.integers(2, size=(2, codes.scales.shape[1])) for rng in streams(seeds, "learned codes")]
        signs = 2 * torch.from_numpy(np.stack(drawn, axis=1)).double() - 1
    firing, mean = 1 + errors[:, None] * signs.to(codes.scales.device)
    return _marginals(codes, firing, mean)


def relative_errors(codes: FactorCodes, learned: FactorCodes) -> Tensor:
    """Return the largest relative error of a learned law, (batch,): of Pr[S_r > 0], of E S_r, and of how much more often
    than by chance two channels fire together."""
    firing = tail(learned.thresholds) / tail(codes.thresholds) - 1
    means = [law.scales * relu_mean(law.thresholds) for law in (codes, learned)]
    marginal = torch.maximum(firing.abs(), (means[1] / means[0] - 1).abs()).amax(dim=-1)
    if torch.equal(codes.loadings, learned.loadings):
        return marginal  # one copula: what is left of the pairs' error follows from the marginals'
    pairs = (_lift(learned) / _lift(codes) - 1).abs()
    off = 1 - torch.eye(pairs.shape[-1], dtype=pairs.dtype, device=pairs.device)
    return torch.maximum(marginal, (pairs * off).amax(dim=(-2, -1)))


def _lift(codes: FactorCodes) -> Tensor:
    """Pr[S_p > 0, S_q > 0] / (Pr[S_p > 0] Pr[S_q > 0]), (batch, p, q), for p != q."""
    first, second = codes.thresholds[..., :, None], codes.thresholds[..., None, :]
    correlations = codes.loadings[..., :, None] * codes.loadings[..., None, :]
    return upper_orthant(first, second, correlations) / (tail(first) * tail(second))


def _marginals(codes: FactorCodes, firing: Tensor, mean: Tensor) -> FactorCodes:
    """Multiply every channel's Pr[S > 0] by ``firing`` and its E S by ``mean``."""
    thresholds = inverse_tail(tail(codes.thresholds) * firing)
    scales = codes.scales * mean * relu_mean(codes.thresholds) / relu_mean(thresholds)
    return replace(codes, scales=scales, thresholds=thresholds)


def _correlated(codes: FactorCodes, errors: Tensor) -> FactorCodes:
    threshold = codes.thresholds.flatten()[:1]
    if bool((codes.loadings != 0).any()) or not bool(torch.isclose(codes.thresholds, threshold, rtol=1e-9).all()):
        raise InputError("correlated errors must start from independent channels that are all alike")
    found = {error: _correlation(threshold, error) for error in errors.unique().tolist()}
    loadings = torch.tensor([found[error] ** 0.5 for error in errors.tolist()], dtype=torch.float64)
    return replace(codes, loadings=loadings.to(codes.scales.device)[:, None].expand_as(codes.loadings).clone())


def _correlation(threshold: Tensor, error: float) -> float:
    """The correlation at which two channels fire together more often by the factor 1 + ``error``."""
    wanted = float(tail(threshold)) ** 2 * (1 + error)
    if float(upper_orthant(threshold, threshold, LARGEST_CORRELATION)) < wanted:
        raise InputError(f"relative error must be one that a correlation of 0.9 makes, got {error}")

    def excess(correlation: float) -> float:
        return float(upper_orthant(threshold, threshold, correlation)) - wanted

    return float(brentq(excess, 0.0, LARGEST_CORRELATION, xtol=1e-15))
