r"""Definition C.14 and Claim C.29: the direction in which D5 moves the rows of V_1, and that it exists.

Setting: n patches; V_j (d x d') are the learner's matrices, V*_j (d x m) the target's; a row of V_j has length
alpha_r.

Statement (as printed):
C.14 (section C.4.2, l.1560-1574): V'_j = sqrt(1 - eta) V_j + sqrt(eta) S_j with V_i^T S_j = 0, ||S_j||_F <= poly(d)
and [S_j S_j']_{r,r'} = <V_{j,r}/||V_{j,r}||, V_{j',r'}/||V_{j',r'}||> alpha_{j,r} alpha_{j',r'}; then the rows keep
their lengths.
C.29 (section C.6.7, l.2329-2335): for d' >= n d + m and eta in [0, 1] there are S_j with V_i S_j^T = 0 and
S_i S_j^T = V*_i V*_j^T, so that V'_i V'_j^T = (1 - eta) V_i V_j^T + eta V*_i V*_j^T.

As printed C.14 has no solution: V_i^T S_j = 0 (d' x d') says that the columns of S_j are orthogonal to those of V_i
in R^d; if V_i has full row rank, as at the start, this forces S_j = 0, but [S_j S_j^T]_{r,r} = alpha_r^2 > 0. C.29
has the transposes right. Without the stars the third condition would leave all correlations where they are.

Checkable form: such S_j exist if and only if d' >= rank(V) + rank(V*), for the stacks V (nd x d') and V* (nd x m);
this is implied by d' >= n d + m, and by d' >= 2 n d, which Algorithm 2 has, whatever m is. Proof: the space of rows
of all S_j is orthogonal to that of all V_j, and has dimension rank(S S^T) = rank(V* V*^T) = rank(V*), so the
condition is necessary. Is it met, write V* = R B with B (rank(V*) x m) of orthonormal rows, pick rank(V*)
orthonormal vectors orthogonal to all rows of V as the rows of U, and let S_j = R_j U. After a rotation of R^d' the
rows of V have their last entries 0 and U = [0, I]: block matrices of any size then give all identities. The
properties of C.14 follow: the rows keep their lengths, since ||S_{j,r}||^2 = alpha_r^2; ||S_j||_F = ||V_j||_F; and
V_i z and S_j z are independent for a standard Gaussian z, since E V_i z (S_j z)^T = V_i S_j^T = 0. For C.14 the rows
of V* are first rescaled to the lengths alpha_r.

Measured: nothing; the construction is spot-checked on matrices of low rank with d' = rank(V) + rank(V*), the least
possible.
Controls: S_j not orthogonal to V; a sign; rows that were not rescaled.
Departures from the paper: none. Source: section C.4.2, l.1560-1574; section C.6.7, l.2329-2335.
"""

from collections.abc import Callable

import sympy
import torch
from sympy import BlockMatrix, MatrixSymbol, ZeroMatrix, block_collapse
from torch import Tensor

from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement

ROWS, RANK, REST = sympy.symbols("d p q", integer=True, positive=True)  # d, rank(V*), d' - rank(V*)
ETA, ALPHA = sympy.symbols("eta alpha", positive=True)
KEEP, MOVE = sympy.sqrt(1 - ETA), sympy.sqrt(ETA)


def blocks(name: str, tilt: bool = False) -> tuple[BlockMatrix, BlockMatrix]:
    """V and S = R U for one patch after the rotation: [V_0, 0] and [0, R]; ``tilt`` leaves S a part along V."""
    learner, target = MatrixSymbol(f"V_{name}", ROWS, REST), MatrixSymbol(f"R_{name}", ROWS, RANK)
    along = MatrixSymbol(f"T_{name}", ROWS, REST) if tilt else ZeroMatrix(ROWS, REST)
    return BlockMatrix([[learner, ZeroMatrix(ROWS, RANK)]]), BlockMatrix([[along, target]])


def gram_identities(tilt: bool = False, sign: int = 1) -> list[sympy.Basic]:
    """V_i S_j^T, S_i S_j^T - R_i R_j^T and V'_i V'_j^T - (1 - eta) V_i V_j^T - eta R_i R_j^T."""
    (v_i, s_i), (v_j, s_j) = blocks("i", tilt), blocks("j", tilt)
    target = MatrixSymbol("R_i", ROWS, RANK) * MatrixSymbol("R_j", ROWS, RANK).T
    learner = MatrixSymbol("V_i", ROWS, REST) * MatrixSymbol("V_j", ROWS, REST).T
    moved = block_collapse((KEEP * v_i + MOVE * s_i) * (KEEP * v_j + MOVE * s_j).T)
    return [
        _only_entry(block_collapse(v_i * s_j.T)),
        _only_entry(block_collapse(s_i * s_j.T)) - target,
        _only_entry(moved) - (1 - ETA) * learner - sign * ETA * target,
    ]


