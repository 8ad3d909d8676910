"""The room of a campaign, with a tool that only pretends: what is run, what is kept, what is run again."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.mutants import room as rooms
from tests.mutants.campaigns import Campaign
from tests.mutants.room import Room, has_begun

ROOT = Path(__file__).parents[2]
CAMPAIGN = Campaign("evidence", ("fsrcheck/statement.py",))
FUNCTION = "fsrcheck.statement.x_f"
NAMES = [f"{FUNCTION}__mutmut_{number}" for number in range(5)]
OWN, SLOW = "tests/test_statement.py::quick", "tests/test_statement.py::slow"
KILLED, ALIVE = 1, 0


REACH = {"tests_by_mangled_function_name": {FUNCTION: [OWN, SLOW]}, "duration_by_test": {OWN: 0.1, SLOW: 9.0}}


class PretendedTool:
    """Kills mutants by number: ``quick`` ones whatever the tests are, ``slow`` ones only if the slow test is chosen."""

    def __init__(self, folder: Path, quick: Sequence[int], slow: Sequence[int]) -> None:
        self.runs: list[list[str]] = []
        self._statistics = folder / "mutants/mutmut-stats.json"
        self._folder, self._quick, self._slow = folder, quick, slow

    def collect(self) -> None:
        assert not self._statistics.exists()
        self._statistics.write_text(json.dumps(REACH))

    def __call__(self, mutants: Sequence[str]) -> None:
        self.runs.append(list(mutants))
        statistics = json.loads(self._statistics.read_text())
        tests = statistics["tests_by_mangled_function_name"][FUNCTION]
        dead = {*self._quick, *(self._slow if SLOW in tests else ())}
        path = self._folder / "mutants/fsrcheck/statement.py.meta"
        codes = json.loads(path.read_text())["exit_code_by_key"]
        codes |= {name: KILLED if NAMES.index(name) in dead else ALIVE for name in mutants}
        path.write_text(json.dumps({"exit_code_by_key": codes}))


Open = Callable[..., tuple[Room, PretendedTool]]


@pytest.fixture
def open_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """A room in which statistics were collected; each call opens it anew, as another run would."""
    folder = tmp_path / "evidence"
    (folder / "mutants/fsrcheck").mkdir(parents=True)
    (folder / "mutants/mutmut-stats.json").write_text(json.dumps(REACH))
    (folder / "mutants/fsrcheck/statement.py.meta").write_text(json.dumps({"exit_code_by_key": dict.fromkeys(NAMES)}))
    monkeypatch.setattr(rooms, "names_of_mutants", lambda files, root: NAMES)

    def opened(
        quick: Sequence[int] = (0, 1), slow: Sequence[int] = (2,), limit: int | None = None
    ) -> tuple[Room, PretendedTool]:
        room, tool = Room(folder, ROOT, CAMPAIGN, 0, limit), PretendedTool(folder, quick, slow)
        monkeypatch.setattr(room, "_run", tool)
        return room, tool

    return opened


def numbers(names: Sequence[str]) -> list[int]:
    return sorted(map(NAMES.index, names))


def finished(room: Room) -> None:
    assert [*room.screen()][-1:] in ([], [len(NAMES)])
    assert [*room.confirm()][-1:] in ([], [0])


def test_only_what_outlives_the_screen_meets_all_tests(open_room: Open) -> None:
    room, tool = open_room()
    finished(room)
    assert [numbers(run) for run in tool.runs] == [[0, 1, 2, 3, 4], [2, 3, 4]]
    assert numbers(room.confirmed()) == [3, 4]
    assert room.unconfirmed() == []


def test_a_later_run_goes_on_where_the_first_was_stopped(open_room: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "BATCH", 2)
    first, tool = open_room()
    assert next(first.screen()) == 2
    second, again = open_room()
    finished(second)
    assert [len(run) for run in again.runs] == [2, 1, 2, 1]
    assert not {*tool.runs[0]} & {*again.runs[0], *again.runs[1]}
    assert numbers(second.confirmed()) == [3, 4]


def test_what_is_finished_is_not_run_again_unless_it_is_asked_for(open_room: Open) -> None:
    finished(open_room()[0])
    room, tool = open_room(slow=(2, 3))
    finished(room)
    assert tool.runs == []
    room.forget_survivors()
    tool.collect()
    finished(room)
    assert [numbers(run) for run in tool.runs] == [[3, 4], [3, 4]]
    assert numbers(room.confirmed()) == [4]


def test_a_limit_leaves_the_rest_without_a_verdict(open_room: Open) -> None:
    room, _ = open_room(limit=3)
    assert [*room.screen()] == [3]
    verdicts = room.verdicts()
    assert [verdicts[name] is rooms.NOT_RUN for name in room.mutants] == [False] * 3 + [True] * 2


def test_a_tool_that_gives_no_verdict_is_not_asked_for_ever(open_room: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    room, _ = open_room()
    monkeypatch.setattr(room, "_run", lambda mutants: None)
    with pytest.raises(RuntimeError, match="mutmut must give a verdict on fsrcheck"):
        next(room.screen())


def test_the_tool_is_told_what_to_mutate_and_what_to_run(open_room: Open, tmp_path: Path) -> None:
    open_room()
    rules = (tmp_path / "evidence/pyproject.toml").read_text()
    assert 'only_mutate = ["fsrcheck/statement.py"]' in rules
    assert 'pytest_add_cli_args_test_selection = ["tests/test_statement.py"]' in rules


def test_a_folder_in_which_nothing_was_run_is_known(open_room: Open, tmp_path: Path) -> None:
    room, _ = open_room()
    assert not has_begun(tmp_path / "evidence")
    next(room.screen())
    assert has_begun(tmp_path / "evidence")
