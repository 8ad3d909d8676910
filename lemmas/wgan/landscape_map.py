"""Where Problem 1 with fewer latents than outputs has spurious local minima: a table by activation and size.

    python -m lemmas.wgan.landscape_map --pairs 1000 --out reports/wgan_landscape.md

Every pair is one random target and one random start, both new, so that pairs are independent and the limits of the
probability of ending in a spurious minimum are those of a binomial. A point counts as spurious if ||Z - Z*||_F > 0.01, its
gradient is below 1e-7 and no eigenvalue of the Hessian on the surface of unit rows is below -1e-7; as strict if moreover
only the eigenvalues of normals and rotations are 0 to within 1e-7. k = d is left out: Theorem 3 is proved there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import torch

from fsrcheck.evidence.claim import Interval
from fsrcheck.evidence.frequency import clopper_pearson
from fsrcheck.runs.environment import versions
from fsrcheck.training.row_sphere_newton import find_stationary_points
from lemmas.wgan.joint import SPURIOUS, STATIONARY, descent_ascent, objective_of, starts
from lemmas.wgan.setting import LEAKY, Generators

MAX_STEPS = 80
LIMITS = 0.025  # each limit is missed with this probability
ACTIVATIONS = (
    *((LEAKY, leak) for leak in (0.01, 0.1, 0.2, 0.5, 1.0)),
    ("tanh", 0.2),
    ("sigmoid", 0.2),
    ("softplus", 0.2),
)
SIZES = (
    *((3, 2, 1), (3, 2, 2)),
    *((4, 2, 1), (4, 2, 2), (4, 3, 2), (4, 3, 3)),
    *((5, 2, 2), (5, 3, 2), (5, 3, 3), (5, 4, 4)),
    (7, 2, 2),
)
"""d, k, k_0."""
PAPERS_ACTIVATIONS = ((LEAKY, 0.2), ("tanh", 0.2), ("sigmoid", 0.2))
PAPERS_SIZES = ((3, 2, 2), (5, 2, 2), (7, 2, 2))
STEP = 0.4  # of the algorithm, in units of 1/(d c'(1)^2)
DESCENT_STEPS = 1000

COLUMNS = ("activation", "d", "k", "k_0", "pairs", "spurious", "strict", "undecided", "probability, 95 % limits")
TEXT = """# Spurious local minima of a one-layer generator with fewer latents than outputs

Lei et al., Problem 1: minimise ||c(A A^T) - c(Z*)||_F^2/2 over d x k matrices A with unit rows; the target Z* has k_0
latents. Theorem 3 excludes spurious local minima for k >= d. Below k is less than d, and k_0 at most k.

## What it shows

- With k = k_0 = 2 they are met for every activation at d = 5; for the leaky ReLU with k = k_0 their share, up to
  chance, falls with the slope and rises with d.
- More latents than the truth has do not exclude them: d = 3, k = 2, k_0 = 1 for tanh and the sigmoid (three rows at 120
  degrees; certified), d = 4, k = 2, k_0 = 1 for leaky ReLUs of small slope.
- A row with 0 ends in a spurious minimum does not say that there is none: its last column tells how rare they must be. In
  closed form (`lemmas/wgan/landscape.py`): a flipped row is a strict spurious minimum for every activation with a rising
  kernel and every k = k_0 >= 2 from some d on; for the leaky ReLU of slope s with k = 2, from d = m + 2 on, m the least
  number above 16 s/(1 + s)^2, if targets with equal rows are admitted: d = 3 below the slope 0.0718, d = 5 at 0.2, d = 7
  at 1.
- The paper says of its experiments (section 7; k = 2 and d = 3, 5, 7) that the algorithm "always achieves global
  convergence to the ground truth generators from any random initialization point". At these sizes a random start can end in
  a spurious minimum of the population objective; the last table says how often for the algorithm itself, without noise.

## Numbers

{starts} pairs of a random target and a random start, {ends} ends in a spurious minimum. Every pair is new, so that the limits
are exact ones of a binomial. Spurious: ||Z - Z*||_F > 0.01, gradient below 1e-7, no eigenvalue of the Hessian below -1e-7;
strict: moreover only the eigenvalues of normals and rotations are 0 to within 1e-7. Undecided: the gradient is not below
1e-7 after {steps} steps; such a pair counts for the upper limit.

{table}

### By the algorithm itself

