"""SGD Learns One-Layer Networks in WGANs (Lei, Lee, Dimakis and Daskalakis, ICML 2020)."""

from pathlib import Path

from fsrcheck.statement import Paper
from lemmas.wgan import (
    algorithm_1,
    approximate_optimality,
    approximate_points,
    even_parts,
    figure_1,
    figure_2,
    finite_samples,
    hardness,
    hermite_expansion,
    joint,
    marginal_descent,
    marginals,
    minibatch,
    monotone_kernel,
    non_unit_rows,
    odd_parts,
    sampled_gradient,
    sampled_kernel,
    smoothness,
)

PAPER = Paper(
    id="wgan",
    title="SGD Learns One-Layer Networks in WGANs",
    authors="Qi Lei, Jason D. Lee, Alexandros G. Dimakis and Constantinos Daskalakis",
    statements=(
        *even_parts.STATEMENTS,
        *odd_parts.STATEMENTS,
        smoothness.STATEMENT,
        hardness.STATEMENT,
        hermite_expansion.STATEMENT,
        monotone_kernel.STATEMENT,
        marginals.STATEMENT,
        marginal_descent.STATEMENT,
        joint.STATEMENT,
        non_unit_rows.STATEMENT,
        *approximate_points.STATEMENTS,
        sampled_kernel.STATEMENT,
        sampled_gradient.STATEMENT,
        minibatch.STATEMENT,
        *approximate_optimality.STATEMENTS,
        finite_samples.STATEMENT,
        algorithm_1.STATEMENT,
        figure_1.STATEMENT,
        figure_2.STATEMENT,
    ),
    constants_file=Path(__file__).with_name("constants.json"),
    text="Proceedings of ICML 2020 (PMLR 119), as converted from PDF to text without line numbers, so that places are "
    "cited by section. The conversion lost stars, minus signs, strokes and most displayed formulas, which are "
    "restored from the sentences around them as each statement says. The appendix with the proofs is not in the text: "
    "statements are judged here, not proofs.",
)
