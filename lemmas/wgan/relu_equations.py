r"""Systems of equations between ReLUs, and the formulas of propositional logic that they can express.

A system is sum_i signs_i ReLU(A_i x + b_i) = 0, where A_i x + b_i has one entry for every row. With all signs +1 every
entry of every A_i x + b_i must be at most 0: one linear program. With signs the system is decided by going through all
patterns of active and inactive hinges: for one pattern it is linear, and a linear program (or, where x is fixed by it,
its only candidate) decides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations, product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

Clause = tuple[int, ...]  # literals: j + 1 for variable j, -(j + 1) for its negation
FEASIBLE, INFEASIBLE = 0, 2  # scipy's status
ROUNDING = 1e-9


@dataclass(frozen=True)
class ReluSystem:
    """sum_i signs_i ReLU(matrices_i x + offsets_i) = 0.

    Attributes:
        matrices: A_i, shape (term, row, variable).
        offsets: b_i, shape (term, row).
        signs: +1 or -1, shape (term,).
    """

    matrices: NDArray[np.float64]
    offsets: NDArray[np.float64]
    signs: NDArray[np.float64]

    def residual(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The left side at x, shape (row,)."""
        hinges = np.maximum(self.matrices @ x + self.offsets, 0)
        return np.tensordot(self.signs, hinges, axes=1)


def has_nonpositive_point(system: ReluSystem) -> bool:
    """Whether some x has A_i x + b_i <= 0 for all i: one linear program."""
    return _is_feasible(system.matrices.reshape(-1, system.matrices.shape[-1]), -system.offsets.reshape(-1))


def has_solution(system: ReluSystem) -> bool:
    """Whether the system has a solution, by exhaustion of the patterns of its hinges; exponential in their number."""
    return _search(system, _Pattern.empty(system.matrices.shape[-1]), 0)


@dataclass(frozen=True)
class _Pattern:
    """The cell of a pattern, matrix x <= bound, and the equations of the rows that it decides."""

    matrix: NDArray[np.float64]
    bound: NDArray[np.float64]
    equations: NDArray[np.float64]
    values: NDArray[np.float64]

    @staticmethod
    def empty(num_variables: int) -> "_Pattern":
        """No hinges, no rows."""
        nothing, none = np.zeros((0, num_variables)), np.zeros(0)
        return _Pattern(nothing, none, nothing, none)

    def extended(self, system: ReluSystem, row: int, active: NDArray[np.bool_]) -> "_Pattern":
        """With the hinges of one more row, active or not."""
        matrix, offsets = system.matrices[:, row], system.offsets[:, row]
        sides, weights = np.where(active, -1.0, 1.0), np.where(active, system.signs, 0.0)
        return _Pattern(
            np.vstack([self.matrix, sides[:, None] * matrix]),
            np.append(self.bound, -sides * offsets),
            np.vstack([self.equations, weights @ matrix]),
            np.append(self.values, -weights @ offsets),
        )


def _search(system: ReluSystem, pattern: _Pattern, row: int) -> bool:
    """Row by row: a pattern without a point is not refined, and one whose equations fix x is decided by that x."""
    num_variables = system.matrices.shape[-1]
    if np.linalg.matrix_rank(pattern.equations) == num_variables:
        point = np.linalg.lstsq(pattern.equations, pattern.values, rcond=None)[0]
        return bool(np.abs(system.residual(point.astype(np.float64))).max() <= ROUNDING)
    if row and not _is_feasible(pattern.matrix, pattern.bound, pattern.equations, pattern.values):
        return False
    if row == system.offsets.shape[1]:
        return True
    choices = [_activities(system.matrices[i, row], system.offsets[i, row]) for i in range(len(system.signs))]
    return any(
        _search(system, pattern.extended(system, row, np.array(chosen)), row + 1) for chosen in product(*choices)
    )


