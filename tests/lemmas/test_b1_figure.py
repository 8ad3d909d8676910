"""The figure of Induction B.1, on trials with known answers."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.model.learned_codes import BIAS, INDEPENDENT
from fsrcheck.registry import Registry
from fsrcheck.report.figures import Drawing
from fsrcheck.report.page import render_page
from fsrcheck.runs.checking import check
from fsrcheck.runs.result import StatementResult
from fsrcheck.statement import Paper, Statement
from lemmas.fsr.b1_figure import draw_rounds
from lemmas.fsr.b1_rounds import ERROR_AFTER, LITERAL, START, RoundParameters
from lemmas.fsr.b1_rounds import run as really_run
from lemmas.fsr.b2_reinforcement import STATEMENTS
from tests.example import bare

INDUCTION = STATEMENTS[0]
CASES = (
    replace(START, error_model=BIAS),
    replace(START, error_model=INDEPENDENT),
    replace(START, error_model=BIAS, schedule=LITERAL, dictionary_error=0.02, num_rounds=4),
)
FACTORS = {(BIAS, "adaptive"): 0.1, (INDEPENDENT, "adaptive"): 0.2, (BIAS, LITERAL): 0.9}
TAKEN = 3


def error_after(parameters: RoundParameters, number: int) -> float:
    return float(parameters.dictionary_error * FACTORS[parameters.error_model, parameters.schedule] ** number)


def run(parameters: Any, seeds: Sequence[int], device: str) -> list[Observation]:
    found = {ERROR_AFTER.format(n): Measurement(error_after(parameters, n)) for n in range(TAKEN + 1)}
    return [Observation({}, {"rounds": Measurement(3.0), **found}) for _ in seeds]


def statement(**changes: Any) -> Statement:
    own = {"run": run, "cases": {"quick": CASES}, "trials": {"quick": 2}, "errata": ()}
    return bare(INDUCTION, claims=INDUCTION.claims[-3:-2], **(own | changes))


def registry_of(one: Statement) -> Registry:
    return Registry([Paper("fsr", "", "", (one,))])


def result_of(one: Statement) -> StatementResult:
    return check("B.1", registry=registry_of(one), seed=1, device="cpu")


@pytest.fixture(scope="module")
def result() -> StatementResult:
    return result_of(statement())


@pytest.fixture(scope="module")
def drawing(result: StatementResult) -> Drawing:
    (found,) = draw_rounds(result)
    return found


def line(drawing: Drawing, label: str) -> tuple[np.ndarray, np.ndarray]:
    (found,) = [found for found in drawing.figure.axes[0].lines if found.get_label() == label]
    return np.asarray(found.get_xdata()), np.asarray(found.get_ydata())


@pytest.mark.parametrize(
    ("label", "case"),
    [("adaptive: off alike", CASES[0]), ("adaptive: off at random", CASES[1]), ("printed: off alike", CASES[2])],
)
def test_a_line_has_the_error_after_every_round_that_was_run(
    drawing: Drawing, label: str, case: RoundParameters
) -> None:
    rounds, errors = line(drawing, label)
    assert list(rounds) == [0, 1, 2, 3]
    assert errors == pytest.approx([error_after(case, n) for n in range(4)], rel=1e-12)


def test_what_is_claimed_and_what_the_printed_schedule_learns_are_drawn(drawing: Drawing) -> None:
    rounds, claimed = line(drawing, "claimed, m^−0.02 a round")
    assert claimed == pytest.approx([0.125 * 64 ** (-0.02 * n) for n in rounds], rel=1e-12)
    rounds, codes = line(drawing, "printed accuracy of codes")
    assert list(rounds) == [1, 2, 3]
    assert codes == pytest.approx([64 ** (-0.3 - 0.02 * n) for n in rounds], rel=1e-12)


def test_the_table_has_every_trial_and_round(drawing: Drawing, result: StatementResult) -> None:
    rows = list(csv.DictReader(io.StringIO(drawing.table)))
    assert len(rows) == 4 * sum(len(case.trials) for case in result.cases) > 0
    for row in rows:
        (case,) = [c for c in CASES if (c.error_model, c.schedule) == (row["error_model"], row["schedule"])]
        assert float(row["error"]) == pytest.approx(error_after(case, int(row["round"])), rel=1e-14)


def test_the_page_has_the_figure_with_its_table() -> None:
    one = statement(figure=INDUCTION.figure)
    page = render_page([result_of(one)], registry_of(one))
    assert "could not be drawn" not in page.html
    assert page.html.count('download="fsr.B.1.error-by-round.csv') == 1


def test_without_errors_by_round_there_is_no_figure() -> None:
    nothing = statement(run=lambda p, seeds, d: [Observation({}, {})] * len(seeds))
    assert draw_rounds(result_of(nothing)) == []


def test_a_run_keeps_its_start_and_the_error_after_every_round() -> None:
    parameters = replace(START, num_channels=16, dictionary_error=1e-3, num_rounds=2, error_model=BIAS)
    (found,) = really_run(parameters, [1], "cpu")
    errors = [found.measurements[ERROR_AFTER.format(n)].value for n in range(3)]
    assert errors[0] == pytest.approx(1e-3, rel=1e-9)
    assert errors[2] == found.measurements["after"].value < errors[1] < errors[0]
    assert max(errors[1] / errors[0], errors[2] / errors[1]) == found.measurements["worst_gain"].value
