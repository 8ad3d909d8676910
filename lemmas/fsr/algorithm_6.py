r"""Algorithm 6 (SGDA): stochastic gradient descent ascent as it is printed, in both orders.

Setting: a min-max objective in the form (7.1), here the game of ``scale_game``: 4 coordinates with scales in [1, 2], all
parameters 0 at the start.

Statement (as printed, section 7.2, l.590-609): T rounds; in each, N fresh real and N fake samples, T ascent steps of the
discriminator with rate eta, one descent step of the generator with rate eta and noise xi of size sigma_xi. With the
generator inside the brackets, it is the one that moves at the faster rate.

Checkable form: 1. the batched implementation ends where a plain transcription of the lines ends on the same draws, in both
orders, with noise; 2. T inner steps as written and the inner maximum in closed form lead to the same generator; 3. after T
rounds the generator's scales are those of the data up to C / sqrt(N).

On 3: every coordinate of theta_G is off by averages of the relative errors of sample means of |z|, whose standard
deviation is sqrt(pi/2 - 1) / sqrt(N) = 0.756 / sqrt(N), times a scale of at most 2; C = 6 sqrt(2) of these standard
deviations, and two independent means enter. At eta = 1/2 the start is forgotten by (1 - 1/pi)^T = 1e-10, T = 60.

Measured: differences of parameters; errors of the scales.
Controls: outer and inner rate exchanged in the transcription; too few inner steps; the ascent's sign flipped; the inner
player frozen at zero.
Departures from the paper: none; eta, T and N are numbers instead of polynomials.
Source: section 7.2, l.574-609.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, pi, sqrt

import numpy as np
import torch

from fsrcheck.errors import InputError
from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import Selection
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.identity import Identity
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.model.streams import streams
from fsrcheck.statement import Control, Defect, Erratum, Kind, Statement
from fsrcheck.training.sgda import SGDASettings, Trajectory, descend_ascend
from lemmas.fsr.algorithm_6_transcription import Players, transcribe
from lemmas.fsr.scale_game import DISCRIMINATOR, GENERATOR, ScaleGame, zeros
from lemmas.fsr.targets import require_word

COMPARE, RUN = "compare", "run"
COORDINATES = 4
ROUNDING = 1e-11  # 8 rounds of 8 steps on numbers of order 1 and averages of 40 terms: below 10^4 units of 2e-16
LARGEST_SCALE = 2.0
RANGES = {
    "num_steps": (1, 10_000),
    "inner_steps": (1, 10_000),
    "step_size": (1e-6, 1.0),
    "inner_step_size": (1e-6, 1.0),
    "num_samples": (1, 1_000_000),
    "noise": (0.0, 1.0),
    "ascent_sign": (-1.0, 1.0),
}


@dataclass(frozen=True)
class Parameters:
    """Parameters of Algorithm 6."""

    task: str = RUN  # compare: against the transcription; run: to the end
    inside: str = DISCRIMINATOR  # the player at the faster rate
    num_steps: int = 60  # T, rounds
    inner_steps: int = 60  # T of line 5
    step_size: float = 0.5  # eta of line 8
    inner_step_size: float = 0.5  # eta of line 6
    num_samples: int = 400  # N
    noise: float = 0.01  # sigma_xi
    ascent_sign: float = 1.0  # of the inner player; 0 freezes it
    exchange_rates: bool = False  # in the transcription only: eta of line 6 for that of line 8 and conversely

    def __post_init__(self) -> None:
        """Refuse an unknown task or player, and sizes that no run can have."""
        require_word("task", self.task, (COMPARE, RUN))
        require_word("inside", self.inside, (DISCRIMINATOR, GENERATOR))
        for name, (least, largest) in RANGES.items():
            if not least <= getattr(self, name) <= largest:
                raise InputError(f"{name} must be in [{least:g}, {largest:g}], got {getattr(self, name)}")

    @property
    def settings(self) -> SGDASettings:
        """What ``descend_ascend`` is told."""
        return SGDASettings(self.num_steps, self.inner_steps, self.step_size, self.inner_step_size, self.noise)


def build(parameters: Parameters, seeds: Sequence[int]) -> ScaleGame:
    """One game per seed, its scales uniform in [1, LARGEST_SCALE]."""
    drawn = np.stack([rng.uniform(1.0, LARGEST_SCALE, COORDINATES) for rng in streams(seeds, "scales of the data")])
    return ScaleGame(
        torch.from_numpy(drawn),
        streams(seeds, "real samples"),
        streams(seeds, "latent samples"),
        parameters.num_samples,
        parameters.inside,
        parameters.ascent_sign,
    )


def play(parameters: Parameters, seeds: Sequence[int], *, closed_form: bool = False) -> tuple[ScaleGame, Trajectory]:
    """Run Algorithm 6 once for every seed, with inner steps as written or with their limit."""
    game = build(parameters, seeds)
    settings = replace(parameters.settings, inner_steps=0) if closed_form else parameters.settings
    return game, descend_ascend(game, *zeros(game), settings, generators=streams(seeds, "noise of line 8"))


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Compare with the transcription, or run to the end."""
    measure = _compared if parameters.task == COMPARE else _ended
    steps = parameters.num_steps * parameters.inner_steps
    return [
        Observation({}, measured, {"ascent steps": steps, "samples": parameters.num_steps * parameters.num_samples})
        for measured in measure(parameters, seeds)
    ]


