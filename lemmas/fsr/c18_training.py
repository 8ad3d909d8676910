r"""Lemma C.18, measured: the first level as Algorithm 2 leaves it, turned onto the target's and raised.

Setting: as in ``first_hidden_runs``, columns of W off by delta, b = 20 delta. U is the rotation of ``c18_first_level`` that
brings V* U closest to V. Then every threshold is raised (line 8 of Algorithm 4).

Statement (as printed, l.1851-1854): there is U with ||V_j - V*_j U||_F <= 1/poly(d/eps), and w.h.p. over z
S*_jr(U z) - 1/poly(d/eps) <= S_jr(z) <= S*_jr(U z).

Checkable form: ||V - V* U||_F over all patches is at most delta n, n the number of neurons, and proportional to delta.
The raise a = t max_r ||(V - V* U)_r|| + max_r |beta_r - beta*_r| with t = 4 makes S <= S*(U z) for all n neurons at once with
probability at least 1 - 2 n Q(4), and then S >= S*(U z) - 2 a; and the raise itself is at most 2 b: a raise that grew with
what is left would hide any failure.

Measured: ||V - V* U||_F is 2 to 3 delta at n = 24..64, the raise about b/4.
Controls: no raise; D5 left out, which the raise alone would hide: its size is what fails.
Departures: the learner's own law is evaluated with plain ReLUs; z is sampled.
Source: section C.5, l.1838-1876.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import Claim, Selection
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.frequency import Frequency
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.scaling import Scaling
from fsrcheck.evidence.trial import Observation
from fsrcheck.gaussian import tail
from fsrcheck.model.coupling import closest_coupling
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.statement import Control, Kind, Statement
from fsrcheck.training.first_hidden import Learned
from fsrcheck.training.first_hidden_oracles import FirstLevelLaw
from lemmas.fsr.first_hidden_runs import (
    LEARNED,
    LEARNED_START,
    NO_PAIRS,
    Parameters,
    build,
    observations,
    train_marginals,
    train_pairs,
)

DEVIATIONS = 4.0  # t
LATENTS = 4096  # z, for each instance
ERRORS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
SIZES = {"quick": (12, 24), "standard": (12, 16, 24, 32, 48, 64)}


@dataclass(frozen=True)
class RaiseParameters(Parameters):
    """Parameters of a run of Algorithm 2 with a raise after it."""

    raise_share: float = 1.0  # of a


def run(parameters: RaiseParameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Run Algorithm 2, align, raise, and count over z."""
    instances = build(parameters, seeds, device)
    learned = train_pairs(parameters, instances, train_marginals(parameters, instances))
    rows, true_rows = aligned(learned, instances.law)
    rest = rows - true_rows
    shift = (learned.channels.thresholds - instances.law.channels.thresholds).abs().amax(dim=-1)
    needed = DEVIATIONS * rest.norm(dim=-1).amax(dim=-1) + shift
    codes, true_codes = both_codes(rows, true_rows, learned, instances.law, parameters.raise_share * needed, seeds)
    above = (codes <= true_codes).all(dim=-1).sum(dim=-1)
    below = (codes >= true_codes - 2 * needed[:, None, None]).all(dim=-1).sum(dim=-1)
    measured = {"distance": torch.linalg.matrix_norm(rest), "raise": needed}
    counts = {"attempts": torch.full_like(above, LATENTS), "not_above": above, "not_far_below": below}
    return observations(instances.margins, measured, counts)


def aligned(learned: Learned, law: FirstLevelLaw) -> tuple[Tensor, Tensor]:
    """V and V* U, each (batch, neuron, latent)."""
    assert learned.directions is not None
    rows = learned.channels.scales[..., None] * learned.directions
    values, vectors = torch.linalg.eigh(law.correlations)
    root = vectors * values.clamp(min=0).sqrt()[..., None, :]
    target = law.channels.scales[..., None] * root
    return rows, target @ closest_coupling(rows, target)


