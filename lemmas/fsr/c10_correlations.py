r"""Lemma C.10: what D5's matched moments say of the learner's correlations and of its mixed means.

Setting: g1, g2 standard normal at correlation rho, the target's at rho*; thresholds h1, h2 > 0; L = Pr[g1 > h1, g2 > h2],
M = E (g1 - h1)_+ (g2 - h2)_+, N = E 1{g1 > h1} (g2 - h2)_+, so that for plain ReLUs at W = W* s = alpha alpha' M and
<V_r, V_r'> = alpha alpha' rho. Stars: the same at rho*. rho_0, rho_1 are the smaller and the larger of rho and rho*,
rho_- = max(-rho_0, 0), r the smaller one of sqrt(1 - rho_0^2), sqrt(1 - rho_1^2).

Statement (as printed, section C.4, l.1481-1493; section 5, l.482-485): within a patch |s - s*| <= b poly(k)/m^2, and this
implies (1) |<V_r, V_r'> - <V*_r, V*_r'>| <= poly(k) b and (2) |E ReLU'(s_r - bb) S_r' - the target's| <= b poly(k)/m^2 for
all bb in [b, m^-0.01]. Across patches |s - s*| <= b poly(m), and this implies (3) the same inner products within poly(m) b.
W.h.p. ||ReLU(S)||_0 <= m^0.01, ||S||_inf <= poly(k).

(1) is false: Assumption 2.2 bounds joint tails from above only, Assumption 2.3 from below only by 1/poly(d). At rho* = -1/2
both s* and, at rho = -0.3, s are m^-2.9 and less, below b/m^2 for all b >= m^-0.8: whatever rho is in between, nothing is
said of it. (Section 5 has the conclusion alone, of the end of training; it rests on this implication.)

Checkable form: (1), (3): |rho - rho*| <= |M - M*|/L(rho_0), by dM/drho = L, which rises. So poly(k) b within a patch if
L(rho_0) >= 1/(poly(k) m^2), and poly(m) b, as printed across patches, if L(rho_0) is at least a power of m, which it is
while 1 + rho_0 is at least a constant (Remark C.16). (1) with poly(m) in place of poly(k) is all that the proof of Lemma C.18
uses. (2): |N - N*| <= Lambda |M - M*|, Lambda = (h1 + rho_- h2)/(1 - rho_-^2) + 0.79789 (1 + rho_-)/r, which is poly(k)
where 1 + rho_0 is at least a constant: no lower limit of joint tails is needed. With N at (h1 + x, h2) and M at (h1 + c,
h2 + c), 0 <= c <= x: |N - N*| <= Lambda_1 e^(c Lambda_2) |M - M*|, Lambda_1 at (h1 + x, h2), Lambda_2 that of h2 at
(h1 + c, h2 + c). Proof: dN/drho = -dL/dh1 <= Lambda L (``pair_slopes``), and L(h1 + x, h2) <= L(h1 + c, h2) <= e^(c Lambda_2)
L(h1 + c, h2 + c); each Lambda with rho_- and r is at least that of every correlation in between.

Proof of the paper: the step from H <= poly(k) to |s - s*| (l.1784, l.1834) is right within a patch; across patches see
footnote 4. (1) and (3) need the implication from means back to correlations of Proposition C.25d, the one that fails. (2)
is about N, which C.25d and C.25e do not have. The sparsity is Claim C.5, ||S||_inf Invariant C.2b.

Measured: a search for violations of the bound of N. That training gets to these moments, and decoding with W near W*, are
left to the first hidden layer's runs.
Controls: signs; a constant 1 % lower; an exponent beyond its slack; a shrunk bound.
Departures from the paper: W = W*, plain ReLUs. Source: section C.4, l.1477-1493, 1834-1836; section 5, l.482-485.
"""

import math

import torch
from torch import Tensor

from fsrcheck.evidence.exponents import ExponentChain, Link
from fsrcheck.evidence.monomials import m_to, quantity
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.gaussian import gated_relu_mean, inverse_tail, relu_product_mean, upper_orthant
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement
from lemmas.fsr.adversary import Search, searched
from lemmas.fsr.c25_pair_sensitivity import HAZARD_CONSTANT
from lemmas.fsr.c28_pair_along_direction import PRICE, PRICE_SIGN
from lemmas.fsr.pair_searches import THRESHOLD
from lemmas.fsr.pair_slopes import EXCESS, curvature, curvature_control, excess, excess_control

CUTOFF, WITHIN, ACROSS = quantity("b"), quantity("L_within"), quantity("L_across")

