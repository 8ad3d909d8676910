"""A tiny paper for the tests of the verification tower: W. Hoeffding (1963), for fair coins."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, sqrt
from typing import Any

import numpy as np
import sympy

from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.frequency import Frequency
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.scaling import Scaling
from fsrcheck.evidence.symbolic import SymbolicIdentity
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.statement import Control, Counterexample, Defect, Erratum, Kind, Paper, Statement


@dataclass(frozen=True)
class Coins:
    num_tosses: int = 100
    bias: float = 0.0
    repetitions: int = 400


def run(parameters: Coins, seeds: Sequence[int], device: str) -> list[Observation]:
    """Toss coins: the mean deviation over many repetitions, and how often it is large."""
    observations = []
    for seed in seeds:
        heads = np.random.default_rng(seed).binomial(
            parameters.num_tosses, 0.5 + parameters.bias, parameters.repetitions
        )
        deviation = np.abs(heads / parameters.num_tosses - 0.5)
        spread = deviation.std() / sqrt(parameters.repetitions)
        observations.append(
            Observation(
                premises={"fair": 0.01 - parameters.bias},
                measurements={"deviation": Measurement(float(deviation.mean()), float(spread) / 10)},
                counts={"small": int((deviation < threshold(parameters)).sum()), "repetitions": parameters.repetitions},
            )
        )
    return observations


def threshold(parameters: Coins) -> float:
    """The deviation that is exceeded with probability at most 2 exp(-2 * 1.5^2)."""
    return 1.5 / sqrt(parameters.num_tosses)


def inverse_root(parameters: Coins) -> float:
    """n^(-1/2)."""
    return parameters.num_tosses**-0.5


SIZES = (100, 200, 400, 800, 1600)

THEOREM = Statement(
    id="coins.T.2",
    label="Theorem 2",
    kind=Kind.THEOREM,
    title="Deviation of the mean",
    printed=r"$\Pr[|\bar X - \mu| \ge t] \le 2 e^{-2 n t^2}$",
    checkable="the same, for fair coins, t = 1.5 n^(-1/2)",
    source="section 2",
    evidence="measured on samples",
    claims=(
        Frequency("tail", "the tail bound", "small", lambda p: 1 - 2 * exp(-2 * 1.5**2), attempts="repetitions"),
        Bound("mean deviation", "$E|.| <= C / sqrt n$", "deviation", "C", inverse_root, trivial=0.5, size="num_tosses"),
        Scaling("rate", "exponent -1/2", "deviation", "num_tosses", -0.5, 0.05, two_sided=True),
    ),
    controls=(
        Control("loaded coin", "the coin is fair", "mean deviation", {"bias": 0.2}, premises=("fair",)),
        Control("loaded coins", "the coin is fair", "rate", {"bias": 0.2}, premises=("fair",), every_case=True),
    ),
    expected=Verdict.SUPPORTED,
    parameters=Coins,
    cases={"quick": tuple(Coins(n) for n in SIZES)},
    trials={"quick": 10},
    run=run,
    constants=(Constant("C", 0.6, Provenance.DERIVED, "E|g|/2 = 0.399 in the limit, plus 50 %"),),
)


def _square() -> list[sympy.Expr]:
    a, b = sympy.symbols("a b")
    return [(a + b) ** 2 - a**2 - 2 * a * b - b**2]


def _square_with_a_flipped_sign() -> list[sympy.Expr]:
    a, b = sympy.symbols("a b")
    return [(a + b) ** 2 - a**2 + 2 * a * b - b**2]


def _counterexample() -> Counterexample:
    return Counterexample("a = b = 1", printed=2.0, actual=float((1 + 1) ** 2), contradicts=(1 + 1) ** 2 != 1 + 1)


SQUARE = Statement(
    id="coins.sq",
    label="Fact 1",
    kind=Kind.FACT,
    title="Square of a sum",
    printed="$(a + b)^2 = a^2 + b^2$",
    checkable="$(a + b)^2 = a^2 + 2 a b + b^2$",
    source="section 1",
    evidence="symbolic",
    claims=(SymbolicIdentity("square", "expands", _square),),
    controls=(
        Control(
            "sign",
            "one sign flipped",
            "square",
            altered_claim=SymbolicIdentity("square", "", _square_with_a_flipped_sign),
        ),
    ),
    errata=(
        Erratum(Defect.FALSE_STATEMENT, "the cross term is missing", "line 1", "$a^2 + 2 a b + b^2$", _counterexample),
    ),
    expected=Verdict.REPAIRED,
)

PAPER = Paper("coins", "Probability inequalities", "W. Hoeffding", (THEOREM, SQUARE))


def bare(statement: Statement, **changes: Any) -> Statement:
    """The statement without a control, of which nothing may then be expected but that it is open."""
    return replace(statement, controls=(), expected=Verdict.OPEN, **changes)
