"""Sheets of images as small PNG files: a block for every resolution, the same samples in the same places (Figure 1)."""

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.images.pyramid import check_images, enlarged

GAP = 2  # white pixels between images
COLUMNS = 16


def sample_sheet(
    levels: Sequence[Tensor], *, num_samples: int = 32, columns: int = COLUMNS, zoom: int = 1
) -> Image.Image:
    """Images (sample, 3, size_l, size_l) of levels in [0, 1], clipped; lower levels enlarged to the size of the last.

    Attributes of the picture: one block of rows a level, lowest first, 8 bits a colour, every pixel repeated ``zoom`` times.

    Raises:
        InputError: levels that do not fit, or nothing to show.
    """
    if not levels or min(num_samples, columns, zoom) < 1:
        raise InputError("levels, num_samples, columns and zoom must not be empty or below 1")
    for level in levels:
        check_images(level)
        if level.shape[1] != 3 or levels[-1].shape[-1] % level.shape[-1]:
            raise InputError(f"levels must be of 3 colours and divide the last, got {tuple(level.shape)}")
    size = levels[-1].shape[-1] * zoom
    blocks = [_block(enlarged(level[:num_samples].detach().cpu(), size), columns) for level in levels]
    sheet = torch.cat(blocks, dim=1).clamp(0, 1)
    return Image.fromarray((sheet * 255).round().byte().permute(1, 2, 0).contiguous().numpy())


def save_sheet(path: Path, sheet: Image.Image) -> None:
    """Write a PNG; readers see the old or the new file.

    Raises:
        OSError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    sheet.save(temporary, format="PNG", optimize=True)
    os.replace(temporary, path)


def _block(images: Tensor, columns: int) -> Tensor:
    """(3, height, width): rows of images with gaps below and to the right, white where there are none."""
    count, colours, size, _ = images.shape
    rows = -(-count // columns)
    framed = torch.ones(rows * columns, colours, size + GAP, size + GAP, dtype=images.dtype)
    framed[:count, :, :size, :size] = images
    side = size + GAP
    return framed.reshape(rows, columns, colours, side, side).permute(2, 0, 3, 1, 4).reshape(colours, rows * side, -1)
