"""Constants are fitted on enough trials whose premises hold, and only come back if they were."""

import json
from dataclasses import replace

import pytest

from fsrcheck.errors import FsrcheckError, InputError, RecordError
from fsrcheck.evidence.claim import Selection
from fsrcheck.evidence.constants import Provenance
from fsrcheck.evidence.trial import Measurement
from fsrcheck.runs.calibration import calibrate, fitted_claims, load_constants, save_constants
from fsrcheck.runs.seeds import CALIBRATION_BIT, calibration_seeds
from fsrcheck.runs.trying import Laboratory
from tests.evidence.making import INFINITY, NAN
from tests.example import SQUARE, THEOREM, Coins, run
from tests.invoking import paper_of

UNFITTED = replace(THEOREM, constants=(), cases={"quick": (Coins(100, repetitions=20), Coins(400, repetitions=20))})


@pytest.fixture(scope="module")
def calibration():
    return calibrate(UNFITTED, 5, Laboratory())


@pytest.fixture
def paper(tmp_path):
    return paper_of(UNFITTED, constants_file=tmp_path / "constants.json")


def test_only_undeclared_constants_are_fitted():
    assert [claim.name for claim in fitted_claims(UNFITTED)] == ["mean deviation"]
    assert fitted_claims(THEOREM) == []


def test_a_statement_without_a_constant_to_fit_is_refused():
    with pytest.raises(InputError, match=r"coins\.sq has no constant to fit"):
        calibrate(SQUARE, 5, Laboratory())


def test_calibration_uses_405_trials_a_case_with_seeds_of_its_own():
    used = []

    def spying(parameters, seeds, device):
        used.extend(seeds)
        return run(parameters, seeds, device)

    (constant,) = calibrate(replace(UNFITTED, run=spying), 5, Laboratory()).constants
    assert len(set(used)) == 2 * 405
    assert min(used) >= CALIBRATION_BIT
    assert (constant.provenance, constant.trials) == (Provenance.FITTED, 405)


def test_a_failed_premise_stops_the_calibration():
    biased = replace(UNFITTED, cases={"quick": (Coins(bias=0.2, repetitions=20),)})
    with pytest.raises(
        FsrcheckError, match=r"coins\.T\.2 was not calibrated with seed 5: premises must hold"
    ) as failure:
        calibrate(biased, 5, Laboratory())
    first = calibration_seeds(5, f"coins.T.2|{Coins(bias=0.2, repetitions=20)}", 1)[0]
    again = f"fsrcheck replay coins.T.2 --trial-seed {first} --device cpu"
    assert f"{again} --set num_tosses=100 --set bias=0.2 --set repetitions=20" in str(failure.value)


@pytest.mark.parametrize("value", [INFINITY, NAN])
def test_a_trial_without_a_finite_result_stops_the_calibration(value):
    def fifth_is_lost(parameters, seeds, device):
        lost = calibration_seeds(5, f"coins.T.2|{parameters}", 5)[-1]
        found = run(parameters, seeds, device)
        nothing = {"deviation": Measurement(value)}
        return [replace(o, measurements=nothing) if s == lost else o for s, o in zip(seeds, found, strict=True)]

    lost = calibration_seeds(5, f"coins.T.2|{UNFITTED.cases['quick'][0]}", 5)[-1]
    with pytest.raises(FsrcheckError, match=f"must be finite, got {value}; .* --trial-seed {lost} .*num_tosses=100"):
        calibrate(replace(UNFITTED, run=fifth_is_lost), 5, Laboratory())


def test_a_shape_that_is_not_positive_stops_the_calibration():
    negative = replace(UNFITTED.claims[1], shape=lambda parameters: -1.0)
    with pytest.raises(FsrcheckError, match=r"coins\.T\.2 .* seed 5: .* got -1\.0 at Coins\(num_tosses=100"):
        calibrate(replace(UNFITTED, claims=(negative,)), 5, Laboratory())


def test_a_claim_that_speaks_of_no_calibration_case_is_refused():
    elsewhere = replace(UNFITTED.claims[1], where=Selection({"num_tosses": 7}))
    with pytest.raises(FsrcheckError, match=r"coins\.T\.2 was not calibrated with seed 5: .*got none"):
        calibrate(replace(UNFITTED, claims=(elsewhere,)), 5, Laboratory())


def test_the_same_seed_gives_the_same_constants(calibration):
    assert calibrate(UNFITTED, 5, Laboratory()).constants == calibration.constants
    assert calibrate(UNFITTED, 6, Laboratory()).constants != calibration.constants


def test_constants_come_back_as_they_were_saved(paper, calibration):
    save_constants(paper, calibration)
    assert tuple(load_constants(paper, UNFITTED)) == calibration.constants


def test_saving_leaves_other_statements_alone(paper, calibration):
    paper.constants_file.write_text('{"coins.other": {"kept": true}}')
    save_constants(paper, calibration)
    assert json.loads(paper.constants_file.read_text())["coins.other"] == {"kept": True}


def test_a_statement_that_was_never_calibrated_has_no_constants(paper):
    assert load_constants(paper, UNFITTED) == []
    assert load_constants(replace(paper, constants_file=None), UNFITTED) == []


def test_a_paper_without_a_file_for_constants_is_refused(paper, calibration):
    with pytest.raises(InputError, match="names no file"):
        save_constants(replace(paper, constants_file=None), calibration)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"coins.T.2": {}}', '{"coins.T.2": {"constants": {"C": {}}}}'])
def test_a_foreign_data_file_is_an_error(paper, content):
    paper.constants_file.write_text(content)
    with pytest.raises(RecordError):
        load_constants(paper, UNFITTED)


def test_a_stored_constant_with_too_few_trials_is_an_error(paper, calibration):
    save_constants(paper, calibration)
    paper.constants_file.write_text(paper.constants_file.read_text().replace('"trials": 405', '"trials": 404'))
    with pytest.raises(RecordError, match="must rest on >= 405 trials, got 404"):
        load_constants(paper, UNFITTED)
