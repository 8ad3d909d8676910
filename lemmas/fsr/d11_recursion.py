r"""Remark D.11, measured: how the error of one level enters the next.

Setting: as in ``super_resolution_runs``: the highest level below the last is off by e, every row of its V turned by e and every
column of its W moved by e. Algorithm 3 learns the last level through a dictionary off by delta, b = 5 delta. eps_l is the root of
the mean square of S_l - S*_l over channels, patches and latents.

Statement (as printed, l.2724): if level l is learned to accuracy eps_l, the recursion requires eps_l >= eps_(l-1) poly(d/eps);
this is why only constantly many levels L = O(1) are supported.

Checkable form: eps_l <= 3 eps_(l-1) at level 2 and at level 3, with b = 5 e/2 and with b = 2 e/5: in the root mean square a
level costs a constant factor, not poly(d/eps); and with b = 5 e/2 eps_2 is proportional to e (exponent 1, allowance 0.1). In
the tail it is another matter: with b = 5 e/2 all |S_l - S*_l| <= 7b with probability at least 0.99 over z, with a b that does
not follow the error of the level below they are not.

Measured, m = 8: eps_2/eps_1 = 1.2 at small b and 1.3 at b = 5 e/2, eps_3/eps_2 1.4 and 1.9; for e = 0 and b = 0.02, eps_2 = 0.003.
The codes are of the same size on all levels. At b = 0.02 the share of codes with |S_2 - S*_2| > 7b is 3e-5, 3e-3, 3e-2, 7e-2 for
e = 0.0125, 0.025, 0.05, 0.1. From e = 10 b on the descent itself often fails, as hardly any sample can be fitted to b.
Controls: e = 50 b, for the factor; b = e/5, for the tail; the exponent 2.
Departures: e is given, not left by a run on the level below; errors of level l - 1 are on both sides of the target's codes.
Source: section D.4, l.2724-2726.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import Selection
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.frequency import Frequency
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.scaling import Scaling
from fsrcheck.evidence.trial import Observation
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.statement import Control, Kind, Statement
from fsrcheck.training.super_resolution import SuperResolved
from lemmas.fsr.super_resolution_runs import (
    CHUNK,
    Instances,
    Parameters,
    build,
    compared,
    learned_codes,
    observations,
    train,
)

FAR = 7.0  # in units of b
LIKELY = 0.99
FOLLOWING = 0.5  # delta/e where b follows the error of the level below
ERRORS = (0.0125, 0.02, 0.035, 0.06, 0.1)


@dataclass(frozen=True)
class RecursionParameters(Parameters):
    """Parameters of a level above one that is off."""

    dictionary_error: float = 0.025
    lower_error: float = 0.05
    num_steps: int = 700
    batch_size: int = 64
    evaluation_samples: int = 8192

    def __post_init__(self) -> None:
        """Refuse a level below without an error: there is nothing to compare with."""
        super().__post_init__()
        if not self.lower_error > 0:
            raise InputError(f"lower_error must be above 0, got {self.lower_error}")

    @property
    def follows(self) -> bool:
        """Whether b is above the error of the level below."""
        return self.b > self.lower_error


def run(parameters: RecursionParameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Run Algorithm 3 and compare both levels with the target's."""
    instances = build(parameters, seeds, device)
    measured, counts = compare(parameters, instances, train(parameters, instances))
    return observations(instances, measured, counts)


