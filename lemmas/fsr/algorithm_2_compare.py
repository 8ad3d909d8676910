"""Lines 1 to 6 of Algorithm 2 on the same samples: batched games, losses differentiated by machine, transcription."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import torch
from torch import Tensor

from fsrcheck.model.discriminators import AsymmetricGate, MarginalDiscriminator, PairwiseDiscriminator
from fsrcheck.model.target import TargetNetwork, orthonormality_defect
from fsrcheck.training.printed_first_hidden import MarginalGame, PairGame, printed_constants, starting_rows, unit_rows
from fsrcheck.training.printed_first_hidden_losses import printed_marginals, printed_pairs
from fsrcheck.training.printed_first_hidden_moments import RoundDraws, SampledMarginals, SampledPairs
from fsrcheck.training.sgda import SGDASettings, descend_ascend
from lemmas.fsr import algorithm_2_transcription as plain
from lemmas.fsr.algorithm_2_parameters import (
    BARRIER,
    INITIAL_PARAMETER,
    MARGIN,
    Parameters,
    cutoffs,
    starting_channels,
)
from lemmas.fsr.found_columns import perturbed_columns

DICTIONARY_ERROR = 0.2  # of the learner's columns before they are made orthonormal
SMOOTHING = 0.1  # zeta
MARGINAL_RATES, PAIR_RATES = (1.0, 0.1), (0.5, 0.5)  # eta of the generator and of the discriminator
ORTHONORMAL = 1e-12


@dataclass(frozen=True)
class Players:
    """alpha and beta (batch, neuron, 2) and unit rows (batch, neuron, latent) at the end."""

    channels: Tensor
    rows: Tensor

    def distance(self, other: "Players") -> Tensor:
        """Largest difference of an entry, (batch,); infinite for what is no number."""
        parts = ((self.channels, other.channels), (self.rows, other.rows))
        apart = torch.stack([(here.cpu() - there.cpu()).abs().amax(dim=(1, 2)) for here, there in parts])
        return apart.amax(dim=0).nan_to_num(nan=inf)


@dataclass(frozen=True)
class Sampled:
    """Everything that lines 1-6 need, for a batch of instances, in the form of the games."""

    parameters: Parameters
    target: TargetNetwork
    dictionary: Tensor
    seeds: Sequence[int]

    @property
    def num_neurons(self) -> int:
        """d_1 m_1."""
        return self.parameters.num_patches * self.parameters.num_channels

    @property
    def constants(self) -> Tensor:
        """C as printed."""
        p = self.parameters
        return printed_constants(p.num_patches, p.num_channels, cutoffs(p, self.target), p.poly)

    def start(self) -> Tensor:
        """Line 2's rows; C.1 has 2 d_1 m_1 latents."""
        return starting_rows(len(self.seeds), self.num_neurons, 2 * self.num_neurons, self.target.device)

    def draws(self, *, marginal: bool, rows: slice = slice(None)) -> RoundDraws:
        """The draws of lines 3-5 or of line 6, from their beginning, for some of the instances."""
        first = self.target.first
        chosen = type(first)(first.dictionary[rows], first.latent_weights[rows], first.thresholds[rows])
        given = TargetNetwork((chosen,)), self.seeds[rows], 2 * self.num_neurons, self.parameters.num_samples
        return RoundDraws.of(*given, marginal=marginal)

    def marginals(self, gate: AsymmetricGate) -> SampledMarginals:
        """Lines 3-5."""
        cutoff = cutoffs(self.parameters, self.target).repeat_interleave(self.parameters.num_patches)
        discriminator = MarginalDiscriminator(self.dictionary.flatten(0, 1), cutoff, SMOOTHING, gate)
        return SampledMarginals(self.draws(marginal=True), self.dictionary, self.start(), discriminator)

    def pairs(self, channels: Tensor) -> SampledPairs:
        """Line 6."""
        cutoff = cutoffs(self.parameters, self.target)
        discriminator = PairwiseDiscriminator(self.dictionary, cutoff, SMOOTHING, self.constants)
        return SampledPairs(self.draws(marginal=False), self.dictionary, channels, discriminator)

    def play(self, *, by_machine: bool) -> Players:
        """Lines 1 to 6."""
        p = self.parameters
        other = replace(p.gate, weight=p.machine_weight) if p.machine_weight and by_machine else p.gate
        oracle = self.marginals(other)
        shape = len(self.seeds) * p.num_patches, p.num_channels
        channels = starting_channels(p, shape, self.target.device)
        game = printed_marginals(oracle) if by_machine else MarginalGame(oracle, p.gate)
        initial = torch.full_like(channels, INITIAL_PARAMETER)
        found = descend_ascend(game, channels, initial, _settings(p, MARGINAL_RATES)).outer
        found = found.unflatten(0, (-1, p.num_patches)).flatten(1, 2)
        pairs = self.pairs(found)
        line_6 = (
            printed_pairs(pairs, BARRIER, MARGIN)
            if by_machine
            else PairGame(pairs, pairs.discriminator, BARRIER, MARGIN)
        )
        ones = torch.ones(*self.constants.shape, 2, dtype=torch.float64, device=found.device)
        rows = descend_ascend(line_6, self.start(), ones, _settings(p, PAIR_RATES)).outer
        return Players(found, unit_rows(rows))

    def transcript(self, row: int) -> Players:
        """The same for one instance by the transcription."""
        p, zeta = self.parameters, SMOOTHING
        scales, thresholds = starting_channels(p, (p.num_patches, p.num_channels)).unbind(dim=-1)
        rows = self.start()[row].cpu().numpy()
        dictionary = self.dictionary[row].cpu().numpy()
        learner = plain.Learner(dictionary, scales.numpy().copy(), thresholds.numpy().copy(), rows)
        constants = self.constants[row].cpu().numpy()
        seen = plain.Discriminators(p.cutoff, zeta, p.weight, constants, BARRIER, MARGIN)
        line_4, line_6 = (_play(p, rates) for rates in (MARGINAL_RATES, PAIR_RATES))
        draws = [lambda marginal=marginal: self._drawer(row, marginal) for marginal in (True, False)]
        plain.transcribe(learner, seen, draws[0], draws[1](), line_4, line_6, INITIAL_PARAMETER)
        channels = torch.from_numpy(learner.scales), torch.from_numpy(learner.thresholds)
        return Players(torch.stack(channels, dim=-1).reshape(1, -1, 2), torch.from_numpy(learner.rows)[None])

    def _drawer(self, row: int, marginal: bool) -> plain.Draw:
        """Draws from their beginning, as arrays."""
        draws = self.draws(marginal=marginal, rows=slice(row, row + 1))

        def draw() -> tuple[plain.Array, plain.Array]:
            patches, latents = draws.draw()
            return patches[0].cpu().numpy(), latents[0].cpu().numpy()

        return draw


