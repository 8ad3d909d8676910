r"""Lemma D.2: level l is learned from level l - 1 by super-resolution, within 7b, and from below after the last raise.

Setting: as in ``super_resolution_runs``: levels 2 of several families, channels in unknown order, level l - 1 exact, the columns
of W_l off by delta, b = 12 delta (5 delta at delta = 0.1); m is ``num_channels``, k = m Pr[S_r > 0].

Algorithm: Algorithm 3 in its working form (``fsrcheck.training.super_resolution``; fsr.alg.3 has the printed one beside it).

Statement (as printed, l.2370-2384; also l.503-511): under Induction D.1, after Algorithm 3 with b = delta m^0.02, with
probability 1 - 1/poly(d/eps): |S*_r(Uz) - S_r(z)| <= 7b. After thresholds are raised by 7b: S_r <= S*_r and |S_r - S*_r| <= O(b).
Corollaries: E ReLU(S_r) = E ReLU(S*_r) (1 +- b poly(k)); for bb in [b, m^-0.01], |E 1{s_p > bb} S_q - E 1{s*_p > bb} S*_q| <= bb
poly(k)/m^2 and E 1{|S_p| <= 2 bb} |S_p| <= bb^2 poly(k)/m.

Checkable form: where both objectives are 0 on a sample, |s*_r - g(ss_r)| <= b for the target's samples and |s_r - g(ss_r)| <= b
for the learner's, so |S*_r - S_r| <= 2b + |c_D| + |c_G|, with the offsets c_D = s*_r - S*_r and c_G = s_r - S_r of reading codes
through W (and what the learner's level l - 1 is off). So the 0.9999-quantile of |S* - S| is at most 2b plus those of the offsets,
the 7b of the lemma holds with probability 1 - 1e-4, and after the raise S <= S* and S* - S <= 14b. Corollaries: relative change of
means at most 14b (1 + 1/14 for the calibration of E[S|S>0] = 1); the others with the constants named below.

Measured: quantile/b from 1.1 to 1.95, in all but some 1 % of instances below 1.8; largest error/b from 1.3 to 3.5 in 32768
samples, no error above 7b; after the raise no sample above S*, the gap at most 8.3b to 10.1b. The quantile's mean over channels
is 0.86b to 0.96b for delta = 3e-3 to 3e-5, exponent 0.98 to 1.00, and 1.07b at delta = 0.01, where b is no longer small beside
the codes. All this after 2000 to 2750 steps at m = 4 and 1500 else. Here it is about three fifths of that at m = 4, and 1200: the
mean is 0.97b to 1.05b, the quantile at most 1.8b of 160 instances at m = 4 (2.6b with b = 5 delta). With 3000 steps and 10^6
samples (m = 4..32, k = 1 and 2, one and two parents, level 3): quantile/b 1.25 to 1.75, largest error 1.7b to 3.3b, no sample
above 7b or, raised, above S*. With b = 5 delta the offsets alone have quantiles up to 1.5b each, and the error's is between 1.4b
and 2.2b (1.7b to 1.9b after 3000 steps): above 2b in some instances.

The second corollary needs more than the lemma: a silent channel must not be read as active. With b = 5 delta offsets exceed bb = b
in one sample of a thousand, and at delta = 1e-4 the difference is 2000 times bb/m^2 instead of 20. It holds with b = 12 delta
(at 8 delta it is still up to 258 times bb/m^2), as in Lemma C.10; here this is a control. With 12 delta a code above 6 is
misread still where the errors of two columns point the same way (|<W_p, W_q>| near 2 delta): at delta = 3e-5 one of 800
instances had 54 times bb/m^2 that way in six samples of 32768, the others 30 at most. So the limit is 120 (it was 60), and
b/delta has to grow with the largest code as delta falls.

Controls: level l - 1 off by 0.2; no leak; b = 0.2 delta; a constant eta; the first version's regularisers at lambda = 1e-3; b =
5 delta for the second corollary, a leak of 1e-3 at hand-over for the third; few steps. Dense or duplicated codes are no controls
of this lemma: D^(2) compares values sample by sample, whatever their law is. The assumptions' checker refuses them (fsr.2.2,
fsr.2.3).

Departures: those of the working form; the learner's leak is lowered to 0.01 b^2/m when it is handed over, as the third corollary
takes silent channels as negligible; thresholds are raised by 7b at the end only, as 7b > E[S|S>0] = 1 would silence every channel.
Source: section D, l.2357-2384, proof l.2669-2703; section 5, l.503-511.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import Claim, Selection
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.frequency import Frequency
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.scaling import Scaling
from fsrcheck.evidence.trial import Observation
from fsrcheck.gaussian import inverse_tail, relu_mean, tail
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement
from lemmas.fsr.d2_measures import measure
from lemmas.fsr.first_hidden_runs import TOWARDS_ALL
from lemmas.fsr.super_resolution_runs import Parameters, build, observations, train

if TYPE_CHECKING:
    from fsrcheck.report.figures import Drawing
    from fsrcheck.runs.result import StatementResult

START = Parameters(dictionary_error=1e-3, cutoff_ratio=12.0, num_steps=1200, batch_size=64, evaluation_samples=32768)
SMALL = replace(START, num_channels=4)
COARSE = replace(SMALL, dictionary_error=0.1, cutoff_ratio=5.0)
STEPS = {3e-3: 1050, 1e-3: 1200, 3e-4: 1350, 1e-4: 1500, 3e-5: 1650}  # by delta: the finer, the further it is to b


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Train the last level of every instance and compare it with the target's."""
    instances = build(parameters, seeds, device)
    found = measure(parameters, instances, train(parameters, instances))
    return observations(instances, found.measurements, found.counts)


