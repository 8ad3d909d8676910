"""The chain from the warm start to Algorithm 1: its parts against Algorithm 1 itself, and its figure on known answers."""

import csv
import io
import json
from collections.abc import Sequence
from math import nan, sqrt
from pathlib import Path

import numpy as np
import pytest

import lemmas.fsr
from fsrcheck.errors import InputError
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.gaussian.lattice_sums import Channel
from fsrcheck.model.factor_codes import FactorCodes
from fsrcheck.model.learned_codes import BIAS
from fsrcheck.registry import Registry
from fsrcheck.report.figures import Drawing
from fsrcheck.report.page import render_page
from fsrcheck.runs.checking import check
from fsrcheck.runs.result import StatementResult
from fsrcheck.statement import Paper, Statement
from fsrcheck.training.channels_alike import Learned, Tilt, sharpened_error
from lemmas.fsr import chain_rounds, output_layer_runs
from lemmas.fsr.chain import STATEMENT
from lemmas.fsr.chain_figure import crossing, draw
from lemmas.fsr.chain_rounds import BEST, CLOSES, FITTED_START, OPEN, PRINTED, SAMPLED, TOLERANCE, Parameters
from lemmas.fsr.chain_samples import sampled
from lemmas.fsr.output_layer_runs import TOWARDS_ALL
from tests.example import bare

SIZES = (16, 32, 64, 128)


def test_the_warm_starts_constant_is_the_fitted_one_rounded_up() -> None:
    data = Path(lemmas.fsr.__file__).with_name("constants.json").read_text(encoding="utf-8")
    fitted = json.loads(data)["fsr.A.1"]["constants"]["C"]["value"]
    assert fitted <= FITTED_START < fitted + 1e-3


def test_the_fixed_point_is_where_algorithm_1_descends_to() -> None:
    error, cutoff = 0.02, 0.24
    parameters = output_layer_runs.Parameters(
        num_channels=64, dictionary_error=error, direction=TOWARDS_ALL, error_model=BIAS, cutoff_ratio=cutoff / error
    )
    instances = output_layer_runs.build(parameters, [1], "cpu")
    learner: FactorCodes = instances.learner
    channel = Channel(learner.scales[0, 0], learner.thresholds[0, 0])
    (descended,) = output_layer_runs.run(parameters, [1], "cpu")
    assert descended.premises["false_activations"] >= 0
    found = sharpened_error(Tilt(64, 2.0, error), Learned(channel, 0.0, 0.0), cutoff)
    assert found == pytest.approx(descended.measurements["after"].value, rel=0.02)
    assert found < 0.2 * error


def test_the_dictionary_is_what_runs_of_algorithm_1_start_from() -> None:
    parameters = output_layer_runs.Parameters(num_channels=16, dictionary_error=0.2, direction=TOWARDS_ALL)
    instances = output_layer_runs.build(parameters, [3], "cpu")
    mixing = (instances.start.mT @ instances.atoms)[0]
    tilt = Tilt(16, 2.0, 0.2)
    assert float(mixing[0, 0]) == pytest.approx(tilt.own, rel=1e-10)
    assert float(mixing[0, 1]) == pytest.approx(tilt.other, rel=1e-10)


def test_the_first_round_agrees_with_samples() -> None:
    (found,) = chain_rounds.run(Parameters(18, 1.0, SAMPLED), [7], "cpu")
    for name, limit in (("mean", 0.01), ("rate", 0.01), ("pair", 0.04)):
        measured = found.measurements[name]
        assert measured.standard_error < limit
        assert measured.value < 6 * measured.standard_error + 2e-3


def test_tolerance_is_the_edge_of_the_criterion() -> None:
    parameters = Parameters(64, 2.0, TOLERANCE)
    edge = chain_rounds.tolerance(parameters)
    assert (
        chain_rounds.first_layer(parameters, edge).ratio <= 1 < chain_rounds.first_layer(parameters, 1.03 * edge).ratio
    )