def _compared(parameters: Parameters, seeds: Sequence[int]) -> list[dict[str, Measurement]]:
    """Largest difference of a parameter of either player."""
    game, found = play(parameters, seeds)
    generator = game.generator_of(found.outer, found.inner)
    discriminator = found.outer if parameters.inside == GENERATOR else found.inner
    measured = []
    for row, seed in enumerate(seeds):
        players = _transcript(parameters, game.scales[row].numpy(), seed)
        distances = (
            np.abs(players.generator - generator[row].numpy()),
            np.abs(players.discriminator - discriminator[row].numpy()),
        )
        measured.append({"distance": Measurement(float(np.max(distances)))})
    return measured


def _transcript(parameters: Parameters, scales: np.ndarray, seed: int) -> Players:
    (real,), (latent,), (noise,) = (
        streams([seed], name) for name in ("real samples", "latent samples", "noise of line 8")
    )
    shape = (parameters.num_samples, COORDINATES)
    rates = (parameters.step_size, parameters.inner_step_size)
    return transcribe(
        lambda: scales * np.abs(real.standard_normal(shape)),
        lambda: latent.standard_normal(shape),
        lambda: parameters.noise * noise.standard_normal(COORDINATES),
        Players(np.zeros(COORDINATES), np.zeros(COORDINATES)),
        parameters.num_steps,
        parameters.inner_steps,
        *(rates[::-1] if parameters.exchange_rates else rates),
        generator_inside=parameters.inside == GENERATOR,
    )


def _ended(parameters: Parameters, seeds: Sequence[int]) -> list[dict[str, Measurement]]:
    """Error of the scales, and how far the closed form of the inner maximum leads elsewhere."""
    game, written = play(parameters, seeds)
    _, limit = play(parameters, seeds, closed_form=True)
    ends = [game.generator_of(each.outer, each.inner) for each in (written, limit)]
    error = (ends[0] - game.scales).abs().amax(dim=-1).nan_to_num(nan=inf)
    apart = (ends[0] - ends[1]).abs().amax(dim=-1).nan_to_num(nan=inf)
    return [{"error": Measurement(float(error[i])), "apart": Measurement(float(apart[i]))} for i in range(len(seeds))]


def sampling_error(parameters: Parameters) -> float:
    """Standard deviation of the mean of |z| over N samples, in units of its expectation, times the largest scale."""
    return LARGEST_SCALE * sqrt((pi / 2 - 1) / parameters.num_samples)


