from dataclasses import replace
from fractions import Fraction

import pytest

from fsrcheck.evidence.claim import Evidence
from fsrcheck.report.entries import make_entries
from fsrcheck.report.exponent_audit import audit_rows
from fsrcheck.report.page import render_page
from tests.report import rich


@pytest.fixture(scope="module")
def rows(rich_entries):
    return audit_rows(rich_entries)


def test_every_chain_of_every_paper_has_a_row(rows):
    found = [(row.entry.statement.id, row.claim.name) for row in rows]
    assert found == [(id, name) for id in ("coins.L.3", "dice.L.4") for name in ("chain", "rounds")]


def test_a_chain_tells_what_it_needs_and_how_much_room_there_is(rows):
    """By hand: delta^2 <= delta m^-0.02 needs delta <= -0.02; b << m^-0.1 needs b < -0.1."""
    chain = rows[0]
    assert [(n.taken, n.admissible, n.room) for n in chain.needs] == [
        ("−0.5", "(−∞, −0.02]", "0.48"),
        ("−0.3", "(−∞, −0.1)", "0.2"),
    ]
    assert (chain.extent, chain.slack, chain.slack_word) == ("2 links", Fraction("0.2"), "0.2")
    assert chain.decided_by.startswith("the cutoff is small (l.860): $b \\ll")


def test_rounds_tell_their_number_the_slowest_and_the_room_of_their_conditions(rows):
    """By hand: -0.5 -> -0.55 (the floor), -0.65, -0.75, -0.85, -0.95, -1.05; the floor falls by 0.2 a round."""
    rounds = rows[1]
    assert rounds.extent == "6 rounds, from $m^{-0.5}$ to $m^{-1.05}$"
    assert rounds.slack == Fraction("0.05")
    assert rounds.decided_by.startswith("round 0, by $")
    assert rounds.also.startswith("2 conditions a round, smallest slack 0.03 in round 1: keeps pace (l.910)")


def test_the_slack_of_the_audit_is_that_of_the_judgement(rows):
    chain = rows[0]
    columns = chain.judgement.certificate.columns
    slacks = [Fraction(row[columns.index("slack")]) for row in chain.judgement.certificate.rows]
    assert min(slacks) == chain.slack


def test_between_equal_slacks_the_strict_link_decides():
    strict = replace(rich.SHRINKS, text="strict", strict=True)
    tied = replace(rich.CHAIN, links=(rich.SHRINKS, strict), values={"delta": "-0.02"})
    assert tied.judge(Evidence([])).message, "the strict one fails"
    statement = replace(rich.deduced("dice.L.4"), claims=(tied,))
    registry = type(rich.REGISTRY)([replace(rich.OTHERS, statements=(statement,))])
    assert audit_rows(make_entries([], registry))[0].decided_by.startswith("strict")


def test_a_chain_that_was_not_run_has_no_outcome_and_no_slack_on_the_page():
    html = render_page([], rich.REGISTRY).html
    part = html[html.index('<section id="exponents"') :]
    part = part[: part.index("</section>")]
    assert "holds" not in part
    assert part.count("not run") == 4
    assert ".claim." not in part, "there is no certificate to lead to"


def test_the_page_leads_to_the_certificates(rich_results):
    html = render_page(rich_results, rich.REGISTRY).html
    for target in ("coins.L.3.claim.chain", "dice.L.4.claim.rounds"):
        assert f'href="#{target}"' in html
        assert f'id="{target}"' in html


def test_a_paper_without_chains_has_no_audit(page):
    assert 'id="exponents"' not in page
