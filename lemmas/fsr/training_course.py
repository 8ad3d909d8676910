"""The network of Algorithm 4 as it is at the start of every level and after every hand-over."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fsrcheck.gaussian import inverse_tail
from fsrcheck.model.dictionaries import haar_dictionaries
from fsrcheck.model.streams import streams
from fsrcheck.model.target import FirstLevel, HigherLevel, TargetNetwork
from fsrcheck.training.minmax_gan import MinmaxGan, State
from fsrcheck.training.minmax_stages import LARGEST_START, RATE_ABOVE_TARGET

START = "start"


@dataclass(frozen=True)
class Moment:
    """The network up to a level at one time.

    Attributes:
        level: the highest one.
        what: the hand-over that it comes after, as in ``HandOver``, or ``START``.
        network: in the units of the samples.
    """

    level: int
    what: str
    network: TargetNetwork


Beginning = Callable[[MinmaxGan, State, int], FirstLevel | HigherLevel]


def course(gan: MinmaxGan, *, begin: Beginning | None = None, hidden: bool = True) -> Iterator[Moment]:
    """Run Algorithm 4 and yield the network again and again; without ``hidden`` a level's hidden layer is shown as it starts.

    At ``START`` the dictionary is random, with orthonormal columns. ``begin`` says what hidden layer a level is shown with until
    one is learned, in units of a typical code; by default ``starting_layer``.
    """
    begin = begin or starting_layer
    below: tuple[FirstLevel | HigherLevel, ...] = ()
    told = 0
    for level, stage, state in gan.steps(State()):
        if stage == 0:
            layer = begin(gan, state, level)
            random = random_dictionaries(layer.dictionary, gan.seeds)
            yield Moment(level, START, _network(gan, below, replace(layer, dictionary=random)))
        for one in state.history[told:]:
            layer = replace(one.hidden if hidden and one.hidden is not None else layer, dictionary=one.dictionary)
            yield Moment(level, one.what, _network(gan, below, layer))
        told = len(state.history)
        below = state.finished


def starting_layer(gan: MinmaxGan, state: State, level: int) -> FirstLevel | HigherLevel:
    """The hidden layer that Algorithm 2 begins with (orthonormal rows, all alike, b = 0 in D4) or Algorithm 3 (line 3)."""
    start = state.start
    assert start is not None
    dictionary = start.dictionary
    batch, patches, _, channels = dictionary.shape
    none = dictionary.new_zeros(batch, patches, channels)
    if level > 1:
        parents = gan.structure.parents_of(level, dictionary.device)
        lower = gan.structure.num_channels[level - 2]
        first_parent = torch.eye(channels, lower, dtype=dictionary.dtype, device=dictionary.device)
        others = dictionary.new_zeros(channels, (parents.shape[1] - 1) * lower)
        rows = torch.cat([first_parent, others], dim=1).expand(batch, patches, -1, -1)
        return HigherLevel(dictionary, rows, parents, none)
    rate = min(LARGEST_START, RATE_ABOVE_TARGET * float(start.rate.amax()))
    threshold = inverse_tail(torch.tensor(rate, dtype=dictionary.dtype, device=dictionary.device))
    rows = torch.eye(patches * channels, dtype=dictionary.dtype, device=dictionary.device)
    return FirstLevel(dictionary, rows.unflatten(0, (patches, channels)).expand(batch, -1, -1, -1), none + threshold)


def random_dictionaries(like: Tensor, seeds: Sequence[int]) -> Tensor:
    """Random orthonormal columns, of the shape of a dictionary (batch, patch, patch_dim, channel)."""
    return haar_dictionaries(streams(seeds, "random dictionary"), *like.shape[1:]).to(like.device)


def _network(
    gan: MinmaxGan, below: Sequence[FirstLevel | HigherLevel], layer: FirstLevel | HigherLevel
) -> TargetNetwork:
    """The network of finished levels and one more, in the units of the samples."""
    return gan.result(State(finished=(*below, layer))).network
