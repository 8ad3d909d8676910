r"""Invariant B.3: no column strays far from its atom while Algorithm 1 runs.

Setting, Algorithm: see ``output_layer_runs``; the discriminator is at its maximum at every step.

Statement (as printed, section B, l.855-857): throughout the training of D^(1), ||W*_p - W_p|| <= b poly(k) m^0.151.

Checkable form: at every step of every run the largest ||W*_p - W_p|| is at most 3 b, for b = delta m^0.02 and independent
channels. That the objective implies the printed bound is Claim B.9.

Measured: the largest excursion over the runs of ``b_along_runs`` is 1.7 b, where m^0.151 is 1.7 to 2.1; it comes with large
delta and random errors of the codes, which scale W_p by 1/theta_p.
Controls: the discriminator descends.
Departures from the paper: those of ``fsr.B.2``. Source: section B, l.855-857; proved in Claim B.9.
"""

from fsrcheck.evidence.outcome import Verdict
from fsrcheck.statement import Kind, Statement
from lemmas.fsr.b_along_runs import with_runs

INVARIANT = Statement(
    id="fsr.B.3",
    label="Invariant B.3",
    kind=Kind.INVARIANT,
    title="Columns stay near their atoms during Algorithm 1",
    printed=r"throughout the training of $D^{(1)}$: $\|W^\star_p - W_p\|_2 \le b\, \mathrm{poly}(k) m^{0.151}$ for all $p$",
    checkable=r"at every step of every run $\|W^\star_p - W_p\|_2 \le 3 b$, with $b = \delta m^{0.02}$",
    source="section B, l.855-857",
    evidence="measured along runs on the population oracle",
    claims=(),
    expected=Verdict.SUPPORTED,
    requires=("fsr.B.1", "fsr.B.9"),
)
STATEMENT = with_runs(INVARIANT)
