r"""The powers of m in Section B, link by link: what Claims B.4 and B.6-B.9, Fact B.8 and Lemma B.2 multiply and compare.

Every poly(k) is m^o(1) and has exponent 0; a link that has one on its smaller side is strict. The named quantities:

    delta       the error of the dictionary when Algorithm 1 starts (Induction B.1)
    lambda      b / delta, printed m^0.02
    kappa       bb / b, printed m^0.152; b is the cutoff of the hidden layer, bb that of the output layer
    n           the number of active channels, printed m^0.01 (Claim C.5)
    sigma_min   the smallest singular value of mu, printed m^-1.15 (Assumption 2.3)

The gain of Claim B.7 is max(m, 1/sigma_min): an error eps of every moment R_p becomes that much in every column. The
objective (B.2) has exponent 1 + 1/c, c = 0.001, so that its value bounds every single moment up to m^(c/(1+c)).
Source: section B, l.813-1036.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from fsrcheck.evidence.exponents import Link
from fsrcheck.evidence.monomials import Monomial, m_to, quantity
from fsrcheck.evidence.rationals import Exact

DELTA, LAMBDA, KAPPA = quantity("delta"), quantity("lambda"), quantity("kappa")
ACTIVE, SIGMA_MIN = quantity("n"), quantity("sigma_min")
ROOT_OF_SUM = Fraction(1, 1001)  # c/(1 + c) for c = 0.001
CONTRACTION = m_to("-0.02")  # what Lemma B.2 promises for a round
WIDEST_START = m_to("-0.49")  # the largest delta of Induction B.1
WARM_START = m_to("-0.5")  # delta of Lemma A.1, up to poly(k)

Values = Mapping[str, Exact]
PRINTED: Values = {"delta": "-0.49", "lambda": "0.02", "kappa": "0.152", "n": "0.01", "sigma_min": "-1.15"}
REPAIRED: Values = {**PRINTED, "lambda": "0.007", "n": "0.0005"}


@dataclass(frozen=True)
class Round:
    """The quantities of one run of Algorithm 1.

    Attributes:
        error: delta.
        cutoff: b.
        output_cutoff: bb.
    """

    error: Monomial = DELTA
    cutoff: Monomial = DELTA * LAMBDA
    output_cutoff: Monomial = DELTA * LAMBDA * KAPPA

    @property
    def drift(self) -> Monomial:
        """Invariant B.3: how far a column may be from its target while Algorithm 1 runs, b m^0.151."""
        return self.cutoff * m_to("0.001") / (SIGMA_MIN * m_to(1))

    @property
    def terms(self) -> tuple[Monomial, Monomial]:
        """The end of the proof (l.1034): m^0.151 bb^2 and m^0.151 bb / sqrt(m)."""
        factor = m_to("0.001") / (SIGMA_MIN * m_to(1))
        return factor * self.output_cutoff**2, factor * self.output_cutoff * m_to("-0.5")


PAPER_ROUND = Round()


def decoding_links(found: Round) -> tuple[Link, ...]:
    """Claim B.4 as it is used: the decoded codes are within a small part of the cutoffs."""
    return (
        Link(r"$\delta$ small enough to decode", "l.863", found.error, m_to("-0.1")),
        Link(
            r"$s = S \pm \delta n \mathrm{poly}(k)$ within $b$",
            "l.1216, l.1314, l.1612",
            found.error * ACTIVE,
            found.cutoff,
            True,
        ),
        Link(
            r"$s^\star = S^\star \pm \delta \mathrm{poly}(k)$ within $\mathbb{b}$",
            "l.899",
            found.error,
            found.output_cutoff,
            True,
        ),
    )


def drift_link(found: Round) -> Link:
    """Claim B.6 decodes with the moving dictionary: n columns, each off by the drift of Invariant B.3."""
    text = r"$s = S \pm (b m^{0.151}) n \mathrm{poly}(k)$ within $\mathbb{b}$"
    return Link(text, "l.907", found.drift * ACTIVE, found.output_cutoff, True)


def moment_links(found: Round) -> tuple[Link, ...]:
    """Claim B.6: every error of a moment is bb^2/m or bb/m^1.5."""
    off_diagonal = found.output_cutoff * m_to(-2)
    return (
        Link(r"$\mathbb{b} \ge b$, to use Lemmas C.10 and D.2", "l.895", found.cutoff, found.output_cutoff),
        Link(r"$\mathbb{b} \le m^{-0.01}$, to use them", "l.895", found.output_cutoff, m_to("-0.01")),
        drift_link(found),
        Link(r"$|1 - \theta_q| \mu'_{pq}$ off the diagonal", "(B.4), l.905", found.cutoff * m_to(-2), off_diagonal),
        Link(
            "off-diagonal errors along orthonormal columns",
            "l.925",
            off_diagonal * m_to("0.5"),
            found.output_cutoff * m_to("-1.5"),
        ),
        Link(
            "and along the drift of the columns",
            "l.927",
            off_diagonal * m_to(1) * found.drift,
            found.output_cutoff**2 * m_to(-1),
        ),
    )


def inversion_links(found: Round) -> tuple[Link, ...]:
    """Claim B.7: mu' is as well conditioned as mu, and one row gives one column."""
    row = m_to("-1.5") * m_to("0.5") / SIGMA_MIN * m_to(1)
    return (
        Link(r"$\Lambda$ below $\sigma_{\min}(\mu)$", "l.967", found.output_cutoff**2 * m_to(-1), SIGMA_MIN, True),
        Link(r"$\Delta$ below $\sigma_{\min}(\mu)$", "l.967", found.output_cutoff * m_to(-1), SIGMA_MIN, True),
        Link(r"the row's other entries: $m \cdot m^{-1.5} \sqrt{m}/\rho$", "l.980", row, SIGMA_MIN**-1),
        Link(r"its own entry: $m$ against $1/\sigma_{\min}$", "l.981", m_to(1), SIGMA_MIN**-1),
    )


