"""``fsrcheck gallery``: sheets and measures of the networks behind the figures on pictures."""

import json

import pytest

from fsrcheck.report.gallery import LIST, read_gallery
from lemmas.fsr import PAPER, gallery_command, image_gallery
from lemmas.fsr.image_gallery import SHEETS, described, sheets_for
from lemmas.fsr.image_networks import EMOJI, PATCHES, STEPS, arms, settings_for
from tests.invoking import assert_one_line, invoke_on

IDS = {statement.id for statement in PAPER.statements}
STATEMENTS = {statement.id: statement for statement in PAPER.statements}


def test_a_gallery_of_one_statement(tmp_path):
    found = invoke_on(PAPER)("gallery", "fsr.fig.6.images", "--seed", 3, "--out", tmp_path / "out", "--json")
    assert found.exit_code == 0
    told = json.loads(found.stdout)
    assert told == json.loads((tmp_path / "out" / LIST).read_text(encoding="utf-8"))
    read = read_gallery(tmp_path / "out")
    assert [sheet.title for sheet in read.sheets] == [
        shown.title for shown in sheets_for([STATEMENTS["fsr.fig.6.images"]])
    ]
    (table,) = read.tables
    assert table.columns == ("statement", "measured", "network 0")
    assert [row[:2] for row in table.rows] == [("Figure 6 on pictures", f"order {order}") for order in (1, 2, 3, 4)]
    assert all(row[2] > 0 for row in table.rows)
    assert "--seed 3" in read.made


def test_a_statement_without_networks_is_refused(tmp_path):
    found = invoke_on(PAPER)("gallery", "fsr.fig.6.images", "fsr.B.2", "--out", tmp_path / "out")
    assert_one_line(found, "must look at networks trained on pictures, got fsr.B.2")
    assert not (tmp_path / "out").exists()


def test_of_all_statements_those_with_networks_are_taken():
    chosen = gallery_command.about_networks(PAPER.statements, explicit=False)
    assert {one.id for one in chosen} <= {id for shown in SHEETS for id in shown.statements}
    assert len(chosen) >= 5


def test_sheets_are_of_statements_and_arms_that_there_are():
    assert all(IDS.issuperset(shown.statements) and shown.statements for shown in SHEETS)
    assert {shown.arm for shown in SHEETS} - {None} == set(arms(settings_for(EMOJI), STEPS[EMOJI]))
    assert len({shown.file for shown in SHEETS}) == len(SHEETS)


@pytest.mark.parametrize("shown", [one for one in SHEETS if one.at is not None])
def test_what_is_shown_during_training_is_kept(shown):
    for pictures in (EMOJI, PATCHES):
        assert shown.at(pictures) in arms(settings_for(pictures), STEPS[pictures])[shown.arm].snapshots_at
    assert f"after {shown.at(EMOJI)} steps" in described(shown, EMOJI)


def test_true_pictures_are_said_to_be_so():
    assert described(SHEETS[0], EMOJI) == "12 emoji, a column each: 8, 16 and 32 pixels."


def test_what_is_no_number_is_left_empty():
    assert image_gallery._rounded(float("nan")) is None
    assert image_gallery._rounded(0.123456) == 0.1235
