"""Checkpoints: a run that goes on from one is the run that was never stopped; all others are refused."""

import io
import os
import random
import signal
import subprocess
import sys
from dataclasses import fields, is_dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.training.level_samples import CHUNK_SIZE, GivenSamples, chunks
from fsrcheck.training.minmax_files import MAGIC, Checkpoint, fingerprint
from fsrcheck.training.minmax_gan import Learned, State
from fsrcheck.training.minmax_settings import MinmaxSettings, Structure
from tests.training.checkpointed_run import SAMPLES, SEEDS, SETTINGS, STRUCTURE, checkpoint, run

ROOT = Path(__file__).parents[2]
NUM_STEPS = 6


def identical(one: object, other: object) -> bool:
    """The same numbers, bit by bit, in the same structure."""
    if isinstance(one, Tensor):
        return isinstance(other, Tensor) and one.shape == other.shape and torch.equal(one, other)
    if is_dataclass(one):
        return type(one) is type(other) and all(
            identical(getattr(one, f.name), getattr(other, f.name)) for f in fields(one)
        )
    if isinstance(one, tuple):
        return isinstance(other, tuple) and len(one) == len(other) and all(map(identical, one, other))
    return one == other


class Copies(Checkpoint):
    """A checkpoint of which every version is kept."""

    def save(self, state: State, seconds: float = 0.0) -> None:
        super().save(state, seconds)
        number = len(list(self.path.parent.glob("after-*")))
        (self.path.parent / f"after-{number}").write_bytes(self.path.read_bytes())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="module")
def whole(folder: Path) -> Learned:
    """The run that nobody stopped."""
    return run(Copies(folder / "checkpoint", checkpoint(folder).fingerprint), State())


@pytest.fixture(scope="module")
def content(folder: Path, whole: Learned) -> bytes:
    return (folder / "after-3").read_bytes()


@pytest.mark.parametrize("step", range(NUM_STEPS))
def test_stopped_after_any_step_and_gone_on_with_it_is_the_same_run(folder, whole, tmp_path, step):
    path = tmp_path / "checkpoint"
    path.write_bytes((folder / f"after-{step}").read_bytes())
    done: list[int] = []
    kept = checkpoint(path)
    again = run(kept, kept.load().state, progress=lambda number, total, text: done.append(number))
    assert done == list(range(step + 2, NUM_STEPS + 1))
    assert identical(again, whole)


def test_a_run_of_other_numbers_is_told_from_this_one(whole):
    other = replace(
        whole.history[-1], cutoff=whole.history[-1].cutoff.nextafter(torch.tensor(9.0, dtype=torch.float64))
    )
    assert not identical(replace(whole, history=(*whole.history[:-1], other)), whole)


def test_tensors_keep_their_strides_and_seconds_add_up(tmp_path):
    turned = torch.arange(12.0, dtype=torch.float64).reshape(3, 4).mT[..., :2]
    kept = Checkpoint(tmp_path / "checkpoint", {"a": 1})
    kept.save(State(history=(turned,)), 3.5)  # type: ignore[arg-type]
    reached = kept.load()
    assert reached.state.history[0].stride() == turned.stride()  # type: ignore[attr-defined]
    assert identical(reached.state.history[0], turned)
    assert reached.seconds == 3.5


def test_without_a_file_it_is_the_beginning(tmp_path):
    assert checkpoint(tmp_path / "none").load().state == State()


@pytest.mark.parametrize("item", fields(MinmaxSettings), ids=lambda item: item.name)
def test_another_setting_is_named_and_nothing_is_overwritten(content, tmp_path, item):
    words = {"schedule": "printed", "bridge": (0.7, 0.5)}
    value = words.get(item.name, 77)
    path = tmp_path / "checkpoint"
    path.write_bytes(content)
    settings = replace(SETTINGS, **{item.name: value})
    other = Checkpoint(path, fingerprint(SAMPLES, STRUCTURE, settings, SEEDS))
    with pytest.raises(InputError, match="must be of this run") as caught:
        other.load()
    said = str(caught.value)
    assert f" {item.name} " in said
    assert not [f for f in fields(MinmaxSettings) if f.name != item.name and f" {f.name} " in said]
    assert said.count("there and") == 1
    assert path.read_bytes() == content


def given_samples(change=lambda levels: levels) -> GivenSamples:
    (levels,) = chunks(SAMPLES, (1, 2), chunk_size=CHUNK_SIZE)
    return GivenSamples(change(levels))


