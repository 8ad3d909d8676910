"""Every code block of the documentation runs, and prints what the block after it says."""

import ast
import sys
from contextlib import chdir, redirect_stdout
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from io import StringIO
from pathlib import Path

import pytest

from tests.docs.blocks import Block, blocks
from tests.docs.shell import ROOT, Shell, tiny_registry

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_CODE = [path for path in DOCUMENTS if any(not block.language.startswith("{") for block in blocks(path))]
TUTORIAL = ROOT / "docs" / "tutorial.md"


@pytest.fixture
def shell(tmp_path, monkeypatch):
    before = set(sys.modules)
    shell = Shell(tmp_path, monkeypatch.syspath_prepend)
    monkeypatch.setattr("fsrcheck.runs.checking.installed", lambda: tiny_registry([]))
    monkeypatch.setattr("fsrcheck.runs.checking.LOOKS", 1)  # what one trial does not decide is left undecided
    yield shell
    for name in {name for name in sys.modules if name.split(".")[0] in {paper.id for paper in shell.papers}} - before:
        del sys.modules[name]


class Document:
    """Runs the blocks of a document in order, in one namespace and one folder."""

    def __init__(self, path: Path, shell: Shell) -> None:
        self.path, self.shell = path, shell
        self.names: dict[str, object] = {"__name__": "documented"}
        self.printed = ""

    def run_all(self) -> None:
        for block in blocks(self.path):
            try:
                self.run(block)
            except Exception as error:
                error.add_note(f"{self.path.name}, line {block.line}")
                raise

    def run(self, block: Block) -> None:
        if block.language == "python":
            self.printed = self._run_python(block)
        elif block.language == "sh":
            for line in block.text.splitlines():
                self.printed = self.shell.run(line) or self.printed
        elif block.language == "text":
            assert same(block.text, self.printed), self.printed
        else:
            assert block.language.startswith("{"), f"nothing is known of blocks in {block.language!r}"

    def _run_python(self, block: Block) -> str:
        if block.saved_as:
            (self.shell.folder / block.saved_as).write_text(block.text)
        printed = StringIO()
        with chdir(self.shell.folder), redirect_stdout(printed):
            exec(compile(block.text, f"{self.path.name}, from line {block.line}", "exec"), self.names)
        return printed.getvalue()


def same(wanted: str, printed: str) -> bool:
    return OutputChecker().check_output(wanted, printed, ELLIPSIS | NORMALIZE_WHITESPACE)


@pytest.mark.parametrize("path", WITH_CODE, ids=lambda path: path.name)
def test_every_block_runs_and_prints_what_is_said(path, shell):
    Document(path, shell).run_all()


def test_the_lemma_of_the_tutorial_has_thirty_lines_and_fits_into_a_package(shell):
    (block,) = (block for block in blocks(TUTORIAL) if block.saved_as)
    lines = [line for line in block.text.splitlines() if line.strip()]
    assert len(lines) <= 30
    shell.run("fsrcheck new notes")
    package = shell.folder / "notes" / "notes"
    (package / "largest.py").write_text("\n".join(lines[:-2]))
    text = (package / "__init__.py").read_text()
    text = text.replace("deviation.STATEMENT,", "deviation.STATEMENT, LEMMA").replace(
        "from notes import deviation", "from notes import deviation\nfrom notes.largest import LEMMA"
    )
    (package / "__init__.py").write_text(text)
    shell.run("cd notes && pip install -e .")
    assert "SUPPORTED" in shell.run("fsrcheck check notes.max")
    assert "2 passed" in shell.run("pytest -m lemma")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```python\n1 / 0\n```", "division"),
        ("```sh\nfsrcheck shew A.1\n```", "no command 'shew'"),
        ("```sh\nfsrcheck check A.1 --sed 1\n```", "--sed"),
        ("    fsrcheck sweep D.2 --grid sides=6", "sides"),
        ("    fsrcheck compare A.99", "A.99"),
        ("    make tea", "no target 'tea'"),
        ("    pytest -m lemma -k Z.99", "collected"),
        ("    pytest -m lemma --fsr-sed 1", "unrecognized arguments"),
        ("    rm -r reports", "nothing is known of 'rm'"),
        ("```perl\nprint 1\n```", "nothing is known of blocks in 'perl'"),
        ("```python\nprint(1)\n```\n\n```text\n2\n```", "1"),
    ],
)
def test_a_block_that_is_wrong_is_seen(text, complaint, shell, tmp_path):
    path = tmp_path / "wrong.md"
    path.write_text(text)
    with pytest.raises(Exception, match=complaint):
        Document(path, shell).run_all()


def test_blocks_are_found_with_their_lines_and_what_they_are_saved_as(tmp_path):
    path = tmp_path / "some.md"
    path.write_text(
        "# Head\n\n    make test\n\nSave this as `a.py`:\n\n```python\nA = 1\n```\n\n<!-- test:\nB = A\n-->\n"
    )
    assert list(blocks(path)) == [
        Block("sh", "make test\n", 3),
        Block("python", "A = 1\n", 7, "a.py"),
        Block("python", "B = A\n", 11),
    ]


def test_python_blocks_are_python():
    found = [block for path in WITH_CODE for block in blocks(path) if block.language == "python"]
    assert len(found) >= 10
    assert all(ast.parse(block.text).body for block in found)