def start_links(found: Round) -> tuple[Link, ...]:
    """Fact B.8: at the start every moment is off by at most b/m."""
    start = found.cutoff * m_to(-1)
    return (
        Link(r"the column itself, $\mu'_{pp} \delta$", "l.996", m_to(-1) * found.error, start),
        Link(r"the others, $\sum_q \mu'_{pq} b$", "l.996", m_to(1) * m_to(-2) * found.cutoff, start),
        Link(r"$\varepsilon_4$: $\mathbb{b}^2/m$", "l.994", found.output_cutoff**2 * m_to(-1), start),
        Link(r"$\varepsilon_4$: $\mathbb{b}/m^{1.5}$", "l.994", found.output_cutoff * m_to("-1.5"), start),
    )


def invariant_links(found: Round) -> tuple[Link, ...]:
    """Claim B.9: while the objective stays at its first value, no column leaves the drift of Invariant B.3."""
    gain = m_to(ROOT_OF_SUM) / SIGMA_MIN
    return (
        Link(r"$m^{c/(1+c)} \le m^{0.001}$", "l.1004", m_to(ROOT_OF_SUM), m_to("0.001")),
        Link("B.7 of B.8 is the drift", "l.1006", found.cutoff * m_to(-1) * gain, found.drift),
        Link(r"$|1 - \theta_p| \le b$ is less", "l.1006", found.cutoff, found.drift),
    )


def outcome_links(found: Round, limit: Monomial) -> tuple[Link, ...]:
    """Lemma B.2: both terms at the end of the proof are below what is wanted."""
    squared, linear = found.terms
    return (
        Link(r"$m^{0.151} \mathbb{b}^2$", "l.1034", squared, limit, True),
        Link(r"$m^{0.151} \mathbb{b} / \sqrt{m}$", "l.1034", linear, limit, True),
    )


def reinforcement_links(found: Round, limit: Monomial) -> tuple[Link, ...]:
    """The whole of Lemma B.2: every link of its proof, in its order."""
    return (
        *decoding_links(found),
        *moment_links(found),
        *inversion_links(found),
        *start_links(found),
        *invariant_links(found),
        *outcome_links(found, limit),
    )
