r"""Setting 2.1: the parameter regime, as far as one instance can be held against it.

Setting: a target network (section 2.1).

Statement (as printed, l.119): L = O(1), each m_l = poly(d), each d_l = poly(d), each ||V_{l,j,j'}||_F <= poly(d); and,
from the definition of the target (l.103), every W_{l,j} is column orthonormal.

Checkable form: ||V_{1,j}||_F <= (t + 2/t) sqrt(m) with t = Q^-1(k/m), at E[S | S > 0] = 1. Proof: the rows have norm
alpha = 1 / (h - t) with h = phi(t)/Q(t), and h - t > t / (t^2 + 2) for t > 0 (the continued fraction of Mills' ratio).
Since t = O(sqrt(log m)), this is m^(1/2 + o(1)), a polynomial of degree below 1. ||V_{2,j}||_F <= m for the families with
two levels. max |W^T W - I| <= 1e-8.

Measured: see the report. Controls: weights scaled by m; atoms with inner product 0.1.
Departures from the paper: none. Source: section 2.1, l.99-119.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import Selection
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.gaussian import inverse_tail
from fsrcheck.model.target import ORTHONORMALITY_TOLERANCE, orthonormality_defect
from fsrcheck.statement import Control, Kind, Statement
from lemmas.fsr.assumptions import Parameters as AssumptionParameters
from lemmas.fsr.assumptions import instances


@dataclass(frozen=True)
class Parameters(AssumptionParameters):
    """Parameters of Setting 2.1."""

    weight_scale: float = 1.0  # multiplies V; anything but 1 leaves the setting


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Norms of the weights of one level and the defect of all its dictionaries."""
    target = instances(parameters, seeds, device)
    level = target.levels[parameters.level - 1]
    weights = level.latent_weights if parameters.level == 1 else level.weights
    norms = parameters.weight_scale * torch.linalg.matrix_norm(weights).amax(dim=1)
    defects = orthonormality_defect(level.dictionary).amax(dim=1)
    return [
        Observation({}, {"norm": Measurement(float(norm)), "defect": Measurement(float(defect))})
        for norm, defect in zip(norms, defects, strict=True)
    ]


def first_level_norm(parameters: Parameters) -> float:
    """(t + 2/t) sqrt(m)."""
    t = float(inverse_tail(torch.tensor(parameters.firing, dtype=torch.float64)))
    return (t + 2 / t) * parameters.num_channels**0.5


SIZES = (16, 32, 64, 128, 256)

STATEMENT = Statement(
    id="fsr.2.1",
    label="Setting 2.1",
    kind=Kind.SETTING,
    title="Parameter regime",
    printed=r"$L = O(1)$, each $m_\ell = \mathrm{poly}(d)$, each $d_\ell = \mathrm{poly}(d)$, each "
    r"$\|V^*_{\ell,j,j'}\|_F \le \mathrm{poly}(d)$; $W^*_{\ell,j}$ column orthonormal",
    checkable=r"$\|V_{1,j}\|_F \le (t + 2/t) \sqrt{m}$ with $t = Q^{-1}(k/m)$; $\|V_{2,j}\|_F \le m$; "
    r"$\max |W^\top W - I| \le 10^{-8}$",
    source="section 2.1, l.99-119",
    evidence="closed form against the families",
    claims=(
        Bound(
            "first level",
            r"$\|V_{1,j}\|_F \le (t + 2/t) \sqrt{m}$",
            "norm",
            "one",
            first_level_norm,
            where=Selection({"level": 1}),
        ),
        Bound(
            "second level",
            r"$\|V_{2,j}\|_F \le m$",
            "norm",
            "degree",
            lambda parameters: float(parameters.num_channels),
            where=Selection({"level": 2}),
        ),
        Bound("orthonormal", r"$\max |W^\top W - I| \le 10^{-8}$", "defect", "tolerance", lambda parameters: 1.0),
    ),
    controls=(
        Control(
            "large weights", "V scaled by m", "first level", {"weight_scale": 16.0}, {"num_channels": 16}, trials=7
        ),
        Control(
            "large weights above",
            "V scaled by m",
            "second level",
            {"weight_scale": 16.0},
            {"level": 2},
            trials=7,
        ),
        Control(
            "coherent atoms",
            "column-orthonormal dictionary: inner products 0.1",
            "orthonormal",
            {"family": "non_orthonormal_dictionary", "coherence": 0.1},
            {"level": 1},
            trials=7,
        ),
    ),
    expected=Verdict.SUPPORTED,
    parameters=Parameters,
    cases={
        "quick": (
            *(Parameters(num_channels=m) for m in SIZES),
            Parameters("disjoint_supports", num_channels=16, num_patches=2, num_levels=2, level=2),
        )
    },
    trials={"quick": 7},
    batch=7,
    run=run,
    constants=(
        Constant("one", 1.0, Provenance.DERIVED, "h - t > t / (t^2 + 2), Mills' ratio"),
        Constant("degree", 1.0, Provenance.CHOSEN, "poly(d) read as m"),
        Constant("tolerance", ORTHONORMALITY_TOLERANCE, Provenance.CHOSEN, "what counts as column orthonormal"),
    ),
)
