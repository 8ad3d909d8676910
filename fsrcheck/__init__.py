"""fsrcheck takes a paper's statements one by one and says, with evidence, whether each holds.

``check("A.1")`` runs a statement and returns its verdict; see the README for the command line and pytest.
"""

from importlib.metadata import version

from fsrcheck.runs.checking import StatementResult, check, check_many

__all__ = ["StatementResult", "check", "check_many"]
__version__ = version("fsrcheck")