def cases(scale: str) -> tuple[Parameters, ...]:
    """In delta; in m; other families, parents and directions of the error; a coarse dictionary; level 3."""
    in_error = (replace(SMALL, dictionary_error=error, num_steps=steps) for error, steps in STEPS.items())
    quick = (
        *in_error,
        COARSE,
        START,
        replace(START, family="paper_example", num_channels=16, num_patches=1, num_steps=1500),
        replace(SMALL, direction=TOWARDS_ALL),
    )
    if scale == "quick":
        return quick
    wide = replace(START, num_steps=3000, evaluation_samples=10**6)
    more = (
        replace(COARSE, dictionary_error=0.02),
        *(replace(wide, num_channels=m, batch_size=8 * m) for m in (4, 6, 8, 12, 16, 24, 32)),
        replace(wide, num_channels=16, batch_size=128, expected_active=2.0),
        replace(wide, family="disjoint_supports"),
        replace(wide, family="disjoint_supports", num_parents=1, num_patches=1, expected_active=2.0),
        replace(wide, num_levels=3, num_patches=4),
    )
    return (*quick, *more)


def one(parameters: Parameters) -> float:
    """The right-hand side of what is measured in units of b already."""
    return 1.0


def active(parameters: Parameters) -> float:
    """k."""
    return max(1.0, parameters.top_active)


def squared_active(parameters: Parameters) -> float:
    """k^2."""
    return active(parameters) ** 2


FINE = Selection({"cutoff_ratio": 12.0})
IN_ERROR = Selection(
    {
        "cutoff_ratio": 12.0,
        "num_channels": SMALL.num_channels,
        "family": START.family,
        "direction": START.direction,
        "batch_size": START.batch_size,
    }
)

LAW = Scaling(
    "law in b",
    r"its mean over channels and patches is proportional to $b$ over two decades (exponent 1, allowance 0.05)",
    "mean_tail",
    "dictionary_error",
    exponent=1.0,
    allowance=0.05,
    two_sided=True,
    where=IN_ERROR,
    tracked=("num_steps",),
)

