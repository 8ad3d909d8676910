"""A digest that changes with the code a statement's verdict follows from, and with nothing else."""

import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from fsrcheck.registry import installed
from fsrcheck.runs import code_digest as module
from fsrcheck.runs.code_digest import code_digest, reached, trials_digest, verdict_digest
from lemmas.fsr import a3_tensor_to_svd

FSRCHECK = Path(module.__file__).parents[1]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A statement's package on the path: a module, one that it imports, and a bystander."""
    package = tmp_path / "some_paper_of_this_test"
    package.mkdir()
    (package / "lemma.py").write_text("from some_paper_of_this_test.helper import y\nfrom . import deeper\nx = 1\n")
    (package / "helper.py").write_text("y = 1\n")
    (package / "bystander.py").write_text("z = 1\n")
    (package / "deeper").mkdir()
    (package / "deeper" / "__init__.py").write_text("from ..upper import w\n")
    (package / "upper.py").write_text("w = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield package
    for name in [name for name in sys.modules if name.split(".")[0] == package.name]:
        del sys.modules[name]


def forget():
    """Files have changed."""
    for cached in (code_digest, module._imported, module._origin, module._bare):
        cached.cache_clear()


def digest(folder):
    forget()
    return code_digest(str(folder / "lemma.py"))


@pytest.mark.parametrize(
    ("file", "text", "changes"),
    [
        ("lemma.py", "from some_paper_of_this_test.helper import y\nfrom . import deeper\nx = 2\n", True),
        ("deeper/__init__.py", "from ..upper import w\nv = 1\n", True),
        ("upper.py", "w = 2\n", True),
        ("helper.py", "y = 2\n", True),
        ("helper.py", '"""Says what it is for."""\n\ny = 1  # a comment\n', False),
        ("bystander.py", "z = 2\n", False),
    ],
)
def test_it_changes_with_code_that_can_matter(folder, file, text, changes):
    before = digest(folder)
    (folder / file).write_text(text)
    assert (digest(folder) != before) is changes


def test_it_changes_with_the_versions(folder, monkeypatch):
    before, versions = digest(folder), module.versions()
    monkeypatch.setattr(module, "versions", lambda: {**versions, "torch": "0"})
    assert digest(folder) != before


def test_a_lemma_reaches_what_it_runs_on_and_what_judges_it_and_no_other_lemma():
    found = {path.name for path in reached(Path(a3_tensor_to_svd.__file__))}
    assert {"targets.py", "univariate.py", "checking.py", "bound.py", "sequential.py", "trying.py"} <= found
    assert not {"a1_warm_start.py", "page.py", "cli.py"} & found
    assert all(
        path.is_relative_to(FSRCHECK) or "lemmas" in path.parts for path in reached(Path(a3_tensor_to_svd.__file__))
    )


def test_what_a_module_makes_by_itself_does_not_change_with_the_judges(folder):
    judged = digest(folder)
    alone = {path.name for path in reached(folder / "lemma.py", ())}
    assert alone == {"lemma.py", "helper.py", "__init__.py", "upper.py"}
    assert code_digest(str(folder / "lemma.py"), judged=False) != judged


CLAIMS = """
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.statement import Kind, Statement
from some_paper_of_this_test.helper import run

LIMIT = 1
words = dict.fromkeys(("label", "title", "printed", "checkable", "source", "evidence"), "")
STATEMENTS = (Statement(id="some.1", kind=Kind.LEMMA, claims=(), expected=Verdict.OPEN, run=run, **words),)
"""
RUN = """
from contextlib import contextmanager

@contextmanager
def quietly():
    yield

@quietly()
def run(parameters, seeds, device):
    return []
"""


@pytest.fixture
def elsewhere(folder, monkeypatch):
    """A statement of an installed paper whose ``run``, decorated, is in another module than its claims."""
    (folder / "helper.py").write_text(RUN)
    (folder / "claims.py").write_text(CLAIMS)
    monkeypatch.setattr(module, "entry_points", lambda group: [SimpleNamespace(module=folder.name)])
    monkeypatch.setattr(module, "JUDGES", ())  # many files
    forget()
    return import_module(f"{folder.name}.claims").STATEMENTS[0]


@pytest.mark.parametrize(
    ("file", "text", "changed"),
    [
        ("claims.py", CLAIMS.replace("LIMIT = 1", "LIMIT = 2"), (False, True)),
        ("helper.py", RUN.replace("[]", "list()"), (True, True)),
        ("lemma.py", "x = 2\n", (False, False)),
    ],
)
def test_trials_follow_the_run_and_verdicts_the_claims_too(elsewhere, folder, file, text, changed):
    before = trials_digest(elsewhere), verdict_digest(elsewhere)
    (folder / file).write_text(text)
    forget()
    after = trials_digest(elsewhere), verdict_digest(elsewhere)
    assert tuple(one != other for one, other in zip(before, after, strict=True)) == changed


def test_every_statement_is_found_where_it_is_written_and_so_is_its_run():
    for statement in installed().statements:
        papers = Path(a3_tensor_to_svd.__file__).parents[1] / statement.paper
        held, ran = {Path(file) for file in module._holders(statement)}, Path(module._run_file(statement))
        assert held, statement.id
        assert all(path.parent == papers for path in held), statement.id
        assert not statement.needs_trials or ran.is_relative_to(papers.parent), statement.id
