"""Can a classifier tell generated samples from true ones? Its area under the ROC curve on samples that it has not seen.

The area (AUC) is the probability that a generated sample scores higher than a true one: 1/2 where the laws are equal, whatever
the classifier; 1 where it tells all apart. Codes are exactly zero most of the time, so that an exact test would tell every
generator from the truth by the smallest error of a dictionary; the same Gaussian noise is therefore added to both sides, and the
test asks whether they differ at that resolution. Lopez-Paz and Oquab (2017); DeLong, DeLong and Clarke-Pearson (1988).
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from scipy.stats import norm, rankdata
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.peers import require_peers

LEARNING_RATE, ITERATIONS, LEAVES = 0.1, 150, 15
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Separation:
    """How well two sets of samples were told apart.

    Attributes:
        area: AUC on held-out samples.
        lower, upper: its limits at 95 %.
        p_value: one-sided, of equal laws.
    """

    area: float
    lower: float
    upper: float
    p_value: float


def classifier_test(true: Tensor, made: Tensor, *, noise: float, seed: int) -> Separation:
    """Train a classifier on half of the samples (sample, feature) of each side and test it on the other half.

    The classifier is scikit-learn's gradient boosting of trees on histograms. ``noise``: standard deviation of what is added
    to every feature.

    Raises:
        InputError: scikit-learn is missing; samples that do not fit each other, too few, or not finite; negative noise.
    """
    _check(true, made, noise)
    sides = [_noisy(side, noise, seed, name) for side, name in ((true, "true"), (made, "made"))]
    halves = [(side[: len(side) // 2], side[len(side) // 2 :]) for side in sides]
    (true_fit, true_held), (made_fit, made_held) = halves
    labels = np.repeat([0, 1], [len(true_fit), len(made_fit)])
    classifier = _classifier(seed).fit(np.concatenate([true_fit, made_fit]), labels)
    return separation(classifier.decision_function(true_held), classifier.decision_function(made_held))


def separation(true: np.ndarray, made: np.ndarray) -> Separation:
    """Return the area under the curve of scores (sample,), DeLong's limits and the p-value of equal laws.

    Where hardly any pair is in the wrong order, DeLong's variance vanishes. The limits are therefore at least as far
    away as those from n pairs without a common sample that are all in the right order, n the smaller number of samples.
    The p-value is Mann and Whitney's with ties, which needs no estimate of the variance beyond them.
    """
    first, second = len(true), len(made)
    both = np.concatenate([true, made])
    ranks = rankdata(both)
    of_true = (ranks[:first] - rankdata(true)) / second  # share of the made that score lower
    of_made = (ranks[first:] - rankdata(made)) / first  # share of the true that score lower
    area = float(of_made.mean())
    error = sqrt(of_made.var(ddof=1) / second + of_true.var(ddof=1) / first)
    reach = max(norm.isf((1 - CONFIDENCE) / 2) * error, 1 - ((1 - CONFIDENCE) / 2) ** (1 / min(first, second)))
    return Separation(area, max(area - reach, 0.0), min(area + reach, 1.0), _p_value(area, both, first, second))


def _p_value(area: float, both: np.ndarray, first: int, second: int) -> float:
    total = first + second
    _, counts = np.unique(both, return_counts=True)
    ties = float((counts.astype(float) ** 3 - counts).sum()) / (total * (total - 1))
    variance = (total + 1 - ties) / (12 * first * second)
    return float(norm.sf((area - 0.5) / sqrt(variance))) if variance > 0 else 1.0


def _noisy(values: Tensor, noise: float, seed: int, side: str) -> np.ndarray:
    draws = standard_normal(streams([seed], f"two-sample test: {side}"), tuple(values.shape), values.device)[0]
    result: np.ndarray = (values + noise * draws).cpu().numpy()
    return result


def _classifier(seed: int) -> Any:
    require_peers()
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        learning_rate=LEARNING_RATE,
        max_iter=ITERATIONS,
        max_leaf_nodes=LEAVES,
        early_stopping=False,
        random_state=seed,
    )


def _check(true: Tensor, made: Tensor, noise: float) -> None:
    if true.ndim != 2 or made.ndim != 2 or true.shape[1] != made.shape[1] or min(len(true), len(made)) < 40:
        raise InputError(
            "samples must be (sample, feature), at least 40 a side with equal features, "
            f"got {tuple(true.shape)} and {tuple(made.shape)}"
        )
    if not bool(true.isfinite().all()) or not bool(made.isfinite().all()):
        raise InputError("samples must be finite, got NaN or infinity")
    if not noise >= 0:
        raise InputError(f"noise must not be negative, got {noise}")
