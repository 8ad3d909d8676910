"""What in Algorithm 3's printed lines is computed to be wrong."""

from dataclasses import replace

import torch

from fsrcheck.model.activations import smoothed_leaky_relu
from fsrcheck.model.discriminators import SuperResolutionDiscriminator
from fsrcheck.model.families import overlapping_inhibition
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import TargetNetwork
from fsrcheck.statement import Counterexample

CUTOFF, LEAK, DECAY = 0.1, 0.03, 1e-3  # b, zeta below 0, lambda_G
LARGE = 1000.0
SAMPLES = 20_000


def one_target() -> TargetNetwork:
    """m = 4, two levels and two patches, channels not shuffled."""
    return overlapping_inhibition(4, 1.0, seeds=[0], num_patches=2)


def generator_objective(scale: float, sign: float = 1.0) -> tuple[float, float]:
    """-E D^(2)(X_2, X_1) + sign lambda_G |V|^2 at V = scale V*, b = scale b*, where V^D = V* and W = W*; and |V*|^2.

    Of patch 0 and channel 0; ``sign`` is that of the first version.
    """
    target = one_target()
    (top,) = target.higher
    codes = target.sample_codes(streams([0], "unbounded maximum"), SAMPLES)[0]
    parents = top.parents[0]
    star = torch.cat([top.weights[0, 0], top.thresholds[0, 0, :, None]], dim=-1)
    below = codes[:, :, parents].flatten(2)
    own = smoothed_leaky_relu(scale * (below @ star[:, :-1].T - star[:, -1]), LEAK, CUTOFF / 10)
    seen = SuperResolutionDiscriminator(
        top.dictionary[:, 0], target.first.dictionary[:, parents], CUTOFF, LEAK, CUTOFF / 10
    )
    fakes, lower = own @ top.dictionary[0, 0].T, target.patches([codes, codes])[0][:, :, parents]
    size = float(star[0, :-1].square().sum())
    value = float(seen.value(fakes, lower, star[None])[0, :, 0].mean())
    return -value + sign * DECAY * scale**2 * size, size


def unbounded_maximum() -> Counterexample:
    """Lemma D.6 has |V|^2 <= 2 |V^D|^2 at the maximum, where the objective is then at most 2 lambda_G |V^D|^2."""
    found, size = generator_objective(LARGE)
    allowed = 2 * DECAY * size
    point = (
        r"$m = 4$, $W = W^\star$, $V^D = V^\star$, $\lambda_G = 10^{-3}$, $b = 0.1$: the generator's objective at "
        r"$1000\, (V^\star, b^\star)$, against $2 \lambda_G \|V^D\|^2$"
    )
    return Counterexample(point, allowed, found, found > allowed)


def raised_level(level: int, amount: float = 7 * CUTOFF) -> float:
    """The largest S_2 - S*_2 of patch 0 if the learner is the target with all thresholds of one level raised."""
    target = one_target()
    chosen = target.levels[level - 1]
    changed = replace(chosen, thresholds=chosen.thresholds + amount)
    levels = (changed, target.levels[1]) if level == 1 else (target.levels[0], changed)
    latents = standard_normal(streams([0], "raised level"), (SAMPLES, target.latent_dim))
    learner, wanted = (network.codes(latents)[1][:, :, 0] for network in (TargetNetwork(levels), target))
    return float((learner - wanted).max())


def wrong_level() -> Counterexample:
    """(D.1) has S_2 <= S*_2 after line 6; with line 6's index it fails where an inhibiting neuron is silenced."""
    found = raised_level(1)
    point = (
        r"$m = 4$, two inhibitory inputs a neuron and parent, $V = V^\star$, $b_2 = b_2^\star$, $b_1 = b_1^\star + 7 b$, "
        r"$7 b = 0.7$: the largest $S_2 - S_2^\star$ of a patch over 20000 samples"
    )
    return Counterexample(point, 0.0, found, found > 0)