def _only_entry(matrix: sympy.MatrixExpr) -> sympy.MatrixExpr:
    return matrix.blocks[0, 0] if isinstance(matrix, BlockMatrix) else matrix


def row_lengths(target_length: sympy.Expr = ALPHA) -> list[sympy.Expr]:
    """||V'_r||^2 - alpha^2 for <V_r, S_r> = 0 and ||S_r|| = ``target_length``."""
    inner = sympy.Integer(0)
    return [(1 - ETA) * ALPHA**2 + 2 * KEEP * MOVE * inner + ETA * target_length**2 - ALPHA**2]


def direction(learner: Tensor, target: Tensor) -> Tensor:
    """S with V S^T = 0 and S S^T = V* V*^T for stacked matrices (batch, n d, d') and (batch, n d, m).

    The same ranks within a batch; d' must be at least rank(V) + rank(V*).
    """
    rank, target_rank = (int(torch.linalg.matrix_rank(stack).max()) for stack in (learner, target))
    free = torch.linalg.svd(learner).Vh[:, rank : rank + target_rank]
    left, lengths, _ = torch.linalg.svd(target, full_matrices=False)
    return left[..., :target_rank] * lengths[:, None, :target_rank] @ free


def direction_spots() -> list[float]:
    """Residuals of ``direction`` for stacks of rank 2 and 3 in the least possible dimension 5, and of full rank."""
    generator = torch.Generator().manual_seed(0)

    def stack(rank: int, columns: int) -> Tensor:
        left = torch.randn((4, 6, rank), generator=generator, dtype=torch.float64)
        return left @ torch.randn((4, rank, columns), generator=generator, dtype=torch.float64)

    residuals = []
    for learner, target in ((stack(2, 5), stack(3, 4)), (stack(6, 9), stack(3, 3))):
        step = direction(learner, target)
        gram = target @ target.mT
        residuals += [learner @ step.mT, step @ step.mT - gram]
    return [float(residual.abs().max()) for residual in residuals]


def printed_has_no_solution() -> Counterexample:
    """d = 2, V = [I, 0]: V^T S = 0 means S = P S for the projector P onto the null space of V^T, and P = 0."""
    learner = torch.eye(2, 4, dtype=torch.float64)
    projector = torch.eye(2, dtype=torch.float64) - learner @ torch.linalg.pinv(learner)
    largest = float(torch.linalg.matrix_norm(projector, 2))
    point = (
        r"$n = 1$, $\mathbf{V} = [I, 0]$ (2 x 4): $\|\mathbf{S}_r\|/\|\mathbf{S}\|$, at most $\|P\|$ where "
        r"$\mathbf{V}^\top \mathbf{S} = 0$"
    )
    return Counterexample(point, 0.5**0.5, largest, largest < 0.5)


def _altered(name: str, residuals: Callable[[], list[sympy.Basic]]) -> SymbolicIdentity:
    return SymbolicIdentity(name, "", residuals)


GRAM = SymbolicIdentity(
    "Gram matrices",
    r"$\mathbf{V}_i \mathbf{S}_j^\top = 0$, $\mathbf{S}_i \mathbf{S}_j^\top = \mathbf{V}^\star_i "
    r"(\mathbf{V}^\star_j)^\top$ and "
    r"$\mathbf{V}'_i (\mathbf{V}'_j)^\top = (1 - \eta) \mathbf{V}_i \mathbf{V}_j^\top + \eta \mathbf{V}^\star_i "
    r"(\mathbf{V}^\star_j)^\top$",
    gram_identities,
    direction_spots,
)
TILT = Control(
    "tilt",
    "S has a part along the rows of V",
    "Gram matrices",
    altered_claim=_altered("Gram matrices", lambda: gram_identities(tilt=True)),
)

