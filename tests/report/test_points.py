import csv
import io
from dataclasses import replace

import pytest

from fsrcheck.evidence.scaling import Scaling
from fsrcheck.report.points import point_sets
from tests.example import THEOREM


def with_claims(result, *claims):
    return replace(result, statement=replace(THEOREM, claims=claims))


def test_the_csv_has_every_trial_to_the_last_digit(results):
    (points,) = point_sets(results[0])
    rows = list(csv.DictReader(io.StringIO(points.to_csv())))
    trials = [trial for case in results[0].cases for trial in case.trials]
    assert [int(row["seed"]) for row in rows] == [trial.seed for trial in trials]
    assert [float(row["value"]) for row in rows] == [trial.measurement("deviation").value for trial in trials]
    assert [int(row["num_tosses"]) for row in rows] == [trial.parameters["num_tosses"] for trial in trials]


def test_the_csv_has_the_bound_and_the_reference(results):
    law = Scaling("law", "", "deviation", "num_tosses", 0.0, 0.05, reference=lambda p: p.num_tosses**-0.5)
    (points,) = point_sets(with_claims(results[0], law, THEOREM.claims[1]))
    for row in csv.DictReader(io.StringIO(points.to_csv())):
        assert float(row["reference"]) == int(row["num_tosses"]) ** -0.5
        assert float(row["bound: mean deviation"]) == pytest.approx(0.6 * float(row["reference"]), rel=1e-15)


def test_a_bound_joins_the_plot_of_its_measurement(results):
    (points,) = point_sets(results[0])
    assert points.name == "rate"
    assert list(points.series[0].bounds) == ["mean deviation"]
    assert points.from_size == 100


def test_a_bound_alone_has_a_plot_of_its_own_without_a_fit(results):
    (points,) = point_sets(with_claims(results[0], THEOREM.claims[1]))
    assert points.scaling is None
    assert points.series[0].law is None
    assert points.series[0].sizes == (100, 200, 400, 800, 1600)


def test_the_fit_is_the_one_that_was_judged(results):
    (points,) = point_sets(results[0])
    (judged,) = results[0].judgements[2].exponents.values()
    assert points.series[0].law.exponent == judged


def test_a_bound_without_its_constant_is_not_drawn(results):
    (points, alone) = point_sets(replace(results[0], constants={}))
    assert points.series[0].bounds == {}
    assert alone.series[0].bounds == {}


def test_values_that_have_no_logarithm_make_no_fit(results):
    zeros = []
    for case in results[0].cases:
        trial = case.trials[0]
        none = replace(trial.observation.measurements["deviation"], value=0.0)
        observation = replace(trial.observation, measurements={"deviation": none})
        zeros.append(replace(case, trials=(replace(trial, observation=observation), *case.trials[1:])))
    (points,) = point_sets(replace(results[0], cases=tuple(zeros)))
    assert points.series[0].law is None


def test_two_claims_never_share_a_file(results):
    first = Scaling("C <= 1", "", "deviation", "num_tosses", -0.5, 0.05)
    sets = point_sets(with_claims(results[0], first, replace(first, name="C >= 1")))
    assert len({points.stem for points in sets}) == 2


def test_series_split_by_the_other_parameters(results):
    doubled = [replace(case, parameters=replace(case.parameters, bias=0.001)) for case in results[0].cases]
    (points,) = point_sets(replace(results[0], cases=(*results[0].cases, *doubled)))
    assert [series.label for series in points.series] == ["bias = 0.0", "bias = 0.001"]
    assert points.level == points.scaling.level


def test_no_cases_make_no_points(results):
    assert point_sets(replace(results[0], cases=())) == []
