"""What the checker of Assumptions 2.2 and 2.3 measures: numbers with confidence limits, no judgement."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Measured:
    """A quantity per instance and patch with one-sided confidence limits, each (batch, patch).

    Closed forms have lower = value = upper. A sampled limit holds with the stated confidence for one
    instance, patch and quantity, simultaneously over the channels, pairs, triples and deltas it ranges over.
    """

    value: Tensor
    lower: Tensor
    upper: Tensor

    @classmethod
    def exact(cls, value: Tensor) -> "Measured":
        """A closed form: all three are `value`."""
        return cls(value, value, value)

    def scaled(self, factor: float) -> "Measured":
        """Return the same quantity in other units; `factor` > 0."""
        return Measured(self.value * factor, self.lower * factor, self.upper * factor)


@dataclass(frozen=True)
class AssumptionMeasurements:
    """The quantities of Assumption 2.2 (l.123-133) and 2.3 (l.141-152) at one level; m is `num_channels`.

    - activation_probability: m max_p Pr[S_p != 0]
    - mean_activation: m min_p E[S_p]
    - max_activation, num_active: the `quantile`-quantiles of ||S||_inf and ||S||_0
    - pair_probability: m^2 max Pr[S_p > 0, S_q > 0] over p != q
    - triple_probability: m^2.01 max Pr[three channels > 0]
    - anti_concentration: max over p and delta of Pr[S_p <= delta | S_p > 0] / delta
    - joint_anti_concentration: the same given S_p > 0 and S_q > 0, where a pair that fires together less
      often than `pair_floor` / m^2 is taken as firing that often. Conditioning on rarer events cannot be
      measured; what is left still gives Pr[0 < S_p <= delta, S_q > 0] <= poly(k) delta epsilon_1 with
      epsilon_1 = poly(k) / m^2
    - sigma_min: m^1.15 sigma_min(mu), mu_pq = E[1{S_p > 0} S_q]
    - cross_ratio: smallest and largest Pr[both > 0] / min Pr[> 0] over pairs of a channel of this patch and
      another channel of any patch; None above level 1
    - dictionary_defect: max |W^T W - I|

    `num_samples` is 0 where all probabilities are closed forms (the two quantiles are always sampled).
    """

    level: int
    num_channels: int
    patch_dim: int
    quantile: float
    deltas: tuple[float, ...]
    pair_floor: float
    num_samples: int
    activation_probability: Measured
    mean_activation: Measured
    max_activation: Measured
    num_active: Measured
    pair_probability: Measured
    triple_probability: Measured
    anti_concentration: Measured
    joint_anti_concentration: Measured
    sigma_min: Measured
    cross_ratio: tuple[Measured, Measured] | None
    dictionary_defect: Measured
