import json
from dataclasses import replace

from fsrcheck.evidence.outcome import Verdict
from fsrcheck.report.scoreboard import results_json, scoreboard_markdown
from tests.example import SQUARE, THEOREM


def rows_of(markdown: str) -> list[list[str]]:
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_statement_has_a_row(results, registry):
    head, rule, theorem, square = rows_of(scoreboard_markdown(results, registry))
    assert len(head) == len(rule) == len(theorem) == len(square) == 9
    assert theorem[:2] == ["coins", "Theorem 2 (`coins.T.2`)"]
    assert theorem[3:7] == ["**SUPPORTED**", "SUPPORTED", "yes", "num_tosses ≥ 100 (smallest run)"]
    assert theorem[8] == "2/2"
    assert square[3:6] == ["**REPAIRED**", "REPAIRED", "yes"]


def test_what_was_not_run_is_not_passed(results, registry):
    markdown = scoreboard_markdown(results[:1], registry)
    assert rows_of(markdown)[3][3:6] == ["not run", "REPAIRED", "not run"]
    assert "1 of 1 verdicts are as expected; 1 of 2 statements were not run." in markdown
    assert "- not rechecked in this run" in markdown


def test_an_unexpected_verdict_is_marked(results, registry):
    missed = replace(results[0], controls=(replace(results[0].controls[0], premises_unseen=("fair",)),))
    row = rows_of(scoreboard_markdown([missed], registry))[2]
    assert row[3:6] == ["**INCONCLUSIVE**", "SUPPORTED", "no"]
    assert row[8] == "0/1"


def test_a_bar_in_a_title_does_not_split_its_cell(results, registry):
    renamed = replace(THEOREM, title="$|x| > 1$")
    paper = replace(registry.papers[0], statements=(renamed, SQUARE))
    markdown = scoreboard_markdown([], type(registry)([paper]))
    assert r"| $\|x\| > 1$ |" in markdown


def test_what_is_open_is_told_with_its_reason(results, registry):
    assert "Not decided" not in scoreboard_markdown(results, registry)
    unknown = replace(THEOREM, claims=(), controls=(), expected=Verdict.OPEN, reason="nobody knows $x$")
    paper = replace(registry.papers[0], statements=(unknown, SQUARE))
    markdown = scoreboard_markdown([], type(registry)([paper]))
    assert "## Not decided, and why\n\n- Theorem 2 (`coins.T.2`): nobody knows $x$\n" in markdown


def test_the_errata_follow_the_table(results, registry):
    markdown = scoreboard_markdown(results, registry)
    assert "- counterexample: a = b = 1: printed 2, actual 4; contradicted" in markdown
    assert "- repaired: $a^2 + 2 a b + b^2$" in markdown


def test_stored_evidence_has_a_table_of_its_own(results, registry, stored):
    markdown = scoreboard_markdown(results, registry, [stored])
    (row,) = rows_of(markdown[markdown.index("## Stored evidence") : markdown.index("## Errata")])[2:]
    assert row == [
        "Theorem 2 (`coins.T.2`)",
        "quick",
        "200",
        "196",
        "1 (0.005 [0.000127, 0.0275])",
        "3",
        "loaded coin 199/200 (0.995 [0.972, 1]); loaded coins 200/200 (1 [0.982, 1])",
        "a <big> GPU",
        "5",
        f"`{stored.code}`",
    ]
    assert "## Stored evidence" not in scoreboard_markdown(results, registry)


def test_json_has_every_result_and_names_what_was_not_run(results, registry, stored):
    content = json.loads(results_json(results[:1], registry, [stored]))
    (result,) = content["results"]
    assert json.loads(json.dumps(results[0].to_json())).items() <= result.items()
    assert (result["id"], result["label"], result["as_expected"]) == (THEOREM.id, "Theorem 2", True)
    assert content["not_run"] == [SQUARE.id]
    assert content["stored"] == [json.loads(json.dumps(stored.to_json()))]
    assert content["budget"]["judgements"] == registry.budget.judgements


def test_json_writes_no_bare_nan(results, registry):
    broken = replace(results[0], false_alarm=float("nan"))
    assert json.loads(results_json([broken], registry), parse_constant=int)["results"][0]["false_alarm"] == "nan"
