"""Whether the levels of a set of generated images are the same image at several resolutions (Figure 1).

Images are (image, channel, size, size); sums are in float64.
"""

from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.images.pyramid import check_images, pooled


def consistency(low: Tensor, high: Tensor) -> tuple[float, float]:
    """Mean of ||pooled X_{l+1}(z) - X_l(z)||^2 over that of ||pooled X_{l+1}(z) - X_l(z')||^2, and its standard error.

    0 where the higher level shows the lower one, 1 where it knows nothing of it, more where it shows the contrary. For independent
    z and z' the second mean is the sum of both variances about the mean of X_l, so that no pairing has to be drawn.

    Raises:
        InputError: sets of different number or shape, or fewer than 2 images.
    """
    check_images(low, "low")
    check_images(high, "high")
    if len(low) < 2 or low.shape[:2] != high.shape[:2]:
        raise InputError(
            f"levels must be of as many images, at least 2, got {tuple(low.shape)} and {tuple(high.shape)}"
        )
    shown, given = pooled(high.double(), low.shape[-1]).flatten(1), low.double().flatten(1)
    centre = given.mean(dim=0)
    paired = (shown - given).square().sum(dim=1)
    apart = ((shown - centre).square() + (given - centre).square()).sum(dim=1)
    return ratio_of_means(paired, apart)


def ratio_of_means(above: Tensor, below: Tensor) -> tuple[float, float]:
    """Mean of ``above`` over mean of ``below``, (sample,) each, and its standard error to first order."""
    ratio = above.mean() / below.mean()
    spread = (above - ratio * below).std(correction=1) / len(above) ** 0.5
    return float(ratio), float(spread / below.mean().abs())
