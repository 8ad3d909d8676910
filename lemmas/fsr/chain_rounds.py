"""The chain's parameters, what Algorithm 2 makes of one dictionary, and what is measured; the statement is in ``chain``."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf, nan, sqrt

from fsrcheck.errors import InputError
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.training.channels_alike import Learned, Tilt, learn, relative_errors, sharpened_error
from fsrcheck.training.limits import population_limit
from lemmas.fsr.chain_samples import sampled
from lemmas.fsr.targets import require_word

CLOSES, OPEN, TOLERANCE, SAMPLED = "closes", "open", "tolerance", "sampled"
BEST, PRINTED, THREE = "best", "printed", "3 delta"
LARGEST_CUTOFF, HALVINGS = 0.5, 4  # b: D4's cutoff 2b is at most E[S | S > 0]
OUTPUT_CUTOFF = 0.5  # bb
WARM_CUTOFF = 1.0  # of Algorithm 5
FITTED_START = 0.8604  # C of fsr.A.1 on samples, rounded up
FRACTIONS = (1.0, 0.1, 0.01)  # of delta_A1: the round at hand and some that follow
COARSEST, BISECTIONS = 0.7, 9


@dataclass(frozen=True)
class Parameters:
    """Parameters of the chain."""

    num_channels: int = 64  # m
    expected_active: float = 2.0  # k
    task: str = CLOSES  # closes, open: on which side of the crossing the size is said to be
    cutoff: str = BEST  # b: the best of 1/2, 1/4, ...; printed: delta m^0.02; or 3 delta
    start_constant: float = 0.0  # C of delta_A1 = C k m^(-1/2); 0: the closed form
    coarseness: float = 1.0  # delta / delta_A1 at the start

    def __post_init__(self) -> None:
        """Refuse unknown words and sizes."""
        require_word("task", self.task, (CLOSES, OPEN, TOLERANCE, SAMPLED))
        require_word("cutoff", self.cutoff, (BEST, PRINTED, THREE))
        if not (self.num_channels >= 8 and 0 < self.expected_active <= self.num_channels / 4):
            given = f"{self.num_channels} and {self.expected_active}"
            raise InputError(
                f"num_channels must be at least 8 and expected_active in (0, num_channels / 4], got {given}"
            )
        if not (self.start_constant >= 0 and 0 < self.start_error < 1):
            raise InputError(f"the error at the start must be in (0, 1), got {self.start_error}")

    @property
    def warm_error(self) -> float:
        """delta_A1."""
        m, k = self.num_channels, self.expected_active
        return self.start_constant * k / sqrt(m) if self.start_constant else population_limit(m, k, WARM_CUTOFF)

    @property
    def start_error(self) -> float:
        """delta."""
        return self.coarseness * self.warm_error

    @property
    def fractions(self) -> tuple[float, ...]:
        """The rounds that are looked at, by delta / delta at the start."""
        return FRACTIONS if (self.task, self.cutoff) == (CLOSES, BEST) else FRACTIONS[:1]

    def tilt(self, error: float) -> Tilt:
        """The dictionary at distance ``error``."""
        return Tilt(self.num_channels, self.expected_active, error)

    def cutoffs(self, error: float) -> list[float]:
        """The cutoffs b to choose from, largest first."""
        if self.cutoff == BEST:
            return [LARGEST_CUTOFF * 2.0**-n for n in range(HALVINGS)]
        return [error * (self.num_channels**0.02 if self.cutoff == PRINTED else 3.0)]


@dataclass(frozen=True)
class FirstLayer:
    """What Algorithm 2 makes of a dictionary: the cutoff, the codes, and their relative errors over delta m^0.02."""

    tilt: Tilt
    cutoff: float
    learned: Learned | None
    ratio: float

    @property
    def gain(self) -> float:
        """Error after Algorithm 1 over delta; infinite without codes."""
        if self.learned is None:
            return inf
        return sharpened_error(self.tilt, self.learned, OUTPUT_CUTOFF) / self.tilt.dictionary_error


@lru_cache(maxsize=4096)
def first_layer(parameters: Parameters, error: float) -> FirstLayer:
    """Algorithm 2 at the largest cutoff that meets the criterion, or at the best one if none does."""
    tilt = parameters.tilt(error)
    best = FirstLayer(tilt, nan, None, inf)
    for cutoff in parameters.cutoffs(error):
        learned = learn(tilt, cutoff)
        if learned is None:
            continue
        largest = max(abs(part) for part in relative_errors(tilt, learned))
        if largest / allowed(tilt) < best.ratio:
            best = FirstLayer(tilt, cutoff, learned, largest / allowed(tilt))
        if best.ratio <= 1:
            break
    return best


def allowed(tilt: Tilt) -> float:
    """delta m^0.02, to which Lemma B.2 has the codes, poly(k) = 1."""
    return tilt.dictionary_error * tilt.num_channels**0.02


def tolerance(parameters: Parameters) -> float:
    """The largest delta whose codes meet the criterion, by bisection of log delta below ``COARSEST``; nan if none does."""
    low, high = 0.01 * parameters.warm_error, COARSEST
    if first_layer(parameters, low).ratio > 1:
        return nan
    for _ in range(BISECTIONS):
        middle = sqrt(low * high)
        low, high = (middle, high) if first_layer(parameters, middle).ratio <= 1 else (low, middle)
    return low


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Follow the chain once; only the Monte Carlo comparison has anything random in it."""
    if parameters.task == SAMPLED:
        start = first_layer(parameters, parameters.start_error)
        return [sampled(start.tilt, start.learned, start.cutoff, seed) for seed in seeds]
    return [_followed(parameters)] * len(seeds)


@lru_cache(maxsize=256)
def _followed(parameters: Parameters) -> Observation:
    if parameters.task == TOLERANCE:
        found = tolerance(parameters)
        return Observation(
            {},
            {"tolerance": Measurement(found), "start_over_tolerance": Measurement(parameters.start_error / found)},
        )
    start = first_layer(parameters, parameters.start_error)
    rounds = [first_layer(parameters, part * parameters.start_error) for part in parameters.fractions]
    learned = start.learned
    return Observation(
        {},
        {
            "first_round": Measurement(start.ratio),
            "all_rounds": Measurement(max(layer.ratio for layer in rounds)),
            "gain": Measurement(max(layer.gain for layer in rounds)),
            "error": Measurement(parameters.start_error),
            "cutoff": Measurement(start.cutoff),
            "correlation": Measurement(nan if learned is None else learned.correlation * (parameters.num_channels - 1)),
            "pair_gap": Measurement(nan if learned is None else abs(learned.pair_gap)),
        },
    )
