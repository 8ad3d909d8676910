r"""Theorem 1: is it hard to decide whether a game between ReLUs and a linear player has a stationary point?

Setting: f(x, y) = sum_{i=1}^n ReLU(A_i x + b_i)^T y with x in R^d and A_i of O(d) rows; the minimiser has x, the maximiser y.

Statement (as printed, section 3.1): "consider min_x max_y sum_{i=1}^n phi(A_i x + b_i)^T y where x in R^d, A_i in R^{O(d) x d} and
phi is ReLU activation. As long as n >= 4, the problem of checking whether f has any stationary point is NP-hard in d";
"3SAT is reducible to the above problem". Restored: the sum with its limits and the product with y. No sign can have been
lost inside the sum: all its symbols are in the text.

As printed: the derivative in y is sum_i ReLU(A_i x + b_i), a sum of entries that are at least 0. It vanishes exactly
where A_i x + b_i <= 0 for all i, and with y = 0 the derivative in x vanishes as well. So f has a stationary point exactly
where one linear program is feasible: the problem is in P, and not NP-hard unless P = NP.

Repaired form: with signs s_i, f(x, y) = sum_i s_i ReLU(A_i x + b_i)^T y, it is NP-hard from n = 3 on (further terms may be 0).
Proof: f is stationary at (x, 0) exactly where sum_i s_i ReLU(A_i x + b_i) = 0, and any stationary point has such an x.
For a formula in d variables take the signs +, +, - and the rows

    ReLU(x_j) + ReLU(-x_j) - ReLU(1) = |x_j| - 1    for every variable,
    ReLU(-(l_1 + l_2 + l_3) - 1)                     for every clause with the literals l = x_j or -x_j.

The first make x_j = 1 or -1; there a clause row is 2 if all its literals are -1 and 0 otherwise. 3SAT with every variable in
at most four clauses is NP-hard (C. Tovey, 1984), and its systems have at most d + 4 d/3 rows: O(d).

Measured: the printed form against the exhaustion of all patterns of active hinges, on random systems; the reduction
against the truth table, on the formulas in three variables (22 classes up to renaming; all 256 at scale standard) and
on random ones in four.
Controls: the reduction without its minus sign; random systems with signs, decided by the linear program.
Departures from the paper: the signs. Source: section 3.1, Theorem 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import sympy

from fsrcheck.errors import InputError
from fsrcheck.evidence.claim import Selection
from fsrcheck.evidence.identity import Identity
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.model.streams import streams
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Statement
from lemmas.wgan.relu_equations import (
    Clause,
    ReluSystem,
    all_clauses,
    classes_of_formulas,
    from_formula,
    has_nonpositive_point,
    has_solution,
    is_satisfiable,
    smallest_formulas,
)

SMALL, RANDOM, PRINTED = "formulas in three variables", "random formulas", "random systems"
CLASSES, ALL = 22, 256  # formulas in three variables, up to renaming and all
NUM_VARIABLES = 4


@dataclass(frozen=True)
class Parameters:
    """Which instances are decided in two ways."""

    instances: str = RANDOM
    count: int = 8  # of instances
    minus: int = -1  # sign of the third term; in the printed form +1

    def __post_init__(self) -> None:
        """Refuse unknown instances."""
        if self.instances not in (SMALL, RANDOM, PRINTED):
            raise InputError(f"instances must be one of {SMALL!r}, {RANDOM!r}, {PRINTED!r}, got {self.instances!r}")


def random_system(generator: np.random.Generator, minus: int) -> ReluSystem:
    """Three terms of two rows in two variables, with small whole numbers."""
    matrices, offsets = generator.integers(-2, 3, (3, 2, 2)), generator.integers(-2, 2, (3, 2))
    return ReluSystem(matrices.astype(float), offsets.astype(float), np.array([1.0, 1.0, float(minus)]))


def random_formula(generator: np.random.Generator) -> tuple[Clause, ...]:
    """Between 4 and 32 different clauses in four variables; both answers are frequent."""
    clauses = all_clauses(NUM_VARIABLES)
    chosen = generator.permutation(len(clauses))[: generator.integers(4, len(clauses) + 1)]
    return tuple(clauses[i] for i in chosen)


def decisions(parameters: Parameters, generator: np.random.Generator) -> list[tuple[bool, bool]]:
    """The two answers for every instance."""
    if parameters.instances == PRINTED:
        systems = [random_system(generator, parameters.minus) for _ in range(parameters.count)]
        return [(has_nonpositive_point(system), has_solution(system)) for system in systems]
    if parameters.instances == SMALL:
        formulas, size = (list(smallest_formulas()) if parameters.count == ALL else classes_of_formulas()), 3
    else:
        formulas, size = [random_formula(generator) for _ in range(parameters.count)], NUM_VARIABLES
    return [
        (is_satisfiable(size, formula), has_solution(from_formula(size, formula, parameters.minus)))
        for formula in formulas
    ]


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """How many answers differ."""
    found = []
    for generator in streams(seeds, "instances"):
        answers = decisions(parameters, generator)
        differences = sum(first != second for first, second in answers)
        counts = {"instances": len(answers), "stationary": sum(second for _, second in answers)}
        found.append(Observation({}, {"differences": Measurement(float(differences))}, counts))
    return found


def gadgets(offset: int = -1) -> list[sympy.Expr]:
    """The clause row minus twice the product of (1 - l)/2 at the eight assignments; |x| - 1 on both sides of 0."""

    def relu(value: sympy.Expr) -> sympy.Expr:
        return sympy.Max(value, 0)

    t = sympy.Symbol("t", nonnegative=True)
    clause = [
        relu(sympy.Integer(offset - sum(literals))) - 2 * sympy.prod(sympy.Rational(1 - x, 2) for x in literals)
        for literals in product((-1, 1), repeat=3)
    ]
    return [*clause, *(relu(s * t) + relu(-s * t) - relu(sympy.Integer(1)) - (t - 1) for s in (1, -1))]


def printed_form_is_a_linear_program() -> Counterexample:
    """Random systems of the printed form: one linear program each answers like the exhaustion of all patterns."""
    generator = np.random.default_rng(1)
    answers = [
        (has_nonpositive_point(system), has_solution(system))
        for system in (random_system(generator, 1) for _ in range(8))
    ]
    agree = sum(first == second for first, second in answers)
    both = 0 < sum(second for _, second in answers) < len(answers)
    point = (
        "8 systems of the printed form, with and without stationary points: on how many one linear program answers "
        "like all patterns of active hinges (printed: not on all, unless $P = NP$)"
    )
    return Counterexample(point, len(answers) - 1.0, float(agree), both and agree == len(answers))


STATEMENT = Statement(
    id="wgan.T.1",
    label="Theorem 1",
    kind=Kind.THEOREM,
    title="Hardness of deciding whether a game between ReLUs has a stationary point",
    printed=r"for $\min_x \max_y \sum_{i=1}^n \phi(A_i x + b_i)^\top y$ with ReLU $\phi$, $x \in R^d$ and "
    r"$A_i \in R^{O(d) \times d}$: as long as $n \ge 4$, checking whether there is any stationary point is NP-hard in $d$",
    checkable=r"printed form: stationary exactly where $A_i x + b_i \le 0$ for all $i$, one linear program. With signs, "
    r"$\sum_i s_i \phi(A_i x + b_i)^\top y$: 3SAT reduces to it from $n = 3$ on, by $|x_j| - 1 = 0$ for every variable and "
    r"$\phi(-(l_1 + l_2 + l_3) - 1) = 0$ for every clause",
    source="section 3.1, Theorem 1",
    evidence="symbolic; two ways of deciding compared, by linear programming",
    claims=(
        SymbolicIdentity(
            "gadgets",
            r"$\phi(-\sum l - 1) = 2 \prod (1 - l)/2$ at $l = \pm 1$; $\phi(t) + \phi(-t) - \phi(1) = |t| - 1$",
            gadgets,
        ),
        Identity(
            "small formulas",
            "the signed form has a stationary point exactly for the satisfiable ones of the formulas in three variables: of "
            "the 22 classes up to renaming, or of all 256",
            "differences",
            0.0,
            where=Selection({"instances": SMALL}),
        ),
        Identity(
            "random formulas",
            "the same for random formulas in four variables",
            "differences",
            0.0,
            where=Selection({"instances": RANDOM}),
        ),
        Identity(
            "printed form",
            "one linear program decides the printed form like all patterns of active hinges",
            "differences",
            0.0,
            where=Selection({"instances": PRINTED}),
        ),
    ),
    controls=(
        Control(
            "no minus sign",
            "all signs +1, as printed: the reduction fails",
            "random formulas",
            {"minus": 1},
            {"instances": RANDOM},
            trials=2,
        ),
        Control(
            "signs",
            "one sign -1 in the form that the linear program decides",
            "printed form",
            {"minus": -1},
            {"instances": PRINTED},
            trials=2,
        ),
        Control(
            "offset",
            "the offset -1 of a clause replaced by 0",
            "gadgets",
            altered_claim=SymbolicIdentity("gadgets", "", lambda: gadgets(0)),
        ),
    ),
    errata=(
        Erratum(
            Defect.FALSE_STATEMENT,
            r"As printed, with one $y$ and all signs positive, a stationary point exists exactly where a linear program is "
            "feasible; that is decided in polynomial time.",
            "the appendix with the reduction is not in the text; stationarity in $y$ asks that a sum of ReLUs vanish",
            r"$f(x, y) = \sum_i s_i \phi(A_i x + b_i)^\top y$ with signs $s_i = \pm 1$, $n \ge 3$",
            printed_form_is_a_linear_program,
        ),
    ),
    expected=Verdict.REPAIRED,
    parameters=Parameters,
    cases={
        "quick": (Parameters(SMALL, CLASSES), Parameters(RANDOM), Parameters(PRINTED, 16, 1)),
        "standard": (Parameters(SMALL, ALL), Parameters(RANDOM, 40), Parameters(PRINTED, 100, 1)),
    },
    trials={"quick": 1, "standard": 2},
    run=run,
    departures=("'stationary' is meant in Clarke's sense where a ReLU has a kink; at $y = 0$ all senses agree",),
)
