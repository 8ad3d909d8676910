r"""Claim A.2: the third moment of a patch in terms of the dictionary and the moments of the codes.

Setting: X = W S with column-orthonormal W (orthonormality is not needed here), S >= 0.

Statement (as printed, Appendix A, l.627-635): J = E[X^{(x)3}] is the sum of alpha_r W_r^{(x)3}, of
beta_{p,q} (W_p^{(x)2} (x) W_q + W_p (x) W_q^{(x)2} + W_q (x) W_p^{(x)2}) over p != q and of
gamma_{p,q,r} W_p (x) W_q (x) W_r over distinct p, q, r, with alpha_r = E S_r^3, beta_{p,q} = E S_p^2 S_q and
gamma_{p,q,r} = E S_p S_q S_r; and 0 <= beta <= poly(k) eps_1, 0 <= gamma <= poly(k) eps_2.

Checkable form: the cross terms are W_p W_p W_q + W_p W_q W_p + W_q W_p W_p; as printed the middle and last term
carry the moment of the wrong pair. The identity is linear in the distribution of S, so it is enough to prove it for
a point distribution; every monomial S_p S_q S_r involves at most three channels and three coordinates, so m = 3
with an independent symbol for every channel and coordinate proves it for all m and d.
beta <= 2 k^2 / m^2 for independent channels: S_p given S_p > 0 is a truncated Gaussian, hence log-concave on
[0, inf), so E[S^2 | S > 0] <= 2 E[S | S > 0]^2 = 2 in our units, and E S_p = k/m. gamma = (k/m)^3 <= k^3 m^-2.01.

Measured: the identity to rounding on random codes; the means of beta and gamma over all pairs and triples.
Controls: the printed cross terms; equicorrelated latents (for both moment bounds).
Departures from the paper: none.
Source: Appendix A, l.627-635; (A.1), l.647, has the cross terms right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import sympy
import torch
from torch import Tensor

from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.identity import Identity
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.model.streams import streams
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement
from lemmas.fsr.targets import TargetParameters, build_target, premise_margins

ROUNDING = 1e-12  # sums of at most m^3 = 512 non-negative terms, each with a few roundings of 1.1e-16
REPAIRED_TERMS = ("ppq", "pqp", "qpp")
PRINTED_TERMS = ("ppq", "pqq", "qpp")


@dataclass(frozen=True)
class Parameters(TargetParameters):
    """Parameters of Claim A.2."""

    num_channels: int = 8  # m
    num_samples: int = 100_000


def expansion(dictionary: Tensor, codes: Tensor, terms: Sequence[str] = REPAIRED_TERMS) -> Tensor:
    """The right-hand side of Claim A.2 for the empirical distribution of codes.

    Args:
        dictionary: (batch, patch_dim, channel).
        codes: (batch, sample, channel).
        terms: the order of the atoms W_p, W_q in the three cross terms.

    Returns:
        (batch, patch_dim, patch_dim, patch_dim).
    """
    moments = torch.einsum("bnp,bnq,bnr->bpqr", codes, codes, codes) / codes.shape[1]
    alpha = torch.einsum("brrr->br", moments)
    beta = torch.einsum("bppq->bpq", moments) - torch.diag_embed(alpha)
    cubes = torch.einsum("br,bir,bjr,bkr->bijk", alpha, dictionary, dictionary, dictionary)
    crosses = sum(
        torch.einsum(f"bpq,bi{t[0]},bj{t[1]},bk{t[2]}->bijk", beta, dictionary, dictionary, dictionary) for t in terms
    )
    triples = torch.einsum(
        "bpqr,bip,bjq,bkr->bijk", moments * distinct(codes.shape[-1]).to(moments), dictionary, dictionary, dictionary
    )
    return cubes + crosses + triples


def distinct(num_channels: int) -> Tensor:
    """Mask (channel, channel, channel) of pairwise distinct indices."""
    p, q, r = torch.meshgrid(*[torch.arange(num_channels)] * 3, indexing="ij")
    return (p != q) & (q != r) & (p != r)


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Draw codes; compare the third moment of the patches with the expansion, and average its coefficients."""
    target = build_target(parameters, seeds, device)
    codes = target.sample_codes(streams(seeds, "samples"), parameters.num_samples)[0][:, :, 0]
    dictionary = target.first.dictionary[:, 0]
    margins = premise_margins(target, parameters, seeds)
    few = codes[:, :64]
    patches = few @ dictionary.transpose(1, 2)
    direct = torch.einsum("bni,bnj,bnk->bijk", patches, patches, patches) / few.shape[1]
    scale = direct.flatten(1).norm(dim=1)
    residual = (expansion(dictionary, few) - direct).flatten(1).norm(dim=1) / scale
    printed = (expansion(dictionary, few, PRINTED_TERMS) - direct).flatten(1).norm(dim=1) / scale
    beta, gamma = mean_coefficients(codes)
    return [
        Observation(
            premises=margins[i],
            measurements={
                "residual": Measurement(float(residual[i])),
                "printed_residual": Measurement(float(printed[i])),
                "beta": beta[i],
                "gamma": gamma[i],
            },
            counts={"samples": parameters.num_samples},
        )
        for i in range(len(seeds))
    ]


