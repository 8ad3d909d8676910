"""``pytest -m lemma`` reads the one module that has tests of statements, not two hundred others to take nothing from them."""

from pathlib import Path

import pytest

OF_STATEMENTS = Path(__file__).with_name("test_statements.py")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    alone = config.getoption("markexpr") == "lemma"
    return True if alone and collection_path.is_file() and collection_path != OF_STATEMENTS else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    elsewhere = [item for item in items if item.get_closest_marker("lemma") and item.path != OF_STATEMENTS]
    if elsewhere:
        raise pytest.UsageError(f"tests of statements must be in {OF_STATEMENTS.name}, got {elsewhere[0].nodeid}")