def both_codes(
    rows: Tensor, true_rows: Tensor, learned: Learned, law: FirstLevelLaw, raised: Tensor, seeds: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """S(z) with every threshold raised by ``raised``, (batch,), and S*(U z), each (batch, sample, neuron)."""
    latents = standard_normal(streams(seeds, "latents of Lemma C.18"), (LATENTS, rows.shape[-1]), rows.device)
    thresholds = learned.channels.thresholds + raised[:, None]
    codes = (latents @ rows.mT - thresholds[:, None]).clamp(min=0)
    return codes, (latents @ true_rows.mT - law.channels.thresholds[:, None]).clamp(min=0)


def neurons(parameters: Parameters) -> int:
    """n."""
    return parameters.num_channels * parameters.num_patches


def likely(parameters: Parameters) -> float:
    """1 - 2 n Q(t)."""
    return 1 - 2 * neurons(parameters) * float(tail(DEVIATIONS))


START = RaiseParameters(**asdict(LEARNED_START))


def cases(scale: str) -> tuple[RaiseParameters, ...]:
    """In delta and in m."""
    in_error = (replace(START, dictionary_error=error) for error in ERRORS)
    return tuple(dict.fromkeys((*in_error, *(replace(START, num_channels=m) for m in SIZES[scale]))))


CLAIMS: tuple[Claim, ...] = (
    Bound(
        "distance",
        r"$\|V - V^\star U\|_F \le n\, \delta$ for the stack of all patches, $n$ neurons",
        "distance",
        "one",
        lambda parameters: neurons(parameters) * parameters.dictionary_error,
        where=LEARNED,
    ),
    Scaling(
        "law in the error",
        r"$\|V - V^\star U\|_F$ is proportional to $\delta$ over four decades (exponent 1, allowance 0.05)",
        "distance",
        "dictionary_error",
        exponent=1.0,
        allowance=0.05,
        two_sided=True,
        where=Selection({**LEARNED.values, "num_channels": 16}),
    ),
    Bound(
        "raise",
        r"the raise $a = 4 \max_r \|(V - V^\star U)_r\| + \max_r |\beta_r - \beta^\star_r|$ is at most $2 b$",
        "raise",
        "two",
        lambda parameters: parameters.b,
        where=LEARNED,
    ),
    Frequency(
        "one-sided",
        r"after it $S_{jr}(z) \le S^\star_{jr}(U z)$ for all $j, r$ with probability $\ge 1 - 2 n Q(4)$",
        "not_above",
        likely,
        attempts="attempts",
        where=LEARNED,
    ),
    Frequency(
        "not far below",
        r"and $S_{jr}(z) \ge S^\star_{jr}(U z) - 2 a$ for all $j, r$ with probability $\ge 1 - 2 n Q(4)$",
        "not_far_below",
        likely,
        attempts="attempts",
        where=LEARNED,
    ),
)
CONTROLS = (
    Control("no raise", "thresholds are not raised", "one-sided", {"raise_share": 0.0}, LEARNED.values, trials=8),
    Control(
        "raised too far", r"thresholds raised by $4 a$", "not far below", {"raise_share": 4.0}, LEARNED.values, trials=8
    ),
    Control("no D5, distance", "D5 left out", "distance", {"pairs": NO_PAIRS}, {"dictionary_error": 1e-4}, trials=8),
    Control("no D5, raise", "D5 left out", "raise", {"pairs": NO_PAIRS}, {"dictionary_error": 1e-4}, trials=8),
)

STATEMENT = Statement(
    id="fsr.C.18.run",
    label="Lemma C.18, measured",
    kind=Kind.LEMMA,
    title="The first level after Algorithm 2, turned and raised",
    printed=r"there is $\mathbf{U}$ with $\|\mathbf{V}_{1,j} - \mathbf{V}^\star_{1,j} \mathbf{U}\|_F \le "
    r"1/\mathrm{poly}(d/\varepsilon)$, and w.h.p. over $z$: $[S^\star_{1,j}(\mathbf{U} z)]_r - 1/\mathrm{poly}(d/\varepsilon) "
    r"\le [S_{1,j}(z)]_r \le [S^\star_{1,j}(\mathbf{U} z)]_r$",
    checkable=r"$\|V - V^\star U\|_F \le n \delta$, proportional to $\delta$; with every threshold raised by $a = 4 \max_r "
    r"\|(V - V^\star U)_r\| + \max_r |\beta_r - \beta^\star_r| \le 2 b$: $S^\star(U z) - 2 a \le S(z) \le S^\star(U z)$ for all "
    r"neurons with probability $\ge 1 - 2 n Q(4)$",
    source="section C.5, l.1838-1876",
    evidence="runs of Algorithm 2, then 4096 latents z for each instance",
    claims=CLAIMS,
    controls=CONTROLS,
    expected=Verdict.SUPPORTED,
    parameters=RaiseParameters,
    cases={"quick": cases("quick"), "standard": cases("standard")},
    trials={"quick": 8, "standard": 24},
    batch=8,
    run=run,
    constants=(
        Constant("one", 1.0, Provenance.CHOSEN, "stands for poly(k)"),
        Constant("two", 2.0, Provenance.CHOSEN, "stands for poly(k); the paper raises by 7 b at higher levels"),
    ),
    departures=("One run of Algorithm 2 at one delta, not the whole recursion of Algorithm 4.",),
    requires=("fsr.C.10.run", "fsr.C.18"),
)
