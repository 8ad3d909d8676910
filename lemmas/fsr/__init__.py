"""Forward Super-Resolution: How Can GANs Learn Hierarchical Generative Models for Real-World Distributions."""

from pathlib import Path

from fsrcheck.statement import Paper

PAPER = Paper(
    id="fsr",
    title="Forward Super-Resolution: How Can GANs Learn Hierarchical Generative Models for Real-World Distributions",
    authors="Zeyuan Allen-Zhu and Yuanzhi Li",
    statements=(),
    constants_file=Path(__file__).with_name("constants.json"),
)
