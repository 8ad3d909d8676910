"""``results.json`` meets its published schema, and what is spoilt does not."""

import json
from copy import deepcopy
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from fsrcheck.evidence.constants import Provenance
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.report.schema import SCHEMA_NAME, schema_text
from fsrcheck.report.scoreboard import FORMAT, results_json
from fsrcheck.statement import SCALES, Defect, Kind
from tests.report import rich

SCHEMA = json.loads(schema_text())
VALIDATOR = Draft202012Validator(SCHEMA)


def complaints(content) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(content)]


@pytest.fixture(scope="module")
def content(rich_results, stored) -> dict:
    return json.loads(results_json(rich_results, rich.REGISTRY, [stored]))


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["format"]["const"] == FORMAT


def test_results_of_every_kind_meet_it(content):
    assert complaints(content) == []
    assert content["$schema"] == SCHEMA_NAME
    assert any(claim["certificate"] for result in content["results"] for claim in result["claims"])
    assert any(claim["exponent"] for result in content["results"] for claim in result["claims"])
    assert any(result["errata"] for result in content["results"])
    assert content["stored"]


def test_no_results_and_results_that_are_no_numbers_meet_it(rich_results):
    assert complaints(json.loads(results_json([], rich.REGISTRY))) == []
    judgement = rich_results[0].judgements[1]
    rows = tuple(replace(row, measured=float("nan"), bound=float("inf")) for row in judgement.cases)
    broken = replace(rich_results[0], judgements=(replace(judgement, cases=rows, outcome=Outcome.INCONCLUSIVE),))
    assert complaints(json.loads(results_json([broken], rich.REGISTRY))) == []


def test_the_report_has_it_beside_the_results(folder):
    assert json.loads((folder / SCHEMA_NAME).read_text()) == SCHEMA
    assert complaints(json.loads((folder / "results.json").read_text())) == []


@pytest.mark.parametrize(
    ("where", "names"),
    [
        (SCHEMA["$defs"]["verdict"], [verdict.name for verdict in Verdict]),
        (SCHEMA["$defs"]["outcome"], [outcome.name for outcome in Outcome]),
        (SCHEMA["$defs"]["scale"], list(SCALES)),
        (SCHEMA["$defs"]["result"]["properties"]["kind"], [kind.value for kind in Kind]),
        (SCHEMA["$defs"]["erratum"]["properties"]["defect"], [defect.value for defect in Defect]),
        (SCHEMA["$defs"]["constant"]["properties"]["provenance"], [p.name.lower() for p in Provenance]),
    ],
)
def test_its_words_are_those_of_the_code(where, names):
    assert sorted(where["enum"]) == sorted(names)


def put(value):
    def spoil(table, key):
        table[key] = value

    return spoil


def drop(table, key):
    del table[key]


@pytest.mark.parametrize(
    ("path", "spoil"),
    [
        (("format",), put("fsrcheck.results/2")),
        (("budget", "share"), put("small")),
        (("budget", "share"), drop),
        (("extra",), put(1)),
        (("results",), drop),
        (("results", 0, "verdict"), put("FINE")),
        (("results", 0, "verdict"), drop),
        (("results", 0, "seed"), put(1.5)),
        (("results", 0, "trials"), put(-1)),
        (("results", 0, "as_expected"), put(None)),
        (("results", 0, "note"), put("")),
        (("results", 0, "claims", 0, "outcome"), put("HOLD")),
        (("results", 0, "claims", 0, "measured"), put("many")),
        (("results", 0, "claims", 0, "exponent"), put({"claimed": 1, "fitted": {}})),
        (("results", 0, "controls", 0, "outcome"), drop),
        (("results", 0, "constants", 0, "provenance"), put("guessed")),
        (("results", 1, "errata", 0, "counterexample", "contradicts"), put("yes")),
        (("results", 2, "claims", 0, "certificate", "rows", 0, 0), put(3)),
        (("stored", 0, "runs"), put(0)),
        (("stored", 0, "verdicts", "GOOD"), put(1)),
        (("stored", 0, "caught", "loaded coin", "share"), put(1.1)),
        (("not_run",), put(["a", "a"])),
    ],
)
def test_what_is_spoilt_is_refused(content, path, spoil):
    spoilt = deepcopy(content)
    table = spoilt
    for step in path[:-1]:
        table = table[step]
    spoil(table, path[-1])
    assert complaints(spoilt)
