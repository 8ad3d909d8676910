r"""Claim A.5: for a random anchor the top two candidates of any set of channels are apart.

Setting: R a non-empty set of channels, x the sum of two fresh patches, v_r = E[S_r^3] <W_r, x> for r in R;
V_1 >= V_2 the two largest of them (V_2 = 0 if R has one element).

Statement (as printed, Appendix A, l.709-713): with probability at least 1 / (poly(k) m^2) over x,
V_1 - V_2 > 1 / (poly(k) m).

Checkable form: Pr[V_1 - V_2 > k/m] >= |R| q (1 - k/m)^(2 |R| - 2) for independent channels, where
q = Pr[S_p > (k/m) / E S_p^3]. Proof: the events "in the first patch channel r exceeds that value, and no other
channel of R is active in either patch" (r in R) are disjoint, each has probability q (1 - k/m)^(2 |R| - 2), and on
each V_1 - V_2 > k/m. Since E S_p^3 >= E S_p = k/m (by E[S | S > 0] = 1 and Jensen) the value is at most 1.
So the probability is of order 1/m for a single channel and of order 1 for all channels: the printed m^-2, which
asks that both patches fire in the same channel, is pessimistic by a factor m, and the paper's m^3 iterations by m^2.

Measured: the frequency over many anchors, for |R| = 1, m/2 and m. Controls: two channels of R that fire together.
Departures from the paper: none. Source: Appendix A, l.709-756.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.evidence.frequency import Frequency
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.trial import Observation
from fsrcheck.gaussian import inverse_tail, relu_mean, tail
from fsrcheck.model.streams import streams
from fsrcheck.statement import Control, Kind, Statement
from lemmas.fsr.a3_tensor_to_svd import code_moments
from lemmas.fsr.targets import TargetParameters, build_target, premise_margins

CHUNK = 4096


@dataclass(frozen=True)
class Parameters(TargetParameters):
    """Parameters of Claim A.5."""

    candidates: int = 1  # |R|
    num_anchors: int = 5000

    def __post_init__(self) -> None:
        """Refuse a set that is larger than that of all channels."""
        super().__post_init__()
        if self.candidates > self.num_channels:
            raise InputError(f"candidates must be at most num_channels = {self.num_channels}, got {self.candidates}")


def gaps(anchors: Tensor, third_moment: float) -> Tensor:
    """V_1 - V_2 over the channels of R; anchors (..., |R|) are the codes <W_r, x>."""
    values = third_moment * anchors
    if values.shape[-1] == 1:
        return values[..., 0]
    top = values.topk(2, dim=-1).values
    return top[..., 0] - top[..., 1]


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Count the anchors whose gap exceeds k/m."""
    target = build_target(parameters, seeds, device)
    generators = streams(seeds, "anchors")
    third = code_moments(parameters.firing)[2]
    wide = torch.zeros(len(seeds), dtype=torch.int64)
    for start in range(0, parameters.num_anchors, CHUNK):
        count = min(CHUNK, parameters.num_anchors - start)
        codes = target.sample_codes(generators, 2 * count)[0][:, :, 0, : parameters.candidates]
        wide += (gaps(codes[:, ::2] + codes[:, 1::2], third) > parameters.firing).sum(dim=1).cpu()
    return [
        Observation(margins, {}, {"wide": int(wide[i]), "anchors": parameters.num_anchors})
        for i, margins in enumerate(premise_margins(target, parameters, seeds))
    ]


def guaranteed(parameters: Parameters) -> float:
    """|R| q (1 - k/m)^(2 |R| - 2): the derived lower limit of the probability."""
    firing = parameters.firing
    threshold = inverse_tail(torch.tensor(firing, dtype=torch.float64))
    mean, _, third = code_moments(firing)
    scale = mean / float(relu_mean(threshold))
    exceeds = float(tail(threshold + firing / third / scale))
    return parameters.candidates * exceeds * (1 - firing) ** (2 * parameters.candidates - 2)


def printed(parameters: Parameters) -> float:
    """1 / m^2: the printed probability with poly(k) = 1."""
    return parameters.num_channels**-2.0


SIZES = (16, 32, 64, 128)

STATEMENT = Statement(
    id="fsr.A.5",
    label="Claim A.5",
    kind=Kind.CLAIM,
    title="Eigen-gap for a random anchor",
    printed=r"for every non-empty $R \subseteq [m]$, with probability at least $1/(\mathrm{poly}(k) m^2)$ over $x$: "
    r"$V_1 - V_2 > 1/(\mathrm{poly}(k) m)$",
    checkable=r"$\Pr[V_1 - V_2 > k/m] \ge |R| q (1 - k/m)^{2|R| - 2}$ with $q = \Pr[S_p > (k/m)/E S_p^3]$, "
    r"for independent channels; this is of order $1/m$ or larger, against the printed $m^{-2}$",
    source="Appendix A, l.709-756",
    evidence="measured on samples",
    claims=(
        Frequency("printed", r"$\Pr[V_1 - V_2 > k/m] \ge m^{-2}$", "wide", printed, attempts="anchors"),
        Frequency(
            "explicit", r"$\Pr[V_1 - V_2 > k/m] \ge |R| q (1 - k/m)^{2|R|-2}$", "wide", guaranteed, attempts="anchors"
        ),
    ),
    controls=(
        Control(
            "twins",
            "Assumption 2.2 for one pair: the two channels of R fire together",
            "explicit",
            {"family": "one_correlated_pair", "correlation": 0.995},
            {"candidates": 2, "num_channels": 32},
            premises=("pair_probability", "triple_probability", "sigma_min"),
        ),
    ),
    expected=Verdict.SUPPORTED,
    parameters=Parameters,
    cases={
        "quick": (
            *(
                Parameters(num_channels=m, expected_active=k, candidates=size)
                for k in (1.0, 2.0)
                for m in SIZES
                for size in (1, m // 2, m)
            ),
            Parameters(num_channels=32, candidates=2),
        ),
    },
    trials={"quick": 2, "standard": 16},
    batch=4,
    run=run,
)
