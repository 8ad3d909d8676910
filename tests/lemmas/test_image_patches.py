"""The statements on patches of photographs: any split of them meets the claims, and without photographs there is no verdict."""

from dataclasses import replace

import pytest

from fsrcheck.errors import InputError
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.registry import Registry
from fsrcheck.runs.checking import check
from fsrcheck.statement import Paper
from lemmas.fsr.image_patches import PREMISE, STATEMENT_2_2, STATEMENT_2_3, Parameters, limit, run

SMALL = Parameters(patches_per_picture=2048, learned_patches=4000)


@pytest.fixture(scope="module")
def observation():
    (found,) = run(SMALL, [11], "cpu")
    return found


def test_what_the_claims_speak_of_is_measured(observation):
    assert observation.premises[PREMISE] >= 0
    for claim in (*STATEMENT_2_2.claims, *STATEMENT_2_3.claims):
        assert 0 < observation.measurements[claim.measured].value < float("inf")


def test_photographs_are_sparse_and_their_channels_positively_correlated(observation):
    found = {name: measurement.value for name, measurement in observation.measurements.items()}
    assert found["energy_ratio"] < 0.8
    assert found["coherence_ratio"] < 0.5
    assert found["pair_excess_low"] > 1.5
    assert found["normalised_share"] < 0.5 < found["mixture_share"]


def test_without_photographs_nothing_is_measured_and_nothing_holds(monkeypatch):
    def missing(*sources, **options):
        raise InputError("photographs must be installed")

    monkeypatch.setattr("fsrcheck.images.photographs.photographs", missing)
    (found,) = run(SMALL, [1], "cpu")
    assert found.premises[PREMISE] < 0
    assert not found.measurements
    bare = replace(STATEMENT_2_2, expected=Verdict.OPEN, controls=(), cases={"quick": (SMALL,)})
    result = check(bare.id, registry=Registry([Paper("fsr", "title", "authors", (bare,))]), seed=1)
    assert {judgement.outcome for judgement in result.judgements} == {Outcome.INAPPLICABLE}
    assert result.verdict is Verdict.INCONCLUSIVE


def test_limits_are_those_of_the_assumptions_checker():
    assert limit("triple_probability")(SMALL) == 1
    assert limit("sigma_min")(SMALL) == 0.25
    assert limit("nested")(SMALL) == 1 - 1 / 64
    assert limit("nested")(replace(SMALL, grey=False, patch_side=6)) == 1 - 1 / 108
