"""Pictures as numbers: what a file of any kind becomes, and how it is pooled."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fsrcheck.errors import InputError
from fsrcheck.images.pictures import Picture, area_pooled, decoded, read_picture

QUICK = settings(deadline=None, max_examples=20)


@pytest.fixture
def colours():
    return np.random.default_rng(5).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def test_colour_and_grey_are_values_over_255(colours):
    assert np.array_equal(decoded(Image.fromarray(colours)), colours / 255)
    grey = decoded(Image.fromarray(colours[..., 0]))
    assert np.array_equal(grey[..., 0], colours[..., 0] / 255)


def test_three_equal_channels_are_grey(colours):
    equal = np.repeat(colours[..., :1], 3, axis=2)
    assert decoded(Image.fromarray(equal)).shape == (6, 9, 1)


def test_sixteen_bits_keep_their_depth():
    values = np.array([[0, 1], [300, 65535]], dtype=np.uint16)
    assert np.array_equal(decoded(Image.fromarray(values))[..., 0], values / 65535)


def test_what_is_transparent_is_white(colours):
    alpha = np.zeros((6, 9, 1), dtype=np.uint8)
    alpha[:3] = 255
    found = decoded(Image.fromarray(np.concatenate([colours, alpha], axis=2)))
    assert np.array_equal(found[:3], colours[:3] / 255)
    assert (found[3:] == 1).all()


def test_palettes_and_cmyk_become_rgb(colours):
    image = Image.fromarray(colours)
    assert decoded(image.convert("CMYK")).shape == (6, 9, 3)
    assert np.abs(decoded(image.convert("CMYK")) - colours / 255).max() < 0.01
    assert decoded(image.quantize(256)).shape == (6, 9, 3)


def test_of_an_animation_the_first_frame_is_taken(tmp_path):
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert np.array_equal(read_picture(tmp_path / "moving.gif").pixels[0, 0], [1, 0, 0])


def test_a_camera_held_sideways_is_turned(tmp_path, colours):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    Image.fromarray(colours).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(read_picture(tmp_path / "turned.png").pixels, np.rot90(colours / 255, -1))


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n cut short"])
def test_a_file_that_is_none_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read") as refused:
        read_picture(path)
    assert "\n" not in str(refused.value)


def test_a_picture_cut_short_is_refused(tmp_path, colours):
    Image.fromarray(np.tile(colours, (20, 20, 1))).save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cannot be read"):
        read_picture(tmp_path / "half.png")


@QUICK
@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.integers(0, 4))
def test_pooling_keeps_the_mean_and_cuts_what_is_left_over(factor, height, width, rest):
    pixels = np.random.default_rng(factor).random((height * factor, width * factor, 3))
    wider = np.concatenate([pixels, np.zeros((height * factor, min(rest, factor - 1), 3))], axis=1)
    found = area_pooled(wider, factor)
    assert found.shape == (height, width, 3)
    assert np.allclose(found.mean(), pixels.mean())


@QUICK
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 12))
def test_the_shorter_side_stays_at_least_as_long_as_asked(height, width, side):
    found = Picture("p", np.zeros((height, width, 1))).shrunk(side)
    assert min(side, height, width) <= found.shorter_side
    assert found.shorter_side < 2 * side or found.shorter_side == min(height, width) < 2 * side


def test_grey_is_the_weighted_mean_and_colour_repeats_it(colours):
    picture = Picture("p", colours / 255)
    assert np.allclose(picture.grey().pixels[..., 0], (colours / 255) @ [0.299, 0.587, 0.114])
    assert np.array_equal(picture.grey().colour().pixels, np.repeat(picture.grey().pixels, 3, axis=2))
    assert picture.colour() is picture