@pytest.fixture
def other_path(folder: Path, whole: Learned, tmp_path: Path) -> Path:
    """The checkpoint of a run on given samples."""
    path = tmp_path / "checkpoint"
    Checkpoint(path, fingerprint(given_samples(), STRUCTURE, SETTINGS, SEEDS)).save(State(history=whole.history))
    return path


def later(levels: list[Tensor]) -> list[Tensor]:
    changed = [level.clone() for level in levels]
    changed[1][0, -1, 0, 0] += 1e-3
    return changed


ONE_PARENT = Structure(STRUCTURE.num_channels, (((0,), (1,)),))


@pytest.mark.parametrize(
    ("samples", "structure", "seeds", "origin", "names"),
    [
        (given_samples(), STRUCTURE, (6,), {}, {"seeds"}),
        (given_samples(), ONE_PARENT, SEEDS, {}, {"parents"}),
        (given_samples(), Structure((4, 3), STRUCTURE.parents), SEEDS, {}, {"num_channels", "units"}),
        (given_samples(lambda x: [a[:, :2000] for a in x]), STRUCTURE, SEEDS, {}, {"num_samples", "units"}),
        (given_samples(lambda x: [2 * a for a in x]), STRUCTURE, SEEDS, {}, {"first_samples", "units"}),
        (given_samples(later), STRUCTURE, SEEDS, {}, {"units"}),
        (given_samples(), STRUCTURE, SEEDS, {"file": "abc"}, {"file"}),
    ],
    ids=["seeds", "parents", "channels", "fewer", "scaled", "a later sample", "origin"],
)
def test_another_run_is_refused_and_what_differs_is_named(other_path, samples, structure, seeds, origin, names):
    other = fingerprint(samples, structure, SETTINGS, seeds, origin)
    with pytest.raises(InputError) as caught:
        Checkpoint(other_path, other).load()
    said = str(caught.value)
    assert "\n" not in said
    assert str(other_path) in said
    assert {name for name in other if f" {name} " in said} == names


def test_a_copy_of_the_samples_is_the_same_run(other_path):
    copied = fingerprint(given_samples(lambda x: [a.clone() for a in x]), STRUCTURE, SETTINGS, SEEDS)
    assert Checkpoint(other_path, copied).load().state.history


@given(st.data())
def test_a_damaged_file_is_refused_by_name_and_left_alone(content, tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damaged") / "checkpoint"
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans(), label="torn"):
        damaged = content[:place]
    else:
        damaged = content[:place] + bytes([content[place] ^ data.draw(st.integers(1, 255))]) + content[place + 1 :]
    path.write_bytes(damaged)
    with pytest.raises(InputError, match=str(path)):
        checkpoint(path).load()
    assert path.read_bytes() == damaged


class Trap:
    """What a pickle could run."""

    def __reduce__(self):
        return os.mkdir, ("trapped",)


@pytest.mark.parametrize("content", [Trap(), {"fingerprint": 1}, [], {"fingerprint": {}, "state": {"kind": "int"}}])
def test_a_whole_file_of_something_else_is_refused_and_nothing_in_it_is_run(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    stream = io.BytesIO()
    torch.save(content, stream)
    digest = sha256(stream.getvalue()).hexdigest().encode()
    Path("checkpoint").write_bytes(MAGIC + digest + b"\n" + stream.getvalue())
    with pytest.raises(InputError, match="must hold a run of Algorithm 4"):
        Checkpoint(Path("checkpoint"), {}).load()
    assert not Path("trapped").exists()


def test_a_writer_that_fails_leaves_the_last_whole_file(content, tmp_path, monkeypatch):
    path = tmp_path / "checkpoint"
    path.write_bytes(content)

    def fail(descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        checkpoint(path).save(State())
    assert path.read_bytes() == content


def test_a_folder_in_its_place_is_one_line(tmp_path):
    with pytest.raises(InputError, match="must be a file that can be read"):
        checkpoint(tmp_path).load()


@pytest.mark.slow
def test_killed_again_and_again_it_is_the_same_run(whole, tmp_path):
    path, attempts = tmp_path / "checkpoint", 0
    kept = checkpoint(path)
    while len(kept.load().state.finished) < 2:
        command = [sys.executable, "-m", "tests.training.checkpointed_run", str(path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(random.Random(attempts).randint(2, 3)):  # it began, and made a step or two
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        attempts += 1
    assert attempts > 1, "the kills must come in the middle of the run"
    assert identical(run(kept, kept.load().state), whole)
