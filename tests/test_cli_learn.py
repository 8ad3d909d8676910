"""``fsrcheck learn``: a generator from a target and from samples of one's own, gone on with, and bad input."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from fsrcheck.cli import main
from fsrcheck.model.coupling import coupling_errors
from fsrcheck.model.families import FAMILIES
from fsrcheck.model.multilevel import overlapping_inhibition
from fsrcheck.model.network_files import load_network
from fsrcheck.model.target import TargetNetwork
from fsrcheck.model.target_files import load_target, save_target
from fsrcheck.training.level_samples import TargetSamples, chunks
from fsrcheck.training.minmax_files import Checkpoint
from fsrcheck.training.minmax_gan import learn
from fsrcheck.training.minmax_settings import MinmaxSettings, Structure
from tests.invoking import assert_one_line, content

M, N, SEED = 4, 8192, 7
TARGET = overlapping_inhibition(M, 1.0, seeds=[3])
QUICK = {
    "first_stages": 1,
    "higher_stages": 0,
    "pair_steps": 200,
    "closing_steps": 600,  # with 200, half of the runs have a neuron that has not settled
    "moment_samples": 4096,
    "generated_samples": 4096,
}
STEPS = 5
WORDS = [word for name, value in QUICK.items() for word in ("--set", f"{name}={value}")]
FILES = ["account.json", "account.md", "checkpoint", "generator.npz"]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def invoke(*words: object) -> Result:
    return CliRunner().invoke(main, ["learn", *map(str, words)])


def written(path: Path, *, unit: float = 1.0) -> Path:
    """Samples of the target as a user writes them."""
    (levels,) = chunks(TargetSamples(TARGET, seeds=[SEED], num_samples=N), (1, 2), chunk_size=N)
    np.savez(path, **{f"level{number}": unit * level[0].numpy() for number, level in enumerate(levels, start=1)})
    return path


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def alike(one: TargetNetwork, other: TargetNetwork) -> bool:
    pairs = [
        (getattr(a, f.name), getattr(b, f.name))
        for a, b in zip(one.levels, other.levels, strict=True)
        for f in fields(a)
    ]
    return all(torch.equal(first, second) for first, second in pairs)


@pytest.fixture(scope="module")
def target_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("targets") / "target.npz"
    save_target(TARGET, path)
    return path


@pytest.fixture(scope="module")
def base(target_file) -> list[object]:
    return ["--target", target_file, "--num-samples", N, "--seed", SEED, *WORDS]


@pytest.fixture(scope="module")
def out(base, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("learned")
    result = invoke(*base, "--out", folder)
    assert result.exit_code == 0, result.output
    assert [line for line in result.stderr.splitlines() if "of" in line][-1] == f"{STEPS} of {STEPS}: level 2, stage 1"
    assert "relative RMS" in result.stdout
    assert f"read {folder / 'account.md'}" in result.stdout
    return folder


@pytest.fixture(scope="module")
def account(out) -> dict:
    return json.loads((out / "account.json").read_text())


class TestOnATarget:
    def test_the_files_are_there_and_no_others(self, out):
        assert sorted(path.name for path in out.iterdir()) == FILES

    def test_the_generator_is_what_the_library_learns(self, out, target_file):
        samples = TargetSamples(load_target(target_file), seeds=[SEED], num_samples=N)
        learned = learn(samples, Structure.of(TARGET), MinmaxSettings(**QUICK), seeds=[SEED])
        assert alike(load_network(out / "generator.npz"), learned.network)

    def test_the_generator_is_near_the_target(self, out, account):
        errors = coupling_errors(load_network(out / "generator.npz"), TARGET, seeds=[99], num_samples=20000)
        assert errors.relative_rms[0, -1] < 0.12
        told = account["coupling"]["relative_rms"][0]
        assert told == pytest.approx(errors.relative_rms[0].tolist(), rel=0.05)
        assert 0.5 < told[-1] / account["expected_error"] < 1.5

    def test_the_account_tells_every_hand_over_with_its_true_error(self, account):
        told = account["hand_overs"]
        assert [(one["level"], one["what"]) for one in told] == [
            (1, "warm start"),
            (1, "bridge"),
            (1, "hidden layer"),
            (1, "output layer"),
            (1, "hidden layer"),
            (2, "warm start"),
            (2, "bridge"),
            (2, "hidden layer"),
        ]
        for one in told:
            assert np.shape(one["true"]) == np.shape(one["estimated"]) == np.shape(one["cutoff"]) == (1, 2)
            assert 0.3 < np.max(one["true"]) / np.max(one["estimated"]) < 3
        assert {name: account["settings"][name] for name in QUICK} == QUICK
        assert account["versions"]["torch"] == torch.__version__
        assert account["num_channels"] == [M, M]

    def test_the_account_is_readable(self, out, account):
        text = (out / "account.md").read_text()
        for words in (
            "## Hand-overs",
            "| 2 | 0 | bridge |",
            f"{N} samples of the target",
            "| super_steps | 800 |",
            "torch",
        ):
            assert words in text
        rows = [line for line in text.splitlines() if line.startswith("| all |")]
        assert len(rows) == 1
        assert f"{account['coupling']['relative_rms'][0][-1]:.3g}" in rows[0]

    def test_again_it_learns_nothing_and_says_the_same(self, base, out):
        before = snapshot(out)
        result = invoke(*base, "--out", out)
        assert result.exit_code == 0
        assert "goes on after level 2, stage 1" in result.stderr
        assert f"{STEPS} of {STEPS}" not in result.stderr
        assert {name: before[name] for name in ("checkpoint", "generator.npz")} == {
            name: text for name, text in snapshot(out).items() if name in ("checkpoint", "generator.npz")
        }

    def test_killed_it_goes_on_and_writes_the_same_generator(self, base, out, tmp_path, monkeypatch):
        saved, write = [], Checkpoint.save

        def save(kept, state, seconds=0.0):
            if len(saved) == 3:
                raise KeyboardInterrupt
            saved.append(state)
            write(kept, state, seconds)

        with monkeypatch.context() as patch:
            patch.setattr(Checkpoint, "save", save)
            stopped = invoke(*base, "--out", tmp_path)
        assert stopped.exit_code == 130
        assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint"]
        result = invoke(*base, "--out", tmp_path)
        assert "goes on after level 1, stage 2" in result.stderr
        assert (tmp_path / "generator.npz").read_bytes() == (out / "generator.npz").read_bytes()


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> Path:
    return written(tmp_path_factory.mktemp("samples") / "mine.npz", unit=3.0)


def test_two_instances_are_learned_at_once(tmp_path):
    save_target(overlapping_inhibition(M, 1.0, seeds=[3, 4]), tmp_path / "two.npz")
    words = ["--set", "first_stages=0", "--set", "higher_stages=0", "--set", "closing_steps=5", "--set", "pair_steps=5"]
    result = invoke(
        "--target", tmp_path / "two.npz", "--num-samples", N, "--seed", 1, *words, "--out", tmp_path / "new"
    )
    assert result.exit_code == 0, result.stderr
    told = json.loads((tmp_path / "new/account.json").read_text())
    assert told["seeds"] == [1, 2]
    assert np.shape(told["coupling"]["relative_rms"]) == (2, 3)
    assert np.shape(told["hand_overs"][0]["true"]) == (2, 2)
    assert load_network(tmp_path / "new/generator.npz").batch_size == 2


class TestOnSamples:
    def test_channels_are_told_and_the_generator_has_the_unit_of_the_samples(self, samples, tmp_path):
        result = invoke("--samples", samples, "--seed", SEED, *WORDS, "--out", tmp_path / "new", "--json")
        assert result.exit_code == 0, result.stderr
        assert result.stderr == ""
        told = content(result)
        assert told == json.loads((tmp_path / "new/account.json").read_text())
        assert told["num_channels"] == [M, M]
        assert told["coupling"] is None
        assert all(one["true"] is None for one in told["hand_overs"])
        learned = load_network(tmp_path / "new/generator.npz")
        (found,) = [x.square().sum((2, 3)).mean().sqrt() for x in learned.patches(learned.codes(latents(learned)))[1:]]
        (wanted,) = [x.square().sum((2, 3)).mean().sqrt() for x in TARGET.patches(TARGET.codes(latents(TARGET)))[1:]]
        assert found / wanted == pytest.approx(3.0, rel=0.1)

    def test_the_checkpoint_may_be_elsewhere(self, samples, tmp_path):
        quick = [
            "--set",
            "first_stages=0",
            "--set",
            "higher_stages=0",
            "--set",
            "closing_steps=5",
            "--set",
            "pair_steps=5",
        ]
        kept = tmp_path / "work" / "kept"
        words = ["--samples", samples, "--seed", SEED, *quick, "--channels", "4,4", "--checkpoint", kept]
        result = invoke(*words, "--out", tmp_path / "new")
        assert result.exit_code == 0, result.stderr
        assert kept.is_file()
        assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
            name for name in FILES if name != "checkpoint"
        ]


def latents(network: TargetNetwork) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, 20000, network.latent_dim, generator=generator, dtype=torch.float64)


def nan_file(path: Path) -> Path:
    levels = {f"level{number}": np.ones((9, 2, M)) for number in (1, 2)}
    levels["level2"][3, 1, 2] = np.nan
    np.savez(path, **levels)
    return path


def disagreeing(path: Path) -> Path:
    np.savez(path, level1=np.ones((9, 2, M)), level2=np.ones((8, 2, M)))
    return path


class TestBadInput:
    """One line, exit code 2, nothing written."""

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ([], "one of --target and --samples must be given, got none"),
            (["--target", "a", "--samples", "b"], "got both"),
            (["--target", "a"], "--num-samples must be given with --target"),
            (["--samples", "a", "--num-samples", "9"], "--num-samples must be given with --target, and only there"),
            (["--target", "a", "--num-samples", "9", "--channels", "4"], "--channels must be left out with --target"),
            (["--samples", "none.npz"], "samples file none.npz: must exist"),
            (["--target", "none.npz", "--num-samples", "9"], "target file none.npz: must exist"),
            (["--samples", "none.npz", "--channels", "4,x"], "--channels must be integers"),
            (["--samples", "none.npz", "--accuracy", "0"], "0"),
            (["--samples", "none.npz", "--set", "steps=4"], "--set must name one of bridge, bridge_samples"),
            (["--samples", "none.npz", "--set", "super_steps=many"], "super_steps must be of type int, got 'many'"),
            (["--samples", "none.npz", "--set", "super_steps=0"], "super_steps must be at least 1, got 0"),
            (["--samples", "none.npz", "--set", "bridge=1;2"], "bridge must be numbers with commas"),
            (["--samples", "none.npz", "--set", "bridge=-1"], "bridge must be positive cutoffs"),
            (["--samples", "none.npz", "--set", "schedule=mine"], "schedule must be one of working, printed"),
        ],
    )
    def test_words(self, tmp_path, monkeypatch, words, said):
        monkeypatch.chdir(tmp_path)
        result = invoke(*words)
        assert_one_line(result, said)
        assert len(result.stderr.splitlines()) == 1
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize(
        ("write", "said"),
        [
            (nan_file, "samples of level 2 must be finite, got 1 NaN"),
            (disagreeing, "samples of level 2 must have (batch, sample) (1, 9) as level 1 has, got (1, 8)"),
        ],
    )
    def test_samples(self, tmp_path, write, said):
        file = write(tmp_path / "bad.npz")
        result = invoke("--samples", file, "--out", tmp_path / "new")
        assert_one_line(result, str(file), said)
        assert len(result.stderr.splitlines()) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["bad.npz"]

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--channels", "4"], "--channels must be 2 numbers"),
            (["--channels", "4,5"], "num_channels of level 2 must be at most patch_dim (4), got 5"),
            (["--channels", "1,4"], "num_channels must be at least 2"),
            (["--accuracy", "0.01"], "for --accuracy 0.01, got 8192"),
        ],
    )
    def test_sizes(self, tmp_path, words, said):
        file = written(tmp_path / "mine.npz")
        assert_one_line(invoke("--samples", file, *words, "--out", tmp_path / "new"), said)
        assert [path.name for path in tmp_path.iterdir()] == ["mine.npz"]

    def test_too_few_samples_for_an_accuracy_are_told_how_many_would_do(self, tmp_path):
        file = written(tmp_path / "mine.npz")
        said = invoke("--samples", file, "--accuracy", "0.01", "--out", tmp_path / "new").stderr
        needed = int(said.split("at least ")[1].split(" ")[0])
        assert 50 * N > needed > 20 * N

    def test_too_few_samples_to_see_every_channel(self, tmp_path, target_file):
        result = invoke("--target", target_file, "--num-samples", 20, "--seed", 1, "--out", tmp_path)
        assert_one_line(result, "samples of level 1 must show every channel")

    def test_a_target_with_more_latents_than_neurons(self, tmp_path):
        wide = FAMILIES["independent_channels"](M, 1.0, seeds=[0])
        weights = torch.cat([wide.first.latent_weights] * 2, dim=-1)
        level = type(wide.first)(wide.first.dictionary, weights, wide.first.thresholds)
        save_target(TargetNetwork((level,)), tmp_path / "wide.npz")
        result = invoke("--target", tmp_path / "wide.npz", "--num-samples", N, "--out", tmp_path / "new")
        assert_one_line(result, f"latents must be at most {M}, the first level's neurons, got {2 * M}")

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (["--set", "super_batch=64"], "super_batch 128 there and 64 here"),
            (["--printed"], "schedule 'working' there and 'printed' here"),
        ],
    )
    def test_a_checkpoint_of_other_settings(self, base, out, tmp_path, change, said):
        path = tmp_path / "kept"
        path.write_bytes((out / "checkpoint").read_bytes())
        before = path.read_bytes()
        assert_one_line(invoke(*base, *change, "--out", tmp_path / "new", "--checkpoint", path), str(path), said)
        assert path.read_bytes() == before
        assert [found.name for found in tmp_path.iterdir()] == ["kept"]

    def test_a_checkpoint_of_another_seed_or_file(self, base, out, tmp_path):
        path = tmp_path / "kept"
        path.write_bytes((out / "checkpoint").read_bytes())
        words = [8 if word == SEED else word for word in base]
        assert_one_line(invoke(*words, "--out", tmp_path / "new", "--checkpoint", path), "seeds [7] there and [8] here")
        save_target(overlapping_inhibition(M, 1.0, seeds=[4]), tmp_path / "other.npz")
        words = [tmp_path / "other.npz" if word == base[1] else word for word in base]
        assert_one_line(invoke(*words, "--out", tmp_path / "new", "--checkpoint", path), "target file '")

    def test_a_folder_of_another_run_is_left_as_it_is(self, base, out):
        before = snapshot(out)
        words = [8 if word == SEED else word for word in base]
        assert_one_line(
            invoke(*words, "--out", out), "--out must be a folder without files of another run", "generator.npz"
        )
        assert snapshot(out) == before

    def test_a_generator_of_unknown_origin_is_left_as_it_is(self, base, tmp_path):
        (tmp_path / "generator.npz").write_bytes(b"mine")
        assert_one_line(invoke(*base, "--out", tmp_path), "--out must be", "with generator.npz")
        assert snapshot(tmp_path) == {"generator.npz": b"mine"}

    def test_a_torn_checkpoint(self, base, out, tmp_path):
        (tmp_path / "checkpoint").write_bytes((out / "checkpoint").read_bytes()[:-1])
        before = snapshot(tmp_path)
        assert_one_line(invoke(*base, "--out", tmp_path), "must be whole, got a torn or damaged file")
        assert snapshot(tmp_path) == before

    def test_a_folder_that_is_a_file(self, base, tmp_path):
        (tmp_path / "file").write_text("mine")
        assert_one_line(invoke(*base, "--out", tmp_path / "file"), "file")
        assert (tmp_path / "file").read_text() == "mine"
