r"""Assumptions 2.2 and 2.3, and the claim that the paper's own family satisfies them all (after Assumption 2.3).

Setting: the codes S of one level and patch, m channels, k = m Pr[S_p > 0] (``expected_active``; the paper's k_l
bounds the number of active channels instead).

Statement (as printed, section 2.1, l.123-170): probabilities at most poly(k)/m, means at least 1/(poly(k) m), bounded
maximum and number of active channels, pairs at most poly(k)/m^2, triples at most m^-2.01; anti-concentration with
slope poly(k), sigma_min(mu) >= m^-1.15, and at the first level pairs neither too rare nor nested. The paper's family:
one parent, disjoint supports, m_{l+1} <= m_l, norms and biases such that Pr[S_p > 0] = E S_p.

Checkable form: each limit with the explicit constant of ``fsrcheck.model.premises``, judged on the conservative end of
a confidence interval where it is sampled (levels above the first) and exactly where it is closed form. For an
assumption the claims are that the checker accepts what satisfies it; the controls, that it refuses what does not.

The reason given for sigma_min (l.154, "almost diagonal-dominant") does not hold: for independent channels
mu = e (1 - pi) I + e pi 1 1^T, whose off-diagonal rows sum to (m - 1) pi e, about k times the diagonal. That matrix is
well conditioned for another reason: sigma_min = e (1 - pi) exactly. The bound on mu's entries is eps_1, not eps_2.

The paper's family allows two patches of the first level to have the same rows V; then "both fire" has the probability
of one of them, which the last part of Assumption 2.3 excludes. Repair: the absolute correlation of
rows of distinct patches is bounded away from 1.

Measured: see the report. Departures from the paper: none. Source: section 2.1, l.121-170.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from fsrcheck.errors import InputError
from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import EVERYTHING, Selection
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.gaussian import inverse_tail, tail, upper_orthant
from fsrcheck.model.assumptions import measure_assumptions
from fsrcheck.model.families import FAMILIES
from fsrcheck.model.measurements import AssumptionMeasurements
from fsrcheck.model.premises import AssumptionConstants
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement
from lemmas.fsr.targets import TargetParameters, at_level, build_target, own_target


@dataclass(frozen=True)
class Parameters(TargetParameters):
    """Parameters of the assumptions."""

    level: int = 1  # l
    num_levels: int = 1  # L
    num_parents: int = 2  # |P_{l,j}|, for the families that take it
    patch_dim: int = 0  # d, the dimension of a patch; 0 for num_channels

    def __post_init__(self) -> None:
        """Refuse a level that is not there."""
        super().__post_init__()
        for name, least in (("num_levels", 1), ("num_parents", 1), ("patch_dim", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not 1 <= self.level <= self.num_levels:
            raise InputError(f"level must be in 1..num_levels = {self.num_levels}, got {self.level}")


def instances(parameters: Parameters, seeds: Sequence[int], device: str) -> Any:
    """The targets of a batch of seeds."""
    extra: dict[str, int] = {"level": parameters.level}
    if parameters.patch_dim:
        extra["patch_dim"] = parameters.patch_dim
    if parameters.num_levels > 1:
        extra["num_levels"] = parameters.num_levels
        if parameters.family != "paper_example":
            extra["num_parents"] = parameters.num_parents
    return build_target(parameters, seeds, device, **extra)


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Measure every quantity of both assumptions, the worst over patches at the conservative end."""
    measured = measure_assumptions(instances(parameters, seeds, device), parameters.level, seeds=seeds)
    values = {name: quantity(measured) for name, quantity in QUANTITIES.items()}
    return [
        Observation(
            premises={},
            measurements={name: Measurement(float(value[i])) for name, value in values.items() if value is not None},
            counts={"samples": measured.num_samples},
        )
        for i in range(len(seeds))
    ]


def _worst_upper(name: str) -> Callable[[AssumptionMeasurements], torch.Tensor]:
    return lambda measured: getattr(measured, name).upper.amax(dim=-1)


def _worst_lower(name: str) -> Callable[[AssumptionMeasurements], torch.Tensor]:
    return lambda measured: getattr(measured, name).lower.amin(dim=-1)