def test_nothing_learned_is_no_number_for_the_samples_and_infinite_for_the_chain() -> None:
    parameters = Parameters(1024, 2.0, OPEN, PRINTED)
    layer = chain_rounds.first_layer(parameters, parameters.start_error)
    assert layer.learned is None
    assert (layer.ratio, layer.gain) == (float("inf"), float("inf"))
    found = sampled(layer.tilt, layer.learned, layer.cutoff, 1)
    assert all(np.isnan(measured.value) for measured in found.measurements.values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "other"}, "task must be one of"),
        ({"cutoff": "other"}, "cutoff must be one of"),
        ({"num_channels": 6, "expected_active": 1.0}, "num_channels must be at least 8"),
        ({"expected_active": 20.0}, r"expected_active in \(0, num_channels / 4\]"),
        ({"coarseness": 50.0}, "error at the start must be in"),
        ({"start_constant": -1.0}, "error at the start must be in"),
    ],
)
def test_what_is_no_chain_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Parameters(**changes)


def test_the_start_is_the_law_or_the_fitted_bound() -> None:
    assert Parameters(64, 2.0, start_constant=0.5).start_error == pytest.approx(0.5 * 2 / sqrt(64))
    assert Parameters(64, 2.0).start_error == pytest.approx(0.1305, rel=1e-3)


def known(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """A tolerance of 0.05 sqrt(m/16), and rounds that close where they are said to."""
    if parameters.task == TOLERANCE:
        found = nan if parameters.num_channels == SIZES[0] else 0.05 * sqrt(parameters.num_channels / 16)
        return [Observation({}, {"tolerance": Measurement(found)})] * len(seeds)
    ratio = 0.5 if parameters.task == CLOSES else 2.0
    names = ("first_round", "all_rounds", "gain")
    return [Observation({}, {name: Measurement(ratio) for name in names})] * len(seeds)


def statement(tasks: Sequence[str] = (CLOSES, OPEN, TOLERANCE)) -> Statement:
    cases = [Parameters(m, 2.0, task) for task in tasks for m in (SIZES if task == TOLERANCE else (64, 256))]
    cases.append(Parameters(512, 2.0, CLOSES, PRINTED))
    return bare(STATEMENT, run=known, cases={"quick": tuple(cases)}, trials={"quick": 2}, claims=STATEMENT.claims[:1])


def result_of(one: Statement) -> StatementResult:
    return check("chain", registry=Registry([Paper("fsr", "", "", (one,))]), seed=1, device="cpu")


@pytest.fixture(scope="module")
def drawing() -> Drawing:
    (found,) = draw(result_of(statement()))
    return found


def test_tolerances_that_were_found_are_drawn_and_joined(drawing: Drawing) -> None:
    (line,) = [line for line in drawing.figure.axes[0].lines if line.get_label() == "tolerated, k = 2"]
    assert list(np.asarray(line.get_xdata())) == list(SIZES[1:])
    assert list(np.asarray(line.get_ydata())) == pytest.approx([0.05 * sqrt(m / 16) for m in SIZES[1:]])


def test_the_closed_form_is_drawn_to_a_million(drawing: Drawing) -> None:
    (line,) = [line for line in drawing.figure.axes[0].lines if line.get_label() == "warm start, k = 2"]
    sizes, errors = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert (sizes[0], sizes[-1]) == (16, 2**20)
    assert errors[-1] == pytest.approx(Parameters(2**20, 2.0).warm_error)


def test_the_crossing_is_interpolated() -> None:
    points = [(m, Parameters(m, 2.0).warm_error * (m / 50) ** 0.7) for m in SIZES]
    assert crossing(points, 2.0) == pytest.approx(50.0, rel=1e-6)
    assert crossing(points[2:], 2.0) is None
    assert crossing(points[:2], 2.0) is None


def test_the_table_has_every_case_but_those_of_other_cutoffs(drawing: Drawing) -> None:
    rows = list(csv.DictReader(io.StringIO(drawing.table)))
    assert {row["cutoff"] for row in rows} == {BEST}
    assert {(row["task"], row["num_channels"]) for row in rows} == {
        *((task, str(m)) for task in (CLOSES, OPEN) for m in (64, 256)),
        *((TOLERANCE, str(m)) for m in SIZES),
    }


def test_the_page_has_the_figure_with_its_table() -> None:
    one = statement()
    page = render_page([result_of(one)], Registry([Paper("fsr", "", "", (one,))]))
    assert "could not be drawn" not in page.html
    assert page.html.count('download="fsr.chain.chain.csv') == 1


def test_without_crossings_there_is_no_figure() -> None:
    assert draw(result_of(statement(tasks=(TOLERANCE,)))) == []
