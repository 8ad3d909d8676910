import re
from dataclasses import replace

import pytest

from fsrcheck.registry import Registry
from fsrcheck.report.entries import make_entries
from fsrcheck.report.page import render_page
from fsrcheck.report.premise_graph import premise_graph, weakest
from tests.report import rich


@pytest.fixture(scope="module")
def graph(rich_entries):
    return premise_graph(rich_entries)


def test_only_statements_that_are_tied_are_drawn(graph):
    assert {node.entry.statement.id for node in graph.nodes} == {"coins.sq", "coins.L.3", "coins.T.2", "dice.L.4"}


def test_what_rests_on_another_stands_to_its_right(graph):
    places = {node.entry.statement.id: node for node in graph.nodes}
    for row in graph.rests:
        for other in row.on:
            left, right = places[other.statement.id], places[row.entry.statement.id]
            assert left.x + left.width < right.x


def test_no_two_boxes_overlap_and_all_are_inside(graph):
    for i, one in enumerate(graph.nodes):
        assert one.x >= 0
        assert one.x + one.width <= graph.width
        assert 0 <= one.y <= graph.height - 20
        for other in graph.nodes[:i]:
            assert one.x + one.width < other.x or other.x + other.width < one.x or abs(one.y - other.y) > 20


def test_an_edge_starts_and_ends_at_a_box(graph):
    """coins.T.2 also requires coins.sq itself, which coins.L.3 implies."""
    assert len(graph.edges) == 3
    sides = {(round(n.x + n.width), f"{n.y + 10:.1f}") for n in graph.nodes}
    for path in graph.edges:
        x, y = re.match(r"M(\d+) ([\d.]+)", path).groups()
        assert (int(x), y) in sides


def test_the_table_has_everything_beneath_and_what_is_absent(graph):
    rows = {row.entry.statement.id: row for row in graph.rests}
    assert [entry.statement.id for entry in rows["coins.T.2"].on] == ["coins.sq", "coins.L.3"]
    last = rows["dice.L.4"]
    assert (last.number, last.weakest, last.absent) == (3, "REPAIRED", ("dice.gone",))


def test_what_was_not_run_is_the_weakest(rich_results):
    entries = make_entries([r for r in rich_results if r.statement.id != "coins.sq"], rich.REGISTRY)
    assert {row.weakest for row in premise_graph(entries).rests} == {"NOT RUN"}
    assert weakest([]) == ""


def test_a_circle_of_premises_is_drawn_all_the_same(rich_results):
    circle = [rich.deduced("dice.L.4", ("dice.L.5",)), rich.deduced("dice.L.5", ("dice.L.4",))]
    graph = premise_graph(make_entries([], Registry([replace(rich.OTHERS, statements=tuple(circle))])))
    assert len(graph.nodes) == 2
    assert len(graph.edges) == 1
    assert [row.on[0].statement.id for row in graph.rests] == ["dice.L.5", "dice.L.4"]


def test_the_page_ties_statements_both_ways(rich_results):
    html = render_page(rich_results, rich.REGISTRY).html
    article = html[html.index('<article class="statement" id="coins.L.3"') :]
    article = article[: article.index("</article>")]
    assert re.search(r"Its premises are conclusions of [^.]*coins\.sq", article)
    assert re.search(r"Its conclusions are premises of [^.]*coins\.T\.2", article)
    assert html.count('class="node ') == 4
    assert 'href="#dice.gone"' not in html
    assert "not installed: dice.gone" in html


def test_papers_without_premises_have_no_graph(page):
    assert 'id="premises"' not in page
