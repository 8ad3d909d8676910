"""Any folder: good pictures are taken, the others skipped, named and counted."""

import numpy as np
import pytest
from PIL import Image

from fsrcheck.errors import InputError
from fsrcheck.images.folder import image_files, read_folder


def save(path, size=(12, 10), mode="RGB", seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).convert(mode).save(path)


def test_a_broken_file_among_good_ones_is_skipped_and_named(tmp_path):
    save(tmp_path / "b.png")
    save(tmp_path / "deep" / "a.jpg", mode="CMYK")
    (tmp_path / "c.png").write_bytes(b"broken")
    (tmp_path / "notes.txt").write_text("no picture")
    found = read_folder(tmp_path, grey=False, smallest=8)
    assert [picture.name for picture in found.pictures] == ["b.png", "deep/a.jpg"]
    assert [one.name for one in found.skipped] == ["c.png"]
    assert "cannot be read" in found.skipped[0].reason


def test_pictures_smaller_than_a_patch_are_skipped(tmp_path):
    save(tmp_path / "large.png")
    save(tmp_path / "small.png", size=(30, 7))
    found = read_folder(tmp_path, grey=True, smallest=8)
    assert [picture.name for picture in found.pictures] == ["large.png"]
    assert found.skipped[0].reason.endswith("at least 8 pixels wide and high, got 30 x 7")


def test_all_are_grey_or_all_in_colour(tmp_path):
    save(tmp_path / "a.png")
    save(tmp_path / "b.png", mode="L")
    for grey, channels in ((True, 1), (False, 3)):
        found = read_folder(tmp_path, grey=grey, smallest=8).pictures
        assert {picture.pixels.shape[2] for picture in found} == {channels}


def test_hidden_files_are_left_out(tmp_path):
    save(tmp_path / "seen.png")
    save(tmp_path / ".hidden.png")
    save(tmp_path / ".thumbnails" / "seen.png")
    assert [path.name for path in image_files(tmp_path)] == ["seen.png"]


def test_large_pictures_are_pooled_but_never_below_a_patch(tmp_path):
    save(tmp_path / "a.png", size=(40, 20))
    assert read_folder(tmp_path, grey=True, smallest=8, side=10).pictures[0].pixels.shape == (10, 20, 1)
    assert read_folder(tmp_path, grey=True, smallest=18, side=10).pictures[0].pixels.shape == (20, 40, 1)


def test_of_many_a_few_are_drawn_by_the_seed_and_unread_ones_are_not_counted(tmp_path):
    for number in range(12):
        save(tmp_path / f"{number:02}.png", seed=number)
    (tmp_path / "broken.png").write_bytes(b"")
    drawn = {seed: read_folder(tmp_path, grey=True, smallest=8, most=4, seed=seed) for seed in range(6)}
    names = {seed: tuple(picture.name for picture in found.pictures) for seed, found in drawn.items()}
    assert all(len(found) == 4 and list(found) == sorted(found) for found in names.values())
    assert len(set(names.values())) > 1
    again = read_folder(tmp_path, grey=True, smallest=8, most=4, seed=3)
    assert tuple(picture.name for picture in again.pictures) == names[3]


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_text("")])
def test_no_folder_or_no_images_in_it_is_refused(tmp_path, make):
    make(tmp_path / "pictures")
    with pytest.raises(InputError, match=r"folder .*pictures must"):
        read_folder(tmp_path / "pictures", grey=True, smallest=8)


def test_a_folder_without_one_of_use_is_refused(tmp_path):
    save(tmp_path / "tiny.png", size=(4, 4))
    with pytest.raises(InputError, match="must have an image of use in it: picture tiny"):
        read_folder(tmp_path, grey=True, smallest=8)