def mean_coefficients(codes: Tensor) -> tuple[list[Measurement], list[Measurement]]:
    """Means of beta over all pairs and of gamma over all triples, with standard errors over the samples."""
    m = codes.shape[-1]
    first, second, third = (codes.pow(order).sum(dim=-1) for order in (1, 2, 3))
    pairs = (second * first - third) / (m * (m - 1))
    triples = (first**3 - 3 * first * second + 2 * third) / (m * (m - 1) * (m - 2))
    return _measure(pairs), _measure(triples)


def _measure(samples: Tensor) -> list[Measurement]:
    errors = samples.std(dim=1) / samples.shape[1] ** 0.5
    return [Measurement(float(mean), float(error)) for mean, error in zip(samples.mean(dim=1), errors, strict=True)]


def residuals(terms: Sequence[str] = REPAIRED_TERMS) -> list[sympy.Expr]:
    """(sum_p S_p W_p)^{(x)3} minus the expansion, for m = 3 and one symbol for every channel and coordinate."""
    channels = range(3)
    code = sympy.symbols("S0:3", nonnegative=True)
    atoms = [sympy.symbols(f"{letter}0:3") for letter in "uvw"]  # W_p at the three coordinates i, j, k
    direct = sympy.prod([sum(code[p] * atom[p] for p in channels) for atom in atoms])
    cubes = sum(code[r] ** 3 * sympy.prod([atom[r] for atom in atoms]) for r in channels)
    crosses = sum(
        code[p] ** 2
        * code[q]
        * sum(sympy.prod([a[{"p": p, "q": q}[x]] for a, x in zip(atoms, t, strict=True)]) for t in terms)
        for p, q in product(channels, repeat=2)
        if p != q
    )
    triples = sum(
        code[p] * code[q] * code[r] * atoms[0][p] * atoms[1][q] * atoms[2][r]
        for p, q, r in product(channels, repeat=3)
        if len({p, q, r}) == 3
    )
    return [sympy.expand(direct - cubes - crosses - triples)]


def printed_cross_terms() -> Counterexample:
    """S = (1, 1) surely and W the identity: the entry (1, 2, 1) of J is 1."""
    codes, dictionary = torch.ones(1, 1, 2, dtype=torch.float64), torch.eye(2, dtype=torch.float64)[None]
    patch = codes[0, 0] @ dictionary[0].T
    actual = float(patch[0] * patch[1] * patch[0])
    printed = float(expansion(dictionary, codes, PRINTED_TERMS)[0, 0, 1, 0])
    point = "$m = d = 2$, $W = I$, $S = (1, 1)$ surely: entry $J_{1,2,1}$"
    return Counterexample(point, printed, actual, printed != actual)


def beta_shape(parameters: Parameters) -> float:
    """k^2 / m^2: eps_1 with poly(k) = k^2."""
    return parameters.firing**2


def gamma_shape(parameters: Parameters) -> float:
    """k^3 m^-2.01: eps_2 with poly(k) = k^3."""
    return parameters.expected_active**3 * parameters.num_channels**-2.01


