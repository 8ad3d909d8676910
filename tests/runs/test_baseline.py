"""The baseline's file: what is written is read again; what is missing, torn or foreign is refused."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsrcheck.errors import FsrcheckError
from fsrcheck.evidence.constants import Provenance
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.runs.baseline import (
    BaselineError,
    KeptCase,
    KeptClaim,
    KeptConstant,
    KeptControl,
    KeptExponent,
    KeptStatement,
    baseline_of,
    read_baseline,
    statement_from_json,
    statement_to_json,
    write_baseline,
)
from fsrcheck.runs.shifts import ROOM, Sample
from tests.evidence.making import INFINITY

SLACK = Sample(1.5, 2.0, INFINITY, 7)
STATEMENT = KeptStatement(
    verdict=Verdict.REPAIRED,
    verdict_of_claims=Verdict.SUPPORTED,
    scale="quick",
    seeds=(5, 6),
    trials=7,
    from_size=16.0,
    constants={"C": KeptConstant(INFINITY, Provenance.FITTED)},
    claims={
        "bound": KeptClaim(
            Outcome.HOLDS,
            ("C",),
            upper=True,
            cases={"m=16": KeptCase(Outcome.HOLDS, -INFINITY, 1.0, SLACK), "m=8": KeptCase(Outcome.VACUOUS)},
        ),
        "rate": KeptClaim(
            Outcome.HOLDS,
            claimed=-0.5,
            two_sided=True,
            exponents={"all": KeptExponent(-0.5, (-0.6, -0.4), (-INFINITY, INFINITY))},
        ),
    },
    counts={"iterations": {"m=16": Sample(1, 2, 3, 7)}},
    controls={"broken": KeptControl("bound", caught=True, strength={"m=16": Sample(4.0, 4.0, 4.0, 1)})},
)
BASELINE = baseline_of({"coins.T.2": STATEMENT, "coins.sq": replace(STATEMENT, from_size=None, counts={})})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_baseline(tmp_path / "baseline.json", BASELINE)
    return tmp_path / "baseline.json"


def changed(path: Path, *keys: str, to: object) -> Path:
    """The file with one value put in place of another."""
    content = json.loads(path.read_text())
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = to
    path.write_text(json.dumps(content))
    return path


def test_what_is_written_is_read_again(path: Path) -> None:
    assert read_baseline(path, ["coins", "another"]) == BASELINE


def test_it_is_json_without_nan_and_infinities(path: Path) -> None:
    def never(word: str) -> None:
        raise AssertionError(word)

    json.loads(path.read_text(), parse_constant=never)


def test_it_says_nothing_of_the_machine(path: Path) -> None:
    words = path.read_text().lower()
    assert not [
        word for word in ("cpu", "cuda", "device", "threads", "torch", "version", os.uname().nodename) if word in words
    ]


def test_a_case_is_a_line(path: Path) -> None:
    (line,) = [line for line in path.read_text().splitlines() if '"m=16": {"outcome"' in line][:1]
    assert line.strip().startswith('"m=16": {')


def test_the_order_of_statements_is_theirs(path: Path) -> None:
    turned = baseline_of(dict(reversed(BASELINE.statements.items())))
    before = path.read_text()
    write_baseline(path, turned)
    assert path.read_text() == before


@given(st.data())
def test_every_torn_file_is_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("torn")
    write_baseline(folder / "whole.json", BASELINE)
    whole = (folder / "whole.json").read_bytes().rstrip()
    (folder / "torn.json").write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(BaselineError, match="torn"):
        read_baseline(folder / "torn.json", ["coins"])


def test_a_missing_file_names_what_writes_one(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match=r"absent\.json'; an update writes one"):
        read_baseline(tmp_path / "absent.json", ["coins"])


def test_a_folder_and_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="readable file"):
        read_baseline(tmp_path, ["coins"])
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BaselineError, match="torn"):
        read_baseline(tmp_path / "bytes", ["coins"])


@pytest.mark.parametrize("content", ["[]", "{}", "1", '"text"', '{"format": "fsrcheck.results/1"}', '{"format": 2}'])
def test_another_format_is_foreign(tmp_path: Path, content: str) -> None:
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(BaselineError, match=r"format fsrcheck\.baseline/1"):
        read_baseline(tmp_path / "other.json", ["coins"])


def test_a_later_version_of_the_format_is_foreign(path: Path) -> None:
    with pytest.raises(BaselineError, match="baseline/2"):
        read_baseline(changed(path, "format", to="fsrcheck.baseline/2"), ["coins"])


def test_papers_that_are_not_installed_are_foreign(path: Path) -> None:
    with pytest.raises(BaselineError, match="of coins"):
        read_baseline(path, ["fsr", "wgan"])


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("papers",), []),
        (("papers",), ["dice"]),
        (("papers",), ["coins", "dice"]),
        (("statements",), []),
        (("statements",), {}),
        (("statements", "coins.sq"), 1),
        (("statements", "coins.sq", "verdict"), "FINE"),
        (("statements", "coins.sq", "verdict"), None),
        (("statements", "coins.sq", "claims", "rate", "outcome"), "FINE"),
        (("statements", "coins.sq", "claims", "rate", "exponents", "all", "limits"), [1]),
        (("statements", "coins.sq", "constants", "C", "value"), "much"),
        (("statements", "coins.sq", "constants", "C", "provenance"), "guessed"),
        (("statements", "coins.sq", "claims", "bound", "cases", "m=16", "slack"), [3, 2, 1, 7]),
        (("statements", "coins.sq", "claims", "bound", "cases", "m=16", "slack"), [1, "nan", 2, 7]),
        (("statements", "coins.sq", "claims", "bound", "cases", "m=16", "slack"), [1, 2, 3, 0]),
        (("statements", "coins.sq", "claims", "bound", "cases", "m=16", "slack"), [1, 2, 3]),
        (("statements", "coins.sq", "controls", "broken"), {}),
    ],
)
def test_a_content_that_makes_no_sense_is_refused(path: Path, keys: tuple[str, ...], value: object) -> None:
    with pytest.raises(BaselineError, match="what an update writes"):
        read_baseline(changed(path, *keys, to=value), ["coins", "dice"])


def test_a_write_that_fails_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_text()

    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        write_baseline(path, baseline_of({}))
    monkeypatch.undo()
    assert path.read_text() == before


def test_more_than_the_budget_is_shared_out_over_is_not_written(tmp_path: Path) -> None:
    crowded = {f"m={m}": KeptCase(Outcome.HOLDS, 1.0, 2.0, SLACK) for m in range(ROOM)}
    entry = replace(STATEMENT, claims={"bound": KeptClaim(Outcome.HOLDS, cases=crowded)})
    with pytest.raises(FsrcheckError, match=f"at most {ROOM}"):
        write_baseline(tmp_path / "baseline.json", baseline_of({"coins.T.2": entry}))
    assert not list(tmp_path.iterdir())


def test_a_report_can_carry_a_statement() -> None:
    assert statement_from_json(json.loads(json.dumps(statement_to_json(STATEMENT), allow_nan=False))) == STATEMENT
