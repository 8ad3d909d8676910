"""Bad input on the command line: one line, exit code 2, no traceback, nothing run and nothing written."""

import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from fsrcheck.cli import main
from fsrcheck.evidence.claim import Judgement
from tests.example import PAPER, SQUARE, THEOREM, bare
from tests.invoking import Invoke, assert_one_line, invoke_on, paper_of


def archive(**changes: object) -> Callable[[], bytes]:
    """The bytes of a good target of three channels with some arrays changed."""
    arrays = {
        "level1_dictionary": np.eye(4, 3)[None],
        "level1_latent_weights": np.eye(3)[None],
        "level1_thresholds": np.ones((1, 3)),
    }

    def write() -> bytes:
        stream = io.BytesIO()
        np.savez(stream, **(arrays | changes))  # type: ignore[arg-type]
        return stream.getvalue()

    return write


BAD_TARGETS: dict[str, tuple[Callable[[], bytes], str]] = {
    "NaN": (archive(level1_thresholds=np.full((1, 3), np.nan)), "must be finite, got NaN"),
    "dictionary not orthonormal": (archive(level1_dictionary=np.ones((1, 4, 3))), "must be column orthonormal"),
    "wrong shape": (archive(level1_latent_weights=np.eye(4)[None]), "must have shape"),
    "a dimension short": (archive(level1_dictionary=np.eye(4, 3)), "must have shape"),
    "unknown array": (archive(weights=np.ones(3)), "unknown ['weights']"),
    "text": (archive(level1_thresholds=np.array([["a", "b", "c"]])), "must be numeric"),
    "several instances": (
        archive(
            level1_dictionary=np.stack([np.eye(4, 3)[None]] * 2),
            level1_latent_weights=np.stack([np.eye(3)[None]] * 2),
            level1_thresholds=np.ones((2, 1, 3)),
        ),
        "must hold 1 instance, got 2",
    ),
    "channels that never fire": (archive(level1_thresholds=np.full((1, 3), 60.0)), "expected_active must be above 0"),
    "pickled object": (archive(level1_thresholds=np.array([[1.0, None, 3.0]], dtype=object)), "pickled"),
    "a pickle": (lambda: pickle.dumps({"level1_thresholds": [1.0]}), "pickled"),
    "no archive": (lambda: b"level1_thresholds = 1", "must be an .npz file"),
    "torn": (lambda: archive()()[:200], "must be an .npz file"),
    "empty": (lambda: b"", "must be an .npz file"),
}


@pytest.fixture
def invoke() -> Invoke:
    return invoke_on(PAPER)


def invoke_installed(*words: object) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


def assert_only_line(result: Result, *words: str) -> None:
    """As ``assert_one_line``, and not even a seed was drawn."""
    assert_one_line(result, *words)
    assert len(result.stderr.splitlines()) == 1