CLAIMS: tuple[Claim, ...] = (
    Frequency(
        "seven b",
        r"$|S^\star_r - S_r| \le 7b$ for all channels and patches with probability $1 - 10^{-4}$",
        "within",
        lambda parameters: 1 - 1e-4,
        attempts="samples",
    ),
    Bound(
        "explicit bound",
        r"the 0.9999-quantile of $|S^\star_r - S_r|$ is at most $2b$ plus those of $|c_D|$ and $|c_G|$",
        "tail_share",
        "one",
        one,
        size="num_channels",
    ),
    Bound("three b", r"with $b = 12 \delta$ it is at most $3b$", "tail_error", "three", one, where=FINE),
    Bound("every sample", r"no error is above $7b$", "largest_error", "seven", one),
    LAW,
    Bound(
        "no dead neuron",
        r"every channel is active at least half as often as the target's",
        "least_activity",
        "half",
        one,
        upper=False,
    ),
    Frequency(
        "from below",
        r"after the raise $S_r \le S^\star_r + \zeta/2$ for all channels and patches with probability $1 - 10^{-4}$",
        "one_sided",
        lambda parameters: 1 - 1e-4,
        attempts="samples",
    ),
    Bound("gap", r"and $S^\star_r - S_r \le 14b$", "lower_gap", "fourteen", one),
    Bound(
        "first corollary",
        r"after the raise $|E\,\mathrm{ReLU}(S_r) / E S^\star_r - 1| \le 15 b$",
        "mean_change",
        "fifteen",
        one,
        where=FINE,
    ),
    Bound(
        "second corollary",
        r"$|E 1_{s_p > bb} S_q - E 1_{s^\star_p > bb} S^\star_q| \le 120 k^2 bb / m^2$ for $bb$ from $b$ to $m^{-0.01}$",
        "pair_change",
        "pairs",
        squared_active,
        where=FINE,
    ),
    Bound(
        "third corollary",
        r"$E 1_{|S_p| \le 2 bb} |S_p| \le 16 k\, bb^2 / m$",
        "small_mean",
        "sixteen",
        active,
        where=FINE,
    ),
)

BASE = {"dictionary_error": 1e-3, "num_channels": 4, "family": START.family, "direction": START.direction}
SHORT = {"num_steps": 700, "evaluation_samples": 8192}  # enough for what is broken to show
CONTROLS = (
    Control(
        "level below",
        "Induction D.1: level l - 1 is off by 0.2",
        "seven b",
        {"lower_error": 0.2, **SHORT},
        BASE,
        trials=8,
    ),
    Control(
        "no leak",
        "zeta = 1e-12 instead of 0.03, then 0.03 b: a neuron that is never active stays so",
        "no dead neuron",
        {"first_leak": 1e-12, "last_leak": 1e-12, **SHORT},
        {**BASE, "num_channels": 8},
        trials=4,
    ),
    Control(
        "small cutoff",
        "b = 0.2 delta: the reads are further than b from the codes",
        "every sample",
        {"cutoff_ratio": 0.2, **SHORT},
        BASE,
        trials=4,
    ),
    Control(
        "no decay of the step",
        "a constant eta, not Polyak's step",
        "explicit bound",
        {"rule": "constant", **SHORT},
        BASE,
        trials=4,
    ),
    Control(
        "first version's signs",
        "+ lambda_G ||V||^2 - lambda_D ||V^D||^2 at lambda_D = 1e-3",
        "gap",
        {"printed_signs": True, "decay": 1e-3 / START.b, **SHORT},
        {**BASE, "num_channels": 8},
        trials=4,
    ),
    Control("stopped early", "100 steps", "three b", {"num_steps": 100, "evaluation_samples": 8192}, BASE, trials=4),
    Control(
        "silent channels",
        "b = 5 delta: silent channels are read as active",
        "second corollary",
        {"cutoff_ratio": 5.0, "num_steps": 700},
        {**BASE, "dictionary_error": 1e-4},
        trials=8,
    ),
    Control(
        "raised above",
        "the first version's signs at lambda_D = 1e-2",
        "from below",
        {"printed_signs": True, "decay": 1e-2 / START.b, **SHORT},
        BASE,
        trials=8,
    ),
    Control(
        "leak at hand-over",
        "zeta = 1e-3 once trained: silent channels are not negligible",
        "third corollary",
        {"handover_leak": 1e3, **SHORT},
        BASE,
        trials=4,
    ),
    Control("means", "level l - 1 is off by 0.2", "first corollary", {"lower_error": 0.2, **SHORT}, BASE, trials=8),
    Control(
        "square",
        "the quantile is claimed proportional to b^2",
        "law in b",
        altered_claim=replace(LAW, exponent=2.0),
    ),
)