QUANTITIES: dict[str, Callable[[AssumptionMeasurements], torch.Tensor | None]] = {
    **{
        name: _worst_upper(name)
        for name in (
            "activation_probability",
            "max_activation",
            "num_active",
            "pair_probability",
            "triple_probability",
            "anti_concentration",
            "joint_anti_concentration",
        )
    },
    "mean_activation": _worst_lower("mean_activation"),
    "sigma_min": _worst_lower("sigma_min"),
    "cross_ratio": lambda measured: measured.cross_ratio and measured.cross_ratio[0].lower.amin(dim=-1),
    "cross_gap": lambda measured: measured.cross_ratio and (1 - measured.cross_ratio[1].upper).amin(dim=-1),
}

TEXTS = {
    "activation_probability": r"$m \Pr[S_p \ne 0] \le 2k$",
    "mean_activation": r"$m E[S_p] \ge 1/(4k)$",
    "max_activation": r"the 0.99 quantile of $\|S\|_\infty$ is at most $2 \ln(200 k)$",
    "num_active": r"the 0.99 quantile of $\|S\|_0$ is at most Bernstein's limit for $2k$ expected",
    "pair_probability": r"$m^2 \Pr[S_p > 0, S_q > 0] \le 4 k^2$",
    "triple_probability": r"$m^{2.01} \Pr[S_p > 0, S_q > 0, S_r > 0] \le 1$",
    "anti_concentration": r"$\Pr[S_p \le \delta | S_p > 0] \le 4 \delta$",
    "joint_anti_concentration": r"$\Pr[S_p \le \delta | S_p > 0, S_q > 0] \le 4 \delta$",
    "sigma_min": r"$m^{1.15} \sigma_{\min}(\mu) \ge 1/4$",
    "cross_ratio": r"$\Pr[\mathrm{both} > 0] \ge d^{-2} \min \Pr$, first level",
    "cross_gap": r"$\Pr[\mathrm{both} > 0] \le (1 - 1/d) \min \Pr$, first level",
}
LOWER = ("mean_activation", "sigma_min", "cross_ratio", "cross_gap")
ASSUMPTION_2_2 = tuple(TEXTS)[:6]
ASSUMPTION_2_3 = tuple(TEXTS)[6:]


def limit(name: str) -> Callable[[Parameters], float]:
    """The explicit limit of one quantity as a function of the parameters."""

    def value(parameters: Parameters) -> float:
        patch_dim = parameters.patch_dim or parameters.num_channels
        return float(getattr(AssumptionConstants.defaults(parameters.expected_active, patch_dim), name))

    return value


def claims(names: Sequence[str]) -> tuple[Bound, ...]:
    """One bound for every quantity; those on cross-patch pairs speak of the first level only."""
    return tuple(
        Bound(
            name.replace("_", " "),
            TEXTS[name],
            name,
            "explicit",
            limit(name),
            upper=name not in LOWER,
            where=Selection({"level": 1}) if name.startswith("cross") else EVERYTHING,
        )
        for name in names
    )


EXPLICIT = Constant(
    "explicit",
    1.0,
    Provenance.CHOSEN,
    "the limits themselves are those of fsrcheck.model.premises, each with its reason",
)
TWO_LEVELS: dict[str, Any] = {
    "num_levels": 2,
    "level": 2,
    "num_patches": 2,
    "num_channels": 16,
    "expected_active": 1.0,
}
ACCEPTED = (
    *(Parameters(num_channels=m, expected_active=k) for k in (1.0, 2.0) for m in (16, 32, 64, 128)),
    Parameters("cross_patch_correlated", num_patches=2, correlation=0.5),
    Parameters("disjoint_supports", **TWO_LEVELS),
    Parameters("overlapping_inhibition", **TWO_LEVELS),
)
BASE: dict[str, Any] = {"num_channels": 64, "expected_active": 2.0, "family": "independent_channels"}
TWO_LEVEL_BASE: dict[str, Any] = {"family": "disjoint_supports"}


def adopt_levels(path: Path) -> list[Parameters]:
    """The parameters of every level of a target read from a file.

    Raises:
        InputError: the file is not a target of one instance.
    """
    target = own_target(path)
    nominal = Parameters(num_levels=target.num_levels)
    return [
        at_level(replace(nominal, level=level, patch_dim=layer.dictionary.shape[-2]), path, target, level)
        for level, layer in enumerate(target.levels, start=1)
    ]


def _control(name: str, breaks: str, claim: str, base: dict[str, Any], **changes: Any) -> Control:
    return Control(name, breaks, claim, changes, base, trials=7)


