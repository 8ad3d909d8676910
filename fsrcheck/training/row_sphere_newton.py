r"""Newton's method on the surface of matrices with unit rows, batched over starts, that leaves saddle points.

A step goes along -|H|^-1 of the gradient, where |H| is the Hessian of the surface with its eigenvalues made positive
(Y. Dauphin et al., 2014) and raised by a multiple of the square root of the gradient's norm, so that flat directions
(rotations of the latents, a minimum of fourth order) do no harm. The step is halved until the objective falls enough.
Every start takes its own steps; one that has arrived stays.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.training.one_layer_wgan import PopulationObjective, unit_rows

SUFFICIENT = 1e-4  # of the decrease that the gradient promises (Armijo)
RAISE = 0.1
FLOOR = 1e-9
HALVINGS = 30


@dataclass(frozen=True)
class StationaryPoints:
    """Where the starts arrived; the leading dimensions are those of the starts.

    Attributes:
        rows: (..., d, k).
        gradient_norm: on the surface, (...).
        eigenvalues: of the Hessian on the surface, ascending, (..., d k); d of them are 0 for the normals.
    """

    rows: Tensor
    gradient_norm: Tensor
    eigenvalues: Tensor

    @property
    def lowest(self) -> Tensor:
        """The smallest eigenvalue, (...); never above 0, the eigenvalue of the normals."""
        return self.eigenvalues[..., 0]


def find_stationary_points(objective: PopulationObjective, starts: Tensor, max_steps: int = 100) -> StationaryPoints:
    """Go down from every start, (..., d, k) with unit rows, until its gradient is rounding or the steps are spent."""
    rows = starts
    stuck = torch.zeros(starts.shape[:-2], dtype=torch.bool, device=starts.device)
    for _ in range(max_steps):
        gradient = objective.gradient(rows).flatten(-2)
        norm = gradient.norm(dim=-1, keepdim=True)
        going = (norm[..., 0] > FLOOR) & ~stuck
        if not bool(going.any()):
            break
        values, vectors = torch.linalg.eigh(objective.hessian(rows))
        shifted = values.abs() + RAISE * norm.sqrt() + FLOOR
        step = -(vectors @ ((vectors.mT @ gradient[..., None]) / shifted[..., None]))[..., 0]
        moved = _searched(objective, rows, gradient, step, going)
        # Where rounding leaves no step that lowers the objective, another try would find none either.
        stuck = stuck | (going & (moved == rows).all(dim=-1).all(dim=-1))
        rows = moved
    values = torch.linalg.eigvalsh(objective.hessian(rows))
    return StationaryPoints(rows, objective.gradient(rows).norm(dim=(-2, -1)), values)


def _searched(objective: PopulationObjective, rows: Tensor, gradient: Tensor, step: Tensor, going: Tensor) -> Tensor:
    """The rows after the longest halved step that lowers the objective enough; unchanged where none does or not going."""
    before, promised = objective.value(rows), (gradient * step).sum(dim=-1)
    moved = rows
    open_ = going
    length = 1.0
    for _ in range(HALVINGS):
        tried = unit_rows(rows + length * step.unflatten(-1, rows.shape[-2:]))
        better = open_ & (objective.value(tried) <= before + SUFFICIENT * length * promised)
        moved = torch.where(better[..., None, None], tried, moved)
        open_ = open_ & ~better
        if not bool(open_.any()):
            break
        length /= 2
    return moved