STATEMENT = Statement(
    id="fsr.A.2",
    label="Claim A.2",
    kind=Kind.CLAIM,
    title="Third moment of a patch",
    printed=r"$J = \sum_r \alpha_r W_r^{\otimes 3} + \sum_{p \ne q} \beta_{p,q} (W_p^{\otimes 2} \otimes W_q + "
    r"W_p \otimes W_q^{\otimes 2} + W_q \otimes W_p^{\otimes 2}) + \sum_{p \ne q \ne r} \gamma_{p,q,r} "
    r"W_p \otimes W_q \otimes W_r$, with $0 \le \beta_{p,q} \le \mathrm{poly}(k) \varepsilon_1$ and "
    r"$0 \le \gamma_{p,q,r} \le \mathrm{poly}(k) \varepsilon_2$",
    checkable=r"the same with cross terms $W_p W_p W_q + W_p W_q W_p + W_q W_p W_p$; $\beta \le 2 k^2 m^{-2}$ and "
    r"$\gamma \le k^3 m^{-2.01}$ in the mean over pairs and triples",
    source="Appendix A, l.627-635",
    evidence="symbolic; measured on samples",
    claims=(
        SymbolicIdentity(
            "expansion", r"$(\sum_p S_p W_p)^{\otimes 3}$ equals the expansion, all $m$ and $d$", residuals
        ),
        Identity(
            "implementation", r"the relative residual on random codes is rounding, $\le 10^{-12}$", "residual", ROUNDING
        ),
        Bound("beta", r"mean of $\beta_{p,q}$ is at most $2 k^2 m^{-2}$", "beta", "beta_constant", beta_shape),
        Bound("gamma", r"mean of $\gamma_{p,q,r}$ is at most $k^3 m^{-2.01}$", "gamma", "gamma_constant", gamma_shape),
    ),
    controls=(
        Control(
            "printed cross terms",
            "the order of the atoms in the cross terms",
            "expansion",
            altered_claim=SymbolicIdentity("expansion", "", lambda: residuals(PRINTED_TERMS)),
        ),
        Control(
            "printed cross terms, measured",
            "the order of the atoms in the cross terms",
            "implementation",
            altered_claim=Identity("implementation", "", "printed_residual", ROUNDING),
        ),
        Control(
            "equicorrelated pairs",
            "Assumption 2.2, pairs",
            "beta",
            {"family": "equicorrelated", "correlation": 0.5},
            {"num_channels": 32},
            premises=("num_active", "pair_probability", "triple_probability"),
        ),
        Control(
            "equicorrelated triples",
            "Assumption 2.2, triples",
            "gamma",
            {"family": "equicorrelated", "correlation": 0.8},
            {"num_channels": 32},
            premises=("num_active", "pair_probability", "triple_probability"),
        ),
    ),
    errata=(
        Erratum(
            Defect.MISPRINT,
            r"The second and third cross terms repeat the wrong atom: the middle one belongs to $\beta_{q,p}$, and "
            r"$W_p \otimes W_q \otimes W_p$ is missing altogether.",
            "the displayed formula (l.629); (A.1) in the proof of Claim A.3 (l.647) has it right",
            r"$W_p \otimes W_p \otimes W_q + W_p \otimes W_q \otimes W_p + W_q \otimes W_p \otimes W_p$",
            printed_cross_terms,
        ),
    ),
    expected=Verdict.REPAIRED,
    parameters=Parameters,
    cases={
        "quick": (Parameters(num_channels=8, expected_active=1.0), Parameters(num_channels=32)),
        "standard": (
            Parameters(num_channels=8, expected_active=1.0),
            *(Parameters(num_channels=m, num_samples=400_000) for m in (16, 32, 48)),
        ),
    },
    trials={"quick": 10, "standard": 32},
    batch=4,
    run=run,
    constants=(
        Constant("beta_constant", 2.0, Provenance.DERIVED, "log-concave tails: E[S^2 | S > 0] <= 2 E[S | S > 0]^2"),
        Constant("gamma_constant", 1.0, Provenance.CHOSEN, "poly(k) = k^3"),
    ),
)