def _settings(parameters: Parameters, rates: tuple[float, float]) -> SGDASettings:
    return SGDASettings(parameters.num_steps, parameters.inner_steps, *rates)


def _play(parameters: Parameters, rates: tuple[float, float]) -> plain.Play:
    chosen = rates[::-1] if parameters.exchange_rates else rates
    return plain.Play(parameters.num_steps, parameters.inner_steps, *chosen)


def learned_dictionary(parameters: Parameters, target: TargetNetwork, seeds: Sequence[int]) -> Tensor:
    """W near W*, (batch, patch, patch_dim, channel), its columns orthonormal unless the parameters say otherwise."""
    folded = target.first.dictionary.flatten(0, 1)
    repeated = [seed for seed in seeds for _ in range(parameters.num_patches)]
    found = perturbed_columns(folded, DICTIONARY_ERROR, repeated).unflatten(0, (-1, parameters.num_patches))
    if not parameters.orthonormal:
        return found
    left, _, right = torch.linalg.svd(found, full_matrices=False)
    return left @ right


def compared(
    parameters: Parameters, target: TargetNetwork, seeds: Sequence[int]
) -> tuple[list[float], dict[str, Tensor]]:
    """Margins of orthonormal columns of the learner's W, and distances of where lines 1-6 end."""
    dictionary = learned_dictionary(parameters, target, seeds)
    here = Sampled(parameters, target, dictionary, tuple(seeds))
    found = here.play(by_machine=False)
    transcripts = [here.transcript(row) for row in range(len(seeds))]
    transcript = Players(*(torch.cat([getattr(t, name) for t in transcripts]) for name in ("channels", "rows")))
    margins = 1 - orthonormality_defect(dictionary).amax(dim=-1) / ORTHONORMAL
    measured = {
        "distance": found.distance(transcript),
        "machine": found.distance(here.play(by_machine=True)),
        "moved": (found.rows - here.start()).abs().amax(dim=(1, 2)),
    }
    return margins.tolist(), measured
