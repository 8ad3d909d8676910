"""Emoji and photographs of installed packages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fsrcheck.errors import InputError
from fsrcheck.images import emoji as emoji_module
from fsrcheck.images.emoji import distinct_places, emoji, emoji_font, squared
from fsrcheck.images.photographs import debian, photographs, wheels

QUICK = settings(deadline=None, max_examples=20)


@pytest.fixture(scope="module")
def font():
    try:
        return emoji_font()
    except InputError as error:
        pytest.skip(str(error))


def test_the_photographs_of_the_wheels_are_nine_and_seven_in_colour():
    grey, colour = (photographs(wheels(), grey=value) for value in (True, False))
    assert len(grey.pictures) == 9
    assert len(colour.pictures) == 7
    assert {one.name for one in colour.skipped} == {"camera", "coins"}
    assert {picture.pixels.shape[2] for picture in colour.pictures} == {3}
    assert all(200 <= picture.shorter_side < 400 for picture in grey.pictures)
    assert all(0 <= picture.pixels.min() < picture.pixels.max() <= 1 for picture in grey.pictures)


def test_packages_that_are_not_installed_are_said_to_be_missing(tmp_path):
    found = photographs([*wheels(), *debian(tmp_path)], grey=True)
    assert [one.reason for one in found.skipped] == ["not installed", "not installed"]
    with pytest.raises(InputError, match="mate-backgrounds, plasma-workspace-wallpapers"):
        photographs(debian(tmp_path), grey=True)


def test_wallpapers_are_found_where_debian_puts_them(tmp_path):
    places = [tmp_path / "backgrounds/mate/nature/Dune.jpg", tmp_path / "wallpapers/Path/contents/images/30x20.jpg"]
    for path in places:
        path.parent.mkdir(parents=True)
        Image.effect_noise((30, 20), 50).convert("RGB").save(path)
    Image.new("L", (3, 2)).save(places[1].with_name("3x2.jpg"))
    found = photographs(debian(tmp_path), grey=True, side=None)
    assert [(one.name, one.pixels.shape) for one in found.pictures] == [("Dune", (20, 30, 1)), ("Path", (20, 30, 1))]


@QUICK
@given(st.integers(0, 2**32 - 1))
def test_what_stays_is_no_near_duplicate_and_what_goes_has_one_before_it(seed):
    generator = np.random.default_rng(seed)
    pictures = generator.random((4, 2, 2, 3))[generator.integers(0, 4, 12)] + 0.01 * generator.random((12, 2, 2, 3))
    stay = distinct_places(pictures, near=0.05)
    apart = np.sqrt(((pictures[:, None] - pictures) ** 2).mean(axis=(2, 3, 4)))
    assert all(apart[one, other] >= 0.05 for one in stay for other in stay if one != other)
    assert all(any(apart[place, one] < 0.05 for one in stay if one < place) for place in set(range(12)) - set(stay))


def test_a_glyph_is_laid_on_a_white_square():
    found = np.asarray(squared(Image.new("RGBA", (6, 4), "red")))
    assert found.shape == (6, 6, 3)
    assert (found[[0, 5]] == 255).all()
    assert (found[1:5] == [255, 0, 0]).all()


def test_other_sizes_and_missing_or_wrong_fonts_are_refused(tmp_path):
    with pytest.raises(InputError, match="size must be one of 8, 16, 32, 64, got 12"):
        emoji(12)
    with pytest.raises(InputError, match="fonts-noto-color-emoji"):
        emoji_font([tmp_path])
    (tmp_path / "wrong.ttf").write_bytes(b"no font")
    with pytest.raises(InputError, match="cannot be read"):
        emoji(16, font=tmp_path / "wrong.ttf")


@pytest.mark.slow
def test_emoji_are_many_distinct_and_a_smaller_size_is_the_pooled_larger_one(font):
    large, small = emoji(16, font=font), emoji(8, font=font)
    assert 3000 < len(large) == len(small) < len(emoji_module._largest(font))
    pooled = large.reshape(-1, 8, 2, 8, 2, 3).mean(axis=(2, 4))
    assert np.allclose(pooled, small)
    assert 0 <= large.min() < large.max() <= 1
