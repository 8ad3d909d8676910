"""The code that a statement's trials and verdict follow from, as a digest.

Only code that can matter is in it: for trials the module of the statement's ``run``, for verdicts also the one with its claims,
cases and controls, the code that makes and judges trials, and whatever of fsrcheck and of the statement's package these import.
Comments, docstrings and layout are not, so that hours of evidence do not go stale with a spelling.
"""

import ast
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from importlib.metadata import entry_points
from importlib.util import find_spec
from inspect import getfile, unwrap
from pathlib import Path
from types import ModuleType

from fsrcheck.registry import GROUP
from fsrcheck.runs.environment import versions
from fsrcheck.statement import Statement

FSRCHECK = Path(__file__).parents[1]
JUDGES = (FSRCHECK / "runs" / "checking.py",)
REPORT = FSRCHECK / "report"  # what a statement draws does not touch its verdict
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def trials_digest(statement: Statement) -> str:
    """Digest of the code that makes a statement's trials; those of other code are not reused."""
    return code_digest(_run_file(statement))


def verdict_digest(statement: Statement) -> str:
    """Digest of the code that a statement's verdict follows from: what makes its trials, and what it claims of them."""
    return code_digest(_run_file(statement), *sorted(_holders(statement)))


@cache
def code_digest(*module_files: str, judged: bool = True) -> str:
    """Digest of the versions and of all code below fsrcheck or beside the module files that checking them can reach.

    ``judged=False`` leaves out the code that judges: for what a module makes by itself.
    """
    digest = sha256(repr(sorted(versions().items())).encode())
    judges = JUDGES if judged else ()
    for path in sorted(set().union(*(reached(Path(file), judges) for file in module_files))):
        digest.update(f"{path.name}\n{_bare(path)}".encode())
    return digest.hexdigest()[:16]


def _run_file(statement: Statement) -> str:
    """Where ``run`` is written, not where what decorates it is."""
    return getfile(unwrap(statement.run))


def _holders(statement: Statement) -> set[str]:
    """The files of the installed papers' modules in which the statement stands under a name, by itself or among others."""
    packages = {entry.module for entry in entry_points(group=GROUP)}
    loaded = [module for name, module in list(sys.modules.items()) if _within(name, packages)]
    return {module.__file__ for module in loaded if module.__file__ and _holds(module, statement)}


def _within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _holds(module: ModuleType, statement: Statement) -> bool:
    named = vars(module).values()
    among = (item for value in named if isinstance(value, tuple | list) for item in value)
    return any(value is statement for value in (*named, *among))


def reached(module_file: Path, judges: Sequence[Path] = JUDGES) -> set[Path]:
    """The files below fsrcheck, or in the folder of ``module_file``, that it or the code that judges imports."""
    folders = (FSRCHECK, module_file.resolve().parent)
    found: set[Path] = set()
    waiting = [module_file.resolve(), *judges]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [other for other in _imported(path) if _matters(other, folders)]
    return found


def _matters(path: Path, folders: Sequence[Path]) -> bool:
    return REPORT not in path.parents and any(folder in path.parents for folder in folders)


@cache
def _imported(path: Path) -> frozenset[Path]:
    """The files that the import statements of a file name."""
    nodes = list(ast.walk(ast.parse(path.read_bytes())))
    absolute = (_origin(name) for node in nodes for name in _names(node))
    relative = (_beside(path, node, name) for node in nodes if _level(node) for name in _relative_names(node))
    return frozenset(origin for origin in (*absolute, *relative) if origin is not None)


def _level(node: ast.AST) -> int:
    """How many dots a relative import begins with; 0 for everything else."""
    return node.level if isinstance(node, ast.ImportFrom) else 0


def _relative_names(node: ast.AST) -> Iterator[str]:
    """Of ``from .a import b`` both a.b and a: whichever is a file is followed."""
    assert isinstance(node, ast.ImportFrom)
    for alias in node.names:
        yield ".".join(filter(None, (node.module, alias.name)))
    yield node.module or "__init__"


def _beside(path: Path, node: ast.AST, name: str) -> Path | None:
    """The file of a module that is named relative to a file, if it exists."""
    base = path.parents[_level(node) - 1].joinpath(*name.split("."))
    return next((found for found in (base.with_suffix(".py"), base / "__init__.py") if found.is_file()), None)


def _names(node: ast.AST) -> Iterator[str]:
    """The modules that a statement imports: of ``from a import b`` the module a.b if there is one, else a."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        for alias in node.names:
            submodule = f"{node.module}.{alias.name}"
            yield submodule if _origin(submodule) else node.module


@cache
def _origin(name: str) -> Path | None:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin).resolve() if spec and spec.origin and spec.origin.endswith(".py") else None


@cache
def _bare(path: Path) -> str:
    """The syntax tree of a file without docstrings, comments and layout."""
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and node.body and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return ast.dump(tree)
