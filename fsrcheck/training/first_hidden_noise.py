r"""The sample size of ``LearnedDictionary``: standard errors of its moments, from the dictionary instead of from samples.

Let e_p = sum_{r != p} G_pr S_r be what the others leak into channel p. To first order in delta a moment's difference is linear
in e, and only the others' variances enter:

- D4. Given the others, E ReLU(S + e - 2b) - E ReLU(S - 2b) = e Pr[S > 2b] and Pr[S + e > b] - Pr[S > b] = e phi(tau)/alpha,
  tau = (beta + b)/alpha. With v_p = sum_r G_pr^2 Var S_r, log x has the standard error sqrt(v/N) Pr[S > 2b]/x and log y
  sqrt(v/N) phi(tau)/(alpha y).
- D5. f(s) f(s') - f(S) f(S') is u e' + u' e where both are active, u = S - b, and 0 elsewhere; with the part of the partner taken
  out of e (c = G_pp', and e = c u' + rho), its mean square is L = Pr[S > b, S' > b] times the mean square of
  c' u^2 + c u'^2 + u rho' + u' rho. Divided by s and sqrt(N), this is the standard error.

Taken as independent: the channels that are active together, and the others. (b is small beside S in c S'.)

For columns off by delta in random directions v = delta^2 (k/m) E[S^2 | S > 0] (m - 1)/(d - 1): log x and log y have standard
errors of about delta sqrt(2k/m)/sqrt(N), and s, relatively, of about 4 delta sqrt(m/k)/sqrt(N), which at m = 8..32 is
delta (m/k)/sqrt(N) times 0.9 to 1.4, for columns that are off towards all others up to 2.4.
"""

import torch
from torch import Tensor

from fsrcheck.gaussian.bivariate import upper_orthant
from fsrcheck.gaussian.univariate import density, relu_mean, relu_moment, tail
from fsrcheck.training.first_hidden import pair_indices
from fsrcheck.training.first_hidden_oracles import FirstLevelLaw


def marginal_standard_errors(
    law: FirstLevelLaw, mixing: Tensor, cutoff: Tensor, num_samples: int
) -> tuple[Tensor, Tensor]:
    """Standard errors of log x and log y of D4, each (batch, neuron), over N = ``num_samples``.

    ``mixing`` is G, (batch, patch, channel, channel); ``cutoff`` b is (batch,).
    """
    channels = law.channels
    leak = (_leaks(mixing).square() @ _variances(law)[..., None])[..., 0].sqrt() / num_samples**0.5
    raised = (channels.thresholds + 2 * cutoff[:, None]) / channels.scales
    tau = (channels.thresholds + cutoff[:, None]) / channels.scales
    return (
        leak * tail(raised) / channels.means(cutoff),
        leak * density(tau) / (channels.scales * channels.rates(cutoff)),
    )


def pair_standard_error(law: FirstLevelLaw, mixing: Tensor, cutoff: Tensor, num_samples: int) -> Tensor:
    """Standard error of s of D5, relative to it, (batch, pair); arguments as for ``marginal_standard_errors``."""
    first, second = pair_indices(law.channels.scales.shape[-1], cutoff.device)
    heights = (law.channels.thresholds + cutoff[:, None]) / law.channels.scales
    both = upper_orthant(heights[:, first], heights[:, second], law.correlations[:, first, second])
    square = (both * _mean_square(law, mixing, cutoff)[:, first, second] / num_samples).sqrt()
    return square / law.pair_moments(cutoff)


def _mean_square(law: FirstLevelLaw, mixing: Tensor, cutoff: Tensor) -> Tensor:
    """E (c' u^2 + c u'^2 + u rho' + u' rho)^2 where both are active, (batch, neuron, neuron)."""
    c, variance, mean = _leaks(mixing), _variances(law), _means(law)
    tau = (law.channels.thresholds + cutoff[:, None]) / law.channels.scales
    u = [(law.channels.scales**j * relu_moment(tau, j) / tail(tau))[..., None] for j in range(5)]
    spread = (c.square() @ variance[..., None]) - c.square() * variance[:, None]  # of rho
    shift = (c @ mean[..., None]) - c * mean[:, None]
    shared = (c * variance[:, None]) @ c.mT
    own = c.mT.square() * u[4] + c * c.mT * u[2] * u[2].mT
    others = u[2] * (spread + shift.square()).mT + u[1] * u[1].mT * (shared + shift * shift.mT)
    cross = 2 * shift.mT * (c.mT * u[3] + c * u[1] * u[2].mT)
    half = own + others + cross
    return half + half.mT


def _leaks(mixing: Tensor) -> Tensor:
    """G of all patches with a diagonal of zeros, (batch, neuron, neuron)."""
    batch, patches, size, _ = mixing.shape
    off = mixing - torch.diag_embed(torch.diagonal(mixing, dim1=-2, dim2=-1))
    whole = mixing.new_zeros(batch, patches, size, patches, size)
    torch.diagonal(whole, dim1=1, dim2=3).copy_(off.permute(0, 2, 3, 1))
    return whole.flatten(3, 4).flatten(1, 2)


def _means(law: FirstLevelLaw) -> Tensor:
    """E S, (batch, neuron)."""
    return law.channels.scales * relu_mean(law.channels.thresholds / law.channels.scales)


def _variances(law: FirstLevelLaw) -> Tensor:
    """Var S, (batch, neuron)."""
    heights = law.channels.thresholds / law.channels.scales
    return law.channels.scales.square() * relu_moment(heights, 2) - _means(law).square()