def figure(result: "StatementResult") -> "list[Drawing]":
    """Errors in units of b over delta; see ``lemmas.fsr.d2_figure``."""
    from lemmas.fsr.d2_figure import draw_errors  # matplotlib is needed for the report only

    return draw_errors(result)


def markov_is_polynomial() -> Counterexample:
    """A weight off by e on one channel of m = 16, b = 0.01: log Pr[error > 7b] over log E abs~, as e falls."""
    threshold = inverse_tail(torch.tensor(1 / 16, dtype=torch.float64))
    scale = float(tail(threshold) / relu_mean(threshold))  # E[S | S > 0] = 1
    size = torch.linspace(0.5, 12.0, 100, dtype=torch.float64)  # b / (e alpha)
    objective = 0.01 / size * relu_mean(threshold + size)  # e alpha E (g - t - b/(e alpha))_+
    degree = (torch.special.log_ndtr(-threshold - 7 * size) / objective.log()).max()
    point = (
        rf"$m = 16$, $k = 1$, $S = {scale:.2f} (g - t)_+$, one weight off by $e$: the largest degree $p$ in "
        r"$\Pr[|S^\star - S| > 7b] = (E\,\widetilde{\mathrm{abs}})^p$, $b / (e \alpha)$ from 0.5 to 12"
    )
    return Counterexample(point, float("inf"), float(degree), bool(degree < 49))


