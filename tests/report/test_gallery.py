"""Pictures and tables that a long run has left behind, on the page of another."""

import json
from base64 import b64decode
from io import BytesIO

import pytest
from PIL import Image

from fsrcheck.errors import InputError
from fsrcheck.report import gallery as galleries
from fsrcheck.report.error_tables import Table
from fsrcheck.report.gallery import Gallery, read_gallery
from fsrcheck.report.page import render_page

SHEET = {"file": "one.png", "title": "Faces & places", "text": "12 samples <each>", "statements": ["coins.T.2", "x"]}
TABLE = {
    "title": "Every network",
    "text": "",
    "columns": ["measured", "network 0"],
    "rows": [["match", 0.28], ["y", None]],
}


@pytest.fixture
def folder(tmp_path):
    Image.new("RGB", (3, 2), (255, 0, 0)).save(tmp_path / "one.png")
    return listing(tmp_path, sheets=[SHEET], tables=[TABLE], made="in 2026")


def listing(folder, **content):
    (folder / "gallery.json").write_text(json.dumps(content))
    return folder


def test_a_gallery_is_read(folder):
    found = read_gallery(folder)
    (sheet,) = found.sheets
    assert (sheet.title, sheet.text, found.made) == ("Faces & places", "12 samples <each>", "in 2026")
    assert found.statements == {"coins.T.2", "x"}
    assert found.tables == (Table("Every network", "", ("measured", "network 0"), (("match", 0.28), ("y", None))),)
    head, data = sheet.source.split(",")
    assert head == "data:image/png;base64"
    assert Image.open(BytesIO(b64decode(data))).size == (3, 2)


def test_the_page_shows_it_and_statements_point_to_it(results, registry, folder):
    page = render_page(results, registry, gallery=read_gallery(folder)).html
    part = page[page.index('<section id="gallery"') :]
    part = part[: part.index("</section>")]
    assert 'alt="12 samples &lt;each&gt;"' in part
    assert "Faces &amp; places" in part
    assert "in 2026" in part
    assert "Every network" in part
    assert part.count('<a href="#coins.T.2">') == 1
    assert page.count('<a href="#gallery">') == 2  # in the list of parts, and at the one statement that it is about


def test_without_one_nothing_is_said_of_it(results, registry):
    assert 'href="#gallery"' not in render_page(results, registry).html
    assert Gallery().statements == frozenset()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"sheets": [SHEET]}, "no list 'tables'"),
        ({"tables": []}, "no list 'sheets'"),
        ({"tables": [], "sheets": [], "made": 3}, "no text 'made'"),
        ({"tables": [], "sheets": [3]}, "sheet 1 must have the texts file, title, text"),
        ({"tables": [], "sheets": [SHEET, SHEET | {"title": None}]}, "sheet 2 must have the texts"),
        ({"tables": [], "sheets": [SHEET | {"statements": [3]}]}, "sheet 1 must have a list of ids"),
        ({"tables": [], "sheets": [SHEET | {"statements": "x"}]}, "sheet 1 must have a list of ids"),
        ({"tables": [], "sheets": [SHEET | {"file": "../one.png"}]}, "must name a file beside the list"),
        ({"tables": [], "sheets": [SHEET | {"file": "two.png"}]}, "two.png must be a readable PNG file"),
        ({"tables": [], "sheets": [SHEET | {"file": "gallery.json"}]}, "gallery.json must be a PNG file"),
        ({"tables": [{}], "sheets": []}, "table 1 must have a title"),
    ],
)
def test_what_is_no_gallery_is_refused(folder, content, message):
    with pytest.raises(InputError, match=message):
        read_gallery(listing(folder, **content))


def test_pictures_too_large_for_a_page_are_refused(folder, monkeypatch):
    size = (folder / "one.png").stat().st_size
    monkeypatch.setattr(galleries, "LARGEST", size - 1)
    with pytest.raises(InputError, match=f"at most {size - 1} bytes in all, got {size}"):
        read_gallery(folder)


def test_a_folder_without_a_list_is_told(tmp_path):
    with pytest.raises(InputError, match="readable file"):
        read_gallery(tmp_path)
