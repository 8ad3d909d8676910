"""Forward Super-Resolution: How Can GANs Learn Hierarchical Generative Models for Real-World Distributions."""

from pathlib import Path

from fsrcheck.statement import Paper
from lemmas.fsr import (
    a1_warm_start,
    a2_third_moment,
    a3_tensor_to_svd,
    a4_svd_initialization,
    a5_eigen_gap,
    a6_purification,
    activations,
    algorithm_5,
    assumptions,
    c19_gaussian_facts,
    footnotes,
    setting,
)

PAPER = Paper(
    id="fsr",
    title="Forward Super-Resolution: How Can GANs Learn Hierarchical Generative Models for Real-World Distributions",
    authors="Zeyuan Allen-Zhu and Yuanzhi Li",
    statements=(
        *activations.STATEMENTS,
        setting.STATEMENT,
        *assumptions.STATEMENTS,
        algorithm_5.STATEMENT,
        a1_warm_start.STATEMENT,
        a2_third_moment.STATEMENT,
        a3_tensor_to_svd.STATEMENT,
        a4_svd_initialization.STATEMENT,
        a5_eigen_gap.STATEMENT,
        a6_purification.STATEMENT,
        *footnotes.STATEMENTS,
        *c19_gaussian_facts.STATEMENTS,
    ),
    constants_file=Path(__file__).with_name("constants.json"),
)
