"""The page in a headless Chromium, on a phone and on a desk: what a reader can do there, and that nothing is loaded."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from fsrcheck.report import write_report
from fsrcheck.report.error_tables import Table
from tests.report import rich
from tests.report.browsing import DESKTOP, FAINT, FLAT_FORMULAS, OPEN_ALL, PHONE, SIDEWAYS, Visit, chromium

pytestmark = pytest.mark.browser
WIDTHS = pytest.mark.parametrize("width", [PHONE, DESKTOP])
ALL = ["coins.T.2", "coins.sq", "coins.L.3", "coins.open", "dice.L.4"]
VERDICTS = "row.dataset.verdict"


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def file(tmp_path_factory, rich_results, stored):
    out = tmp_path_factory.mktemp("rich")
    table = Table("Rates", "a long row", tuple(f"column {i}" for i in range(20)), ((0.25,) * 20, ("x",) * 20))
    second = replace(stored, statement="coins.sq", controls={"sign": {"VIOLATED": 200}}, alarms=(1,))
    write_report(rich_results, rich.REGISTRY, out, [stored, second], tables=[table])
    return out / "index.html"


@pytest.fixture
def visit(browser, file):
    visits = []

    def open_page(**options) -> Visit:
        visits.append(Visit(browser, file, **options))
        return visits[-1]

    yield open_page
    for found in visits:
        found.page.context.close()


@WIDTHS
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_loaded_nothing_complains_nothing_sticks_out(visit, width, scheme):
    found = visit(width=width, color_scheme=scheme)
    assert found.page.evaluate(SIDEWAYS) <= 0
    found.page.evaluate(OPEN_ALL)
    assert found.page.evaluate(SIDEWAYS) <= 0
    assert found.requests == []
    assert found.complaints == []


def test_the_guard_sees_a_request_and_an_error(browser, tmp_path):
    file = tmp_path / "bad.html"
    file.write_text('<img src="https://example.org/x.png"><script>throw new Error("oh")</script>')
    found = Visit(browser, file)
    found.page.wait_for_timeout(100)
    assert found.requests == ["https://example.org/x.png"]
    assert any("oh" in text for text in found.complaints)
    found.page.context.close()


@WIDTHS
def test_filters_show_what_they_say(visit, width):
    found = visit(width=width)
    assert found.shown() == ALL
    found.choose("verdict", "PROVED")
    assert found.shown() == ["coins.L.3", "dice.L.4"]
    assert found.page.inner_text("#filter output") == "2 of 5 shown"
    found.choose("paper", "coins")
    assert found.shown() == ["coins.L.3"]
    found.choose("kind", "theorem")
    assert found.shown() == []
    for name in ("verdict", "paper", "kind"):
        found.choose(name, "")
    assert found.shown() == ALL
    assert found.page.inner_text("#filter output") == ""


def test_heads_sort_up_and_down(visit):
    found = visit()
    found.page.click(".board thead button:text-is('Verdict')")
    assert found.shown(VERDICTS) == ["OPEN", "REPAIRED", "SUPPORTED", "PROVED", "PROVED"]
    assert found.page.get_attribute(".board th:nth-child(2)", "aria-sort") == "ascending"
    found.page.click(".board thead button:text-is('Verdict')")
    assert found.shown(VERDICTS) == ["PROVED", "PROVED", "SUPPORTED", "REPAIRED", "OPEN"]
    assert found.shown()[:2] == ["coins.L.3", "dice.L.4"], "ties stay in the order of the papers"
    found.page.click(".board thead button:text-is('Statement')")
    assert found.shown() == ALL


def test_what_has_no_size_comes_last_either_way(visit):
    found = visit()
    for way in ("4", "4-down"):
        found.choose("sort", way)
        assert found.shown()[0] == "coins.T.2"
    found.choose("sort", "")
    assert found.shown() == ALL


def test_on_a_phone_the_form_sorts(visit):
    found = visit(width=PHONE)
    found.choose("sort", "1")
    assert found.shown(VERDICTS)[0] == "OPEN"


def test_what_is_chosen_is_in_the_address_and_comes_back(visit):
    found = visit()
    found.choose("verdict", "PROVED")
    found.choose("sort", "0-down")
    query = found.page.evaluate("location.search")
    again = visit(query=query + "#scoreboard")
    assert again.shown() == ["dice.L.4", "coins.L.3"]
    assert again.page.input_value("#filter [name=verdict]") == "PROVED"
    assert again.page.evaluate("location.hash") == "#scoreboard"


def test_an_address_with_nonsense_filters_nothing(visit):
    found = visit(query="?verdict=FINE&sort=99&constructor=1&x")
    assert found.shown() == ALL
    assert found.complaints == []


def test_other_tables_sort_too_and_keep_their_sum_below(visit):
    found = visit()
    column = (
        "Array.from(document.querySelectorAll('#calibration table')[0].tBodies[0].rows, (r) => r.cells[0].innerText)"
    )
    before = found.page.evaluate(column)
    for _ in range(2):
        found.page.click("#calibration table >> nth=0 >> button:text-is('Statement')")
    assert found.page.evaluate(column) == [*before[-2::-1], before[-1]]


@WIDTHS
@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("id", ["coins.L.3", "dice.L.4", "coins.sq.erratum.1", "dice.L.4.claim.rounds", "budget"])
def test_a_deep_link_opens_the_right_part(visit, width, id, scripts):
    found = visit(width=width, query=f"#{id}", java_script_enabled=scripts)
    found.page.wait_for_timeout(100)
    if scripts:
        bottom = found.page.evaluate("document.documentElement.scrollHeight - scrollY - innerHeight")
        assert 0 <= found.top_of(id) < 40 or (bottom < 2 and found.top_of(id) < 900)
    else:
        box = found.page.locator(f"[id='{id}']").bounding_box()
        assert -1 <= box["y"] < 900


def test_packed_points_are_saved_as_csv(visit, file):
    found = visit(accept_downloads=True)
    assert found.page.locator("a.packed").count() > 0
    with found.page.expect_download() as download:
        found.page.click("a.packed >> nth=0")
    name = download.value.suggested_filename
    assert Path(download.value.path()).read_bytes() == (file.parent / "csv" / name).read_bytes()
    assert found.complaints == []


def test_a_link_of_the_graph_leads_to_its_statement(visit):
    found = visit()
    found.page.click(".graph a[href='#dice.L.4'] rect")
    assert found.page.evaluate("location.hash") == "#dice.L.4"


@WIDTHS
def test_every_formula_has_a_size(visit, width):
    found = visit(width=width)
    found.page.evaluate(OPEN_ALL)
    assert found.page.locator("math").count() > 30
    assert found.page.evaluate(FLAT_FORMULAS) == 0


@WIDTHS
def test_without_scripts_everything_is_there(visit, width):
    found = visit(width=width, java_script_enabled=False)
    assert found.page.locator(".board tbody tr").count() == len(ALL)
    assert all(row.is_visible() for row in found.page.locator(".board tbody tr").all())
    assert not found.page.locator("#filter").is_visible(), "a form that would do nothing"
    found.page.click("#premises summary")
    assert found.page.locator("#premises tbody tr").first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(visit, scheme):
    found = visit(color_scheme=scheme)
    found.page.evaluate(OPEN_ALL)
    assert found.page.evaluate(FAINT) == []


def test_the_guard_sees_faint_text(visit):
    found = visit(color_scheme="dark")
    found.page.evaluate("document.querySelector('.lead').style.color = '#555'")
    ((_, text, contrast),) = found.page.evaluate(FAINT)
    assert text.startswith("5 of 5")
    assert contrast < 4.5


def test_on_paper_there_is_no_form_and_everything_is_open(visit):
    found = visit()
    found.page.emulate_media(media="print")
    for hidden in ("#filter", ".contents", ".skip", ".back"):
        assert not found.page.locator(hidden).first.is_visible()
    row = found.page.locator("#premises tbody tr").first
    assert row.bounding_box()["height"] > 0
    assert found.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_prints_on_several_pages_none_of_them_blank(visit, scheme):
    from pypdf import PdfReader

    found = visit(color_scheme=scheme)
    pages = PdfReader(io.BytesIO(found.page.pdf(format="A4"))).pages
    texts = [page.extract_text() for page in pages]
    assert len(texts) > 1
    assert all(text.strip() for text in texts)
    assert "Sort by" not in " ".join(texts)