STATEMENT_2_2 = Statement(
    id="fsr.2.2",
    label="Assumption 2.2",
    kind=Kind.ASSUMPTION,
    title="Sparse coding structure",
    printed=r"$\Pr[S_p \ne 0] \le \mathrm{poly}(k)/m$, $E[S_p] \ge 1/(\mathrm{poly}(k) m)$; w.h.p. $\|S\|_\infty \le "
    r"\mathrm{poly}(k)$, $\|S\|_0 \le k$; $\Pr[S_p, S_q > 0] \le \varepsilon_1 = \mathrm{poly}(k)/m^2$ and "
    r"$\Pr[S_p, S_q, S_r > 0] \le \varepsilon_2 = 1/m^{2.01}$ within a patch",
    checkable="each limit with an explicit constant: "
    + "; ".join(TEXTS[name] for name in ASSUMPTION_2_2)
    + "; accepted for families that satisfy it, refused for those that do not",
    source="section 2.1, l.121-139",
    evidence="closed form at the first level, exact binomial limits above",
    claims=claims(ASSUMPTION_2_2),
    controls=(
        _control("too many active", "sparsity: k = m/4", "activation probability", BASE, expected_active=16.0),
        _control("equicorrelated 0.3", "triples", "triple probability", BASE, family="equicorrelated", correlation=0.3),
        _control("equicorrelated 0.5", "triples", "triple probability", BASE, family="equicorrelated", correlation=0.5),
        _control(
            "one pair at 0.9", "one pair", "pair probability", BASE, family="one_correlated_pair", correlation=0.9
        ),
        _control("dense mixing", "pairs at level 2", "pair probability", TWO_LEVEL_BASE, family="dense_mixing"),
        _control("shared supports", "pairs at level 2", "pair probability", TWO_LEVEL_BASE, family="shared_supports"),
    ),
    expected=Verdict.SUPPORTED,
    parameters=Parameters,
    cases={"quick": ACCEPTED},
    trials={"quick": 7, "standard": 14},
    batch=7,
    run=run,
    constants=(EXPLICIT,),
    adopt_target=adopt_levels,
)


def diagonal_dominance() -> Counterexample:
    """m = 64, k = 2, independent channels: the off-diagonal row sum of mu over its diagonal."""
    m, k = 64, 2.0
    ratio = (m - 1) * k / m  # (m - 1) e pi over e
    return Counterexample(
        r"$m = 64$, $k = 2$, independent channels: off-diagonal row sum of $\mu$ over its diagonal, against $< 1$",
        1.0,
        ratio,
        ratio >= 1,
    )


STATEMENT_2_3 = Statement(
    id="fsr.2.3",
    label="Assumption 2.3",
    kind=Kind.ASSUMPTION,
    title="Anti-concentration and non-degeneracy",
    printed=r"$\Pr[S_p \le \delta | S_p > 0] \le \mathrm{poly}(k) \delta$, and given $S_p, S_q > 0$; $\sigma_{\min}(\mu) \ge "
    r"m^{-1.15}$ for $\mu_{p,q} = E[1_{S_p > 0} S_q]$; at the first level $\Pr[\mathrm{both} > 0] \in "
    r"[1/\mathrm{poly}(d), 1 - 1/\mathrm{poly}(d)] \times \min \Pr$",
    checkable="each limit with an explicit constant: " + "; ".join(TEXTS[name] for name in ASSUMPTION_2_3),
    source="section 2.1, l.141-164",
    evidence="closed form at the first level, exact binomial limits above",
    claims=claims(ASSUMPTION_2_3),
    controls=(
        _control("shared supports", "mu is singular", "sigma min", TWO_LEVEL_BASE, family="shared_supports"),
        _control(
            "nested pair",
            "a pair that fires together",
            "cross gap",
            BASE,
            family="one_correlated_pair",
            correlation=0.9999,
        ),
    ),
    errata=(
        Erratum(
            Defect.PROOF_GAP,
            r"$\mu$ is not almost diagonally dominant: for independent channels a row's other entries sum to about $k$ "
            r"times its diagonal. $\sigma_{\min} = e (1 - \pi)$ holds all the same, since "
            r"$\mu = e (1 - \pi) I + e \pi J$ with $J$ all ones.",
            r"the remark after the assumption (l.154): 'matrix $\mu$ is almost diagonal-dominant'",
            r"$\mu = e (1 - \pi) I + e \pi J$ with $J$ all ones, so $\sigma_{\min} = e (1 - \pi)$ for independent channels",
            diagonal_dominance,
        ),
        Erratum(
            Defect.MISPRINT,
            r"The off-diagonal entries of $\mu$ are bounded by $\varepsilon_1 = \mathrm{poly}(k)/m^2$; the remark calls "
            r"that $\varepsilon_2$, which is the bound $1/m^{2.01}$ on triples.",
            "the remark after the assumption (l.154)",
            r"$\varepsilon_1 = \mathrm{poly}(k)/m^2$",
        ),
    ),
    expected=Verdict.SUPPORTED,
    parameters=Parameters,
    cases={"quick": ACCEPTED},
    trials={"quick": 7, "standard": 14},
    batch=7,
    run=run,
    constants=(EXPLICIT,),
    adopt_target=adopt_levels,
)


