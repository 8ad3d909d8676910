"""``fsrcheck report`` with tables that were worked out elsewhere."""

import json
from pathlib import Path

from tests.example import PAPER
from tests.invoking import assert_one_line, invoke_on

TABLE = {"title": "Measured rates", "text": "of $x$", "columns": ["kind", "rate"], "rows": [["Bound", 0.0493]]}


def test_tables_from_a_file_are_on_the_page(tmp_path: Path) -> None:
    (tmp_path / "rates.json").write_text(json.dumps({"tables": [TABLE]}))
    result = invoke_on(PAPER)(
        "report", "--out", tmp_path / "out", "--error-rates", tmp_path / "rates.json", "--seed", 5
    )
    assert result.exit_code == 0
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "Measured rates" in page
    assert "0.0493" in page


def test_a_spoilt_file_is_told_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "rates.json").write_text(json.dumps({"tables": [TABLE | {"rows": [[1]]}]}))
    result = invoke_on(PAPER)("report", "--out", tmp_path / "out", "--error-rates", tmp_path / "rates.json")
    assert_one_line(result, "rates.json: table 1 must have rows of 2")
    assert not (tmp_path / "out").exists()