BACK = ExponentChain(
    "back to correlations",
    r"$|\rho - \rho^\star| \le |M - M^\star|/L(\rho_0)$ is $b$ times no power of $m$ within a patch, and $b\, m^6$ across where "
    r"$|s - s^\star| \le b m^2$",
    (
        Link(r"within a patch, $L \ge 1/(\mathrm{poly}(k) m^2)$", "l.1485", CUTOFF * m_to(-2) / WITHIN, CUTOFF),
        Link("across patches", "l.1491", CUTOFF * m_to(2) / ACROSS, CUTOFF * m_to(6)),
    ),
    {"b": "-0.49", "L_within": -2, "L_across": -4},
)


def slope_between(own: Tensor, partner: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """At least -d log L/d h1 at thresholds (own, partner) for all correlations in [low, high]; see ``pair_slopes``."""
    negative = (-low).clamp(min=0)
    return (own + negative * partner) / (1 - negative**2) + float(EXCESS[0]) * (1 + negative) / narrowest(low, high)


def narrowest(low: Tensor, high: Tensor) -> Tensor:
    """The smallest sqrt(1 - rho^2) for correlations in [low, high]: at one of the ends."""
    return (1 - low.abs().maximum(high.abs()) ** 2).sqrt()


def mixed_ratio(b_1: Tensor, b_2: Tensor, rho: Tensor, gap: Tensor, cut: Tensor, more: Tensor) -> Tensor:
    """|N - N*| over its bound at correlations rho and rho + gap, with c = ``cut`` and x = c + ``more``."""
    low, high, first = rho, rho + gap, b_1 + cut + more
    mixed = gated_relu_mean(first, b_2, high) - gated_relu_mean(first, b_2, low)
    cut_first, cut_second = b_1 + cut, b_2 + cut
    means = relu_product_mean(cut_first, cut_second, high) - relu_product_mean(cut_first, cut_second, low)
    growth = (cut * slope_between(cut_second, cut_first, low, high)).exp()
    return mixed / (slope_between(first, b_2, low, high) * growth * means)


def uncut_ratio(b_1: Tensor, b_2: Tensor, rho: Tensor, gap: Tensor) -> Tensor:
    """``mixed_ratio`` without shifts, where it is largest."""
    return mixed_ratio(b_1, b_2, rho, gap, torch.zeros_like(b_1), torch.zeros_like(b_1))


MIXED = Search(
    uncut_ratio,
    {"b_1": THRESHOLD, "b_2": THRESHOLD, "rho": (-0.8, 0.1), "gap": (0.02, 0.8)},
    0.9043,
    (5.9997, 0.5009, -0.0001, 0.020163),
    num_steps=8,
)


def silent_pair() -> Counterexample:
    """m = 10^8, alpha = 1, b = m^-0.49, poly(k) = (log m)^2, rho* = -1/2, rho = -0.3."""
    size, wanted, found = 1e8, -0.5, -0.3
    threshold, cutoff = inverse_tail(1 / size), size**-0.49
    means = [float(relu_product_mean(threshold, threshold, rho)) for rho in (wanted, found)]
    premise = abs(means[1] - means[0]) <= cutoff / size**2
    assumption = float(upper_orthant(threshold, threshold, wanted)) >= size**-4
    allowed, difference = cutoff * math.log(size) ** 2, found - wanted
    point = (
        r"$m = 10^8$, rates $1/m$, $\alpha = 1$, $\rho^\star = -1/2$, $\rho = -0.3$, $b = m^{-0.49}$: "
        rf"$|s - s^\star| = {abs(means[1] - means[0]) * 1e24:.2g} \cdot 10^{{-24}}$ is below $b/m^2$; difference of the inner "
        r"products, at most $b (\log m)^2$"
    )
    return Counterexample(point, allowed, difference, premise and assumption and difference > allowed)


LEMMA_10 = Statement(
    id="fsr.C.10",
    label="Lemma C.10",
    kind=Kind.LEMMA,
    title="What the matched moments of D5 imply",
    printed=r"after $D^{(5)}$, within a patch $|s - s^\star| \le b\,\mathrm{poly}(k_1)/m_1^2$, which implies "
    r"$|\langle [\mathbf{V}^\star_{1,j}]_r, [\mathbf{V}^\star_{1,j}]_{r'} \rangle - \langle [\mathbf{V}_{1,j}]_r, "
    r"[\mathbf{V}_{1,j}]_{r'} \rangle| \le \mathrm{poly}(k_1) b$ and, for $\mathbb{b} \in [b, m^{-0.01}]$, $|E "
    r"\mathrm{ReLU}'(s_r - \mathbb{b}) [S_{1,j}]_{r'} - E \mathrm{ReLU}'(s^\star_r - \mathbb{b}) [S^\star_{1,j}]_{r'}| \le "
    r"b\,\mathrm{poly}(k_1)/m_1^2$; across patches $|s - s^\star| \le b\,\mathrm{poly}(m_1)$, which implies the first with "
    r"$\mathrm{poly}(m_1)$; w.h.p. $\|\mathrm{ReLU}(S_{1,j})\|_0 \le m_1^{0.01}$, $\|S_{1,j}\|_\infty \le \mathrm{poly}(k_1)$",
    checkable=r"at $\mathbf{W} = \mathbf{W}^\star$, $\rho_0 \le \rho_1$ the two correlations: $|\rho - \rho^\star| \le |M - "
    r"M^\star|/L(\rho_0)$, and $|N - N^\star| \le \Lambda |M - M^\star|$, $\Lambda = (h_1 + \rho_- h_2)/(1 - \rho_-^2) + "
    r"0.79789 (1 + \rho_-)/r$, $\rho_- = \max(-\rho_0, 0)$, $r = \min_{\rho_0, \rho_1} \sqrt{1 - \rho^2}$, for "
    r"$M = E (g_1 - h_1)_+ (g_2 - h_2)_+$, $N = E 1_{g_1 > h_1} (g_2 - h_2)_+$: so all three implications hold with "
    r"$\mathrm{poly}(m_1)$ for the first one, and with $\mathrm{poly}(k_1)$ for pairs with $L(\rho_0) \ge "
    r"1/(\mathrm{poly}(k_1) m_1^2)$",
    source="section C.4, l.1481-1493, 1834-1836; section 5, l.482-485",
    evidence="symbolic, undefined functions; ball arithmetic over whole rays; exact powers of m",
    claims=(PRICE, excess(0), curvature(), BACK),
    controls=(
        PRICE_SIGN,
        excess_control(0),
        curvature_control(),
        Control(
            "negative correlation",
            "a joint tail 1/1000 below its slack",
            "back to correlations",
            altered_claim=BACK.beyond("L_within"),
        ),
    ),
    errata=(
        Erratum(
            Defect.FALSE_STATEMENT,
            "Channels of one patch may be negatively correlated (Assumption 2.3 only keeps joint tails above "
            "$1/\\mathrm{poly}(d)$); then $s$ and $s^\\star$ are both below $b/m_1^2$ for a range of correlations, and nothing "
            "follows for their inner products.",
            "the first implication, l.1485, on which section 5, l.484, rests; l.1836 takes Proposition C.25d in the direction "
            "that fails where joint tails are small",
            r"$\mathrm{poly}(m_1) b$, as across patches, which is all that Lemma C.18 uses; $\mathrm{poly}(k_1) b$ for pairs with "
            r"joint tails of at least $1/(\mathrm{poly}(k_1) m_1^2)$",
            silent_pair,
        ),
        Erratum(
            Defect.PROOF_GAP,
            r"The second implication is about $E 1_{g_1 > h_1} (g_2 - h_2)_+$, of which Proposition C.25d says nothing (it has "
            r"$E \mathrm{ReLU}' \mathrm{ReLU}'$ and $E \mathrm{ReLU}\,\mathrm{ReLU}$); the proof mentions one implication only.",
            "l.1836: 'the implication in the first item'; the first item has two (l.1485 and l.1487)",
            r"$|N - N^\star| \le \Lambda |M - M^\star|$, for negatively correlated channels as well",
        ),
        Erratum(
            Defect.CONVERSION_SLIP,
            r"Two letters are printed alike: $\mathbb{b}$ of Algorithm 1 runs over $[b, m^{-0.01}]$; and the patch of the second "
            "row is $j'$ for $j$.",
            "l.1487, against l.895, where the lemma is used; l.1485",
            r"$\forall\, \mathbb{b} \in [b, m^{-0.01}]$, with $s_r - \mathbb{b}$",
        ),
    ),
    expected=Verdict.REPAIRED,
    constants=(HAZARD_CONSTANT,),
    departures=("Learned and true output layers are equal, and the ReLUs are plain.",),
    requires=("fsr.C.5", "fsr.C.16", "fsr.C.25d", "fsr.fn.4"),
)

STATEMENT = searched(LEMMA_10, MIXED)