def identical_patches() -> Counterexample:
    """Two patches with the same rows: Pr[both > 0] / min Pr must be at most 1 - 1/poly(d) and is 1."""
    target = FAMILIES["independent_channels"](8, 1.0, seeds=[0], num_patches=2)
    rows = target.first.latent_weights[0, 0]  # disjoint supports within the patch
    twins = torch.stack([rows, rows])
    unit = twins / twins.norm(dim=-1, keepdim=True)
    correlation = (unit[0, 0] @ unit[1, 0]).clamp(max=1 - 1e-12)
    threshold = inverse_tail(torch.tensor(1 / 8, dtype=torch.float64))
    ratio = float(upper_orthant(threshold, threshold, correlation) / tail(threshold))
    allowed = 1 - 1 / 8
    point = r"$d = m = 8$, two patches with $V_1 = V_2$: $\Pr[\mathrm{both} > 0] / \min \Pr$ against $1 - 1/d$"
    return Counterexample(point, allowed, ratio, ratio > allowed)


EXAMPLE_CASES = (
    *(
        Parameters("paper_example", num_channels=m, expected_active=2.0, level=level, num_levels=2)
        for m in (16, 32)
        for level in (1, 2)
    ),
    Parameters("cross_patch_correlated", num_patches=2, correlation=0.5),
)

EXAMPLE = Statement(
    id="fsr.example",
    label="Example after Assumption 2.3",
    kind=Kind.CLAIM,
    title="A family said to satisfy all assumptions",
    printed=r"with $m_{\ell+1} \le m_\ell$, $d_{\ell+1} \ge d_\ell$, $|P_{\ell,j}| = 1$, rows of $V_{\ell,j,j'}$ with disjoint "
    r"supports, and norms and biases such that $\Pr[S_p \ne 0] = E[S_p] \in [1/(\mathrm{poly}(k) m), \mathrm{poly}(k)/m]$, "
    r"all listed assumptions are satisfied",
    checkable="both assumptions with explicit constants at levels 1 and 2, when the absolute correlation of rows of "
    "distinct patches of the first level is bounded away from 1 (here at most 1/2)",
    source="section 2.1, l.166-170",
    evidence="closed form at the first level, exact binomial limits above",
    claims=claims(tuple(TEXTS)),
    controls=(
        _control(
            "shared supports",
            "disjoint supports at level 2",
            "sigma min",
            {"level": 2, "num_channels": 16},
            family="shared_supports",
            num_patches=2,
        ),
    ),
    errata=(
        Erratum(
            Defect.FALSE_STATEMENT,
            "This holds for generic rows; the condition is missing. Nothing in the construction keeps two patches of the "
            "first level from having the same rows; then one channel fires exactly when its twin does, which the last part "
            "of Assumption 2.3 excludes.",
            "'This easily satisfies all the aforementioned assumptions' (l.170)",
            r"the same, with the absolute correlation of rows of distinct patches of the first level bounded away from 1 "
            r"(antiparallel rows have $\Pr[\mathrm{both} > 0] = 0$, which is excluded as well)",
            identical_patches,
        ),
    ),
    expected=Verdict.REPAIRED,
    parameters=Parameters,
    cases={"quick": EXAMPLE_CASES},
    trials={"quick": 7, "standard": 14},
    batch=7,
    run=run,
    constants=(EXPLICIT,),
)

STATEMENTS = (STATEMENT_2_2, STATEMENT_2_3, EXAMPLE)
