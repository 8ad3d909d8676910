r"""Claims C.8 and C.9: two directions move the moments of a channel separately, so that gradient descent does not get stuck.

Setting: x and y as in ``marginal_moments``; t = (beta + b)/alpha, t_1 = (beta + 2b)/alpha, s = b/alpha, h = phi/Q, u = 1/t.

Statement (as printed, l.1280-1298 and l.1402-1408):
C.8, under Induction C.1 and Invariant C.2, |eta| <= eta_0 = 1/poly(d): (a) alpha, beta -> (1 + eta) alpha, (1 + eta) beta turns x
into x (1 + eta Theta(1)) and y into y (1 +- b poly(k) eta); (b) alpha -> (1 + eta) alpha turns them into x (1 + eta theta_1)
and y (1 + eta theta_2), theta_1, theta_2 in [1/poly(k), poly(k)].
C.9: while Obj >= b^2 poly(k)/m^2, a gradient step eta < eta_1 = 1/poly(d) lowers Obj by at least eta/poly(d).

Checkable form, at an exact dictionary (zeta to 0).
C.8: with d log alpha = d log beta = d eta along the whole of (a) and d log alpha = d eta along (b),
    (a) d log x = 1 + 2 s/(h(t_1) - t_1),  d log y = s h(t);      (b) d log x = h(t_1)/(h(t_1) - t_1),  d log y = t h(t).
For t >= 1: 1/(h - t) <= 1.9043 t, t^2 <= h/(h - t) <= 2.9043 t^2 and t^2 <= t h <= 1.5252 t^2. So (b) moves both moments at a
rate of about 2 log m, (a) moves x alone up to b poly(k); and eta_0 needs no upper bound in terms of zeta.
With x held by a multiple of (a), (b) moves log y at the rate (beta/alpha) h (1 + s e)/(1 + 2 s e) > 0, e = 1/(h(t_1) - t_1).
C.9: the Jacobian determinant of (x, y) with respect to (alpha, beta) is -(phi(t)/alpha) (A(t_1) + s Q(t_1)) < 0, so that the
objective has no stationary point but the target; and for t >= 1, b t <= alpha/4, with (C.2) as printed and weights >= 1,
    ||grad Obj||^2 >= 0.4708 y^2/(t^2 (t^2 + alpha^2)) Obj    (attained up to 0.1 % at t = 1, b = alpha/4 for small alpha).
In a convex region with t >= 1, alpha >= a, |x - x*|, |y - y*| <= r and weights <= W the gradient is L-Lipschitz with
L = 2 W (phi(1)^2 + Q(1)^2 + 2 phi(1) r/a + (2 phi(1)^2 + 0.3422 r)/a^2), and every step eta <= 1/L turns Obj into at most
(1 - eta c/2) Obj, c the factor above: down to 0, and no floor b^2 poly(k)/m^2 is needed.

Proof of the gradient bound. grad Obj = 2 sum_i c_i grad m_i, c_i = w_i times the residual, and c_1^2 + c_2^2 >= Obj. For
rows r_1, r_2 of J and z = c_1 r_1 + c_2 r_2, Lagrange's identity gives
||z||^2 ||J||_F^2 = det^2 (c_1^2 + c_2^2) + <r_1, z>^2 + <r_2, z>^2. With v = b t/alpha: t_1 = t + v u, u_1 = u/(1 + v u^2) and
phi(t_1) = phi(t) exp(-v - v^2 u^2/2); as 1 + u_1^2 F_0^2 <= 1 + u^2, det^2/||J||_F^2 is at least Q(t)^2 u^4/(1 + alpha^2 u^2)
times the certified function of u and v.

The paper's proof, line by line: l.1308-1330 hold (of l.1314 see Algorithm 4's errata: the decoding error is delta m^0.01
poly(k)); of l.1342, 1356, 1378-1382 see the errata; steps 1 of l.1344 and l.1386 need Proposition C.24 with its delta = b, as
the derivative of the decoding error along g_r is delta m^0.01 poly(k), w.h.p. only; l.1390-1398 hold. In l.1419 the factor is
1 + theta (1 +- b poly(k)) eta, theta of order log m, which rescales eta. l.1421-1433: see the errata.

Measured: both updates and every step of descent along runs of D4 (``c_along_marginals``).
Controls: signs; constants 1 % beyond their tightest values; a threshold left behind; ascent.
Departures from the paper: an exact dictionary. Source: sections C.3.2 and C.3.3, l.1274-1437.
"""

