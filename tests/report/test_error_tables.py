import json
from dataclasses import replace

import pytest

from fsrcheck.errors import InputError
from fsrcheck.report.entries import make_entries
from fsrcheck.report.error_tables import OTHER_CODE, Table, read_tables, stored_rows
from fsrcheck.report.page import render_page

GOOD = {
    "title": "False alarms",
    "text": "at $5\\%$",
    "columns": ["kind", "share"],
    "rows": [["Bound", 0.05], ["x<y", None]],
}


@pytest.fixture(scope="module")
def rows(results, registry, stored):
    others = replace(stored, statement="coins.sq", alarms=(), verdicts={"SUPPORTED": 50}, code="old")
    others = replace(others, controls={"sign": {"VIOLATED": 50}})
    return stored_rows(make_entries(results, registry, [stored, others]))


def test_the_sum_is_that_of_the_rows(rows):
    assert [row.runs for row in rows] == [200, 50, 250]
    assert [row.false_alarms for row in rows] == [1, 0, 1]
    assert [(row.caught, row.controls) for row in rows] == [(399, 400), (50, 50), (449, 450)]
    assert rows[-1].entry is None
    assert [row.present for row in rows] == [True, False, False]


def test_intervals_are_exact(rows):
    """Clopper and Pearson, 1 of 200 and 0 of 50 at 95 %: the second is 1 - 0.025^(1/50) by hand."""
    assert rows[0].share_of_alarms.low == pytest.approx(1 - 0.975 ** (1 / 200), rel=1e-9)
    assert rows[1].share_of_alarms.high == pytest.approx(1 - 0.025 ** (1 / 50), rel=1e-9)
    assert rows[2].weakest.value == 199 / 200


def test_without_controls_nothing_is_said_of_them(results, registry, stored):
    (row,) = stored_rows(make_entries(results, registry, [replace(stored, controls={})]))
    assert row.share_caught is None
    assert row.weakest is None


def test_one_line_has_no_sum(results, registry, stored):
    assert len(stored_rows(make_entries(results, registry, [stored]))) == 1
    assert stored_rows(make_entries(results, registry)) == []


def test_tables_are_read(tmp_path):
    path = tmp_path / "tables.json"
    path.write_text(json.dumps({"tables": [GOOD], "seed": 1, "code": "0123"}))
    assert read_tables(path, "0123") == [
        Table("False alarms", "at $5\\%$", ("kind", "share"), (("Bound", 0.05), ("x<y", None)))
    ]


@pytest.mark.parametrize("made_by", [{"code": "0124"}, {}])
def test_tables_made_by_other_code_say_so(tmp_path, made_by):
    path = tmp_path / "tables.json"
    path.write_text(json.dumps({"tables": [GOOD, GOOD]} | made_by))
    assert [table.text for table in read_tables(path, "0123")] == 2 * [f"{OTHER_CODE} at $5\\%$"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "must be JSON"),
        ("[]", "no list 'tables'"),
        ('{"tables": {}}', "no list 'tables'"),
        (json.dumps({"tables": [GOOD, 3]}), "table 2 must have a title and a text, got 3"),
        (json.dumps({"tables": [GOOD | {"title": None}]}), "must have a title"),
        (json.dumps({"tables": [GOOD | {"columns": []}]}), r"must name its columns, got \[\]"),
        (json.dumps({"tables": [GOOD | {"rows": [["Bound"]]}]}), "must have rows of 2 numbers"),
        (json.dumps({"tables": [GOOD | {"rows": [["Bound", 0.05, 1]]}]}), "must have rows of 2 numbers"),
        (json.dumps({"tables": [GOOD | {"rows": [["Bound", {}]]}]}), "must have rows of 2 numbers"),
        (json.dumps({"tables": [GOOD | {"rows": 5}]}), "must have rows of 2 numbers"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path, content, message):
    path = tmp_path / "tables.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_tables(path, "")


def test_a_file_that_is_not_there_or_is_no_text_is_refused(tmp_path):
    with pytest.raises(InputError, match="must be in a readable file"):
        read_tables(tmp_path / "none.json", "")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="must be JSON"):
        read_tables(tmp_path / "binary", "")


def test_the_page_shows_them_as_stored(results, registry, stored):
    table = Table("Rates of $x$", "at the limit", ("kind", "share"), (("<Bound>", 0.0512), ("other", float("nan"))))
    html = render_page(results, registry, [stored], tables=[table]).html
    part = html[html.index('<section id="calibration"') :]
    part = part[: part.index("</section>")]
    for text in ("399 of 400", "0.005 [0.000127, 0.0275]", "&lt;Bound&gt;", "0.0512", "undefined", "<math>"):
        assert text in part
    assert part.count("stored: made before this run") == 2


def test_without_either_there_is_no_such_part(page):
    assert 'id="calibration"' not in page
