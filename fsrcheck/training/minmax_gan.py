r"""Algorithm 4 (MINMAX-GAN, section 4.4): from samples of an unknown target to a generator, level by level.

For l = 1, ..., L: Algorithm 5 gives W_l a warm start (line 2); then T' stages, each of which sets the cutoff b (line 5), learns
the hidden layer by Algorithm 2 (l = 1, line 7) or 3 (l > 1, line 10) through the dictionary as it is, and then the dictionary by
Algorithm 1 (line 12) with the codes that the hidden layer makes. Nothing of the target is known but its samples, m_l and the
parents.

What the working schedule does differently from the printed one:

- between lines 2 and 3 a bridge takes the dictionary to where Algorithms 2 and 3 work at these sizes (``start_level``);
- b and bb follow delta, which is estimated before every stage, in place of powers of m;
- after the last stage the hidden layer is learned once more, through the final dictionary;
- with ``finish`` that is one which further rounds on decoded codes have made, more accurate than generated codes allow;
- a patch whose dictionary gets worse in Algorithm 1 by the learner's own estimate keeps the one it had;
- before Algorithm 1 the thresholds are raised by b/2 instead of poly(k) b, and not at all at the end.

Samples are divided by the size of a typical code, level by level, and the network is scaled back at the end.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.model.target import FirstLevel, HigherLevel, TargetNetwork
from fsrcheck.training.given_patches import unit_of
from fsrcheck.training.level_samples import LevelSamples, ScaledSamples
from fsrcheck.training.minmax_settings import MinmaxSettings, Structure
from fsrcheck.training.minmax_stages import (
    Start,
    estimated_error,
    first_hidden,
    first_patches,
    higher_level,
    output_layer,
    start_level,
    super_resolution,
)
from fsrcheck.training.super_resolution import raised

WARM_START, BRIDGE, HIDDEN, OUTPUT = "warm start", "bridge", "hidden layer", "output layer"
UNIT_SAMPLES = 2**15


@dataclass(frozen=True)
class HandOver:
    """What one stage hands to the next.

    Attributes:
        level, stage: l and t; stage 0 is the start of a level, the last one closes it.
        what: ``WARM_START``, ``BRIDGE``, ``HIDDEN`` or ``OUTPUT``.
        dictionary: W_l after it, (batch, patch, patch_dim, channel).
        estimated: delta after it as the learner tells it, (batch, patch).
        cutoff: b or bb that it was run with, (batch, patch); 0 where there is none.
        hidden: the hidden layer with this dictionary after ``HIDDEN``, else None.
    """

    level: int
    stage: int
    what: str
    dictionary: Tensor
    estimated: Tensor
    cutoff: Tensor
    hidden: FirstLevel | HigherLevel | None = None


@dataclass(frozen=True)
class State:
    """Where a run stands: all that what comes next depends on.

    Attributes:
        finished: levels done.
        start: of the level in work, None before it begins.
        top: the level in work after Algorithm 2 or 3, None before.
        stage: done on the level in work.
        history: all hand-overs so far.
    """

    finished: tuple[FirstLevel | HigherLevel, ...] = ()
    start: Start | None = None
    top: FirstLevel | HigherLevel | None = None
    stage: int = 0
    history: tuple[HandOver, ...] = ()


@dataclass(frozen=True)
class Learned:
    """What Algorithm 4 returns.

    Attributes:
        network: G, in the units of the samples; its dictionaries have unit columns, nearly orthonormal.
        history: every hand-over, in units of a typical code.
        units: size of a typical code, (level, batch).
        num_samples: N, which all stages share.
    """

    network: TargetNetwork
    history: tuple[HandOver, ...]
    units: Tensor
    num_samples: int


Progress = Callable[[int, int, str], None]
Saver = Callable[[State], None]


class MinmaxGan:
    """Algorithm 4 on given samples, one step at a time."""

    def __init__(
        self, samples: LevelSamples, structure: Structure, settings: MinmaxSettings, seeds: Sequence[int]
    ) -> None:
        """Take the samples, the network's sizes and one seed for each instance.

        Raises:
            InputError: sizes that do not fit the samples.
        """
        _check_structure(samples, structure)
        if len(seeds) != samples.shapes[0][0]:
            raise InputError(f"seeds must be one per instance ({samples.shapes[0][0]}), got {len(seeds)}")
        self.structure, self.settings, self.seeds = structure, settings, tuple(seeds)
        self.units = torch.stack([self._unit(samples, level) for level in range(1, len(samples.shapes) + 1)])
        self._samples = ScaledSamples(samples, self.units)

    def _unit(self, samples: LevelSamples, level: int) -> Tensor:
        """Size of a typical code of a level, (batch,)."""
        rows = unit_of(first_patches(samples, level, UNIT_SAMPLES), self.structure.num_channels[level - 1])
        return rows.unflatten(0, samples.shapes[level - 1][:2]).mean(dim=1)

    @property
    def plan(self) -> list[tuple[int, int]]:
        """(level, stage) of all steps; stage 0 starts a level, the one after the last closes it."""
        levels = range(1, len(self.structure.num_channels) + 1)
        return [(level, stage) for level in levels for stage in range(self.settings.stages(level) + 2)]

    def steps(self, state: State) -> Iterator[tuple[int, int, State]]:
        """Go on from ``state``: (level, stage, state after it) of every step that is left."""
        done = sum(self.settings.stages(level) + 2 for level in range(1, len(state.finished) + 1))
        done += 0 if state.start is None else state.stage + 1
        for level, stage in self.plan[done:]:
            state = self._step(state, level, stage)
            yield level, stage, state

    def _step(self, state: State, level: int, stage: int) -> State:
        if stage == 0:
            return self._start(state, level)
        if stage <= self.settings.stages(level):
            return replace(self._output(self._hidden(state, level, stage), level, stage), stage=stage)
        closed = self._hidden(state, level, stage, closing=True)
        assert closed.top is not None
        return State(finished=(*closed.finished, self._last_raise(closed.top, closed)), history=closed.history)

    def _start(self, state: State, level: int) -> State:
        """Line 2, and the bridge."""
        channels = self.structure.num_channels[level - 1]
        start = start_level(self._samples, level, channels, self.settings, self._stage_seeds(level, 0))
        none = torch.zeros_like(start.rate)
        found = (
            [(WARM_START, start.warm), (BRIDGE, start.dictionary)]
            if self.settings.bridge
            else [(WARM_START, start.warm)]
        )
        told = [HandOver(level, 0, what, w, estimated_error(w, start.reference), none) for what, w in found]
        return State(state.finished, start, history=(*state.history, *told))

    def _hidden(self, state: State, level: int, stage: int, *, closing: bool = False) -> State:
        """Line 7 or 10."""
        start = state.start
        assert start is not None
        dictionary, error = self._dictionary(state, start, closing)
        if level == 1:
            error = error.amax(dim=1, keepdim=True).expand_as(error)
        cutoff = self.settings.hidden_cutoff(
            level, stage, self.structure.num_channels[level - 1], error, closing=closing
        )
        seeds = self._stage_seeds(level, stage)
        if level == 1:
            top: FirstLevel | HigherLevel = first_hidden(
                self._samples, dictionary, cutoff[:, 0], start.rate, self.settings, seeds
            )
        else:
            top = self._super_resolved(state, dictionary, cutoff, level, seeds, closing)
        told = HandOver(level, stage, HIDDEN, dictionary, estimated_error(dictionary, start.reference), cutoff, top)
        return replace(state, top=top, history=(*state.history, told))

    def _dictionary(self, state: State, start: Start, closing: bool) -> tuple[Tensor, Tensor]:
        """What Algorithm 2 or 3 reads through, and how far it is off as far as the learner knows."""
        if closing and self.settings.finish:
            return start.reference, start.reference_error
        dictionary = start.dictionary if state.top is None else state.top.dictionary
        return dictionary, estimated_error(dictionary, start.reference)

    def _super_resolved(
        self, state: State, dictionary: Tensor, cutoff: Tensor, level: int, seeds: Sequence[int], closing: bool
    ) -> HigherLevel:
        assert state.start is not None
        parents = self.structure.parents_of(level, dictionary.device)
        learned = super_resolution(
            self._samples,
            TargetNetwork(state.finished),
            dictionary,
            parents,
            cutoff.flatten(),
            self.settings,
            seeds,
            num_steps=self.settings.closing_steps if closing else self.settings.super_steps,
        )
        if not closing:
            learned = replace(
                learned, generator=raised(learned.generator, self.settings.raise_ratio * cutoff.flatten())
            )
        return higher_level(learned, dictionary, parents)

    def _output(self, state: State, level: int, stage: int) -> State:
        """Line 12; a patch whose dictionary runs away, or gets worse as far as the learner can tell, keeps the one it had."""
        assert state.start is not None
        assert state.top is not None
        before, reference = state.top.dictionary, state.start.reference
        error = estimated_error(before, reference)
        cutoff = self.settings.output_cutoff(level, stage, self.structure.num_channels[level - 1], error)
        network = TargetNetwork((*state.finished, state.top))
        found = output_layer(self._samples, network, cutoff.flatten(), self.settings, self._stage_seeds(level, stage))
        after = found.dictionary.unflatten(0, error.shape)
        worse = ~(estimated_error(after, reference) <= self.settings.largest_growth * error)
        dropped = (worse | found.diverged.unflatten(0, error.shape))[..., None, None]
        after = torch.where(dropped, before, after)
        told = HandOver(level, stage, OUTPUT, after, estimated_error(after, reference), cutoff)
        return replace(state, top=replace(state.top, dictionary=after), history=(*state.history, told))

    def _last_raise(self, top: FirstLevel | HigherLevel, state: State) -> FirstLevel | HigherLevel:
        """Line 6 of Algorithm 3 after the last stage, line 8 of Algorithm 4."""
        amount = self.settings.last_raise * state.history[-1].cutoff
        return replace(top, thresholds=top.thresholds + amount[..., None])

    def _stage_seeds(self, level: int, stage: int) -> list[int]:
        """Seeds of a step: every step draws afresh, whatever happened before it."""
        return [seed + (((level << 16) + stage) << 64) for seed in self.seeds]

    def begun_above(self, first: FirstLevel) -> State:
        """The state after level 1 with a first level that is known, in the units of the samples."""
        unit = self.units[0][:, None, None]
        return State((FirstLevel(first.dictionary, first.latent_weights / unit[..., None], first.thresholds / unit),))

    def result(self, state: State) -> Learned:
        """The network in the units of the samples."""
        levels: list[FirstLevel | HigherLevel] = []
        for number, level in enumerate(state.finished):
            unit = self.units[number][:, None, None]
            if isinstance(level, FirstLevel):
                levels.append(
                    FirstLevel(level.dictionary, unit[..., None] * level.latent_weights, unit * level.thresholds)
                )
            else:
                share = (unit / self.units[number - 1][:, None, None])[..., None]
                levels.append(replace(level, weights=share * level.weights, thresholds=unit * level.thresholds))
        return Learned(TargetNetwork(tuple(levels)), state.history, self.units, self._samples.num_samples)


def learn(
    samples: LevelSamples,
    structure: Structure,
    settings: MinmaxSettings,
    *,
    seeds: Sequence[int],
    state: State | None = None,
    save: Saver | None = None,
    progress: Progress | None = None,
) -> Learned:
    """Run Algorithm 4, or go on from ``state``; ``save`` is given the state after every step, ``progress`` (done, total, text).

    Raises:
        InputError: sizes that do not fit the samples; too few samples to see every channel.
    """
    gan, reached = MinmaxGan(samples, structure, settings, seeds), state or State()
    total = len(gan.plan)
    for level, stage, reached in gan.steps(reached):  # noqa: B020
        if save is not None:
            save(reached)
        if progress is not None:
            progress(gan.plan.index((level, stage)) + 1, total, f"level {level}, stage {stage}")
    return gan.result(reached)


def _check_structure(samples: LevelSamples, structure: Structure) -> None:
    if len(structure.num_channels) != len(samples.shapes):
        raise InputError(f"num_channels must be given for {len(samples.shapes)} levels, got {structure.num_channels}")
    for level, (_, num_patches, patch_dim) in enumerate(samples.shapes, start=1):
        if structure.num_channels[level - 1] > patch_dim:
            given = structure.num_channels[level - 1]
            raise InputError(f"num_channels of level {level} must be at most patch_dim ({patch_dim}), got {given}")
        if level > 1:
            _check_parents(structure.parents[level - 2], num_patches, samples.shapes[level - 2][1], level)


def _check_parents(parents: tuple[tuple[int, ...], ...], num_patches: int, below: int, level: int) -> None:
    named = [parent for patch in parents for parent in patch]
    if len(parents) != num_patches or min(named) < 0 or max(named) >= below:
        wanted = f"{num_patches} lists of patches 0..{below - 1}"
        raise InputError(f"parents of level {level} must be {wanted}, got {parents}")
