"""Checkpoints of the multi-scale GAN: a run that goes on from one is the run that was never stopped; others are refused."""

from dataclasses import fields, replace

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.images.multiscale_files import MAGIC, MultiscaleCheckpoint, train
from fsrcheck.images.multiscale_gan import MultiscaleGan
from fsrcheck.images.multiscale_settings import WGAN_GP, MultiscaleSettings, Phase
from tests.images.multiscale_cases import SMALL, all_levels, identical, patterns, small_gan

PHASES = (
    Phase(3, (1,)),
    Phase(2, (2,)),
    Phase(4, (1, 2)),
)  # 24 images in batches of 4: a second epoch begins at step 6
RUN = {"phases": PHASES, "snapshots_at": (0, 2, 8)}
OTHER = {"loss": WGAN_GP, "batch_norm": False, "output_bias": False, "spectral_norm": False, "num_levels": 1}


@pytest.mark.parametrize("loss", ["hinge", "wgan_gp"])
def test_stopped_after_any_step_and_gone_on_with_it_is_the_same_run(tmp_path, loss):
    settings = replace(SMALL, loss=loss)
    whole = small_gan(settings, **RUN)
    paths = []
    for number in range(whole.num_steps):
        paths.append(tmp_path / str(number))
        MultiscaleCheckpoint(paths[-1]).save(whole)
        whole.advance()
    for path in paths:
        again = small_gan(settings, **RUN)
        assert MultiscaleCheckpoint(path).load(again)
        assert again.step == int(path.name)
        again.run()
        assert identical(again.state(), whole.state())
        assert identical(again.sample(3, 0), whole.sample(3, 0))


def test_train_writes_goes_on_and_ends(tmp_path):
    path, whole = tmp_path / "checkpoint", small_gan(**RUN)
    whole.run()
    first = small_gan(**RUN)
    first.run(until=2)
    MultiscaleCheckpoint(path).save(first)
    again, seen = small_gan(**RUN), []
    train(again, path, every=4, progress=lambda losses: seen.append(losses.step))
    assert seen == list(range(3, 10))
    assert identical(again.state(), whole.state())
    done = small_gan(**RUN)
    assert MultiscaleCheckpoint(path).load(done)
    assert done.step == 9
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint"]


def test_a_run_killed_between_checkpoints_goes_on_from_the_last(tmp_path):
    path = tmp_path / "checkpoint"

    def stop(losses):
        if losses.step == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(small_gan(**RUN), path, every=4, progress=stop)
    again, whole = small_gan(**RUN), small_gan(**RUN)
    assert MultiscaleCheckpoint(path).load(again)
    assert again.step == 4
    train(again, path, every=4)
    whole.run()
    assert identical(again.state(), whole.state())


def test_without_a_file_it_is_the_beginning(tmp_path):
    gan = small_gan()
    assert not MultiscaleCheckpoint(tmp_path / "none").load(gan)
    assert gan.step == 0


@pytest.mark.parametrize("item", fields(MultiscaleSettings), ids=lambda item: item.name)
def test_another_setting_is_named_and_nothing_changes(tmp_path, item):
    path, gan = tmp_path / "checkpoint", small_gan()
    MultiscaleCheckpoint(path).save(gan)
    content = path.read_bytes()
    changes = {item.name: OTHER.get(item.name, 0.75 if isinstance(getattr(SMALL, item.name), float) else 6)}
    if item.name in ("num_levels", "first_size"):
        changes |= {"num_levels": 1, "first_size": 4}  # 8 pixels again
    levels = changes.get("num_levels", 2)
    other = small_gan(replace(SMALL, **changes), phases=all_levels(num_levels=levels))
    before = {name: value.clone() for name, value in other.generator.state_dict().items()}
    with pytest.raises(InputError, match="must be of this run") as caught:
        MultiscaleCheckpoint(path).load(other)
    assert f" {item.name} " in str(caught.value)
    assert "\n" not in str(caught.value)
    assert identical(before, dict(other.generator.state_dict()))
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (lambda: small_gan(seed=2), "seed"),
        (lambda: small_gan(phases=all_levels(7)), "phases"),
        (lambda: small_gan(snapshots_at=(1,)), "snapshots_at"),
        (lambda: MultiscaleGan(patterns(seed=1), SMALL, 1, all_levels()), "images"),
        (lambda: MultiscaleGan(patterns(25), SMALL, 1, all_levels()), "num_images"),
    ],
)
def test_another_run_is_named(tmp_path, other, named):
    path = tmp_path / "checkpoint"
    MultiscaleCheckpoint(path).save(small_gan())
    with pytest.raises(InputError, match=f"must be of this run, got another:.*{named} "):
        MultiscaleCheckpoint(path).load(other())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:-1], "must be whole, got a torn or damaged file"),
        (lambda content: content[:200] + bytes([content[200] ^ 1]) + content[201:], "must be whole"),
        (lambda content: b"", "got something else"),
        (lambda content: b"PK\x03\x04", "got something else"),
    ],
)
def test_a_damaged_file_is_refused_and_left_alone(tmp_path, damage, message):
    path = tmp_path / "checkpoint"
    MultiscaleCheckpoint(path).save(small_gan())
    path.write_bytes(damage(path.read_bytes()))
    before = path.read_bytes()
    with pytest.raises(InputError, match=message):
        train(small_gan(), path)
    assert path.read_bytes() == before


def test_a_checkpoint_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "checkpoint"
    MultiscaleCheckpoint(path).save(small_gan())
    path.write_bytes(path.read_bytes().replace(MAGIC, b"fsrcheck checkpoint 1 ", 1))
    with pytest.raises(InputError, match="must be a checkpoint of the multi-scale GAN, got something else"):
        train(small_gan(), path)


def test_a_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(InputError, match="must be a file that can be read"):
        MultiscaleCheckpoint(tmp_path).load(small_gan())


def test_memory_formats_survive(tmp_path):
    path, gan = tmp_path / "checkpoint", small_gan()
    gan.run(until=2)
    MultiscaleCheckpoint(path).save(gan)
    again = small_gan()
    MultiscaleCheckpoint(path).load(again)
    for one, other in zip(gan.generator.parameters(), again.generator.parameters(), strict=True):
        assert one.stride() == other.stride()
        states = [run._generator_steps.state[given] for run, given in ((gan, one), (again, other))]
        assert states[0]["exp_avg_sq"].stride() == states[1]["exp_avg_sq"].stride()
        assert torch.equal(states[0]["step"], states[1]["step"])
