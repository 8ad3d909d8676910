"""Sheets of samples."""

import numpy as np
import pytest
import torch
from PIL import Image

from fsrcheck.errors import InputError
from fsrcheck.images.sample_sheets import GAP, sample_sheet, save_sheet

LEVELS = [torch.rand(5, 3, size, size, generator=torch.Generator().manual_seed(size)) for size in (4, 8)]


def test_every_level_is_a_block_with_the_same_samples_in_the_same_places():
    sheet = np.asarray(sample_sheet(LEVELS, num_samples=5, columns=3, zoom=2))
    side = 16 + GAP
    assert sheet.shape == (2 * 2 * side, 3 * side, 3)
    for block, level in enumerate(LEVELS):
        repeat = 16 // level.shape[-1]
        expected = (level[4] * 255).round().byte().permute(1, 2, 0).numpy().repeat(repeat, 0).repeat(repeat, 1)
        top = (2 * block + 1) * side
        assert np.array_equal(sheet[top : top + 16, side : side + 16], expected)
    assert (sheet[side:, 2 * side :][:side] == 255).all()  # no sixth sample


def test_values_beyond_white_and_black_are_clipped():
    sheet = np.asarray(sample_sheet([torch.full((1, 3, 2, 2), 7.0)], columns=1))
    assert (sheet == 255).all()
    assert (np.asarray(sample_sheet([torch.full((1, 3, 2, 2), -7.0)], columns=1))[:2, :2] == 0).all()


def test_a_saved_sheet_is_read_back(tmp_path):
    sheet = sample_sheet(LEVELS)
    path = tmp_path / "sheet.png"
    path.write_bytes(b"old")
    save_sheet(path, sheet)
    assert np.array_equal(np.asarray(Image.open(path)), np.asarray(sheet))
    assert [entry.name for entry in tmp_path.iterdir()] == ["sheet.png"]


@pytest.mark.parametrize("levels", [[], [LEVELS[1], torch.rand(5, 3, 12, 12)], [torch.rand(2, 1, 4, 4)]])
def test_levels_that_do_not_fit_are_refused(levels):
    with pytest.raises(InputError, match="levels"):
        sample_sheet(levels)


@pytest.mark.parametrize("given", [{"columns": 0}, {"num_samples": 0}, {"zoom": 0}])
def test_nothing_to_show_is_refused(given):
    with pytest.raises(InputError, match="must not be"):
        sample_sheet(LEVELS, **given)