from collections.abc import Callable

import numpy as np
import sympy
import torch

from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.gaussian import inverse_tail
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement
from lemmas.fsr.c19_gaussian_facts import ONE_PERCENT_MORE, THRESHOLD_FACTOR, threshold
from lemmas.fsr.descent_rates import (
    CURVATURE,
    GRADIENT,
    LARGEST_MEAN_RATE,
    above_square,
    curvature,
    determinant,
    determinant_spots,
    falling,
    hessians,
    mean_rate,
    rate_spots,
    rates,
    rows,
    separation,
    slope,
)
from lemmas.fsr.marginal_moments import HAZARD_RATIO, hazard_ratio, moments


def coefficient_of_own_code() -> Counterexample:
    """<W_r, W_r> against <W_r, W*_r>, unit vectors at a distance of 0.1 (|<W_r, W*_r>| = 1 - 0.1^2/2)."""
    target = np.array([1.0, 0.0])
    cosine = 1 - 0.1**2 / 2
    own = np.array([cosine, (1 - cosine**2) ** 0.5])
    printed, actual = float(own @ target), float(own @ own)
    point = r"$m = 1$, $d = 2$, $\|W_r\| = 1$, $\|W_r - W^\star_r\| = 0.1$: the coefficient of $S_r$ in $[W^\top X]_r$"
    return Counterexample(point, printed, actual, abs(printed - actual) > 1e-3)


def two_hats(u: np.ndarray) -> np.ndarray:
    """zeta ReLU~''(zeta u) of an admissible ReLU~: hats of height 8 over [0, 1/8] and [7/8, 1]."""
    hat = np.clip(8 * (1 - np.abs(16 * u - 1)), 0, None)
    other = np.clip(8 * (1 - np.abs(16 * (1 - u) - 1)), 0, None)
    return np.asarray(hat + other)


def admissible_activation() -> tuple[float, float, float]:
    """Slope at zeta, value at zeta over zeta and largest second derivative times zeta of ``two_hats``: 1, 1/2 and 8."""
    u = np.linspace(0.0, 1.0, 16 * 64 + 1)
    second = two_hats(u)
    step = u[1]
    first = np.concatenate([[0.0], np.cumsum((second[1:] + second[:-1]) * step / 2)])
    value = float(((first[1:] + first[:-1]) * step / 2).sum())
    return float(first[-1]), value, float(second.max())


def vanishing_second_derivative() -> Counterexample:
    """The same at zeta/2, against a lower bound of 1/100 of 1/zeta."""
    slope_at_end, value, _ = admissible_activation()
    found = float(two_hats(np.array([0.5]))[0])
    is_admissible = abs(slope_at_end - 1) < 1e-12 and abs(value - 0.5) < 1e-12
    point = (
        r"$\zeta\, \widetilde{\mathrm{ReLU}}''$ two hats of height 8 over $[0, \zeta/8]$ and $[7 \zeta/8, \zeta]$, "
        r"in the middle "
        r"($\Omega(1)$ as printed; 1/100, say)"
    )
    return Counterexample(point, 0.01, found, is_admissible and found < 0.01)


