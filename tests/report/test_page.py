import base64
import gzip
import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from matplotlib.figure import Figure

from fsrcheck.errors import FsrcheckError
from fsrcheck.evidence.constants import Provenance
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.registry import Registry
from fsrcheck.report.data_links import data_link
from fsrcheck.report.entries import BY_HAND
from fsrcheck.report.figures import Drawing, new_figure
from fsrcheck.report.page import render_page
from fsrcheck.statement import Paper
from tests.example import PAPER, SQUARE, THEOREM

VOID = {"meta", "link", "br", "hr", "img", "input", "path", "use", "rect", "line", "mspace"}


class Outline(HTMLParser):
    """Collects ids, links and headings, and sees that every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[tuple[str, str, str]] = []
        self.headings: list[int] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [(tag, name, found[name]) for name in ("href", "src", "xlink:href") if name in found]
        self.headings += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def outline(page):
    return Outline(page)


def test_the_page_loads_nothing_from_anywhere(page, outline):
    assert all(target.startswith(("#", "data:")) for _, _, target in outline.links)
    assert not re.search(r"https?://|url\((?!#)|@import|src=", page)


def test_every_element_is_closed_and_every_id_unique(outline):
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))


def test_every_link_inside_the_page_has_a_target(outline):
    inner = {target[1:] for _, _, target in outline.links if target.startswith("#")}
    assert inner <= set(outline.ids)


def test_every_statement_has_a_part_and_a_deep_link(page, outline):
    for statement in PAPER.statements:
        assert statement.id in outline.ids
        assert f'<a href="#{statement.id}">{statement.label}</a>' in page


def test_headings_do_not_skip_levels(outline):
    assert outline.headings[0] == 1
    assert all(after <= before + 1 for before, after in zip(outline.headings, outline.headings[1:], strict=False))


def test_a_verdict_is_a_word_and_a_sign(page):
    assert re.search(r'is-supported"><span class="sign" aria-hidden="true">✓</span>supported', page)
    assert re.search(r'is-repaired"><span class="sign" aria-hidden="true">↻</span>repaired', page)


def test_what_was_run_is_said(page, results, registry):
    for text in ("quick", "2026-01-02", "torch", results[0].device, results[0].replay, "10⁻⁶"):
        assert text in page
    assert f"of {registry.budget.judgements} claims that chance could violate" in page


def test_an_erratum_shows_all_its_parts(page):
    for text in ("the cross term is missing", "line 1", "a = b = 1", "printed <b>2</b>", "actual <b>4</b>"):
        assert text in page
    assert "contradicts the printed form, rechecked in" in page


def test_a_statement_names_its_erratum_and_links_to_all_of_it(page):
    part = page[page.index(f'<article class="statement" id="{SQUARE.id}"') :]
    assert "the cross term is missing" in part
    assert f'<a href="#{SQUARE.id}.erratum.1">' in part
    assert page.count('<dl class="erratum">') == 1


def test_case_by_case_there_is_no_column_without_content(page):
    tables = re.findall(r'<table class="cases">.*?</table>', page, re.DOTALL)
    heads = [re.findall(r"<th[^>]*>([^<]*)</th>", table) for table in tables]
    assert any("Slack" in head for head in heads)
    assert any("Slack" not in head for head in heads)
    for table, head in zip(tables, heads, strict=True):
        rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr><td.*?</tr>", table)]
        assert rows
        assert all(len(row) == len(head) for row in rows)
        assert all(any(cell not in ("", "–") for cell in column) for column in zip(*rows, strict=True))


def test_constants_controls_and_premises_are_shown(page):
    for text in (
        "E|g|/2 = 0.399 in the limit, plus 50 %",
        "loaded coin",
        "caught",
        "0.01, holds",
    ):
        assert text in page


@pytest.mark.parametrize(
    ("provenance", "words"), [(Provenance.CHOSEN, BY_HAND), (Provenance.PAPER, "printed in the paper")]
)
def test_the_origin_of_a_constant_is_said_without_a_promise(results, registry, provenance, words):
    constants = {name: replace(c, provenance=provenance) for name, c in results[0].constants.items()}
    page = render_page([replace(results[0], constants=constants)], registry).html
    assert words in page
    assert "before any run" not in page


def test_a_statement_that_was_not_run_is_never_shown_as_passed(results, registry):
    html = render_page(results[:1], registry).html
    part = html[html.index(f'<article class="statement" id="{SQUARE.id}"') :]
    assert "not run" in part
    assert "is-repaired" not in part[: part.index("</article>")]
    assert "not rechecked: the statement was not run" in html


def test_no_results_at_all_make_a_page(registry):
    assert "0 of 0 verdicts are as expected; 2 of 2 statements were not run." in render_page([], registry).html


def test_text_of_a_statement_is_escaped(results):
    hostile = replace(SQUARE, title="<script>x</script>", departures=("a < b & c",), reason='"><img src=x>')
    result = replace(results[1], statement=hostile)
    html = render_page([result], Registry([Paper("coins", "<i>", "", (hostile,))])).html
    assert "<script>x" not in html
    assert "<img" not in html
    assert "&lt;script&gt;x&lt;/script&gt;" in html
    assert "a &lt; b &amp; c" in html


def test_what_is_not_a_number_is_not_shown_as_one(results, registry):
    judgement = results[0].judgements[1]
    rows = tuple(replace(row, measured=float("nan")) for row in judgement.cases)
    broken = replace(judgement, cases=rows, outcome=Outcome.INCONCLUSIVE)
    result = replace(results[0], judgements=(broken,))
    html = render_page([result], registry).html
    assert result.verdict is Verdict.INCONCLUSIVE
    assert not re.search(r">\s*nan\b", html, flags=re.IGNORECASE)
    assert "undefined" in html


def test_stored_evidence_is_marked_as_stored_and_told_in_full(results, registry, stored):
    html = render_page(results, registry, [stored, replace(stored, statement="other.1")]).html
    assert Outline(html).open == []
    assert html.count("stored: not from this run") == 1
    for text in (
        "200 runs, scale quick, cuda",
        "<dt>As expected (supported)</dt><dd>196</dd>",
        "<dt>False alarms</dt><dd>1, share 0.005 [0.000127, 0.0275]</dd>",
        "<dt>Inconclusive</dt><dd>3</dd>",
        "<dt>Trials</dt><dd>10000</dd>",
        "a &lt;big&gt; GPU",
        "<dt>Runs by seed</dt><dd>5 = 200</dd>",
        "torch = 9.9",
        f"{stored.code}, that of this report",
        "199 of 200",
        "0.995 [0.972, 1]",
        "200 of 200",
        "HOLDS = 197",
        "fsrcheck check coins.T.2 --scale quick --seed 987654321 --device cuda",
        "statements that are not installed: other.1",
    ):
        assert text in html


def test_stored_evidence_of_other_code_is_told_from_that_of_the_report(results, registry, stored):
    html = render_page(results, registry, [replace(stored, code="0123")]).html
    assert "0123, not that of this report" in html


def test_without_stored_evidence_there_is_no_word_of_it(page):
    assert "stored: not from this run" not in page
    assert "Stored evidence" not in page


def test_a_result_twice_or_of_a_stranger_is_refused(results, registry):
    with pytest.raises(FsrcheckError, match=r"each once, got coins\.T\.2"):
        render_page([results[0], results[0]], registry)
    with pytest.raises(FsrcheckError, match=r"installed statements, each once, got coins\.sq"):
        render_page(results, Registry([replace(PAPER, statements=(THEOREM,))]))


def with_hook(results, hook):
    statement = replace(THEOREM, figure=hook)
    registry = Registry([replace(PAPER, statements=(statement,))])
    return render_page([replace(results[0], statement=statement)], registry)


def figure_of_a_hook(result) -> Figure:
    figure = new_figure()
    figure.subplots().set_xlabel("my own axis")
    return figure


@pytest.mark.parametrize(
    "hook",
    [
        figure_of_a_hook,
        lambda r: ("My plot", figure_of_a_hook(r)),
        lambda r: [("My plot", figure_of_a_hook(r))],
    ],
)
def test_a_statement_may_bring_its_own_figures(results, hook):
    page = with_hook(results, hook)
    assert "my own axis" in page.html
    assert page.html.count("<svg") == 1
    assert len(page.csv) == 1, "the points stay downloadable"


def test_a_figure_may_bring_its_own_points(results):
    drawing = Drawing("My plot", figure_of_a_hook(results[0]), points="mine", table="size,value\n1,2\n")
    page = with_hook(results, lambda result: drawing)
    assert page.csv["coins.T.2.mine.csv"] == drawing.table
    assert 'download="coins.T.2.mine.csv" href="data:text/csv;charset=utf-8,size,value%0A1,2%0A"' in page.html


def test_a_figure_that_fails_is_reported_in_its_place(results, caplog):
    html = with_hook(results, lambda result: 1 / 0).html
    assert "This figure could not be drawn: ZeroDivisionError" in html
    assert "ZeroDivisionError" in caplog.text


def test_the_points_are_embedded_as_they_are_written(folder, outline):
    embedded = [
        content_of(target) for _, _, target in outline.links if target.startswith("data:") and "," in target[5:]
    ]
    written = [path.read_text(encoding="utf-8") for path in (folder / "csv").iterdir()]
    assert sorted(filter(None, embedded)) == sorted(written)
    assert written


def content_of(link: str) -> str:
    """What a link holds."""
    head, text = link.split(",", 1)
    return gzip.decompress(base64.b64decode(text)).decode() if head.endswith("base64") else unquote(text)


@pytest.mark.parametrize("rows", [1, 500])
def test_a_long_file_is_packed_and_a_short_one_is_not(rows):
    text = "size,value\n" + "1,0.25\n" * rows
    link = data_link(text, "points.csv")
    assert link.packed is (rows > 1)
    assert link.download == ("points.csv.gz" if link.packed else "points.csv")
    assert content_of(link.href) == text
    assert data_link(text, "points.csv") == link
