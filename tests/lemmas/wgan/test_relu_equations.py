"""Systems of ReLU equations: two ways of deciding agree, and the reduction from formulas is exact."""

import numpy as np
import pytest

from lemmas.wgan.relu_equations import (
    ReluSystem,
    all_clauses,
    classes_of_formulas,
    from_formula,
    has_nonpositive_point,
    has_solution,
    is_satisfiable,
    smallest_formulas,
)


def test_an_absolute_value_has_two_solutions_and_a_clause_forbids_one() -> None:
    assert has_solution(from_formula(3, []))
    assert not has_solution(from_formula(3, all_clauses(3)))


def test_the_residual_vanishes_at_satisfying_assignments_only() -> None:
    system = from_formula(3, [(1, 2, -3)])
    assert system.residual(np.array([1.0, -1.0, 1.0])).tolist() == [0, 0, 0, 0]
    assert system.residual(np.array([-1.0, -1.0, 1.0])).tolist() == [0, 0, 0, 2]


def test_every_class_of_formulas_is_decided_like_its_truth_table() -> None:
    formulas = classes_of_formulas()
    assert len(formulas) == 22
    for formula in formulas:
        assert has_solution(from_formula(3, formula)) == is_satisfiable(3, formula)


@pytest.mark.slow
def test_all_256_formulas_are_decided_like_their_truth_tables() -> None:
    formulas = list(smallest_formulas())
    assert len(formulas) == 256
    assert all(has_solution(from_formula(3, formula)) == is_satisfiable(3, formula) for formula in formulas)


def test_without_a_minus_sign_one_linear_program_decides() -> None:
    generator = np.random.default_rng(3)
    answers = []
    for _ in range(12):
        matrices, offsets = generator.integers(-2, 3, (3, 2, 2)), generator.integers(-2, 2, (3, 2))
        system = ReluSystem(matrices.astype(float), offsets.astype(float), np.ones(3))
        answers.append(has_nonpositive_point(system))
        assert answers[-1] == has_solution(system)
    assert set(answers) == {True, False}