{descent_steps} steps of alternating projected descent-ascent on the population objective (V exact, step {step} in units of
1/(d c'(1)^2), no noise), then Newton's method to the end of the basin that was reached; the sizes of the paper's Figure 1.

{descent}

## Provenance

- Seeds: from {seed} on, one for every pair, the same for every row.
- Newton's method on the surface of unit rows that leaves saddle points (`fsrcheck.training.row_sphere_newton`). The shares of
  the first table are those of this method; another one has other basins.
- Versions: {software}.
- Made by `python -m lemmas.wgan.landscape_map`.
"""


@dataclass(frozen=True)
class Cell:
    """How many of the pairs ended where.

    Attributes:
        pairs: all of them.
        spurious, strict: see the module.
        undecided: those whose gradient is not yet below 1e-7.
    """

    pairs: int
    spurious: int
    strict: int
    undecided: int

    @property
    def limits(self) -> Interval:
        """Exact 95 % limits of the probability of a spurious end; an undecided pair counts for the upper one."""
        low = clopper_pearson(self.spurious, self.pairs, LIMITS)
        high = clopper_pearson(self.spurious + self.undecided, self.pairs, LIMITS)
        return Interval(low.value, low.low, high.high)


def count(parameters: Generators, pairs: int, first_seed: int = 0, descent_steps: int = 0) -> Cell:
    """Search from one start for every target, after this many steps of the algorithm itself."""
    seeds = range(first_seed, first_seed + pairs)
    objective = objective_of(parameters, seeds, "cpu")
    step_size = STEP * float(objective.activation.kernel(1.0, 1)) ** -2 / parameters.num_outputs
    first = descent_ascent(objective, starts(parameters, seeds, 1, "cpu"), step_size, descent_steps)
    found = find_stationary_points(objective, first, MAX_STEPS)
    settled = found.gradient_norm <= STATIONARY
    spurious = settled & (found.lowest >= -STATIONARY) & (objective.error(found.rows) > SPURIOUS)
    flat = (found.eigenvalues.abs() < STATIONARY).sum(dim=-1)
    strict = spurious & (flat == gauge_directions(parameters))
    return Cell(pairs, int(spurious.sum()), int(strict.sum()), int((~settled).sum()))


def gauge_directions(parameters: Generators) -> int:
    """One normal for every row, one rotation for every pair of latents."""
    return parameters.num_outputs + parameters.num_latents * (parameters.num_latents - 1) // 2


def title(name: str, leak: float) -> str:
    """The activation in words."""
    return f"leaky ReLU {leak:g}" if name == LEAKY else name


Kinds = Sequence[tuple[str, float]]
Sizes = Sequence[tuple[int, int, int]]


def rows(pairs: int, first_seed: int, kinds: Kinds, sizes: Sizes, descent_steps: int = 0) -> list[tuple[str, ...]]:
    """One row for every size and activation, told on standard error as they come."""
    found = []
    for size in sizes:
        for name, leak in kinds:
            cell = count(Generators(name, leak, *size), pairs, first_seed, descent_steps)
            limits = cell.limits
            counts = (*size, cell.pairs, cell.spurious, cell.strict, cell.undecided)
            share = f"{limits.value:.2g} ({limits.low:.2g} to {limits.high:.2g})"
            found.append((title(name, leak), *map(str, counts), share))
            click.echo(", ".join(found[-1]), err=True)
    return found


def grid(table: Sequence[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (COLUMNS, ("---",) * len(COLUMNS), *table))


def markdown(table: Sequence[tuple[str, ...]], descent: Sequence[tuple[str, ...]], first_seed: int) -> str:
    """The report of both searches."""
    return TEXT.format(
        table=grid(table),
        descent=grid(descent),
        seed=first_seed,
        software=", ".join(f"{name} {number}" for name, number in versions().items()),
        starts=sum(int(row[4]) for row in table),
        ends=sum(int(row[5]) for row in table),
        steps=MAX_STEPS,
        descent_steps=DESCENT_STEPS,
        step=STEP,
    )


@click.command()
@click.option("--pairs", type=click.IntRange(min=1), default=1000, show_default=True, help="Targets with a start each.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the first pair.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("reports/wgan_landscape.md"), show_default=True, help="File."
)
def main(pairs: int, seed: int, out: Path) -> None:
    """Search for spurious local minima with fewer latents than outputs and write the table."""
    torch.set_num_threads(1)
    table = rows(pairs, seed, ACTIVATIONS, SIZES)
    descent = rows(pairs, seed, PAPERS_ACTIVATIONS, PAPERS_SIZES, DESCENT_STEPS)
    out.write_text(markdown(table, descent, seed), encoding="utf-8")


if __name__ == "__main__":
    main()
