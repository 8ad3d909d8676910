"""Statements: their cases at a scale, the user's settings, their errata."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fsrcheck.errors import InputError
from fsrcheck.statement import Defect, parse_settings
from tests.example import SQUARE, THEOREM, Coins


def test_the_paper_is_the_first_part_of_the_id():
    assert THEOREM.paper == "coins"


def test_only_statements_with_a_run_need_trials():
    assert THEOREM.needs_trials
    assert not SQUARE.needs_trials


def test_a_scale_without_cases_of_its_own_takes_the_quick_ones():
    assert THEOREM.cases_at("full") == THEOREM.cases_at("quick")
    assert THEOREM.trials_at("full") == 10


def test_an_unknown_scale_is_refused():
    with pytest.raises(InputError, match="scale must be one of quick, standard, full, got 'huge'"):
        THEOREM.cases_at("huge")


def test_settings_are_converted_and_cases_that_become_equal_run_once():
    assert THEOREM.cases_at("quick", {"num_tosses": "50"}) == [Coins(50)]
    assert {case.bias for case in THEOREM.cases_at("quick", {"bias": "1e-3"})} == {1e-3}


def test_an_unknown_setting_names_the_known_ones():
    with pytest.raises(InputError, match="must name one of bias, num_tosses, repetitions, got 'tosses'"):
        THEOREM.cases_at("quick", {"tosses": "50"})


@pytest.mark.parametrize("text", ["many", "1.5", ""])
def test_a_setting_of_the_wrong_type_is_refused(text):
    with pytest.raises(InputError, match="num_tosses must be of type int"):
        parse_settings(Coins, {"num_tosses": text})


def test_a_target_is_refused_where_none_can_be_taken(tmp_path):
    with pytest.raises(InputError, match="takes no target of your own"):
        THEOREM.cases_at("quick", target=tmp_path)


def test_a_target_gives_the_only_case(tmp_path):
    statement = replace(THEOREM, adopt_target=lambda path: Coins(7))
    assert statement.cases_at("quick", target=tmp_path) == [Coins(7)]


def test_a_target_may_give_several_cases_and_settings_go_to_all(tmp_path):
    statement = replace(THEOREM, adopt_target=lambda path: [Coins(7), Coins(8)])
    assert statement.cases_at("quick", target=tmp_path) == [Coins(7), Coins(8)]
    assert statement.cases_at("quick", {"num_tosses": "9"}, tmp_path) == [Coins(9)]


def test_nothing_can_be_set_where_no_trials_are_made():
    with pytest.raises(InputError, match="it needs no trials"):
        SQUARE.cases_at("quick", {"num_tosses": "50"})


@pytest.mark.parametrize(
    ("defect", "with_counterexample", "refutes"),
    [
        (Defect.FALSE_STATEMENT, False, True),
        (Defect.MISPRINT, True, True),
        (Defect.MISPRINT, False, False),
        (Defect.PROOF_GAP, True, False),
        (Defect.CONVERSION_SLIP, True, False),
    ],
)
def test_only_false_forms_are_refuted(defect, with_counterexample, refutes):
    erratum = SQUARE.errata[0]
    counterexample = erratum.counterexample if with_counterexample else None
    assert replace(erratum, defect=defect, counterexample=counterexample).refutes is refutes


@dataclass(frozen=True)
class Switches:
    on: bool = False
    word: str = "a"


@pytest.mark.parametrize(("text", "value"), [("true", True), ("True", True), ("false", False), ("FALSE", False)])
def test_a_truth_value_is_read_in_words(text, value):
    assert parse_settings(Switches, {"on": text}) == {"on": value}


def test_what_is_no_truth_value_is_refused():
    with pytest.raises(InputError, match=r"^on must be of type bool, got 'yes'$"):
        parse_settings(Switches, {"on": "yes"})


def test_a_scale_has_its_own_trials_or_the_quick_ones_or_none():
    assert replace(THEOREM, trials={"quick": 3, "full": 5}).trials_at("full") == 5
    assert replace(THEOREM, trials={"quick": 3}).trials_at("full") == 3
    assert replace(THEOREM, trials={}).trials_at("full") == 0
    assert replace(THEOREM, trials={}).trials_at("quick") == 0


def test_a_statement_without_quick_cases_has_none_at_any_scale():
    assert replace(THEOREM, cases={}).cases_at("full") == []
    assert replace(THEOREM, cases={"full": [Coins(50)]}).cases_at("full") == [Coins(50)]


def test_a_target_is_adopted_from_its_own_file():
    statement = replace(THEOREM, adopt_target=lambda path: Coins(int(path.name)))
    assert statement.cases_at("quick", target=Path("77")) == [Coins(77)]
