"""Bad input on the command line: one line, exit code 2, no traceback, nothing run and nothing written."""

from dataclasses import replace
from pathlib import Path

import pytest

from fsrcheck.evidence.claim import Judgement
from tests.example import PAPER, SQUARE, THEOREM
from tests.invoking import Invoke, assert_one_line, invoke_on, paper_of


@pytest.fixture
def invoke() -> Invoke:
    return invoke_on(PAPER)


def test_unknown_id_suggests_the_nearest(invoke: Invoke) -> None:
    assert_one_line(invoke("check", "T.22"), "did you mean coins.T.2?")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("check", "T.2", "--scale", "huge"), "huge"),
        (("check", "T.2", "--seed", "x"), "x"),
        (("check", "T.2", "--seed", "-1"), "-1"),
        (("check", "T.2", "--device", "tpu"), "tpu"),
        (("check", "T.2", "--set", "bias"), "name=value"),
        (("check", "T.2", "--set", "colour=red"), "num_tosses"),
        (("check", "T.2", "--set", "num_tosses=many"), "many"),
        (("check", "T.2", "--set", "bias=0", "--set", "bias=1"), "twice"),
        (("check", "sq", "--set", "bias=0"), "no parameters"),
        (("check", "T.2", "--target", "absent.npz"), "target"),
        (("check", "T.2", "--store", "absent/trials.jsonl"), "absent/trials.jsonl"),
        (("check", "--colour"), "--colour"),
        (("show",), "ID"),
        (("show", "T.3"), "T.3"),
        (("replay", "T.2"), "--trial-seed"),
        (("errata", "T.2"), "coins.T.2"),
        (("chekc",), "chekc"),
        (("report", "--stored", "absent.jsonl"), "absent.jsonl"),
    ],
)
def test_is_one_line_and_exit_code_2(invoke: Invoke, words: tuple[str, ...], named: str) -> None:
    assert_one_line(invoke(*words), named)


def test_a_target_that_the_statement_cannot_take(invoke: Invoke, tmp_path: Path) -> None:
    target = tmp_path / "target.npz"
    target.write_bytes(b"")
    assert_one_line(invoke("check", "T.2", "--target", target), "takes no target")


def test_cuda_asked_for_and_absent(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert_one_line(invoke("check", "T.2", "--device", "cuda"), "cuda")


def test_a_store_that_is_not_ours(invoke: Invoke, tmp_path: Path) -> None:
    store = tmp_path / "trials.jsonl"
    store.write_text("no JSON\n{}\n")
    assert_one_line(invoke("check", "T.2", "--store", store), "trials.jsonl")


def test_no_statements_at_all() -> None:
    assert_one_line(invoke_on()("check"), "no statements")


def test_settings_are_refused_before_the_first_statement_is_run() -> None:
    def never(*arguments: object) -> object:
        raise AssertionError("a trial was run")

    papers = paper_of(replace(THEOREM, run=never), SQUARE)
    assert_one_line(invoke_on(papers)("check", "--set", "num_tosses=200"), "coins.sq")


def test_messages_of_several_lines_become_one() -> None:
    def broken(*arguments: object) -> list[object]:
        return []

    result = invoke_on(paper_of(replace(THEOREM, run=broken)))("check", "T.2")
    assert_one_line(result, "observations")


def test_a_mistake_of_ours_is_not_hidden() -> None:
    class Broken:
        name = text = "broken"

        def judge(self, evidence: object) -> Judgement:
            raise ZeroDivisionError

    result = invoke_on(paper_of(replace(SQUARE, claims=(Broken(),), controls=())))("check", "sq")
    assert isinstance(result.exception, ZeroDivisionError)
