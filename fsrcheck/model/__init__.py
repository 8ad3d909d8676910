"""Target generators, the families they are drawn from, and the checker of the paper's assumptions.

- `target`, `target_files`: the network G* and its `.npz` form
- `families` (`single_level`, `multilevel`): synthetic targets, by seed
- `assumptions`, `premises`: Assumptions 2.2 and 2.3 measured, and judged with explicit constants
- `activations`, `alignment`, `streams`: smoothed ReLUs, matching of columns, random numbers
"""

from fsrcheck.model.activations import smoothed_leaky_relu, smoothed_relu
from fsrcheck.model.alignment import Alignment, match_columns
from fsrcheck.model.assumptions import default_num_samples, measure_assumptions
from fsrcheck.model.families import FAMILIES
from fsrcheck.model.measurements import AssumptionMeasurements, Measured
from fsrcheck.model.premises import AssumptionConstants, premises
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import FirstLevel, HigherLevel, TargetNetwork
from fsrcheck.model.target_files import load_target, save_target

__all__ = [
    "FAMILIES",
    "Alignment",
    "AssumptionConstants",
    "AssumptionMeasurements",
    "FirstLevel",
    "HigherLevel",
    "Measured",
    "TargetNetwork",
    "default_num_samples",
    "load_target",
    "match_columns",
    "measure_assumptions",
    "premises",
    "save_target",
    "smoothed_leaky_relu",
    "smoothed_relu",
    "standard_normal",
    "streams",
]
