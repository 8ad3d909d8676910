"""Plain Monte Carlo of what D4 and D5 compare when all channels are alike, against the closed forms of ``chain``."""

from math import nan, sqrt

import torch
from torch import Tensor

from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.gaussian.lattice_sums import Channel
from fsrcheck.gaussian.shared_reads import Reading, first_moments, pair_moment, with_shared_factor
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.channels_alike import Learned, Tilt

SAMPLED_NORMALS, CHUNK = 2**22, 2**18  # normals a trial, and at once
NAMES = ("mean", "rate", "pair")


def sampled(tilt: Tilt, learned: Learned | None, cutoff: float, seed: int) -> Observation:
    """The relative deviations of sampled moments from closed forms: of the target, and of the learner after D5.

    Each is the largest of two, with its standard error from the spread of independent samples; nan without codes.
    """
    if learned is None:
        return Observation({}, {name: Measurement(nan) for name in NAMES})
    sides = [
        (tilt.target, tilt.of_target, 0.0, "target"),
        (learned.channel, tilt.of_learner, learned.correlation, "learner"),
    ]
    found = [_deviations(channel, reading, rho, cutoff, seed, side) for channel, reading, rho, side in sides]
    worst = {name: max((side[i] for side in found), key=lambda m: m.value) for i, name in enumerate(NAMES)}
    return Observation({}, worst, {"samples": _blocks(tilt.num_channels)[0] * _blocks(tilt.num_channels)[1]})


def _blocks(num_channels: int) -> tuple[int, int]:
    """Number of blocks of samples, and samples in each."""
    return SAMPLED_NORMALS // CHUNK, CHUNK // num_channels


def _deviations(
    channel: Channel, reading: Reading, correlation: float, cutoff: float, seed: int, side: str
) -> list[Measurement]:
    closed = with_shared_factor(
        channel, correlation, lambda c: (*first_moments(c, reading, cutoff), pair_moment(c, reading, cutoff))
    )
    blocks, size = _blocks(reading.count + 1)
    generators = streams([seed], f"chain, {side}")
    drawn = [_moments(generators, channel, reading, correlation, cutoff, size) for _ in range(blocks)]
    total, squares = (torch.stack([part[i] for part in drawn]).sum(dim=0) for i in range(2))
    count = blocks * size
    mean = total / count
    errors = ((squares / count - mean**2) / count).sqrt()
    return [Measurement(abs(float(mean[i]) / closed[i] - 1), float(errors[i]) / closed[i]) for i in range(len(NAMES))]


def _moments(
    generators: list, channel: Channel, reading: Reading, rho: float, cutoff: float, size: int
) -> list[Tensor]:
    """Sums over samples, and of squares, of the three moments' means over channels and pairs, each (3,)."""
    m = reading.count + 1
    normal = standard_normal(generators, (size, m), torch.device("cpu"))[0]
    middle = normal.mean(dim=-1, keepdim=True)
    normal = sqrt(1 - rho) * (normal - middle) + sqrt(max(1 + (m - 1) * rho, 0.0)) * middle
    codes = channel.scale * (normal - channel.threshold).clamp(min=0.0)
    reads = (reading.own - reading.other) * codes + reading.other * codes.sum(dim=-1, keepdim=True)
    beyond = (reads - cutoff).clamp(min=0.0)
    pairs = (beyond.sum(dim=-1) ** 2 - (beyond**2).sum(dim=-1)) / (m * (m - 1))
    means = torch.stack([(reads - 2 * cutoff).clamp(min=0.0).mean(-1), (reads > cutoff).double().mean(-1), pairs])
    return [means.sum(dim=-1), (means**2).sum(dim=-1)]