def compare(
    parameters: RecursionParameters, instances: Instances, learned: SuperResolved
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """eps_(l-1), eps_l and eps_l/eps_(l-1), and in how many latents all codes are within 7b, each (batch,)."""
    latents = streams(instances.seeds, "latents of Remark D.11")
    size, device = instances.target.latent_dim, instances.target.device
    lower, upper, near = torch.zeros(3, instances.shape[0], dtype=torch.float64, device=device)
    for start in range(0, parameters.evaluation_samples, CHUNK):
        count = min(CHUNK, parameters.evaluation_samples - start)
        z = standard_normal(latents, (count, size), device)
        below = instances.lower.codes(z)[-1] - instances.target.codes(z)[-2]
        found = compared(instances, learned.generator, z)
        off = learned_codes(found.linear, learned.leak[:, None, None], parameters) - found.target
        off = off.unflatten(0, instances.shape)
        lower += below.square().mean(dim=(2, 3)).sum(dim=1)
        upper += off.square().mean(dim=(1, 3)).sum(dim=1)
        near += (off.abs() <= FAR * parameters.b).all(dim=3).all(dim=1).sum(dim=1)
    errors = [(total / parameters.evaluation_samples).sqrt().nan_to_num(nan=torch.inf) for total in (lower, upper)]
    measured = {"lower": errors[0], "upper": errors[1], "factor": errors[1] / errors[0]}
    return measured, {"near": near, "latents": torch.full_like(near, parameters.evaluation_samples)}


FOLLOWS = Selection({"follows": True})
START = RecursionParameters()
SERIES = tuple(replace(START, lower_error=error, dictionary_error=FOLLOWING * error) for error in ERRORS)
SMALL_CUTOFF = replace(START, dictionary_error=0.004, num_steps=1000)
LAW = Scaling(
    "law",
    r"$\varepsilon_2$ is proportional to $e$ (exponent 1, allowance 0.1), $b = \frac{5}{2} e$",
    "upper",
    "lower_error",
    exponent=1.0,
    allowance=0.1,
    two_sided=True,
    where=Selection({"follows": True, "num_levels": 2, "num_channels": 8}),
    tracked=("dictionary_error",),
)
THIRD = replace(START, num_levels=3, num_patches=4)

STATEMENT = Statement(
    id="fsr.D.11.run",
    label="Remark D.11, measured",
    kind=Kind.REMARK,
    title="Error of a level against that of the level below",
    printed=r"if the $\ell$-th layer is learned to accuracy $\varepsilon_\ell$, the recursion requires $\varepsilon_\ell \ge "
    r"\varepsilon_{\ell-1} \cdot \mathrm{poly}(d/\varepsilon)$; this is why only constantly many layers $L = O(1)$ are supported",
    checkable=r"with level $\ell - 1$ off by $e$: $\varepsilon_\ell \le 3 \varepsilon_{\ell-1}$ in the root mean square at "
    r"levels 2 and 3, for $b = \frac{5}{2} e$ and for $b = \frac{2}{5} e$; $\varepsilon_2$ is proportional to $e$ for "
    r"$b = \frac{5}{2} e$, and then all $|S_\ell - S^\star_\ell| \le 7 b$ with probability $\ge 0.99$",
    source="section D.4, l.2724-2726",
    evidence="runs of Algorithm 3 above a level that is off, then 8192 latents for each instance",
    claims=(
        Bound(
            "factor",
            r"$\varepsilon_\ell \le 3 \varepsilon_{\ell-1}$ in the root mean square, $\ell = 2, 3$",
            "factor",
            "three",
            lambda parameters: 1.0,
        ),
        LAW,
        Frequency(
            "tail",
            r"all $|S_\ell - S^\star_\ell| \le 7 b$ with probability $\ge 0.99$ over $z$, where $b = \frac{5}{2} e$",
            "near",
            lambda parameters: LIKELY,
            attempts="latents",
            where=FOLLOWS,
        ),
    ),
    controls=(
        Control(
            "far too small b",
            r"$e = 0.5$, $b = 0.01$",
            "factor",
            {"lower_error": 0.5, "dictionary_error": 0.002},
            trials=8,
        ),
        Control("b does not follow", r"$b = e/5$", "tail", {"dictionary_error": 0.004}, {"lower_error": 0.1}, trials=4),
        Control(
            "square",
            r"$\varepsilon_2$ is claimed proportional to $e^2$",
            "law",
            altered_claim=replace(LAW, exponent=2.0),
        ),
    ),
    expected=Verdict.SUPPORTED,
    parameters=RecursionParameters,
    cases={
        "quick": (*SERIES, SMALL_CUTOFF, THIRD),
        "standard": (
            *SERIES,
            SMALL_CUTOFF,
            THIRD,
            replace(THIRD, dictionary_error=0.004, num_steps=1000),
            *(replace(START, num_channels=m, num_steps=1500, batch_size=128) for m in (16, 32)),
        ),
    },
    trials={"quick": 7, "standard": 24},
    batch=8,
    run=run,
    constants=(Constant("three", 3.0, Provenance.CHOSEN, "stands for poly(d/eps), and is none"),),
    departures=(
        r"$e$ is given: every row of $\mathbf{V}_{\ell-1}$ turned by $e$, every column of $\mathbf{W}_{\ell-1}$ moved by $e$.",
        r"$S_{\ell-1}$ is off on both sides; Lemma D.10 would leave it one-sided.",
    ),
    requires=("fsr.D.2",),
)