def run_program(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, with nothing of pytest around it."""
    program = [sys.executable, "-c", "from fsrcheck.cli import main; main()", *words]
    return subprocess.run(program, capture_output=True, text=True, env=os.environ | environment, check=False)


def refuse_to_run(*arguments: object) -> object:
    raise AssertionError("a trial was run")


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
        (("report", "--error-rates", "absent.json"), "absent.json"),
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
    papers = paper_of(replace(THEOREM, run=refuse_to_run), SQUARE)
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

    result = invoke_on(paper_of(bare(SQUARE, claims=(Broken(),))))("check", "sq")
    assert isinstance(result.exception, ZeroDivisionError)


class TestOnTheInstalledStatements:
    """The same with the statements that come with fsrcheck, whose parameters and targets have rules of their own."""

    @pytest.mark.parametrize(
        ("words", "named"),
        [
            (("check", "A.11"), "did you mean fsr.A.1"),
            (("show", "fsr.A1"), "did you mean fsr.A.1"),
            (("check", "A.1", "--set", "num_channels=1"), "num_channels must be at least 2, got 1"),
            (("check", "A.1", "--set", "expected_active=16"), "below num_channels = 16, got 16.0"),
            (("check", "A.1", "--set", "expected_active=0"), "above 0"),
            (("check", "A.1", "--set", "expected_active=nan"), "expected_active must be a finite number, got nan"),
            (("check", "A.1", "--set", "num_patches=0"), "num_patches must be at least 1"),
            (("check", "A.1", "--set", "family=dens_mixing"), "dense_mixing"),
            (("check", "A.1", "--set", "family=file"), "a target file must come with family 'file'"),
            (("check", "A.1", "--set", "target=mine.npz"), "a target file must come with family 'file'"),
            (("check", "A.1", "--set", "oracle=delphi"), "oracle"),
            (("check", "A.1", "--set", "noise_share=0"), "noise_share must be in [0.001, 1000]"),
            (("check", "A.1", "--set", "cutoff=40"), "cutoff must be in [0, 10]"),
            (("check", "alg.5", "--set", "max_iterations=-1"), "max_iterations must be at least 0"),
            (("check", "A.2", "--set", "num_samples=0"), "num_samples must be at least 1"),
            (("check", "A.3", "--set", "oracle=delphi"), "oracle must be one of population, samples"),
            (("check", "A.4", "--set", "dictionary_error=3"), "dictionary_error must be in [0, 2]"),
            (("check", "A.5", "--set", "candidates=99"), "candidates must be at most num_channels"),
            (("check", "alg.5", "--set", "task=nothing"), "task must be one of compare, run"),
            (("check", "2.2", "--set", "level=2"), "level must be in 1..num_levels = 1, got 2"),
            (("check", "relu", "--set", "zeta=1"), "no parameters"),
            (("check", "A.2", "--target", "absent.npz"), "takes no target"),
            (("check", "A.1", "--target", "absent.npz"), "must exist"),
            (("check", "A.1", "--target", "."), "target file .: must be an .npz file"),
        ],
    )
    def test_a_value_that_makes_no_sense_is_refused_before_anything_runs(
        self, words: tuple[str, ...], named: str
    ) -> None:
        assert_only_line(invoke_installed(*words), named)

    @pytest.mark.parametrize("name", ["correlation", "coherence"])
    def test_a_parameter_that_the_family_lacks(self, name: str) -> None:
        result = invoke_installed("replay", "A.1", "--trial-seed", "1", "--set", f"{name}=0.5")
        assert_only_line(result, f"{name} must be left out for family 'independent_channels'")

    @pytest.mark.parametrize("name", BAD_TARGETS)
    @pytest.mark.parametrize("statement", ["A.1", "2.2"])
    def test_a_bad_target_file(self, name: str, statement: str, tmp_path: Path) -> None:
        content, complaint = BAD_TARGETS[name]
        path = tmp_path / "mine.npz"
        path.write_bytes(content())
        assert_only_line(invoke_installed("check", statement, "--target", path), str(path), complaint)

    def test_the_same_line_from_the_program_itself(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.npz"
        path.write_bytes(BAD_TARGETS["pickled object"][0]())
        found = run_program("check", "A.1", "--target", str(path))
        assert (found.returncode, found.stdout, len(found.stderr.splitlines())) == (2, "", 1)


class TestReport:
    @pytest.mark.parametrize("name", ["file", "file/report"])
    def test_a_folder_that_cannot_be_written_is_told_before_anything_runs(self, name: str, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("mine")
        never = invoke_on(paper_of(replace(THEOREM, run=refuse_to_run)))
        assert_only_line(never("report", "--out", tmp_path / name), "report folder must be writable", name)
        assert [path.name for path in tmp_path.iterdir()] == ["file"]
        assert (tmp_path / "file").read_text() == "mine"

    @pytest.mark.parametrize(
        "words",
        [("--device", "cuda"), ("--stored", "absent.jsonl"), ("--error-rates", "absent.json"), ("--scale", "huge")],
    )
    def test_another_mistake_leaves_no_folder_behind(
        self, invoke: Invoke, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
        assert_only_line(invoke("report", "--out", tmp_path / "out", *words), words[1])
        assert list(tmp_path.iterdir()) == []

    def test_a_run_that_breaks_off_leaves_the_old_report_whole(self, invoke: Invoke, tmp_path: Path) -> None:
        assert invoke("report", "--out", tmp_path).exit_code == 0
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        broken = invoke_on(paper_of(replace(THEOREM, run=lambda *arguments: [])))
        assert_one_line(broken("report", "--out", tmp_path), "observations")
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before

    def test_the_same_line_from_the_program_itself(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        found = run_program("report", "--out", str(tmp_path / "file"))
        assert (found.returncode, found.stdout, len(found.stderr.splitlines())) == (2, "", 1)


@pytest.mark.parametrize("words", [("check", "A.1"), ("replay", "A.1", "--trial-seed", "1"), ("calibrate", "A.3")])
def test_cuda_asked_for_and_absent_whatever_the_command(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert_only_line(invoke_installed(*words, "--device", "cuda"), "no CUDA device is present, got 'cuda'")


def test_cuda_asked_for_and_absent_in_the_program_itself() -> None:
    found = run_program("check", "A.1", "--device", "cuda", CUDA_VISIBLE_DEVICES="")
    assert (found.returncode, found.stdout, len(found.stderr.splitlines())) == (2, "", 1)
    assert "CUDA" in found.stderr
