"""The stages of the paper's learner, batched over instances, and the oracles that show them the data."""

from fsrcheck.training.code_oracle import CodeOracle
from fsrcheck.training.limits import noise_share, population_limit, samples_for
from fsrcheck.training.oracles import CodeMoments, WarmStartOracle
from fsrcheck.training.patch_source import TargetPatches
from fsrcheck.training.population_oracle import PopulationOracle
from fsrcheck.training.sample_oracle import PatchSource, SampleOracle
from fsrcheck.training.warm_start import WarmStartResult, WarmStartSettings, warm_start

__all__ = [
    "CodeMoments",
    "CodeOracle",
    "PatchSource",
    "PopulationOracle",
    "SampleOracle",
    "TargetPatches",
    "WarmStartOracle",
    "WarmStartResult",
    "WarmStartSettings",
    "noise_share",
    "population_limit",
    "samples_for",
    "warm_start",
]
