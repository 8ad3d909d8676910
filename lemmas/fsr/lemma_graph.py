r"""The lemma graph of Algorithm 4: whose conclusion is whose premise, what has to be handed over, and where the paper says so.

An edge is a conclusion of its giver that is a premise of its taker. What the taker requires is explicit, with every poly(k) and
poly(d/eps) a 1. ``graph_readings`` reads both numbers of an edge off a run of Algorithm 4. The paper's premises are about the
population; what N samples leave undecided anyway, in standard errors, stands beside them (``noise``).

Edges on level l, by the step at which they are read:

- start (line 2): the error delta that Algorithm 5 leaves, against Induction C.1 or D.1;
- stage t (lines 7, 10, 12): delta against Induction B.1; how far W^T X* is off S*, against b; the codes of Algorithm 2 or 3
  against the b = delta m^0.02 with which Lemma B.2 takes them; |S - S*| against 7b above the first level; the delta that
  Algorithm 1 leaves, against m^-0.02 times the one before;
- end: how far W^T X* and S are off, as in a stage; V_1 against eps; the codes against the b of the level above; the patches
  against eps.

Lemmas D.6 and D.9, which Lemma D.2 rests on, and what leads from Theorem 5.1 on are nodes too; a run's history does not tell them,
and their own statements measure them.
"""

from dataclasses import dataclass
from math import sqrt

START, INDUCTION, READS, RATES, MEANS, PAIRS, WITHIN, FALLS, ROWS, BELOW, PATCHES = (
    "start",
    "induction",
    "reads",
    "rates",
    "means",
    "pairs",
    "within 7b",
    "falls",
    "rows of V",
    "codes below",
    "patches",
)
"""Names of edges."""

A1, B2, C6, C10, C18, D2, D6, D9, D10 = (
    f"Lemma {number}" for number in ("A.1", "B.2", "C.6", "C.10", "C.18", "D.2", "D.6", "D.9", "D.10")
)
MAIN, TRANSPORT, FINITE = "Theorem 5.1", "Theorem E.1", "N samples"
FAR = 7.0  # of Lemma D.2, in units of b
FALL, WIDEST, DECODES, READ_WITH = (
    -0.02,
    -0.49,
    -0.1,
    0.02,
)  # powers of m: Lemma B.2, Inductions B.1 and C.1, b = delta m^0.02


@dataclass(frozen=True)
class Edge:
    """A conclusion of one statement that is a premise of another.

    Attributes:
        name: of what is handed over.
        giver, taker: the statements.
        quantity: what is measured, LaTeX between dollar signs.
        required: what it may be at most; empty where a run does not tell.
        source: lines of the paper in which the taker requires it.
    """

    name: str
    giver: str
    taker: str
    quantity: str
    required: str
    source: str


ERROR, CUTOFF = r"$\delta m^{0.02}$", "$b$"
RATE = r"$\Pr[S_r > 0]$, relative error"
MEAN = r"$\mathbb{E}[(S_r)_+]$, relative error"
PAIR = r"$\mathbb{E}[1\{S_r > 0\} (S_q)_+]$, error over $\Pr[S^\star_r > 0]\, \mathbb{E}[S^\star_q]$"
READ = r"$\max_r |W_r^\top X^\star - S^\star_r|$"


def stage_edges(
    hidden: str, marginals: str, *, start: str, reads: str, codes: tuple[str, str, str]
) -> tuple[Edge, ...]:
    """The edges that the first level and those above it have alike; ``codes`` are the lines on rates, means and pairs."""
    return (
        Edge(START, A1, hidden, r"$\delta$ of Algorithm 5", "$m^{-0.1}$", start),
        Edge(READS, A1, hidden, READ, CUTOFF, reads),
        Edge(INDUCTION, A1, B2, r"$\delta$", "$m^{-0.49}$", "l.815"),
        Edge(RATES, marginals, B2, RATE, ERROR, codes[0]),
        Edge(MEANS, marginals, B2, MEAN, ERROR, codes[1]),
        Edge(PAIRS, hidden, B2, PAIR, ERROR, codes[2]),
        Edge(FALLS, B2, hidden, r"$\delta$ after Algorithm 1", r"$m^{-0.02} \delta$", "l.819, l.1046"),
    )


def end_edges(level: str) -> tuple[Edge, ...]:
    """What a finished level is for."""
    return (
        Edge(
            BELOW,
            level,
            D2,
            r"$\|S_{\ell,j} - S^\star_{\ell,j}\|_2$",
            r"$b$ of level $\ell + 1$",
            "l.2363-2368, l.2724",
        ),
        Edge(
            PATCHES,
            level,
            MAIN,
            r"root mean square of $\|X_\ell - X^\star_\ell\|$ over that of $\|X^\star_\ell\|$",
            r"$\varepsilon$",
            "l.468",
        ),
    )


FIRST: tuple[Edge, ...] = (
    *stage_edges(
        C10, C6, start="l.1044", reads="l.1141, l.1216", codes=("l.817, l.1169", "l.817, l.1169", "l.817, l.1487")
    ),
    Edge(ROWS, C10, C18, r"$\|V_{1,j} - V^\star_{1,j} U\|_F$ over $\|V^\star_{1,j}\|_F$", r"$\varepsilon$", "l.1853"),
    *end_edges(C18),
)
HIGHER: tuple[Edge, ...] = (
    *stage_edges(D2, D2, start="l.2361", reads="l.2651", codes=("l.817, l.2376", "l.817, l.2380", "l.817, l.2381")),
    Edge(WITHIN, D2, D10, r"$\max_r |S_{\ell,r} - S^\star_{\ell,r}|$", "$7b$", "l.2372"),
    *end_edges(D10),
)
UNREAD: tuple[Edge, ...] = (
    Edge("fit of the generator", D6, D2, "", "", "l.2669"),
    Edge("fit of the discriminator", D9, D2, "", "", "l.2669"),
    Edge("samples", FINITE, MAIN, "", "", "l.613"),
    Edge("coupling", MAIN, TRANSPORT, "", "", "Theorem E.1"),
)
"""What a run's history does not tell."""


def noise(name: str, num_channels: int, firing: float, num_samples: int) -> float:
    """Relative standard error of what an edge hands over, for N samples and ``firing`` = Pr[S > 0]; 0 where none is known.

    A channel is seen N k/m times and a pair N (k/m)^2 times, and active codes have E S^2 = 2 (E S)^2 at most. The codes of the
    others leave in the mean of the patches in which a channel is active an error of norm sqrt(2m/N).
    """
    seen = sqrt(num_samples * firing)
    errors = {
        RATES: 1 / seen,
        MEANS: sqrt(2) / seen,
        PAIRS: 2 / (firing * sqrt(num_samples)),
        FALLS: sqrt(2 * num_channels / num_samples),
    }
    return errors.get(name, 0.0)


def edges(level: int) -> tuple[Edge, ...]:
    """The edges on a level that a run's history tells."""
    return FIRST if level == 1 else HIGHER


def edge(level: int, name: str) -> Edge:
    """One of them.

    Raises:
        KeyError: none of this name on this level.
    """
    return {one.name: one for one in edges(level)}[name]
