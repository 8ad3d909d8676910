"""Long work is kept on disk while it is under way, so that the same command goes on where it stopped."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from fsrcheck.errors import InputError
from fsrcheck.runs.records import TrialStore

WORK_FOLDER = Path("reports/runs")  # not under version control


@dataclass(frozen=True)
class Unfinished:
    """One piece of work: a folder that is there from its first trial until it is done.

    Attributes:
        folder: its name says what the work is, with seed, device and code, so that only the same work finds it.
        code: digest of the code that makes the trials.
    """

    folder: Path
    code: str

    def trials(self) -> TrialStore:
        """The trials made so far; more may be added."""
        return TrialStore(self.folder / "trials.jsonl", self.code)

    def drop_trials(self) -> None:
        """Forget the trials: what was to be learned from them is written down."""
        (self.folder / "trials.jsonl").unlink(missing_ok=True)

    def finish(self) -> None:
        """Take the folder away: the work is done, and its result written down elsewhere."""
        shutil.rmtree(self.folder, ignore_errors=True)


def require_folder(folder: Path) -> None:
    """Make a folder and see that a file can be put there; to be called before a long run.

    Raises:
        InputError: it cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise InputError(f"folder must be writable, got {str(folder)!r} ({error.strerror or error})") from None