DEFINITION_14 = Statement(
    id="fsr.C.14",
    label="Definition C.14",
    kind=Kind.DEFINITION,
    title="Update direction of D5",
    printed=r"$\mathbf{V}'_{1,j} = \sqrt{1 - \eta}\, \mathbf{V}_{1,j} + \sqrt{\eta}\, \mathbf{S}_j$ with "
    r"$\mathbf{V}_{1,i}^\top \mathbf{S}_j = 0$, $\|\mathbf{S}_j\|_F \le \mathrm{poly}(d)$ and $[\mathbf{S}_j "
    r"\mathbf{S}_{j'}]_{r,r'} "
    r"= \langle [\mathbf{V}_{1,j}]_r, [\mathbf{V}_{1,j'}]_{r'} \rangle$ of the rows scaled to lengths "
    r"$\alpha_{1,j,r}$, "
    r"$\alpha_{1,j',r'}$; then $\|[\mathbf{V}'_{1,j}]_r\| = \|[\mathbf{V}_{1,j}]_r\|$",
    checkable=r"with $\mathbf{V}_{1,i} \mathbf{S}_j^\top = 0$ and $\mathbf{S}_j \mathbf{S}_{j'}^\top$ the Gram "
    r"matrix of the target's rows "
    r"scaled to lengths $\alpha$: the direction exists, rows keep their lengths, $\|\mathbf{S}_j\|_F = "
    r"\|\mathbf{V}_{1,j}\|_F$, and "
    r"correlations move from $\rho$ to $(1 - \eta) \rho + \eta \rho^\star$",
    source="section C.4.2, l.1560-1574",
    evidence="symbolic, all sizes",
    claims=(
        GRAM,
        SymbolicIdentity(
            "row lengths",
            r"$\|[\mathbf{V}'_j]_r\| = \|[\mathbf{V}_j]_r\|$ since $\|[\mathbf{S}_j]_r\| = \alpha_r$",
            row_lengths,
        ),
    ),
    controls=(
        TILT,
        Control(
            "lengths",
            "the target's rows 1 % longer than alpha",
            "row lengths",
            altered_claim=_altered("row lengths", lambda: row_lengths(ALPHA * sympy.Rational(101, 100))),
        ),
    ),
    errata=(
        Erratum(
            Defect.MISPRINT,
            "The transposes are misplaced: where the rows of $\\mathbf{V}_1$ are linearly independent the first "
            "condition forces "
            r"$\mathbf{S} = 0$, which the third excludes.",
            "first and third item of the definition, l.1566 and l.1568; Claim C.29 and l.1598-1606 have them right",
            r"$\mathbf{V}_{1,i} \mathbf{S}_j^\top = 0$ and $[\mathbf{S}_j \mathbf{S}_{j'}^\top]_{r,r'}$",
            printed_has_no_solution,
        ),
        Erratum(
            Defect.CONVERSION_SLIP,
            "The stars of the target's rows are missing in the third condition, which would leave every "
            "correlation where "
            "it is.",
            "third item, l.1568; $\\mathbf{M}^\\star$ in the proof of Claim C.15, l.1596, has them",
            r"$\langle [\mathbf{V}^\star_{1,j}]_r, [\mathbf{V}^\star_{1,j'}]_{r'} \rangle$ of the normalised rows",
        ),
    ),
    expected=Verdict.REPAIRED,
    requires=("fsr.C.29",),
)

CLAIM_29 = Statement(
    id="fsr.C.29",
    label="Claim C.29",
    kind=Kind.CLAIM,
    title="Update matrices exist",
    printed=r"for $d' \ge nd + m$ and $\eta \in [0, 1]$ there are $\mathbf{S}_1, \dots, \mathbf{S}_n$ with "
    r"$\mathbf{V}_i \mathbf{S}_j^\top = 0$, "
    r"$\mathbf{S}_i \mathbf{S}_j^\top = \mathbf{V}^\star_i (\mathbf{V}^\star_j)^\top$, and so $(\sqrt{1-\eta} "
    r"\mathbf{V}_i + \sqrt{\eta} \mathbf{S}_i) "
    r"(\sqrt{1-\eta} \mathbf{V}_j + \sqrt{\eta} \mathbf{S}_j)^\top = (1-\eta) \mathbf{V}_i \mathbf{V}_j^\top + \eta "
    r"\mathbf{V}^\star_i "
    r"(\mathbf{V}^\star_j)^\top$",
    checkable=r"they exist if and only if $d' \ge \mathrm{rank}(\mathbf{V}) + \mathrm{rank}(\mathbf{V}^\star)$ for "
    r"the stacked matrices; "
    r"$d' \ge nd + m$ and $d' \ge 2nd$ suffice",
    source="section C.6.7, l.2329-2335",
    evidence="symbolic, all sizes",
    claims=(GRAM,),
    controls=(
        TILT,
        Control(
            "sign",
            "the sign of the target's Gram matrix",
            "Gram matrices",
            altered_claim=_altered("Gram matrices", lambda: gram_identities(sign=-1)),
        ),
    ),
    errata=(
        Erratum(
            Defect.MISPRINT,
            "The transpose is misplaced: $\\mathbf{U}^\\top \\mathbf{V}_i$ is ill-typed (m rows against d). Vectors "
            "orthogonal to the row span of the $\\mathbf{V}_i$ are meant, not merely outside it.",
            "'orthonormal vectors that is not in the row span' and $\\mathbf{U}^\\top \\mathbf{V}_i = 0$, l.2335",
            r"vectors orthogonal to all rows of all $\mathbf{V}_i$, that is $\mathbf{V}_i \mathbf{U}^\top = 0$",
        ),
    ),
    expected=Verdict.PROVED,
)

STATEMENTS = (DEFINITION_14, CLAIM_29)
