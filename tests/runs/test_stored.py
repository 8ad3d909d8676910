"""Stored evidence adds up by kind and code, counts no seed twice, and takes no line whose numbers disagree."""

import json
from dataclasses import replace

import pytest

from fsrcheck.errors import RecordError
from fsrcheck.evidence.frequency import clopper_pearson
from fsrcheck.runs.records import append_line
from fsrcheck.runs.stored import StoredEvidence, add_evidence, evidence_from_json, read_evidence

FIVE = StoredEvidence(
    statement="coins.T.2",
    scale="quick",
    device="cpu",
    versions={"python": "3"},
    code="c",
    expected="SUPPORTED",
    hardware=("a CPU",),
    seeds={5: 10},
    verdicts={"SUPPORTED": 7, "INCONCLUSIVE": 2, "VIOLATED": 1},
    claims={"tail": {"HOLDS": 7, "INCONCLUSIVE": 2, "VIOLATED": 1}},
    controls={"loaded": {"VIOLATED": 9, "HOLDS": 1}},
    trials=100,
    alarms=(17,),
)
SIX = replace(FIVE, seeds={6: 10}, hardware=("another CPU",), alarms=(18,))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "evidence.jsonl"


def test_every_run_is_as_expected_inconclusive_or_a_false_alarm():
    assert (FIVE.runs, FIVE.as_expected, FIVE.inconclusive, FIVE.false_alarms) == (10, 7, 2, 1)


def test_an_inconclusive_run_that_was_expected_is_not_counted_as_inconclusive():
    found = replace(FIVE, expected="INCONCLUSIVE")
    assert (found.as_expected, found.inconclusive, found.false_alarms) == (2, 0, 8)


def test_the_share_of_caught_controls_has_exact_limits_of_95_percent():
    assert FIVE.caught("loaded") == 9
    assert FIVE.share_caught("loaded") == clopper_pearson(9, 10, 0.025)
    assert FIVE.share_of_alarms == clopper_pearson(1, 10, 0.025)


def test_a_false_alarm_comes_with_the_command_that_repeats_it():
    assert FIVE.replays == ["fsrcheck check coins.T.2 --scale quick --seed 17 --device cpu"]


def test_evidence_comes_back_as_it_was(path):
    add_evidence(path, FIVE)
    assert read_evidence(path) == [FIVE]
    assert len(path.read_text().splitlines()) == 1


def test_a_line_tells_what_follows_from_its_counts():
    line = FIVE.to_json()
    assert [line[name] for name in ("runs", "as_expected", "false_alarms", "inconclusive")] == [10, 7, 1, 2]
    assert line["caught"]["loaded"]["runs"] == 9
    assert line["caught"]["loaded"]["low"] == pytest.approx(0.5550, abs=1e-4)
    assert line["confidence"] == 0.95


def test_other_seeds_add_up(path):
    add_evidence(path, FIVE)
    both = add_evidence(path, SIX)
    assert read_evidence(path) == [both]
    assert both.seeds == {5: 10, 6: 10}
    assert both.verdicts == {"SUPPORTED": 14, "INCONCLUSIVE": 4, "VIOLATED": 2}
    assert both.claims == {"tail": {"HOLDS": 14, "INCONCLUSIVE": 4, "VIOLATED": 2}}
    assert both.controls == {"loaded": {"VIOLATED": 18, "HOLDS": 2}}
    assert (both.trials, both.hardware, both.alarms) == (200, ("a CPU", "another CPU"), (17, 18))


def test_other_code_takes_the_place_of_the_old(path):
    add_evidence(path, FIVE)
    assert add_evidence(path, replace(SIX, code="d")).runs == 10
    assert [line.code for line in read_evidence(path)] == ["d"]


@pytest.mark.parametrize(
    "other", [{"statement": "coins.sq"}, {"scale": "full"}, {"device": "cuda"}, {"versions": {"python": "4"}}]
)
def test_evidence_of_another_kind_has_a_line_of_its_own(path, other):
    add_evidence(path, FIVE)
    add_evidence(path, replace(FIVE, **other))
    assert sorted(line.runs for line in read_evidence(path)) == [10, 10]


def test_files_put_together_add_up(path):
    for evidence in (FIVE, SIX):
        append_line(path, evidence.to_json())
    assert [line.seeds for line in read_evidence(path)] == [{5: 10, 6: 10}]


def test_files_put_together_that_share_a_seed_are_refused(path):
    for evidence in (FIVE, SIX, replace(FIVE, seeds={5: 4, 7: 6})):
        append_line(path, evidence.to_json())
    with pytest.raises(RecordError, match=r"count each seed once, got coins\.T\.2 with seed 5 twice"):
        read_evidence(path)


@pytest.mark.parametrize(
    "change",
    [
        {"false_alarms": 0},
        {"runs": 11},
        {"as_expected": 8},
        {"inconclusive": 0},
        {"seeds": {"5": 11}},
        {"verdicts": {"SUPPORTED": 10}},
        {"claims": {"tail": {"HOLDS": 9}}},
        {"controls": {"loaded": {"VIOLATED": 10, "HOLDS": 1}}},
        {"alarms": []},
        {"verdicts": {}, "seeds": {}, "claims": {}, "controls": {}, "runs": 0, "alarms": []},
        {"seeds": {"five": 10}},
        {"seeds": [5]},
        {"hardware": None},
    ],
)
def test_a_line_whose_numbers_do_not_agree_is_refused(path, change):
    append_line(path, {**FIVE.to_json(), **change})
    with pytest.raises(RecordError, match="must hold what `fsrcheck gather` writes"):
        read_evidence(path)


@pytest.mark.parametrize("line", ["{}", "[]", "3", '{"statement": "coins.T.2"}'])
def test_a_foreign_line_is_refused(path, line):
    path.write_text(line + "\n")
    with pytest.raises(RecordError, match="must hold what `fsrcheck gather` writes"):
        read_evidence(path)


def test_json_and_back_is_the_same():
    assert evidence_from_json(json.loads(json.dumps(FIVE.to_json()))) == FIVE
