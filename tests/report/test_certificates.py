"""What a deduction rests on is shown on the page, on the terminal and in the JSON."""

import json
from dataclasses import replace

import pytest

from fsrcheck.commands.results import print_result
from fsrcheck.evidence.certified import Certified, Positive
from fsrcheck.evidence.exponents import ExponentChain, Link
from fsrcheck.evidence.monomials import m_to, quantity
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.registry import Registry
from fsrcheck.report.page import render_page
from fsrcheck.report.scoreboard import results_json
from fsrcheck.runs.checking import check_many
from fsrcheck.runs.result import StatementResult
from fsrcheck.statement import Control
from tests.example import PAPER, SQUARE

CERTIFIED = Certified("cells", "$x^2 + 1 > 0$", (Positive(lambda x: x * x + 1, {"x": (-1, "1/3")}, None, "middle"),))
LINK = Link("the error shrinks", "l.850", quantity("delta") ** 2, quantity("delta") * m_to("-0.02"))
CHAIN = ExponentChain("chain", "the error falls", (LINK,), {"delta": "-0.5"})
DEDUCED = replace(
    SQUARE,
    claims=(CERTIFIED, CHAIN, *SQUARE.claims),
    controls=(Control("beyond", "the start", "chain", altered_claim=CHAIN.beyond("delta")),),
)
REGISTRY = Registry([replace(PAPER, statements=(DEDUCED,))])


@pytest.fixture(scope="module")
def deduced() -> list[StatementResult]:
    return check_many(registry=REGISTRY, seed=7, device="cpu")


def test_a_statement_that_is_deduced_is_as_strong_as_its_weakest_claim(deduced):
    assert deduced[0].verdict_of_claims is Verdict.CERTIFIED
    assert deduced[0].controls[0].is_caught


def test_the_page_shows_box_cells_and_slacks(deduced):
    html = render_page(deduced, REGISTRY).html
    for shown in ("x in [-1, 1/3]", "middle", "l.850", "<td>0.48</td>", "1 expression vanishes identically"):
        assert shown in html


def test_the_terminal_shows_box_cells_and_slacks(deduced, capsys):
    print_result(deduced[0])
    shown = capsys.readouterr().out
    assert "x in [-1, 1/3]" in shown
    assert "l.850" in shown
    assert "0.48" in shown


def test_the_json_has_every_row(deduced):
    claims = json.loads(results_json(deduced, REGISTRY))["results"][0]["claims"]
    cells, chain, square = (claim["certificate"] for claim in claims)
    assert dict(zip(cells["columns"], cells["rows"][0], strict=True))["box"] == "x in [-1, 1/3]"
    assert dict(zip(chain["columns"], chain["rows"][0], strict=True))["slack"] == "0.48"
    assert square["rows"] == []
