"""What is mutated, by which draw, and against which tests."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SCREEN_SECONDS = 5.0  # of a function's own tests, first: most mutants die of them
SCREEN_TEST_SECONDS = 1.0
FULL_SECONDS = 60.0  # of all the tests that reach it: only what outlives these has survived


@dataclass(frozen=True)
class Campaign:
    """``sources`` (folders or files) with all their mutants, or those in ``part`` of a ``sample`` drawn from all."""

    name: str
    sources: tuple[str, ...]
    sample: int | None = None
    part: str = ""

    def files(self, root: Path) -> list[str]:
        """The source files, as paths relative to ``root``."""
        found: list[Path] = []
        for source in self.sources:
            path = root / source
            found += sorted(path.glob("*.py")) if path.is_dir() else [path]
        return [path.relative_to(root).as_posix() for path in found if path.name != "__init__.py"]

    def draw(self, names: Sequence[str], seed: int) -> list[str]:
        """The mutants to run, in random order: whatever part of them is run is a sample too."""
        count = len(names) if self.sample is None else min(self.sample, len(names))
        drawn = random.Random(seed).sample(sorted(names), count)
        return [name for name in drawn if source_of(name).startswith(self.part)]


NUMERICS = "fsrcheck/gaussian", "fsrcheck/model", "fsrcheck/training"
CAMPAIGNS = (
    Campaign("evidence", ("fsrcheck/evidence", "fsrcheck/statement.py")),
    *(Campaign(folder.rpartition("/")[2], NUMERICS, 150, f"{folder}/") for folder in NUMERICS),
)


def source_of(mutant: str) -> str:
    """``fsrcheck.evidence.bound.x_f__mutmut_3`` is a mutant of ``fsrcheck/evidence/bound.py``."""
    return mutant.rpartition(".")[0].replace(".", "/") + ".py"


def own_tests(source: str, root: Path) -> str:
    """The test file that mirrors a source file, or the folder of tests of its package where there is none."""
    path = Path("tests", *Path(source).parts[1:])
    mirrored = path.with_name(f"test_{path.name}")
    return (mirrored if (root / mirrored).exists() else mirrored.parent).as_posix()


def paths_of_tests(campaign: Campaign, mutants: Sequence[str], root: Path) -> list[str]:
    """What pytest collects: the own tests of a sample; with all mutants, all the tests of their packages."""
    sources = {source_of(mutant) for mutant in mutants}
    if campaign.sample is not None:
        own = {own_tests(source, root) for source in sources}
        return sorted(path for path in own if Path(path).parent.as_posix() not in own)
    found = (own_tests(source, root) for source in sources)
    return sorted({path if Path(path).parent == Path("tests") else Path(path).parent.as_posix() for path in found})


@dataclass
class Reach:
    """Which tests reach which function (mangled name), and how long each test takes (s)."""

    tests: dict[str, list[str]] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)

    def screen(self, root: Path) -> dict[str, list[str]]:
        """The quick ones among each function's own tests, and the quickest of all."""
        chosen = {}
        for function, tests in self.tests.items():
            own = own_tests(source_of(function), root)
            mine = [test for test in tests if test.startswith(own)]
            quick = [test for test in mine if self.durations[test] <= SCREEN_TEST_SECONDS]
            own_choice = self._quickest(quick or mine or tests, SCREEN_SECONDS)
            chosen[function] = sorted({*own_choice, *self._quickest(tests, SCREEN_SECONDS)})
        return chosen

    def full(self) -> dict[str, list[str]]:
        """All that reach it, quickest first, as long as the time lasts."""
        return {function: self._quickest(tests, FULL_SECONDS) for function, tests in self.tests.items()}

    def _quickest(self, tests: Sequence[str], seconds: float) -> list[str]:
        chosen: list[str] = []
        for test in sorted(tests, key=lambda test: (self.durations[test], test)):
            seconds -= self.durations[test]
            if chosen and seconds < 0:
                break
            chosen.append(test)
        return chosen

    def joined(self, other: "Reach") -> "Reach":
        """Both together, with the other's durations where both have one."""
        tests: Mapping[str, set[str]] = {
            name: {*self.tests.get(name, ()), *other.tests.get(name, ())} for name in {*self.tests, *other.tests}
        }
        return Reach({name: sorted(found) for name, found in tests.items()}, self.durations | other.durations)
