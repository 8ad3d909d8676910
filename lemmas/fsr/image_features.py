r"""Figures 2 and 5 on pictures: the columns of the output layers as edge-colour features, and those of the discriminator.

Setting: the paper shows networks trained on LSUN Church (Figure 2) and their discriminators (Figure 5); here those of
``lemmas.fsr.image_networks``, trained with one discriminator. Columns of W_l are patches of 6 x 6 pixels in 3 colours, d = 108.

Statement (as printed): l.97, the columns of W_{l,j} are edge-colour features; l.135, "a (nearly orthogonal) basis for images,
under which the coefficients are indeed very sparse". L.251, "in practice, the first hidden layer of the discriminator indeed
learns the edge-color detectors, similar to the edge-color features in the output layer of the generator", so that W^D = W is a
reasonable approximation (l.246).

Checkable form, written down before any network was trained for it. Figure 2, at every level: (a) the mean square cosine of two
columns of W_l is at most 2/d, twice that of random columns; (b) at least half of the columns have 0.8 of their energy in one
pattern times one colour; (c) half of the channels are active at most a quarter of the time. Figure 5, at every level: the mean
over rows of W^D_l of the largest |cos| with a column of W_l is (d) at least 1.5 times that with as many Gaussian columns of the
same mean and covariance, and (e) at least 0.5. The paper prints no number.

Measured on five networks (worst level of each): (a) missed, d times the mean square cosine is 3.2 to 3.5 (at random initialization
1.0, patches of emoji 87); (b) missed, at most 5 % of the columns; (c) missed, 0.51 to 0.56 (at random initialization 0.50 to
0.52); (d) missed, 1.01 to 1.03 times; (e) missed, 0.28 to 0.29 (by chance as much). On small networks of scale quick (a) is 1.3 to
1.7, so nothing is claimed of it. Claims (b) to (e) say that no network has at every level what was to be seen.

Controls: patches of the pictures as columns; a channel counts as active above 2; the discriminator's own rows as columns. (A
random rotation of the columns was to be the control of Figure 5; it cannot be one of a claim that nothing is seen.)
Departures from the paper: other pictures, three levels instead of four.
Source: section 2.1, l.135, and caption, l.97; section 4.1, l.251, and caption, l.246.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.trial import Observation
from fsrcheck.images.multiscale_networks import MultiscaleGenerator
from fsrcheck.images.output_features import best_match, gaussian_columns, mean_square_cosine, one_colour_share
from fsrcheck.images.patch_moments import windows
from fsrcheck.model.streams import streams
from fsrcheck.statement import Control, Defect, Erratum, Kind, Statement
from lemmas.fsr.image_network_runs import (
    Measured,
    Parameters,
    by_groups,
    generator_of,
    median_rate,
    observe,
    one,
    require_one_of,
    worst_level,
)
from lemmas.fsr.image_networks import JOINT, PATCHES, network, pictures_of

LEARNED, CUT, OWN = "learned", "cut from the pictures", "the discriminator's own"
SHARE = 0.8  # of its energy that makes a column one pattern times one colour
DRAWS = 16  # of Gaussian columns


@dataclass(frozen=True)
class FeatureParameters(Parameters):
    """And what is taken for the columns of the output layers and for being active."""

    columns: str = LEARNED
    threshold: float = 0.0  # above which a channel counts as active

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        super().__post_init__()
        require_one_of("columns", self.columns, (LEARNED, CUT, OWN))


def run_columns(parameters: FeatureParameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Figure 2: how orthogonal, coloured and rarely used the columns are; of each the worst level."""

    def measure(number: int, seed: int) -> Measured:
        gan = network(parameters.pictures, JOINT, number, device)
        generator = generator_of(parameters, number, JOINT, device)
        levels = range(1, generator.num_levels + 1)
        found = [columns_of(parameters, generator, level, seed) for level in levels]
        rates = [median_rate(gan, generator, level, parameters.samples, seed, parameters.threshold) for level in levels]
        return {
            "square cosine": worst_level(((mean_square_cosine(w) * w[0].numel(), 0.0) for w in found), at_least=False),
            "of one colour": worst_level(((share_of_one_colour(w), 0.0) for w in found), at_least=True),
            "activity": worst_level(rates, at_least=False),
        }

    return observe(parameters, seeds, measure, at_least=("activity",))


def share_of_one_colour(columns: Tensor) -> float:
    """Of the columns the part that is one pattern times one colour; nan if one of them is no number."""
    shares = one_colour_share(columns)
    return float((shares >= SHARE).double().mean()) if bool(shares.isfinite().all()) else float("nan")


def columns_of(parameters: FeatureParameters, generator: MultiscaleGenerator, level: int, seed: int) -> Tensor:
    """W_l, or what a control has in its place, (channel, 3, kernel, kernel)."""
    learned = generator.output_weights(level)
    if parameters.columns == CUT:
        found = windows(pictures_of(parameters.pictures), learned.shape[-1], learned.shape[-1]).flatten(0, 1)
        (chooser,) = streams([seed], "image features: patches")
        return found[torch.from_numpy(chooser.choice(len(found), size=len(learned), replace=False))].reshape(
            learned.shape
        )
    return learned


