"""The list of what the papers state, ``lemmas/statement_ids.txt``, and what is installed are the same."""

from pathlib import Path

import pytest

from fsrcheck.evidence.outcome import Verdict
from fsrcheck.registry import Registry, installed
from fsrcheck.report.entries import NOT_RUN, make_entries
from fsrcheck.runs.checking import check
from fsrcheck.statement import Statement
from lemmas import fsr, wgan

LIST = Path(__file__).parents[1] / "lemmas" / "statement_ids.txt"
LISTED = [line.split()[:2] for line in LIST.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
COVERED = Registry([fsr.PAPER, wgan.PAPER])
OPEN = [statement for statement in COVERED.statements if statement.expected is Verdict.OPEN]


def differences(listed: list[list[str]], statements: tuple[Statement, ...]) -> list[str]:
    """What is in the list alone, or installed alone, or is of another kind in one than in the other."""
    wanted, found = dict(listed), {statement.id: statement.kind.value for statement in statements}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def test_every_listed_id_has_a_statement_of_its_kind_and_the_other_way_round():
    missing = set(differences(LISTED, COVERED.statements))
    assert not missing


def test_no_id_is_listed_twice():
    assert len(dict(LISTED)) == len(LISTED)


def test_the_comparison_sees_what_is_missing_what_is_unlisted_and_a_wrong_kind():
    first, second, *others = LISTED
    changed = [[first[0], "wish"], *others, ["fsr.Z.9", "lemma"]]
    pending = set(differences(LISTED, COVERED.statements))
    assert set(differences(changed, COVERED.statements)) - pending == {first[0], second[0], "fsr.Z.9"}


def test_all_papers_of_this_repository_are_compared():
    assert {"fsr", "wgan"} == {paper.id for paper in COVERED.papers} <= {paper.id for paper in installed().papers}


@pytest.mark.parametrize("statement", OPEN, ids=lambda statement: statement.id)
def test_what_is_open_says_why_in_one_sentence_and_claims_nothing(statement):
    assert 40 < len(statement.reason) < 300
    assert not statement.reason.endswith(".")
    assert ". " not in statement.reason
    result = check(statement.id, registry=COVERED)
    (entry,) = (entry for entry in make_entries([result], COVERED) if entry.verdict != NOT_RUN)
    assert (entry.verdict, entry.as_expected) == ("OPEN", True)
