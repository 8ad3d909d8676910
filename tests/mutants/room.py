"""A copy of the project in which mutmut may do as it likes; everything in it outlives an interruption."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.mutants.campaigns import Campaign, Reach, paths_of_tests, source_of
from tests.mutants.findings import ALIVE

COPIED = ("fsrcheck", "lemmas", "tests", "reports")
IGNORED = {"reports": shutil.ignore_patterns("html", "runs")}
BATCH = 600  # the tests of a batch are run once unharmed before it
NOT_RUN: int | None = None
CONFIGURATION = """
[tool.mutmut]
source_paths = ["fsrcheck"]
only_mutate = {sources}
also_copy = ["lemmas", "reports"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-profile=ci"]
pytest_add_cli_args_test_selection = {tests}
timeout_constant = 5.0  # a mutant may take three times as long as its tests, and 15 s more
timeout_multiplier = 3.0
process_isolation = "forkserver"  # mutants must not inherit what a run unharmed left in caches of functions
use_git_change_detection = false
on_dependency_change = "ignore"
"""


class Room:
    """One campaign at work in its folder."""

    def __init__(self, folder: Path, root: Path, campaign: Campaign, seed: int, limit: int | None = None) -> None:
        self.folder = folder
        self.root = root
        self.mutants = self._drawn(campaign, seed)
        self._now = self.mutants[:limit]
        self._configure({source_of(name) for name in self.mutants}, paths_of_tests(campaign, self.mutants, root))
        self._statistics = folder / "mutants" / "mutmut-stats.json"
        self._full_statistics = folder / "reach.json"
        self._confirmed = folder / "survivors.json"

    def prepare(self) -> None:
        """Copy what changed, and let the tool find out once which test reaches what."""
        for name in COPIED:
            ignored = IGNORED.get(name, shutil.ignore_patterns("__pycache__", ".*"))
            shutil.copytree(self.root / name, self.folder / name, ignore=ignored, dirs_exist_ok=True)
        if not self._statistics.exists():
            self._run(self.mutants[:1])
        self._keep_reach()

    def screen(self) -> Iterator[int]:
        """Run what has no verdict against its own tests; yields after each batch how many have one."""
        reach = self._keep_reach()
        self._choose(reach.screen(self.root))
        while todo := self._not_run():
            self._run(todo[:BATCH])
            if self._not_run() == todo:
                raise RuntimeError(f"mutmut must give a verdict on {todo[0]}, got none")
            yield len(self._now) - len(self._not_run())

    def confirm(self) -> Iterator[int]:
        """Run what outlived the screen against all tests that reach it; yields the number still to be run."""
        self._choose(self._keep_reach().full())
        while todo := self.unconfirmed():
            self._run(todo[:BATCH])
            verdicts = self.verdicts()
            still = [name for name in todo[:BATCH] if verdicts[name] in ALIVE]
            self._confirmed.write_text(json.dumps([*self.confirmed(), *still], indent=1))
            yield len(todo) - len(todo[:BATCH])

    def confirmed(self) -> list[str]:
        """The mutants that outlived every test that reaches them."""
        return json.loads(self._confirmed.read_text()) if self._confirmed.exists() else []

    def unconfirmed(self) -> list[str]:
        """The mutants that outlived their own tests and have not met the others yet."""
        known, verdicts = set(self.confirmed()), self.verdicts()
        return [name for name in self.mutants if verdicts[name] in ALIVE and name not in known]

    def _not_run(self) -> list[str]:
        verdicts = self.verdicts()
        return [name for name in self._now if verdicts[name] is NOT_RUN]

    def forget_survivors(self) -> None:
        """Tests were changed: find out again what they reach, and let whatever survived face them from the start."""
        for path in (self._confirmed, self._statistics, self._full_statistics):
            path.unlink(missing_ok=True)
        for path in self._verdict_files():
            told = json.loads(path.read_text(encoding="utf-8"))
            codes = told["exit_code_by_key"]
            told["exit_code_by_key"] = {name: NOT_RUN if code in ALIVE else code for name, code in codes.items()}
            path.write_text(json.dumps(told), encoding="utf-8")

    def verdicts(self) -> dict[str, int | None]:
        """The exit code of the tests under each mutant of the draw, `NOT_RUN` where there is none yet."""
        found: dict[str, int | None] = {}
        for path in self._verdict_files():
            found |= json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
        return {name: found.get(name, NOT_RUN) for name in self.mutants}

    def _verdict_files(self) -> Iterator[Path]:
        return (self.folder / "mutants" / "fsrcheck").rglob("*.meta")

    def diff(self, mutant: str) -> str:
        """The change as a unified diff."""
        from mutmut.mutation.diff_apply import get_diff_for_mutant

        with contextlib.chdir(self.folder):
            return get_diff_for_mutant(mutant, path=source_of(mutant))

    def _drawn(self, campaign: Campaign, seed: int) -> list[str]:
        """The draw; the list of all mutants, which takes minutes, is kept as long as the sources are the same."""
        files = campaign.files(self.root)
        text = "".join((self.root / file).read_text(encoding="utf-8") for file in files)
        stored = self.folder.parent / f"names-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
        if not stored.exists():
            self._configure(files, [])
            with contextlib.chdir(self.folder):  # the tool reads its configuration where it is
                stored.write_text(json.dumps(names_of_mutants(files, self.root), indent=1), encoding="utf-8")
        return campaign.draw(json.loads(stored.read_text(encoding="utf-8")), seed)

    def _configure(self, sources: Iterable[str], tests: Sequence[str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        rules = (self.root / "pyproject.toml").read_text(encoding="utf-8")
        text = CONFIGURATION.format(sources=json.dumps(sorted(sources)), tests=json.dumps(tests))
        (self.folder / "pyproject.toml").write_text(rules + text, encoding="utf-8")

    def _keep_reach(self) -> Reach:
        """All that is known of reach: the tool's file is rewritten with each choice of tests."""
        reach = reach_in(self._statistics)
        if self._full_statistics.exists():
            reach = reach_in(self._full_statistics).joined(reach)
        stored = {"tests_by_mangled_function_name": reach.tests, "duration_by_test": reach.durations}
        self._full_statistics.write_text(json.dumps(stored), encoding="utf-8")
        return reach

    def _choose(self, tests: dict[str, list[str]]) -> None:
        told = json.loads(self._statistics.read_text(encoding="utf-8"))
        told["tests_by_mangled_function_name"] = tests
        self._statistics.write_text(json.dumps(told), encoding="utf-8")

    def _run(self, mutants: Sequence[str]) -> None:
        done = self._tool("run", "--max-children", "1", *mutants)
        if done.returncode:
            raise RuntimeError(
                f"mutmut must end with 0, got {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )

    def _tool(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("mutmut")), *words]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)


def reach_in(path: Path) -> Reach:
    """What a statistics file of the tool says about reach."""
    told = json.loads(path.read_text(encoding="utf-8"))
    return Reach(told["tests_by_mangled_function_name"], told["duration_by_test"])


def has_begun(folder: Path) -> bool:
    """Whether anything was ever run in this folder."""
    return (folder / "reach.json").exists()


def names_of_mutants(files: Sequence[str], root: Path) -> list[str]:
    """The names of all mutants the tool makes of these files."""
    from mutmut.mutation.file_mutation import mutate_file_contents  # an extra: only a run needs it
    from mutmut.utils.format_utils import get_mutant_name

    return [
        get_mutant_name(Path(file), name)
        for file in files
        for name in mutate_file_contents(file, (root / file).read_text(encoding="utf-8")).mutant_names
    ]