def run_detectors(parameters: FeatureParameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Figure 5: how like the generator's columns the discriminator's rows are; the worst level."""

    def measure(number: int, seed: int) -> Measured:
        discriminator = network(parameters.pictures, JOINT, number, device).discriminator
        generator = generator_of(parameters, number, JOINT, device)
        found = []
        for level in range(1, generator.num_levels + 1):
            rows, learned = discriminator.first_weights(level), generator.output_weights(level)
            found.append(detection(rows, rows if parameters.columns == OWN else learned, seed))
        return {
            "match": worst_level(((match, 0.0) for match, _ in found), at_least=True),
            "match over Gaussian": worst_level((ratio for _, ratio in found), at_least=True),
        }

    return observe(parameters, seeds, measure)


def detection(rows: Tensor, columns: Tensor, seed: int) -> tuple[float, tuple[float, float]]:
    """Mean largest |cos| of rows with columns, and how many times that of Gaussian columns it is."""
    match = best_match(rows, columns)
    by_chance = [best_match(rows, gaussian_columns(columns, seed + draw)) for draw in range(DRAWS)]
    middle, error = by_groups(by_chance)
    return match, (match / middle, match / middle * error / middle)


def _claim(name: str, text: str, measured: str, constant: str, upper: bool = True) -> Bound:
    return Bound(name, text, measured, constant, one, upper=upper)


SHARED: dict[str, Any] = {
    "kind": Kind.FIGURE,
    "evidence": "measured on trained networks: none of them has at every level what is said not to be seen",
    "expected": Verdict.SUPPORTED,
    "parameters": FeatureParameters,
    "cases": {
        "quick": (FeatureParameters(pictures=PATCHES, networks=1, samples=1024),),
        "standard": (FeatureParameters(),),
    },
    "trials": {"quick": 7},
    "constants": (
        Constant("half", 0.5, Provenance.CHOSEN, "most of them; and what a cosine of 60 degrees is"),
        Constant("a quarter", 0.25, Provenance.CHOSEN, "half of what random channels are"),
        Constant("half as much again", 1.5, Provenance.CHOSEN, "columns by chance have 1"),
    ),
    "departures": ("Other pictures than the paper's; three levels instead of four.",),
}
COLUMNS = Statement(
    id="fsr.fig.2",
    label="Figure 2",
    title="Edge-colour features with sparse coefficients in the output layers: not seen in small networks",
    printed=r"after training on images, the columns of $W_{\ell,j}$ are edge-colour features, 'a (nearly orthogonal) basis for "
    r"images, under which the coefficients are indeed very sparse'; all $W_{\ell,j}$ are equal for all $j \in [m_\ell]$",
    checkable="not seen, in any of the networks, at every level: that half of the columns have 0.8 of their energy in one pattern "
    "times one colour; that half of the channels are active at most a quarter of the time. Measured and not claimed: "
    "$d$ times the mean square cosine of two columns, of which at most 2 was to be seen",
    source="section 2.1, l.135, and caption, l.97",
    claims=(
        _claim(
            "no one colour", "at some level fewer than half of the columns are of one colour", "of one colour", "half"
        ),
        _claim(
            "not sparse",
            r"at some level the median channel has $\Pr[S_p > 0] \ge \frac14$",
            "activity",
            "a quarter",
            upper=False,
        ),
    ),
    controls=(
        Control("cut columns", "columns are patches of the pictures", "no one colour", {"columns": CUT}, trials=1),
        Control("high threshold", "channels count as active above 2", "not sparse", {"threshold": 2.0}, trials=1),
    ),
    errata=(
        Erratum(
            Defect.MISPRINT,
            r"$j$ counts patches, of which level $\ell$ has $d_\ell$ (l.90); $m_\ell$ is the number of channels.",
            "caption, l.97",
            r"all $W_{\ell,j}$ are equal for all $j \in [d_\ell]$",
        ),
    ),
    run=run_columns,
    **SHARED,
)
DETECTORS = Statement(
    id="fsr.fig.5",
    label="Figure 5",
    title="The generator's features in the discriminator's first layer: not seen in small networks",
    printed=r"'in practice, the first hidden layer of the discriminator indeed learns the edge-color detectors, similar to the "
    r"edge-color features in the output layer of the generator', so that $W^D = W$ is a reasonable approximation",
    checkable=r"with $c$ the mean over rows of $W^D_\ell$ of the largest $|\cos|$ with a column of $W_\ell$: not seen, in any of "
    r"the networks, at every level, that $c \ge \frac12$, or that $c$ is 1.5 times that with as many Gaussian columns of the same "
    "mean and covariance",
    source="section 4.1, l.251, and caption, l.246",
    claims=(
        _claim("not alike", r"at some level $c \le \frac12$", "match", "half"),
        _claim(
            "not more than by chance",
            r"at some level $c$ is at most 1.5 times that of Gaussian columns",
            "match over Gaussian",
            "half as much again",
        ),
    ),
    controls=(
        Control("own rows", "columns are the discriminator's rows", "not alike", {"columns": OWN}, trials=1),
        Control(
            "own rows, over chance",
            "columns are the discriminator's rows",
            "not more than by chance",
            {"columns": OWN},
            trials=1,
        ),
    ),
    run=run_detectors,
    **SHARED,
)
STATEMENTS = (COLUMNS, DETECTORS)
