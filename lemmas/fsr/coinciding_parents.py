"""A target on which the weights of a level are no function of what the level computes: two parents with the same codes.

Assumptions 2.2 and 2.3 speak of one patch at a time above the first level (l.139), so that patches of level 2 may have equal
codes. A patch of level 3 with both as parents sees S in place of (S, S): only the sum of its two weight matrices matters.
"""

from dataclasses import replace

import torch

from fsrcheck.model.assumptions import measure_assumptions
from fsrcheck.model.calibration import calibrated_level
from fsrcheck.model.dictionaries import haar_dictionaries
from fsrcheck.model.multilevel import disjoint_supports
from fsrcheck.model.premises import AssumptionConstants, premises
from fsrcheck.model.streams import streams
from fsrcheck.model.target import HigherLevel, TargetNetwork

CHANNELS, ACTIVE, SEEDS = 8, 1.0, (0,)
SHARES = 0.25, 0.75  # of both parents in every row of the third level


def coinciding_parents() -> TargetNetwork:
    """One instance of three levels with 2, 2 and 1 patches; those of the second level have equal codes."""
    below = disjoint_supports(CHANNELS, ACTIVE, seeds=SEEDS, num_patches=2)
    own = torch.eye(CHANNELS, dtype=torch.float64)
    rows = torch.cat([share * own for share in SHARES], dim=-1)[None, None]
    dictionary = haar_dictionaries(streams(SEEDS, "third dictionary"), 1, CHANNELS, CHANNELS)
    parents = torch.tensor([[0, 1]])
    top = calibrated_level(below, dictionary, rows, parents, ACTIVE / 2, streams(SEEDS, "third level"))
    return TargetNetwork((*below.levels, top))


def moved_to_one_parent(target: TargetNetwork) -> TargetNetwork:
    """The same function with (V_1 + V_2, 0) in place of (V_1, V_2) at the last level."""
    top = target.levels[-1]
    assert isinstance(top, HigherLevel)
    first, second = top.weights.chunk(2, dim=-1)
    moved = torch.cat([first + second, torch.zeros_like(second)], dim=-1)
    return TargetNetwork((*target.levels[:-1], replace(top, weights=moved)))


def least_margin(target: TargetNetwork) -> float:
    """Of Assumptions 2.2 and 2.3, over all levels; not negative where they hold."""
    actives = (ACTIVE, ACTIVE, ACTIVE / 2)
    measured = [measure_assumptions(target, level, seeds=SEEDS) for level in (1, 2, 3)]
    margins = [
        premises(found, AssumptionConstants.defaults(active, CHANNELS))
        for found, active in zip(measured, actives, strict=True)
    ]
    return min(float(values.min()) for level in margins for values in level.values())
