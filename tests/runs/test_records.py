"""Trials survive a round trip to disk, torn lines are recognised, files are replaced whole."""

import json
import logging
import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsrcheck.errors import RecordError
from fsrcheck.evidence.trial import Measurement, Observation, Trial
from fsrcheck.runs.records import (
    TrialStore,
    append_line,
    read_lines,
    trial_from_json,
    trial_key,
    trial_to_json,
    write_atomically,
)
from tests.evidence.making import INFINITY, NAN

NUMBERS = st.floats(allow_nan=False)  # NaN equals nothing, so it has a test of its own
NAMES = st.text(max_size=5)


def made(seed: int = 1, value: float = 0.5, **given) -> Trial:
    observation = Observation({"p": 1.0}, {"y": Measurement(value, 0.25)}, {"samples": 9})
    return Trial("paper.1", given or {"size": 3}, seed, observation, "cpu", {"python": "3"})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "trials.jsonl"


@given(
    st.builds(
        Trial,
        NAMES,
        st.dictionaries(
            NAMES,
            st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), NAMES),
        ),
        st.integers(0, 2**63),
        st.builds(
            Observation,
            st.dictionaries(NAMES, NUMBERS),
            st.dictionaries(NAMES, st.builds(Measurement, NUMBERS, NUMBERS)),
            st.dictionaries(NAMES, st.integers()),
        ),
        NAMES,
        st.dictionaries(NAMES, NAMES),
        st.dictionaries(NAMES, NAMES),
    )
)
def test_a_trial_comes_back_to_the_last_digit(trial):
    assert trial_from_json(json.loads(json.dumps(trial_to_json(trial), allow_nan=False))) == trial


@pytest.mark.parametrize("value", [NAN, INFINITY, -INFINITY])
def test_numbers_that_json_lacks_come_back(path, value):
    TrialStore(path, "c").add([made(value=value)])
    found = TrialStore(path, "c").get("paper.1", {"size": 3}, 1)
    assert repr(found.measurement("y").value) == repr(value)
    assert "NaN" not in path.read_text()


def test_a_trial_line_has_counts_and_versions_and_no_clock():
    keys = "statement parameters seed premises measurements counts device versions files"
    assert set(trial_to_json(made())) == set(keys.split())


def test_a_trial_is_stored_once(path):
    store = TrialStore(path, "c")
    store.add([made(), made()])
    store.add([made()])
    assert len(path.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("statement", "parameters", "seed", "code"),
    [
        ("paper.2", {"size": 3}, 1, "c"),
        ("paper.1", {"size": 4}, 1, "c"),
        ("paper.1", {"size": 3}, 2, "c"),
        ("paper.1", {"size": 3}, 1, "d"),
    ],
)
def test_a_trial_of_other_content_is_not_taken(path, statement, parameters, seed, code):
    TrialStore(path, "c").add([made()])
    assert TrialStore(path, code).get(statement, parameters, seed) is None


@pytest.mark.parametrize("elsewhere", [{"device": "cuda"}, {"files": {"target": "0123"}}])
def test_a_trial_made_elsewhere_or_from_other_files_is_not_taken(path, elsewhere):
    store = TrialStore(path, "c")
    store.add([made()])
    assert store.get("paper.1", {"size": 3}, 1, **elsewhere) is None
    store.add([replace(made(), **elsewhere)])
    again = TrialStore(path, "c")
    assert again.get("paper.1", {"size": 3}, 1) == made()
    assert again.get("paper.1", {"size": 3}, 1, **elsewhere) == replace(made(), **elsewhere)


def test_the_key_does_not_depend_on_the_order_of_parameters():
    assert trial_key("s", {"a": 1, "b": 2}, 3, "c") == trial_key("s", {"b": 2, "a": 1}, 3, "c")


def test_a_last_line_torn_anywhere_is_dropped_with_a_warning(path, caplog):
    TrialStore(path, "c").add([made(1), made(2)])
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first + 1, len(whole) - 1):
        path.write_bytes(whole[:cut])
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert len(TrialStore(path, "c")) == 1
        assert "dropped a torn last line" in caplog.text


def test_a_torn_last_line_does_not_spoil_the_next_one(path):
    TrialStore(path, "c").add([made(1), made(2)])
    path.write_bytes(path.read_bytes()[:-20])
    TrialStore(path, "c").add([made(3)])
    store = TrialStore(path, "c")
    assert [store.get("paper.1", {"size": 3}, seed) is not None for seed in (1, 2, 3)] == [True, False, True]


@pytest.mark.parametrize("line", ['{"key": "to', "NaN-", "\x00\x00"])
def test_a_torn_line_in_the_middle_is_an_error(path, line):
    TrialStore(path, "c").add([made(1)])
    path.write_text(line + "\n" + path.read_text())
    with pytest.raises(RecordError, match=r":1 must be a JSON line"):
        TrialStore(path, "c")


@pytest.mark.parametrize("line", ["{}", "[]", "3", '{"key": "k", "statement": "s"}', "null"])
def test_a_line_that_is_no_trial_is_an_error(path, line):
    path.write_text(line + "\n")
    with pytest.raises(RecordError, match="must hold trials"):
        TrialStore(path, "c")


@pytest.mark.parametrize(
    "broken", [{"premises": []}, {"measurements": {"y": 1.0}}, {"counts": {"n": "many"}}, {"seed": None}]
)
def test_a_trial_with_a_broken_field_is_an_error(path, broken):
    append_line(path, {"key": "k", **trial_to_json(made()), **broken})
    with pytest.raises(RecordError, match="must hold trials"):
        TrialStore(path, "c")


def test_a_file_that_is_not_text_is_an_error(path):
    path.write_bytes(b"\xff\xfe\x00\n")
    with pytest.raises(RecordError, match="not text"):
        TrialStore(path, "c")


def test_an_empty_or_absent_file_has_no_trials(path):
    assert len(TrialStore(path, "c")) == 0
    path.write_text("")
    assert len(TrialStore(path, "c")) == 0


def test_lines_are_read_in_order(path):
    for number in range(3):
        append_line(path, {"n": number})
    assert [line["n"] for line in read_lines(path)] == [0, 1, 2]


def test_writing_replaces_the_whole_file(tmp_path):
    path = tmp_path / "new" / "file.json"
    write_atomically(path, "long old content")
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert os.listdir(path.parent) == ["file.json"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    write_atomically(path, "old")

    def fails(*names):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