STATEMENT = Statement(
    id="fsr.D.2",
    label="Lemma D.2",
    kind=Kind.LEMMA,
    title="Super-resolution in deeper layers",
    printed=r"under Induction D.1, after Algorithm 3 with $b = \delta m_\ell^{0.02}$, with probability $1 - "
    r"\frac{1}{\mathrm{poly}(d/\varepsilon)}$: $|[S^\star_{\ell,j}(Uz)]_r - [S_{\ell,j}(z)]_r| \le 7b$; after thresholds are "
    r"raised by $7b$, $S_r \le S^\star_r$ and $|S_r - S^\star_r| \le O(b)$; $E\,\mathrm{ReLU}(S_r) = E S^\star_r (1 \pm b\, "
    r"\mathrm{poly}(k_\ell))$; $|E 1_{s_p > bb} S_q - E 1_{s^\star_p > bb} S^\star_q| \le \frac{bb\, "
    r"\mathrm{poly}(k_1)}{m_\ell^2}$ and $E 1_{|S_p| \le 2 bb} |S_p| \le \frac{bb^2 \mathrm{poly}(k_\ell)}{m_\ell}$ for "
    r"$bb \in [b, m^{-0.01}]$",
    checkable=r"with $b = 12 \delta$ (and $5 \delta$ at $\delta = 0.1$): $|S^\star_r - S_r| \le 7b$ with probability $1 - "
    r"10^{-4}$, the 0.9999-quantile at most $2b$ plus those of the offsets $|c_D|$, $|c_G|$, and proportional to $b$; after the "
    r"raise $S_r \le S^\star_r$ and $S^\star_r - S_r \le 14b$; with $b = 12 \delta$ the quantile is at most $3b$ and "
    r"the corollaries hold with $15b$, $120 k^2$ and $16 k$",
    source="section D, l.2370-2384 and l.2669-2703; section 5, l.503-511",
    evidence="measured on fresh samples",
    claims=CLAIMS,
    controls=CONTROLS,
    errata=(
        Erratum(
            Defect.PROOF_GAP,
            r"The lemma's conclusion holds with probability $1 - 1/\mathrm{poly}(d/\varepsilon)$, as Markov's inequality "
            r"gives no more; Induction D.1 at the next level, Lemma D.10 and Theorem 5.1 need $1 - "
            r"(d/\varepsilon)^{-\omega(1)}$. An objective of $1/\mathrm{poly}(d/\varepsilon)$ does not imply that: one weight "
            r"that is off leaves errors above $7b$ with a probability that is a power, of degree below 49, of the objective.",
            "'with probability at least 1 - 1/poly(d/eps)', l.2370 and l.2671, against 'w.h.p.' in l.2366, l.2720 and Theorem 5.1",
            r"all levels and Theorem 5.1 with probability $1 - 1/\mathrm{poly}(d/\varepsilon)$; or a further argument, that the "
            r"weights themselves are close",
            markov_is_polynomial,
        ),
        Erratum(
            Defect.PROOF_GAP,
            r"$|[S_{\ell,j}]_r| \le \mathrm{poly}(d)$ is not 'always satisfied': $S_{\ell-1}$ is a function of a Gaussian vector "
            r"and has no bound.",
            "proof of the corollaries, l.2681",
            r"$E[|S_r| 1_F] \le (E S_r^2 \Pr[F])^{1/2}$ for the failure event $F$, by Cauchy and Schwarz: still "
            r"$1/\mathrm{poly}(d/\varepsilon)$",
        ),
        Erratum(
            Defect.PROOF_GAP,
            r"Where $S^\star_q = 0$ the leaky code $S_q$ is negative, not 0, and $1_{s_p > bb} S_q \ne 0$; where $S^\star_p = 0$, "
            r"$s_p > bb$ remains possible unless offsets stay below $bb$.",
            "first case of the second corollary, l.2687-2689",
            r"add $\zeta\, \mathrm{poly}(d)$, with $\zeta \ll bb / m^2$, and the offsets' bound $|s_p - S_p| \le 0.1 b$ w.h.p.",
        ),
        Erratum(
            Defect.MISPRINT,
            r"The range of $\delta$ and the constant of the second corollary are those of level 1.",
            "section 5, l.509, against l.2361; second corollary, l.2382",
            r"$\delta \in (0, m_\ell^{-0.1}]$; $\mathrm{poly}(k_\ell)$",
        ),
    ),
    expected=Verdict.SUPPORTED,
    parameters=Parameters,
    cases={"quick": cases("quick"), "standard": cases("standard")},
    trials={"quick": 7, "standard": 16},
    batch=8,
    run=run,
    constants=(
        Constant("one", 1.0, Provenance.DERIVED, "both objectives 0: b from each, and the offsets"),
        Constant(
            "three", 3.0, Provenance.CHOSEN, "2b and the offsets, up to 0.7 b each; 1.95 was the most in 500 instances"
        ),
        Constant("seven", 7.0, Provenance.PAPER, "l.2372"),
        Constant("half", 0.5, Provenance.CHOSEN, "the rates agree up to some b times 7 or less"),
        Constant("fourteen", 14.0, Provenance.DERIVED, "7b of the lemma and 7b of the raise"),
        Constant("fifteen", 15.0, Provenance.DERIVED, "14 b Pr[S* > 0] / E S*, with E[S* | S* > 0] = 1 up to 1/14"),
        Constant("pairs", 120.0, Provenance.CHOSEN, "some twice the largest of 800 instances; 60 until one had 54"),
        Constant("sixteen", 16.0, Provenance.CHOSEN, "three times the largest seen"),
    ),
    departures=(
        "The working form of Algorithm 3: one inner step, Polyak's step, a leak that falls.",
        "b = 12 delta or 5 delta instead of delta m^0.02.",
        "The leak is 0.01 b^2/m once trained.",
        "Level l - 1 is given exactly.",
    ),
    figure=figure,
    requires=("fsr.leaky", "fsr.D.3", "fsr.D.5", "fsr.D.7"),
)
