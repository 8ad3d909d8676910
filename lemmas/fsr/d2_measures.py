"""What Lemma D.2 speaks of, measured on latents common to learner and target; errors in units of b, the worst of all patches.

A generator's codes are compared as Algorithm 3's line 5 leaves them, and after line 6 has raised its thresholds by 7b.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.training.super_resolution import SuperResolved
from lemmas.fsr.super_resolution_runs import Compared, Instances, Parameters, Tail, comparisons, learned_codes

RAISE = 7.0  # of the thresholds, in units of b (l.2374)
NUM_CUTOFFS = 6  # bb, from b to m^-0.01


class Totals(dict[str, Tensor]):
    """Sums over samples of what is compared: learner's and target's where there are two, stacked in front.

    - means: of ReLU(S_r) and S*_r, (2, row, channel);
    - pairs: of 1{s_p > bb} S_q, (2, cutoff, row, channel p, channel q);
    - small: of 1{|S_p| <= 2 bb} |S_p|, (cutoff, row, channel);
    - active: how often S_r > 0 before the raise, and S*_r > 0, (2, row, channel);
    - beyond, above: samples with |S - S*| > 7b, and after the raise S > S* + zeta/2, in some channel and patch, (batch,); a code
      that is not a number is both.
    """

    def add(self, name: str, value: Tensor) -> None:
        """Add to one of the sums."""
        self[name] = self[name] + value if name in self else value


@dataclass(frozen=True)
class Measured:
    """Measurements and counts, each (batch,)."""

    measurements: dict[str, Tensor]
    counts: dict[str, Tensor]


def measure(parameters: Parameters, instances: Instances, learned: SuperResolved) -> Measured:
    """Compare a trained generator with the target."""
    leak = learned.leak[:, None, None]
    tails = {name: Tail(parameters.evaluation_samples) for name in ("error", "target_offset", "own_offset", "gap")}
    totals = Totals()
    mixing = (instances.dictionary.mT @ instances.top.dictionary).flatten(0, 1)
    overlaps = (instances.dictionary.mT @ instances.dictionary).flatten(0, 1)
    grid = cutoff_grid(parameters)
    for chunk in comparisons(parameters, instances, learned.generator):
        codes = learned_codes(chunk.linear, leak, parameters)
        error = (codes - chunk.target).abs() / parameters.b
        tails["error"].add(error)
        tails["target_offset"].add((chunk.target @ mixing.mT - chunk.target).abs() / parameters.b)
        tails["own_offset"].add((codes @ overlaps.mT - codes).abs() / parameters.b)
        totals.add("beyond", _samples(~(error <= RAISE), instances))
        totals.add("active", torch.stack([(codes > 0).sum(dim=1), (chunk.target > 0).sum(dim=1)]))
        after = _after_raise(chunk, parameters)
        tails["gap"].add((chunk.target - after) / parameters.b)
        totals.add("above", _samples(~(after <= chunk.target + 0.05 * parameters.b), instances))
        _add_corollaries(totals, after, chunk.target, (after @ overlaps.mT, chunk.target @ mixing.mT), grid)
    return _finished(parameters, instances, tails, totals, grid)


def cutoff_grid(parameters: Parameters) -> list[float]:
    """bb from b to m^-0.01, or b alone where that is less."""
    highest = max(parameters.b, parameters.top_channels**-0.01)
    return [parameters.b * (highest / parameters.b) ** (i / (NUM_CUTOFFS - 1)) for i in range(NUM_CUTOFFS)]


def _after_raise(chunk: Compared, parameters: Parameters) -> Tensor:
    leak = min(1e-3, parameters.handover_leak * parameters.b**2 / parameters.top_channels)
    return learned_codes(chunk.linear - RAISE * parameters.b, leak, parameters)


def _samples(events: Tensor, instances: Instances) -> Tensor:
    """In how many samples an event happens in some channel of some patch, (batch,)."""
    return events.any(dim=-1).unflatten(0, instances.shape).any(dim=1).sum(dim=1).double()


def _add_corollaries(
    totals: Totals, codes: Tensor, target: Tensor, reads: tuple[Tensor, Tensor], grid: list[float]
) -> None:
    totals.add("means", torch.stack([codes.relu().sum(dim=1), target.sum(dim=1)]))
    joint = [
        torch.stack([(read > cutoff).double().mT @ values for cutoff in grid])
        for read, values in zip(reads, (codes, target), strict=True)
    ]
    totals.add("pairs", torch.stack(joint))
    size = codes.abs()
    totals.add("small", torch.stack([torch.where(size > 2 * cutoff, 0.0, size).sum(dim=1) for cutoff in grid]))


def _finished(
    parameters: Parameters, instances: Instances, tails: dict[str, Tail], totals: Totals, grid: list[float]
) -> Measured:
    m, n = parameters.top_channels, parameters.evaluation_samples
    worst = instances.per_instance
    means, active = totals["means"], totals["active"]
    cutoffs_of = torch.tensor(grid, dtype=torch.float64, device=means.device)
    itself = torch.eye(m, dtype=torch.bool, device=means.device)
    pairs = (totals["pairs"][0] - totals["pairs"][1]).abs().masked_fill(itself, 0.0) / n * m**2
    pairs = (pairs / cutoffs_of[:, None, None, None]).amax(dim=0)
    small = (totals["small"] / n * m / cutoffs_of[:, None, None].square()).amax(dim=0)
    offsets = tails["target_offset"].quantile + tails["own_offset"].quantile
    return Measured(
        {
            "largest_error": worst(tails["error"].largest),
            "tail_error": worst(tails["error"].quantile),
            "tail_offsets": worst(offsets),
            "tail_share": worst(tails["error"].quantile / (2 + offsets)),
            "mean_tail": tails["error"].quantile.unflatten(0, instances.shape).mean(dim=(1, 2)) * parameters.b,
            "lower_gap": worst(tails["gap"].largest),
            "mean_change": worst((means[0] / means[1] - 1).abs()) / parameters.b,
            "pair_change": worst(pairs),
            "small_mean": worst(small),
            "least_activity": -worst(-active[0] / active[1]),
        },
        {
            "samples": torch.full_like(totals["beyond"], n),
            "within": n - totals["beyond"],
            "one_sided": n - totals["above"],
        },
    )
