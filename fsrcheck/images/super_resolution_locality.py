"""Is super-resolution local (Figure 4)? Of pictures: what does a wide window tell of the detail that a narrow one does not?
Of a generator: how far does the exchange of one place of S_l reach in X_{l+1}?

Images are (image, channel, size, size); computed in float64 on the device of the images.
"""

import torch
from torch import Tensor
from torch.nn import functional

from fsrcheck.errors import InputError
from fsrcheck.images.level_consistency import ratio_of_means
from fsrcheck.images.multiscale_networks import MultiscaleGenerator
from fsrcheck.images.pyramid import check_images, enlarged, pooled

RIDGE = 1e-9
"""Of the mean square of the features: for windows whose pixels are linearly dependent, as beyond the border."""


def unexplained_ratio(
    train: Tensor, test: Tensor, *, narrow: int = 3, wide: int = 9, places: Tensor | None = None
) -> tuple[float, float]:
    """Residual variance of the detail from ``wide`` windows over that from ``narrow`` ones, and its standard error over pictures.

    The detail of a picture X beyond the pooled one is X - enlarged(pooled X), 2 x 2 pixels of each colour at a place. It is
    predicted linearly, by one map for all places, from the window of the pooled picture around the place (continued beyond the
    border); fitted on ``train``, measured on ``test``.

    Args:
        train, test: pictures at the higher resolution.
        narrow, wide: odd numbers of pixels of the pooled pictures.
        places: which places are used, out of (size / 2)^2, row by row; all if not given.

    Raises:
        InputError: sets that do not fit, or a window that is not odd.
    """
    check_images(train, "train")
    check_images(test, "test")
    if train.shape[1:] != test.shape[1:] or train.shape[-1] % 2:
        raise InputError(f"sets must be of one even size, got {tuple(train.shape)} and {tuple(test.shape)}")
    if min(narrow, wide) < 1 or narrow % 2 == 0 or wide % 2 == 0:
        raise InputError(f"windows must be odd, got {narrow} and {wide}")
    near, far = (_unexplained(train, test, size, places) for size in (narrow, wide))
    return ratio_of_means(far, near)


def _unexplained(train: Tensor, test: Tensor, size: int, places: Tensor | None) -> Tensor:
    """Squared error by picture, (picture,)."""
    features, details = _regression(train, size, places)
    centre, mean = features.mean(dim=(0, 1)), details.mean(dim=(0, 1))
    rows, targets = (features - centre).flatten(0, 1), (details - mean).flatten(0, 1)
    gram = rows.mT @ rows
    ridge = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    weights = torch.linalg.solve(gram + ridge, rows.mT @ targets)
    features, details = _regression(test, size, places)
    return (details - mean - (features - centre) @ weights).square().sum(dim=(1, 2))


def _regression(pictures: Tensor, size: int, places: Tensor | None) -> tuple[Tensor, Tensor]:
    """Windows (picture, place, number) and details (picture, place, number)."""
    low = pooled(pictures, pictures.shape[-1] // 2)
    detail = pictures - enlarged(low, pictures.shape[-1])
    around = functional.pad(low, (size // 2,) * 4, mode="replicate")
    return _cut(around, size, 1, places), _cut(detail, 2, 2, places)


def _cut(images: Tensor, size: int, stride: int, places: Tensor | None) -> Tensor:
    """Windows (picture, place, number) in float64, at these places alone: all of them would be large."""
    views = images.unfold(2, size, stride).unfold(3, size, stride)  # (picture, channel, row, column, size, size)
    side = views.shape[3]
    chosen = torch.arange(side**2, device=images.device) if places is None else places
    return views[:, :, chosen // side, chosen % side].transpose(1, 2).flatten(2).double()


def with_far_detail(pictures: Tensor, places: int) -> Tensor:
    """The pooled pictures with a checkerboard for detail, as strong as a far pixel.

    That is the pooled pixel so many places to the left, round the border.
    """
    size = pictures.shape[-1]
    low = pooled(pictures, size // 2)
    board = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=pictures.dtype, device=pictures.device)
    return enlarged(low, size) + board.repeat(size // 2, size // 2) * enlarged(low.roll(places, dims=-1), size)


@torch.no_grad()
def exchange_share(
    generator: MultiscaleGenerator, level: int, latents: Tensor, others: Tensor, place: tuple[int, int], reach: int
) -> tuple[float, float]:
    """Of ||change of X_{level+1}||^2, when one place of S_level is taken from other latents, the part within ``reach`` x ``reach``
    pixels around the place; with its standard error. Not a number where nothing changes.

    Raises:
        InputError: no such level or place, or an odd reach.
    """
    code = generator.codes(latents, level)[-1]
    row, column = place
    if not (0 <= row < code.shape[-1] and 0 <= column < code.shape[-1]):
        raise InputError(f"place must be within {code.shape[-1]} x {code.shape[-1]}, got {place}")
    if reach < 2 or reach % 2:
        raise InputError(f"reach must be even and positive, got {reach}")
    exchanged = code.clone()
    exchanged[:, :, row, column] = generator.codes(others, level)[-1][:, :, row, column]
    before, after = (
        generator.images(generator.codes_from(level, given, level + 1), level)[-1] for given in (code, exchanged)
    )
    change = (after - before).double().square().sum(dim=1)
    ends = [slice(max(4 * middle + 2 - reach // 2, 0), 4 * middle + 2 + reach // 2) for middle in (row, column)]
    return ratio_of_means(change[:, ends[0], ends[1]].sum(dim=(1, 2)), change.sum(dim=(1, 2)))