RUNS = Selection({"task": RUN})
STATEMENT = Statement(
    id="fsr.alg.6",
    label="Algorithm 6",
    kind=Kind.ALGORITHM,
    title="SGDA, stochastic gradient descent ascent",
    printed=r"for $t \in [T]$: gather $N$ samples $\mathcal{Z}^\star$ and $\mathcal{Z}$; for $t \in [T]$: $\theta_D \leftarrow "
    r"\theta_D + \eta \nabla_{\theta_D} \mathcal{L}$; then $\theta_G \leftarrow \theta_G - \eta \nabla_{\theta_G} "
    r"\mathcal{L} - \eta \xi$",
    checkable=r"the batched form ends where a plain transcription ends, in both orders; $T$ inner steps and the inner maximum "
    r"in closed form lead to the same generator; on a game with one saddle point the generator ends within $C / \sqrt{N}$ of it",
    source="section 7.2, l.574-609",
    evidence="against a transcription; samples of a small game",
    claims=(
        Identity(
            "transcription",
            r"both players as in the transcription, to $10^{-11}$",
            "distance",
            ROUNDING,
            where=Selection({"task": COMPARE}),
        ),
        Identity(
            "inner maximum",
            r"inner steps as written and their limit lead to the same $\theta_G$, to $10^{-9}$",
            "apart",
            1e-9,
            where=RUNS,
        ),
        Bound(
            "terminates",
            r"after $T$ rounds $\theta_G$ is within $6 \sqrt{2}$ standard errors of the scales",
            "error",
            "C",
            sampling_error,
            where=RUNS,
        ),
    ),
    controls=(
        Control(
            "exchanged rates",
            "the faster rate: eta of line 6 and of line 8 exchanged in the transcription",
            "transcription",
            {"exchange_rates": True},
            {"task": COMPARE},
        ),
        Control(
            "exchanged rates, generator inside",
            "the faster rate: eta of line 6 and of line 8 exchanged in the transcription",
            "transcription",
            {"exchange_rates": True},
            {"task": COMPARE, "inside": GENERATOR},
        ),
        Control("few inner steps", "3 inner steps for T", "inner maximum", {"inner_steps": 3}, {"task": RUN}),
        Control("sign flipped", "the sign of the ascent", "terminates", {"ascent_sign": -1.0}, {"task": RUN}),
        Control("frozen", "the discriminator, frozen at zero", "terminates", {"ascent_sign": 0.0}, {"task": RUN}),
    ),
    errata=(
        Erratum(
            Defect.MISPRINT,
            r"The second expectation of line 4 stands twice, $E_{X \sim \mathcal{Z}} E[D(X; \theta_D)]$; harmless, as the inner "
            "one has nothing left to average. The same stands in the form with the generator inside.",
            "line 4 (l.595) and l.607, against (7.1)",
            r"$E_{X \sim \mathcal{Z}}[D(X; \theta_D)]$",
        ),
        Erratum(
            Defect.MISPRINT,
            r"Both loops are headed $t \in [T]$, one inside the other.",
            "lines 2 and 5 (l.593, l.596)",
            r"another letter for the inner loop, $s \in [T]$",
        ),
    ),
    expected=Verdict.SUPPORTED,
    parameters=Parameters,
    cases={
        "quick": (
            *(
                Parameters(COMPARE, player, num_steps=8, inner_steps=8, step_size=0.3, num_samples=40, noise=0.1)
                for player in (DISCRIMINATOR, GENERATOR)
            ),
            *(Parameters(RUN, player) for player in (DISCRIMINATOR, GENERATOR)),
        )
    },
    trials={"quick": 16, "standard": 64},
    batch=64,
    run=run,
    constants=(Constant("C", 6 * sqrt(2), Provenance.DERIVED, "six standard deviations of two sample means"),),
)