def beyond_the_window() -> Counterexample:
    """b = 0.01, zeta = 1e-6, eta = 1e-3: ReLU~' before and after, from a point 2 zeta below b, where no zeta/4 is
    reached."""
    b, zeta, eta = 0.01, 1e-6, 1e-3
    before, after = b - 2 * zeta, (1 + eta) * (b - 2 * zeta)

    def slope_of_relu(z: float) -> float:
        u = min(max(z / zeta, 0.0), 1.0)
        return u * u * (3 - 2 * u)

    change = slope_of_relu(after - b) - slope_of_relu(before - b)
    point = (
        r"$b = 0.01$, $\zeta = 10^{-6}$, $\eta = 10^{-3}$, $[W^\top X]_r = b - 2 \zeta$: change of "
        r"$\widetilde{\mathrm{ReLU}}'$"
    )
    return Counterexample(point, 0.0, change, change > 0.5)


def objective(alpha: float, beta: float, cutoff: float, target: tuple[float, float], weight: float) -> float:
    """(C.2) as printed at an exact dictionary; ``target`` is (alpha*, beta*), ``weight`` that of a deficit."""
    learner, teacher = torch.tensor([alpha, beta], dtype=torch.float64), torch.tensor(target, dtype=torch.float64)
    found, wanted = (moments(channel[0], channel[1], cutoff) for channel in (learner, teacher))
    differences = [float(x - y) for x, y in zip(found, wanted, strict=True)]
    return sum(max(d, 0.0) ** 2 + weight * max(-d, 0.0) ** 2 for d in differences)


def more_than_there_is() -> Counterexample:
    """m = d = 16, every 1/poly(d) read as d^-6: the step's decrease eta/poly(d), eta = d^-6/2, against all that Obj is.

    b = 1e-12; the learner's scale is the target's up to a factor 1 + 1e-10, so that Obj >= b^2 k^2/m^2 still (k = 2).
    """
    size, sparsity, b = 16, 2, 1e-12
    t = float(inverse_tail(sparsity / size))
    found = objective(1 + 1e-10, t * (1 + 1e-10), b, (1.0, t), 1.0)
    required = size**-6.0 / 2 * size**-6.0
    contradicts = found >= (b * sparsity / size) ** 2 and required > found
    point = (
        r"$m = d = 16$, $k = 2$, $b = 10^{-12}$, $1/\mathrm{poly}(d) = d^{-6}$, $\eta = \eta_1/2$, $\mathrm{Obj} \ge "
        r"b^2 k^2/m^2$: "
        "decrease, at most Obj"
    )
    return Counterexample(point, required, found, contradicts)


def _altered(name: str, residuals: Callable[[], list[sympy.Expr]]) -> SymbolicIdentity:
    return SymbolicIdentity(name, "", residuals)


