"""Moments of outputs whose rows have different lengths, in batches, against the kernel of rows of length 1."""

import pytest
import torch

from fsrcheck.gaussian.kernels import ABSOLUTE, RELU, TANH, Activation
from fsrcheck.gaussian.scaled_kernels import output_moments
from fsrcheck.model.streams import standard_normal, streams


@pytest.mark.parametrize("activation", [RELU, ABSOLUTE])
def test_piecewise_linear_moments_scale_with_the_rows(activation: Activation) -> None:
    rows = standard_normal(streams(range(3), "scaled kernels"), (4, 5))
    sizes = rows.norm(dim=-1)
    correlations = (rows / sizes[..., None]) @ (rows / sizes[..., None]).mT
    eye = torch.eye(4, dtype=rows.dtype)
    wanted = activation.kernel(correlations * (1 - eye) + eye) * sizes[..., :, None] * sizes[..., None, :]
    torch.testing.assert_close(output_moments(activation, rows), wanted)


@pytest.mark.parametrize("activation", [RELU, TANH])
def test_a_batch_is_its_instances(activation: Activation) -> None:
    rows = 0.3 * standard_normal(streams(range(3), "scaled kernels"), (4, 5))  # smooth enough for tanh
    alone = torch.stack([output_moments(activation, one) for one in rows])
    torch.testing.assert_close(output_moments(activation, rows), alone)


def test_equal_rows_are_taken_whatever_their_rounding() -> None:
    rows = standard_normal(streams(range(200), "equal rows"), (1, 3)).expand(-1, 2, -1).clone()
    rows[:, 1] *= 1.1
    directions = rows / rows.norm(dim=-1, keepdim=True)
    assert float((directions[:, 0] * directions[:, 1]).sum(dim=-1).max()) > 1
    moments = output_moments(RELU, rows)
    torch.testing.assert_close(moments[:, 0, 1], 1.1 * moments[:, 0, 0])