def _activities(coefficients: NDArray[np.float64], offset: float) -> tuple[bool, ...]:
    """Whether a hinge may be inactive or active; one without variables is what its offset says."""
    return (False, True) if coefficients.any() else (bool(offset > 0),)


def _is_feasible(
    matrix: NDArray, bound: NDArray, equations: NDArray | None = None, values: NDArray | None = None
) -> bool:
    """Whether matrix x <= bound and equations x = values have a common solution.

    Raises:
        ArithmeticError: the solver does not know.
    """
    found = linprog(np.zeros(matrix.shape[1]), matrix, bound, equations, values, bounds=(None, None))
    if found.status not in (FEASIBLE, INFEASIBLE):
        raise ArithmeticError(f"a linear program must be feasible or not, got {found.message!r}")
    return bool(found.status == FEASIBLE)


def from_formula(num_variables: int, clauses: Sequence[Clause], minus: int = -1) -> ReluSystem:
    """The system whose solutions are the satisfying assignments (+1 true, -1 false) of a formula of three literals a clause.

    A row ReLU(x_j) + ReLU(-x_j) - ReLU(1) = |x_j| - 1 for every variable, and a row ReLU(-(l_1 + l_2 + l_3) - 1) for
    every clause, which is 2 where all three literals are -1 and 0 at the other assignments. ``minus = 1`` is the form
    without a sign.
    """
    rows = num_variables + len(clauses)
    matrices, offsets = np.zeros((3, rows, num_variables)), np.zeros((3, rows))
    for j in range(num_variables):
        matrices[0, j, j], matrices[1, j, j], offsets[2, j] = 1, -1, 1
    for i, clause in enumerate(clauses, start=num_variables):
        for literal in clause:
            matrices[0, i, abs(literal) - 1] -= np.sign(literal)
        offsets[0, i] = -1
    return ReluSystem(matrices, offsets, np.array([1.0, 1.0, float(minus)]))


def is_satisfiable(num_variables: int, clauses: Sequence[Clause]) -> bool:
    """By trying all assignments."""
    return any(
        all(any(signs[abs(literal) - 1] == np.sign(literal) for literal in clause) for clause in clauses)
        for signs in product((-1, 1), repeat=num_variables)
    )


def all_clauses(num_variables: int) -> list[Clause]:
    """Every clause of three literals of distinct variables."""
    chosen: Iterator[tuple[int, ...]] = combinations(range(1, num_variables + 1), 3)
    return [
        tuple(sign * variable for sign, variable in zip(signs, variables, strict=True))
        for variables in chosen
        for signs in product((1, -1), repeat=3)
    ]


def smallest_formulas() -> Iterator[tuple[Clause, ...]]:
    """All 256 sets of clauses over three variables."""
    clauses = all_clauses(3)
    for chosen in product((False, True), repeat=len(clauses)):
        yield tuple(clause for clause, taken in zip(clauses, chosen, strict=True) if taken)


def classes_of_formulas() -> list[tuple[Clause, ...]]:
    """One formula of each of the 22 classes of ``smallest_formulas`` up to names and signs of the variables."""
    seen: set[frozenset[Clause]] = set()
    found = []
    for formula in smallest_formulas():
        if frozenset(formula) not in seen:
            found.append(formula)
            seen.update(_renamed(formula))
    return found


def _renamed(formula: Sequence[Clause]) -> Iterator[frozenset[Clause]]:
    for names in permutations((1, 2, 3)):
        for signs in product((1, -1), repeat=3):
            yield frozenset(_clause(clause, names, signs) for clause in formula)


def _clause(clause: Clause, names: Sequence[int], signs: Sequence[int]) -> Clause:
    """The clause with variable j renamed to names[j - 1] and its sign changed, in the order of the names."""
    literals = [names[abs(x) - 1] * signs[abs(x) - 1] * (1 if x > 0 else -1) for x in clause]
    return tuple(sorted(literals, key=abs))
