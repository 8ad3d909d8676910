r"""Lemma 5: what a mini-batch inside the Frobenius norm adds to the objective, exactly.

Setting: Y_i = phi(A z_i) phi(A z_i)^T for independent z_1..z_m, M = E Y, X_n the matrix of the observations, fixed;
g_{m,n} = ||(1/m) sum Y_i - X_n||_F^2/2, g_n = ||M - X_n||_F^2/2, f = E g_{m,n}.

Statement (as printed, section 6.2): "the empirical risk g_{m,n} is almost an unbiased estimator of g_n. Specifically, the expected
function f(A) satisfies: f(A) - g_n(A) ... O(1 ...). For arbitrary direction matrix B, D f(A)[B] - D g_n(A)[B] ... O(1/m ||B||
||A||^3 d^(5/2))". The conversion has lost norms, gradients and the first bound but for "O( 1"; by the second, which is a
derivative more, it is O(||A||^3 d^2/m) for the gradients.

Checkable form: an identity, for all phi, A, X_n and m,

    f - g_n = (E ||phi(A z)||^4 - ||M||_F^2) / (2 m)

(||Y||_F^2 = ||phi(A z)||^4; the products of different Y_i average to ||M||_F^2). So the difference does not depend on the
observations, is positive, and with unit rows at most d^2 E phi(g)^4/(2 m), by ||phi||^4 <= d sum_i phi_i^4.

Measured: nothing. Spot-checked by exact enumeration of batches of two over four latents, in place of normal ones.
Controls: 1/m in place of 1/(2 m); the sign of ||M||^2.
Departures from the paper: the exact value in place of a bound; the bounds on derivatives, whose printed form is lost in
part, are not judged.
Source: section 6.2, Lemma 5.
"""

from itertools import product

import sympy
import torch

from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.statement import Control, Kind, Statement

BATCH = sympy.Symbol("m", positive=True, integer=True)
FOURTH, MEAN, CROSS, DATA = sympy.symbols("q mu c x", real=True)  # E ||Y||^2, ||M||^2, <M, X_n>, ||X_n||^2


def excess(factor: int = 2, sign: int = 1) -> list[sympy.Expr]:
    """f - g_n by expanding the square, minus (q - ||M||^2)/(2 m)."""
    batch_square = (BATCH * FOURTH + BATCH * (BATCH - 1) * MEAN) / BATCH**2
    difference = (batch_square - 2 * CROSS + DATA) / 2 - (MEAN - 2 * CROSS + DATA) / 2
    return [sympy.expand(difference - (FOURTH - sign * MEAN) / (factor * BATCH))]


def bound() -> list[sympy.Expr]:
    """d sum y_i^2 - (sum y_i)^2 is the sum of (y_i - y_j)^2 over pairs, y_i = phi_i^2; for d = 4."""
    y = sympy.symbols("y1:5", real=True)
    squares = sum((a - b) ** 2 for i, a in enumerate(y) for b in y[:i])
    return [sympy.expand(len(y) * sum(a**2 for a in y) - sum(y) ** 2 - squares)]


def spot_checks() -> list[float]:
    """Both sides with z uniform over four points and batches of two: sixteen batches, no sampling."""
    generator = torch.Generator().manual_seed(0)
    rows, latents, data = (torch.randn(3, n, generator=generator, dtype=torch.float64) for n in (2, 2, 3))
    points = torch.cat([latents, -0.5 * latents + 1])[:4]
    outputs = torch.tanh(points @ rows.mT)
    moments = outputs[:, :, None] * outputs[:, None, :]
    observed = data @ data.mT
    risks = [((moments[i] + moments[j]) / 2 - observed).square().sum() / 2 for i, j in product(range(4), repeat=2)]
    mean = moments.mean(dim=0)
    left = torch.stack(risks).mean() - (mean - observed).square().sum() / 2
    right = (outputs.norm(dim=1).pow(4).mean() - mean.square().sum()) / 4
    return [float((left - right) / right)]


STATEMENT = Statement(
    id="wgan.L.5",
    label="Lemma 5",
    kind=Kind.LEMMA,
    title="Bias of the mini-batch objective",
    printed=r"$f(A) = E g_{m,n}$ satisfies $\|\nabla f - \nabla g_n\| \le O(1/m)$ and, for every direction $B$, "
    r"$\|D \nabla f[B] - D \nabla g_n[B]\| \le O(\frac{1}{m} \|B\| \|A\|^3 d^{5/2})$ (partly lost in conversion)",
    checkable=r"$f - g_n = \frac{1}{2m} (E \|\phi(A z)\|^4 - \|E \phi \phi^\top\|_F^2)$ exactly; with unit rows at most "
    r"$d^2 E \phi(g)^4/(2m)$",
    source="section 6.2, Lemma 5",
    evidence="symbolic, all m, A and observations",
    claims=(
        SymbolicIdentity("excess", r"$f - g_n = (E \|\phi\|^4 - \|M\|_F^2)/(2m)$", excess, spot_checks),
        SymbolicIdentity("bound", r"$\|\phi\|^4 \le d \sum_i \phi_i^4$: the difference is a sum of squares", bound),
    ),
    controls=(
        Control(
            "factor",
            "1/m in place of 1/(2 m)",
            "excess",
            altered_claim=SymbolicIdentity("excess", "", lambda: excess(factor=1)),
        ),
        Control(
            "sign",
            r"the sign of the second term",
            "excess",
            altered_claim=SymbolicIdentity("excess", "", lambda: excess(sign=-1)),
        ),
    ),
    expected=Verdict.PROVED,
    departures=("the bounds on gradients and their derivatives are not judged: their printed form is lost in part",),
)
