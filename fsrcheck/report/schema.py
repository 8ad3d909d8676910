"""The published JSON schema of ``results.json``: draft 2020-12, packaged beside this module and written beside every report."""

from importlib.resources import files

SCHEMA_NAME = "results.schema.json"


def schema_text() -> str:
    """The schema as JSON text."""
    return files("fsrcheck.report").joinpath(SCHEMA_NAME).read_text(encoding="utf-8")
