"""The site builds without a warning, shows every formula and docstring, and loads nothing from elsewhere."""

import os
import re
import runpy
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from docutils.core import publish_doctree
from hypothesis import given
from hypothesis import strategies as st

from tests.docs.shell import ROOT

CONF = runpy.run_path(str(ROOT / "docs" / "conf.py"))
LOADING = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}
SHOWN = ("index", "tutorial", "verdicts", "errata", "adding_a_paper", "api", "gaussian", "model", "training")


class Page(HTMLParser):
    """What a page loads and links to, its identifiers and its text outside of formulas."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads, self.links, self.ids, self.text = [], [], set(), ""
        self._math = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self._math += tag == "math"
        self.ids.add(found.get("id"))
        self.loads += [found[LOADING[tag]]] if LOADING.get(tag) in found else []
        self.links += [found["href"]] if tag == "a" and "href" in found else []

    def handle_endtag(self, tag):
        self._math -= tag == "math"

    def handle_data(self, data):
        self.text += "" if self._math else data


def built(folder: Path) -> Path:
    command = [sys.executable, "-m", "sphinx", "-E", "-W", "--keep-going", "-q", "-d", str(folder / "trees"), "docs"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    found = subprocess.run([*command, str(folder / "html")], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    return folder / "html"


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_shows_everything(tmp_path):
    site = built(tmp_path)
    pages = {path.name: Page(path) for path in site.glob("*.html")}
    assert {f"{name}.html" for name in SHOWN} <= pages.keys()
    for name, page in pages.items():
        assert_nothing_is_loaded_from_elsewhere(site, name, page)
        assert_links_lead_to_something(site, name, pages)
    assert not [
        path for path in site.rglob("*.css") if re.search(r"url\(.?(https?:)?//|@import .?http", path.read_text())
    ]
    assert_every_erratum_and_formula_is_shown(pages["errata.html"], (site / "errata.html").read_text(encoding="utf-8"))
    for floor in ("gaussian", "model", "training"):
        assert {f"module-{name}" for name in CONF["modules"](f"fsrcheck.{floor}")} <= pages[f"{floor}.html"].ids


def assert_nothing_is_loaded_from_elsewhere(site: Path, name: str, page: Page) -> None:
    assert not [url for url in page.loads if "//" in url or url.startswith("data:")], name
    assert not [url for url in page.loads if not (site / re.split("[?#]", url)[0]).exists()], name


def assert_links_lead_to_something(site: Path, name: str, pages: dict[str, Page]) -> None:
    for link in pages[name].links:
        target, _, anchor = link.partition("#")
        if "//" not in link:
            assert (target or name) in pages or (site / target).is_file(), (name, link)
            assert not anchor or anchor in pages[target or name].ids, (name, link)


def assert_every_erratum_and_formula_is_shown(page: Page, html: str) -> None:
    headings = re.findall(r"^### ", (ROOT / "reports" / "errata.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(re.findall(r"<h3>.*?<a class=.headerlink", html)) == len(headings) > 0
    assert html.count("<math") > len(headings)
    assert "$" not in page.text
    assert r"\frac" not in page.text


@given(st.text("ab1 _*|`\\[]<>()+^", max_size=40).filter(lambda text: "``" not in text))
def test_docstrings_are_shown_as_they_are_written(text):
    words = " ".join(f"x {text} x".split())
    assert shown(words) == words


def test_literals_in_docstrings_stay_literals():
    assert shown("of shape ``(a_, *b)`` and |c|") == "of shape (a_, *b) and |c|"


def shown(text: str) -> str:
    lines = [text]
    CONF["escape"](None, "function", "f", None, None, lines)
    return publish_doctree("\n".join(lines), settings_overrides={"report_level": 5, "halt_level": 6}).astext()


def test_a_colon_in_a_property_is_no_type():
    lines = ["The verdict: that of the weakest claim.", "", "More: words."]
    CONF["escape"](None, "property", "p", None, None, lines)
    assert lines == ["The verdict:", "that of the weakest claim.", "", "More: words."]


def test_links_of_included_files_lead_to_pages_or_nowhere():
    text = CONF["included"]("README.md")
    assert "(errata.md)" in text
    assert "(adding_a_paper.md)" in text
    assert "(tutorial.md)" in text
    assert "CITATION.cff (`CITATION.cff`)" in text
    assert "](../reports/peers.svg)" in CONF["included"]("reports/peers.md")