CLAIM_8 = Statement(
    id="fsr.C.8",
    label="Claim C.8",
    kind=Kind.CLAIM,
    title="Two directions that move the moments of D4 separately",
    printed=r"under Induction C.1 and Invariant C.2 there is $\eta_0 = \frac{1}{\mathrm{poly}(d)}$ such that for "
    r"$|\eta| \le \eta_0$: (a) $(\alpha, b_r) \to (1 + \eta) (\alpha, b_r)$ turns $E "
    r"\widetilde{\mathrm{ReLU}}([W^\top X]_r - b)$ "
    r"and $E \widetilde{\mathrm{ReLU}}'([W^\top X]_r - b)$ into $1 + \eta \Theta(1)$ and $1 \pm b\, "
    r"\mathrm{poly}(k_1) \eta$ times "
    r"what they were; (b) $\alpha \to (1 + \eta) \alpha$ into $1 + \eta \theta_1$ and $1 + \eta \theta_2$ times, "
    r"$\theta_1, "
    r"\theta_2 \in [\frac{1}{\mathrm{poly}(k_1)}, \mathrm{poly}(k_1)]$",
    checkable=r"at exact $W$, $x = E \mathrm{ReLU}(S - 2b)$, $y = \Pr[S > b]$, $t = (\beta + b)/\alpha$, "
    r"$t_1 = (\beta + 2b)/\alpha$, $\eta$ the change of $\log \alpha$: along (a) $d \log x/d \eta = 1 + (2b/\alpha)/"
    r"(h(t_1) - t_1)$ and $d \log y/d \eta = (b/\alpha)\, h(t)$; along (b) $h(t_1)/(h(t_1) - t_1)$ and $t h(t)$; for "
    rf"$t \ge 1$: $1/(h - t) \le {THRESHOLD_FACTOR}\, t$, $t^2 \le h/(h - t) \le {LARGEST_MEAN_RATE}\, t^2$, "
    rf"$t^2 \le t h \le {HAZARD_RATIO}\, t^2$",
    source="section C.3.2, l.1274-1398",
    evidence="symbolic, ball arithmetic over the whole ray",
    claims=(
        SymbolicIdentity("rates", "the four rates", rates, rate_spots),
        SymbolicIdentity(
            "separation",
            r"the determinant of the four rates is $(\beta/\alpha)\, h(t) (1 + (b/\alpha)/(h(t_1) - t_1)) > 0$",
            separation,
        ),
        threshold(),
        mean_rate(),
        hazard_ratio(),
        above_square(),
    ),
    controls=(
        Control("cutoff", "the sign of the cutoff's term", "rates", altered_claim=_altered("rates", lambda: rates(-1))),
        Control(
            "separation",
            "the sign of a product",
            "separation",
            altered_claim=_altered("separation", lambda: separation(-1)),
        ),
        Control("excess constant", "1.9043 lowered by 1 %", "threshold", altered_claim=threshold(ONE_PERCENT_MORE)),
        Control(
            "mean constant", "2.9043 lowered by 1 %", "rate of the mean", altered_claim=mean_rate(ONE_PERCENT_MORE)
        ),
        Control("hazard", "t raised by 1 %", "hazard", altered_claim=above_square(ONE_PERCENT_MORE)),
        Control(
            "hazard constant", "1.5252 lowered by 1 %", "hazard ratio", altered_claim=hazard_ratio(ONE_PERCENT_MORE)
        ),
    ),
    errata=(
        Erratum(
            Defect.PROOF_GAP,
            r"A lower bound of $\widetilde{\mathrm{ReLU}}''$ by $\Omega(1/\zeta)$ inside $[\frac{\zeta}{4}, \frac{3 "
            r"\zeta}{4}]$ "
            r"does not follow from the definition (l.80), which bounds it from above only.",
            r"'whenever ... it must satisfy $\widetilde{\mathrm{ReLU}}''(\ldots) \ge \Omega(\frac{1}{\zeta})$', "
            r"l.1376-1382",
            r"take the Hermite polynomial, $\widetilde{\mathrm{ReLU}}'' = 6 u (1 - u)/\zeta$; or use $\int "
            r"\widetilde{\mathrm{ReLU}}'' = 1$, as the density is constant over such a window up to $1 \pm \zeta\, "
            r"\mathrm{poly}(k)$",
            vanishing_second_derivative,
        ),
        Erratum(
            Defect.PROOF_GAP,
            r"The update moves $[W^\top X]_r$ by up to $O(\eta b)$ in (a) and $O(\eta [b_{1,j}]_r)$ in (b): that nothing "
            r"beyond $\frac{\zeta}{4}$ from $[b, b + \zeta]$ matters needs $\eta_0 \le O(\zeta/b)$ and, in (b), "
            r"$\eta_0 \le O(\zeta/[b_{1,j}]_r)$, which is $\frac{1}{\mathrm{poly}(d/\varepsilon)}$ and not "
            r"$\frac{1}{\mathrm{poly}(d)}$.",
            r"'when this second-order derivative is non-zero, it must satisfy ...', l.1342, and likewise "
            r"l.1376-1382, 1390",
            r"$\eta_0 = \zeta/\mathrm{poly}(k_1)$ in this proof; the claim itself holds for larger $\eta$ too, as "
            r"the rates at exact "
            r"$W$ show",
            beyond_the_window,
        ),
        Erratum(
            Defect.PROOF_GAP,
            r"For the learner's $X = W S$ the coefficient of $S_r$ in $[W^\top X]_r$ is $\|W_r\|^2$; with $\langle "
            r"W_r, "
            r"W^\star_r \rangle$ in its place the rest would depend on $\alpha_{1,j,r}$, against l.1358.",
            r"(C.11), l.1356: $\delta_{r,0} = 1 - \langle [W_{1,j}]_r, [W^\star_{1,j}]_r \rangle$",
            r"$\delta_{r,0} = 1 - \|[W_{1,j}]_r\|_2^2$, again of order $\delta$; harmless",
            coefficient_of_own_code,
        ),
        Erratum(
            Defect.MISPRINT,
            r"The discriminator (l.1177), (C.2) and Claim C.9 have the cutoff $2b$ in the mean, where the claim has "
            r"$b$; the proof "
            "is the same.",
            r"(C.4), l.1288, and (C.6), l.1294; also (C.10), l.1322",
            r"$E \widetilde{\mathrm{ReLU}}([W^\top X]_r - 2b)$",
        ),
        Erratum(
            Defect.CONVERSION_SLIP,
            r"Brackets and indices of columns are lost: $\|W_{1,j}\|_2^2$ stands for $\|[W_{1,j}]_r\|_2^2$, "
            r"$\|\mathbf{W}_{1,j}\|_p - "
            r"\|\mathbf{W}^\star_{1,j}\|_p$ for $\|[W_{1,j}]_p - [W^\star_{1,j}]_p\|_2$, and $\mathrm{ReLU}''$ for "
            r"$\widetilde{\mathrm{ReLU}}''$.",
            "(C.8), l.1310; l.1312; l.1342",
            r"$\|[W_{1,j}]_r\|_2^2$, $\|[W_{1,j}]_p - [W^\star_{1,j}]_p\|_2 \le \delta$, $\widetilde{\mathrm{ReLU}}''$",
        ),
    ),
    expected=Verdict.CERTIFIED,
    constants=(
        Constant(
            "rate of the mean",
            float(LARGEST_MEAN_RATE),
            Provenance.DERIVED,
            r"$1/F_1(1) = 2.904272...$, attained "
            "at $t = 1$",
        ),
        Constant(
            "hazard", float(HAZARD_RATIO), Provenance.DERIVED, r"$\phi(1)/Q(1) = 1.525135...$, attained at $t = 1$"
        ),
    ),
    departures=("The dictionary is exact and zeta is 0.",),
    requires=("fsr.C.7", "fsr.C.19", "fsr.C.24"),
)

