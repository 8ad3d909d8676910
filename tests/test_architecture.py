"""The floors of the house: imports go down, the towers stay apart, files stay small."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MATHEMATICS = ("gaussian", "model", "training", "images")
VERIFICATION = (
    "evidence",
    "statement",
    "registry",
    "runs",
    "report",
    "error_rates",
    "scaffold",
    "commands",
    "cli",
    "pytest_plugin",
)
SHARED = ("errors",)
MAX_LINES = 400

PACKAGES = sorted(path for folder in ("fsrcheck", "lemmas") for path in (ROOT / folder).rglob("*.py"))
EVERY_FILE = [
    *PACKAGES,
    *sorted((ROOT / "tests").rglob("*.py")),
    *sorted((ROOT / "benchmarks").rglob("*.py")),
]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in PACKAGES}


def imported(path: Path) -> set[str]:
    """Our own modules that a file imports, anywhere in it."""
    return {found for name in _imported_names(path) if (found := _module_of(name)) is not None}


def _imported_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports must be absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module_of(name: str) -> str | None:
    """The longest beginning of a dotted name that is one of our modules."""
    parts = name.split(".")
    return next((found for n in range(len(parts), 0, -1) if (found := ".".join(parts[:n])) in MODULES), None)


def floor(module: str) -> str:
    """The part of fsrcheck that a module belongs to: ``evidence`` for ``fsrcheck.evidence.bound``."""
    return module.split(".")[1] if module.startswith("fsrcheck.") else module


GRAPH = {name: imported(path) - {name} for name, path in MODULES.items()}
EDGES = [(name, other) for name, others in GRAPH.items() for other in others]


def breaches(lower: set[str], upper: set[str]) -> list[str]:
    """Imports from ``lower`` floors into ``upper`` ones."""
    return [f"{name} imports {other}" for name, other in EDGES if floor(name) in lower and floor(other) in upper]


def test_every_module_of_fsrcheck_has_its_floor() -> None:
    floors = {floor(name) for name in MODULES if name.startswith("fsrcheck.")}
    assert floors <= {*MATHEMATICS, *VERIFICATION, *SHARED}


def test_the_towers_never_import_each_other() -> None:
    assert not breaches(set(MATHEMATICS), set(VERIFICATION) | {"fsrcheck"})
    assert not breaches(set(VERIFICATION), set(MATHEMATICS))


@pytest.mark.parametrize("tower", [MATHEMATICS, VERIFICATION])
def test_imports_go_down_only(tower: tuple[str, ...]) -> None:
    for height, _ in enumerate(tower[:-1], start=1):
        assert not breaches(set(tower[:height]), set(tower[height:]))


def test_errors_import_nothing_of_ours() -> None:
    assert not GRAPH["fsrcheck.errors"]


def test_fsrcheck_never_imports_a_paper() -> None:
    assert not [edge for edge in EDGES if edge[0].startswith("fsrcheck") and edge[1].startswith("lemmas")]


def test_no_import_cycles() -> None:
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(f"{name}" for name in error.args[1]))


def test_the_guard_sees_an_import_inside_a_function(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("def f():\n    from fsrcheck.evidence import bound\n    import fsrcheck.errors\n")
    assert imported(module) == {"fsrcheck.evidence.bound", "fsrcheck.errors"}


@pytest.mark.parametrize("path", EVERY_FILE, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("name", MODULES)
def test_modules_say_what_they_are(name: str) -> None:
    assert ast.get_docstring(ast.parse(MODULES[name].read_text(encoding="utf-8")))
