r"""Lemma A.1: Algorithm 5 (SVD warm start) finds every column of the dictionary up to poly(k) m^(-1/2).

Setting: one level and patch with a column-orthonormal dictionary W and codes that satisfy Assumptions 2.2 and 2.3;
here independent channels, k = m Pr[S_p > 0], E[S | S > 0] = 1.

Algorithm: Algorithm 5 in its repaired form (``WarmStartSettings.repaired``); the printed form is examined in
``fsr.alg.5``, where its failures are shown.

Statement (as printed, Appendix A, l.615-623): w.h.p. Algorithm 5 finishes in at most poly(k) m^3 iterations, and for a
permutation P of the columns ||W_p - w_P(p)||_2 <= poly(k) / sqrt(m) for every p.

Checkable form:
1. every column is found, with probability at least 0.9;
2. the largest column error is at most C k m^(-1/2), C fitted, with N = 64 m^2 / k^2 samples;
3. the error follows its exact finite-size law ``population_limit`` = 2 sin(atan(pi_b e sqrt(m - 1) / e_b) / 2),
   pi_b = Pr[S >= b], e_b = E[S 1{S >= b}], e = E S: error / law is flat in m within the stated allowance. The law then
   carries the exponent: it tends to (k/2) m^(-1/2) (S given S > 0 becomes exponential), with local slopes below -0.48
   at m = 16 that reach -1/2 only slowly, so that a naive fit of small sizes would misjudge the lemma;
4. the law itself is at most 0.75 k m^(-1/2) for m up to 2^20;
5. the number of iterations is at most C' m ln m, C' fitted (a coupon collector's), far below the printed m^3.

On the population oracle the purified column equals the law by construction, so there only claims 1 and 5 are informative
(which channels are accepted is still random).

Measured: see the report. Controls: premises of Assumption 2.2 broken one at a time, and no sign fix.
Departures from the paper: those of ``WarmStartSettings.repaired``; one sample set for all iterations.
Source: section 7.1, l.552-573; Appendix A, l.615-623 and l.811-855.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from fsrcheck.errors import InputError
from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import Selection
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.frequency import Frequency
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.scaling import Scaling
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.model.alignment import match_columns
from fsrcheck.model.target import TargetNetwork
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement
from fsrcheck.training import (
    PopulationOracle,
    SampleOracle,
    TargetPatches,
    WarmStartOracle,
    WarmStartSettings,
    population_limit,
    warm_start,
)
from lemmas.fsr.targets import TargetParameters, adopt, build_target, premise_margins

POPULATION, SAMPLES, LAW = "population", "samples", "law"


@dataclass(frozen=True)
class Parameters(TargetParameters):
    """Parameters of Lemma A.1."""

    oracle: str = SAMPLES  # population: exact expectations (independent channels only); law: the closed form alone
    cutoff: float = 1.0  # b, in units of a typical active code, estimated from the data
    samples_per_pair: int = 64  # N k^2 / m^2: a pair of channels fires together that often in the sample
    fix_sign: bool = True  # off: v as the eigen-solver returns it, as printed

    def __post_init__(self) -> None:
        """Refuse an unknown oracle."""
        super().__post_init__()
        if self.oracle not in (POPULATION, SAMPLES, LAW):
            raise InputError(f"oracle must be population, samples or law, got {self.oracle!r}")

    @property
    def num_samples(self) -> int:
        """N."""
        return round(self.samples_per_pair * (self.num_channels / self.expected_active) ** 2)


def settings(parameters: Parameters) -> WarmStartSettings:
    """The repaired rule, with the sign fix switchable."""
    from dataclasses import replace

    return replace(WarmStartSettings.repaired(parameters.cutoff), fix_sign=parameters.fix_sign)


def oracle_of(parameters: Parameters, target: TargetNetwork, seeds: Sequence[int]) -> WarmStartOracle:
    """The oracle that the parameters ask for."""
    if parameters.oracle == POPULATION:
        return PopulationOracle(target, seeds)
    return SampleOracle(TargetPatches(target, seeds), parameters.num_samples)


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Run Algorithm 5 on every patch and match its columns with the atoms; the worst patch counts."""
    if parameters.oracle == LAW:
        return [_law(parameters) for _ in seeds]
    target = build_target(parameters, seeds, device)
    result = warm_start(oracle_of(parameters, target, seeds), settings(parameters))
    dictionary = target.first.dictionary
    errors = match_columns(result.dictionary, dictionary.flatten(0, 1)).dictionary_error
    limits = torch.tensor(
        [population_limit(parameters.num_channels, parameters.expected_active, float(b)) for b in result.cutoff],
        dtype=errors.dtype,
        device=errors.device,
    )
    shape = dictionary.shape[:2]  # (batch, patch)
    error, ratio = errors.reshape(shape).amax(dim=1), (errors / limits).reshape(shape).amax(dim=1)
    iterations = result.iterations.reshape(shape).amax(dim=1)
    complete = result.complete.reshape(shape).all(dim=1)
    return [
        Observation(
            premises=margins,
            measurements={
                "error": Measurement(float(error[i])),
                "error_over_law": Measurement(float(ratio[i])),
                "complete": Measurement(float(complete[i])),
                "iterations": Measurement(float(iterations[i])),
            },
            counts={"iterations": int(iterations[i]), "samples": int(result.samples_drawn)},
        )
        for i, margins in enumerate(premise_margins(target, parameters, seeds))
    ]


def _law(parameters: Parameters) -> Observation:
    value = population_limit(parameters.num_channels, parameters.expected_active, parameters.cutoff)
    return Observation({}, {"error": Measurement(value)})


def error_shape(parameters: Parameters) -> float:
    """k m^(-1/2)."""
    return parameters.expected_active * parameters.num_channels**-0.5


def iterations_shape(parameters: Parameters) -> float:
    """m ln m."""
    from math import log

    return parameters.num_channels * log(parameters.num_channels)