CLAIM_9 = Statement(
    id="fsr.C.9",
    label="Claim C.9",
    kind=Kind.CLAIM,
    title="Gradient descent on the objective of D4 makes progress",
    printed=r"under Induction C.1 and Invariant C.2 there is $\eta_1 = \frac{1}{\mathrm{poly}(d)}$ such that, as "
    r"long as "
    r"$\mathrm{Obj} \ge \frac{b^2 \mathrm{poly}(k_1)}{m_1^2}$, a step of gradient descent with any $\eta \in (0, "
    r"\eta_1)$ gives "
    r"$\mathrm{Obj}'' \le \mathrm{Obj} - \frac{\eta}{\mathrm{poly}(d)}$",
    checkable=r"at exact $W$, $\det \partial(x, y)/\partial(\alpha, \beta) = -(\phi(t)/\alpha) (A(t_1) + (b/\alpha) "
    r"Q(t_1)) < 0$; for $t \ge 1$, $b t \le \alpha/4$: $\|\nabla \mathrm{Obj}\|^2 \ge c\, \mathrm{Obj}$, "
    rf"$c = 4 \cdot {GRADIENT}\, y^2/(t^2 (t^2 + \alpha^2))$; and $\mathrm{{Obj}}'' \le (1 - \eta c/2) \mathrm{{Obj}}$ for "
    r"$\eta \le 1/L$, $L = 2 W (\phi(1)^2 + Q(1)^2 + 2 \phi(1) r/a + (2 \phi(1)^2 + "
    rf"{CURVATURE}\, r)/a^2)$ with $\alpha \ge a$, residuals at most $r$, weights at most $W$",
    source="section C.3.3, l.1400-1437, footnote 15",
    evidence="symbolic, ball arithmetic over a box",
    claims=(
        SymbolicIdentity("determinant", "the Jacobian determinant", determinant, determinant_spots),
        SymbolicIdentity(
            "rows", r"$\|v\|^2 \|J\|_F^2 = \det^2 \|c\|^2 + \langle r_1, v \rangle^2 + \langle r_2, v \rangle^2$", rows
        ),
        slope(),
        SymbolicIdentity(
            "Hessians",
            r"that of $x$ is $\frac{\phi(t_1)}{\alpha} (t_1, -1)^{\otimes 2}$, that of $y$ has Frobenius norm "
            r"$\frac{\phi(t)}{\alpha^2} \sqrt{t^2 (t^2 - 1)^2 + 2}$",
            hessians,
        ),
        SymbolicIdentity("falling", r"$\phi (1 + t^2)$ and $\phi^2 (1 + t^2)$ fall from $t = 1$ on", falling),
        curvature(),
    ),
    controls=(
        Control("determinant", "a sign", "determinant", altered_claim=_altered("determinant", lambda: determinant(-1))),
        Control("rows", "a sign", "rows", altered_claim=_altered("rows", lambda: rows(-1))),
        Control("gradient", "0.1177 raised by 1 %", "gradient", altered_claim=slope(ONE_PERCENT_MORE)),
        Control("Hessian", "a sign", "Hessians", altered_claim=_altered("Hessians", lambda: hessians(-1))),
        Control("slope", "a sign", "falling", altered_claim=_altered("falling", lambda: falling(-1))),
        Control("curvature", "0.3422 lowered by 1 %", "curvature", altered_claim=curvature("0.338778")),
    ),
    errata=(
        Erratum(
            Defect.MISPRINT,
            r"The decrease cannot be $\eta/\mathrm{poly}(d)$ with $\eta$ up to $1/\mathrm{poly}(d)$ where "
            r"$\mathrm{Obj}$ itself may be of order $b^2/m_1^2$, as $b$ has no lower bound $1/\mathrm{poly}(d)$: Induction "
            r"C.1 admits any $\delta$, and $b$ ends at $1/\mathrm{poly}(d/\varepsilon)$. (Fact C.21 and Proposition C.25 "
            "assume such a bound.)",
            r"the claim, l.1408 and 1435; also l.1421-1427, where a step $\eta \gg b\, \mathrm{poly}(k_1)$ along the "
            r"descent direction passes the target: $\eta_0 \le b\, \mathrm{poly}(k_1)$ is needed",
            r"$\frac{1}{\mathrm{poly}(d/\varepsilon)}$ for $\frac{1}{\mathrm{poly}(d)}$, or the relative decrease "
            r"$\mathrm{Obj}'' \le "
            r"(1 - \frac{\eta}{\mathrm{poly}(d)}) \mathrm{Obj}$, for any $b$ and without a floor at exact $W$",
            more_than_there_is,
        ),
        Erratum(
            Defect.CONVERSION_SLIP,
            "The braces of the diamond and of the heart go over the differences, but the names are used for the learner's "
            "moments, beside a diamond and a heart with a star, which are defined nowhere.",
            "l.1412, against l.1414-1419",
            "diamond minus diamond with a star, heart minus heart with a star: a brace for each of the four moments",
        ),
    ),
    expected=Verdict.REPAIRED,
    constants=(
        Constant("gradient", float(GRADIENT), Provenance.DERIVED, r"0.117770..., attained at $t = 1$, $b = \alpha/4$"),
        Constant(
            "curvature", float(CURVATURE), Provenance.DERIVED, r"$\sqrt{2} \phi(1) = 0.342198...$, attained at $t = 1$"
        ),
    ),
    departures=("The dictionary is exact and zeta is 0.",),
    requires=("fsr.C.7", "fsr.C.8", "fsr.eq.C.2"),
)

STATEMENTS = (CLAIM_8, CLAIM_9)
