from fsrcheck.registry import Registry, installed
from fsrcheck.report.budget import budget_rows
from fsrcheck.report.page import render_page
from tests.report import rich


def test_the_split_by_hand():
    """The example has three claims that chance could violate; symbols and chains have none."""
    rows = [(row.paper, row.kind, row.sharing, row.exempt) for row in budget_rows(rich.REGISTRY)]
    assert rows == [
        ("coins", "Bound", 1, 0),
        ("coins", "Frequency", 1, 0),
        ("coins", "Scaling", 1, 0),
        ("coins", "Alternation", 0, 1),
        ("coins", "ExponentChain", 0, 1),
        ("coins", "SymbolicIdentity", 0, 1),
        ("dice", "Alternation", 0, 1),
        ("dice", "ExponentChain", 0, 1),
    ]


def test_the_shares_of_the_installed_papers_add_up():
    registry = installed()
    rows = budget_rows(registry)
    assert sum(row.sharing for row in rows) == registry.budget.judgements
    assert sum(row.sharing + row.exempt for row in rows) == sum(len(s.claims) for s in registry.statements)
    assert 0 < sum(row.probability for row in rows) <= registry.budget.total


def test_the_page_shows_the_whole_and_the_parts(rich_results):
    html = render_page(rich_results, rich.REGISTRY).html
    part = html[html.index('<section id="budget"') :]
    part = part[: part.index("</section>")]
    for text in (
        "probability at most 10⁻⁶",
        "3 claims that chance could violate",
        "1.953×10⁻⁹",
        "5.859×10⁻⁹",
        ">Frequency<",
    ):
        assert text in part


def test_no_papers_have_no_rows():
    assert budget_rows(Registry([])) == []
