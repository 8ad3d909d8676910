"""Exact confidence limits: binomial proportions (Clopper-Pearson) and quantiles (order statistics)."""

import numpy as np
import torch
from scipy.stats import beta, binom
from torch import Tensor

from fsrcheck.errors import InputError


def proportion_limits(counts: Tensor, trials: Tensor | int, risk: float) -> tuple[Tensor, Tensor]:
    """Return one-sided lower and upper limits of a proportion, shaped like `counts`, each missed with `risk`.

    `counts` of `trials` independent trials succeeded; without trials the limits are 0 and 1.
    """
    successes = counts.detach().cpu().numpy().astype(float)
    total = trials.detach().cpu().numpy() if isinstance(trials, Tensor) else np.asarray(trials)
    failures = total - successes
    with np.errstate(invalid="ignore"):
        lower = np.where(successes > 0, beta.ppf(risk, successes, failures + 1), 0.0)
        upper = np.where(failures > 0, beta.isf(risk, successes + 1, failures), 1.0)
    return torch.from_numpy(lower).to(counts.device), torch.from_numpy(upper).to(counts.device)


def quantile_ranks(num_samples: int, quantile: float, risk: float) -> tuple[int, int, int]:
    """Return 0-based ranks from the top of (lower limit, estimate, upper limit) of a quantile.

    Whatever the law, the order statistics at these ranks enclose the quantile, each side missed with
    probability `risk` at most. Raises `InputError` if there are too few samples for that.
    """
    below = int(binom.ppf(1 - risk, num_samples, quantile)) + 1
    above = int(binom.ppf(risk, num_samples, quantile))
    if below > num_samples or above < 1:
        raise InputError(
            f"num_samples must be large enough to enclose the {quantile:g} quantile with risk {risk:g}, "
            f"got {num_samples}"
        )
    return num_samples - above, num_samples - int(np.ceil(num_samples * quantile)), num_samples - below
