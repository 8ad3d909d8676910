"""The worst laws under which ``Bound``, ``Frequency`` and ``Scaling`` are still true, or just false.

On the boundary a claim is true, so that VIOLATED is a false alarm, and false claims come as near to it as one likes, so
that HOLDS is a miss as well: both shares are counted in the same runs.
"""

from collections.abc import Callable

from fsrcheck.error_rates.counting import LEVEL, Scenario
from fsrcheck.error_rates.laws import (
    Residual,
    event,
    exceeding,
    heavy,
    noisy,
    normal,
    power_law,
    shrinking,
    skewed,
    successes,
)
from fsrcheck.error_rates.toys import CERTAIN, FITTED, Law, Toy
from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.budget import LOOKS
from fsrcheck.evidence.constants import EXCEEDANCE_RATE, Constant
from fsrcheck.evidence.frequency import Frequency
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.scaling import Scaling

BOUND = Bound("bound", "y <= C", "y", "C", lambda point: 1.0)
UPPER_EXPONENT = Scaling("exponent", "at most 1/2", "y", "size", 0.5, 0.05)
EXPONENT = Scaling("exponent", "1/2", "y", "size", 0.5, 0.05, two_sided=True)
FIVE, NINE = tuple(2.0**power for power in range(5)), tuple(2.0**power for power in range(9))
MISS = 0.01  # of every claim, over all looks
EDGE = "exponent at the edge"
LOOP, LOOK = "all looks", "one look"
SHORT = 0.5  # share of the runs where one takes a fit, or many looks
SHORTER = 0.25  # where one takes up to 512 trials
SHORTEST = 0.05  # where one takes 16 fits of up to 1280 trials


def looped(toy: Toy, share: float = LEVEL) -> Callable[[int], Outcome]:
    """The outcome after the whole loop."""
    return lambda run: toy.check(run, share).outcome


def looked(toy: Toy, level: float = LEVEL) -> Callable[[int], Outcome]:
    """The outcome of one look that has the whole level, and not one part in ``LOOKS`` of it."""
    return lambda run: toy.look(run, level * LOOKS).outcome


def bound(name: str, constant: Constant, law: Law, sizes: int = 1, trials: int = 8) -> Toy:
    """A toy whose claim is a bound, at so many sizes."""
    return Toy(name, BOUND, law, FIVE[:sizes], trials, (constant,))


def bounds() -> list[Scenario]:
    """Bounds that are met exactly, and some that fail on half of all instances."""
    fitted, certain = "Bound, fitted constant", "Bound, certain"
    edge, half = f"exceeded by {EXCEEDANCE_RATE:.0%} of the trials", "exceeded by half of the trials"
    one, four = (bound(f"fitted-{n}", FITTED, exceeding(EXCEEDANCE_RATE), sizes=n) for n in (1, 4))
    noise = bound("noise", CERTAIN, noisy(1.0, 0.1), trials=16)
    half_fitted = bound("half-fitted", FITTED, exceeding(0.5))
    half_certain = bound("half-certain", CERTAIN, exceeding(0.5))
    return [
        Scenario(fitted, edge, LOOP, looped(one)),
        Scenario(fitted, f"{edge}, 4 cases", LOOP, looped(four)),
        Scenario(certain, "equal to its limit, noise, 16 trials", LOOP, looped(noise)),
        Scenario(fitted, half, LOOP, looped(half_fitted), level=None, miss=MISS),
        Scenario(certain, half, LOOP, looped(half_certain), level=None, miss=MISS),
    ]


def frequency(probability: float, at_least: bool, attempts: int = 0) -> Toy:
    """A toy whose event has exactly the probability claimed; one a trial, or so many attempts in each."""
    name = f"frequency-{probability:g}-{at_least}-{attempts}"
    claim = Frequency("event", "as often as claimed", "y", lambda point: probability, at_least)
    if not attempts:
        return Toy(name, claim, event(probability), trials=4)
    counted = Frequency("hits", claim.text, "hits", claim.probability, at_least, "attempts")
    return Toy(name, counted, successes(probability, attempts), trials=1)


def frequencies() -> list[Scenario]:
    """Events exactly as probable as claimed."""
    looks = [(0.9, True, 20), (0.1, False, 20), (0.5, True, 1000), (0.01, False, 300)]
    loops = [(0.9, True, 0), (0.1, False, 0), (0.5, True, 1000), (0.01, False, 300)]
    return [*(_frequency(*one, LOOK) for one in looks), *(_frequency(*one, LOOP) for one in loops)]


def _frequency(p: float, at_least: bool, attempts: int, how: str) -> Scenario:
    side = "at least" if at_least else "at most"
    words = f"{attempts} attempts in a trial" if attempts else "one a trial"
    judge = looped if how is LOOP else looked
    return Scenario(
        "Frequency",
        f"probability {p:g} as claimed ({side}), {words}",
        how,
        judge(frequency(p, at_least, attempts)),
        miss=MISS if how is LOOP else None,
        share=1.0 if how is LOOK else SHORT if attempts else SHORTER,
    )


def scaling(
    name: str, residual: Residual, sizes: tuple[float, ...] = FIVE, trials: int = 4, two_sided: bool = False
) -> Toy:
    """A toy at the claimed exponent plus its allowance (minus it where the claim is two-sided)."""
    claim = EXPONENT if two_sided else UPPER_EXPONENT
    edge = claim.exponent + (-claim.allowance if two_sided else claim.allowance)
    return Toy(f"scaling-{name}", claim, power_law(edge, residual), sizes, trials, draws=2)


def scalings() -> list[Scenario]:
    """Exponents at the edge of the allowance, under several kinds of noise."""
    rows = [
        ("noise 0.1, 2 trials a size", scaling("small", normal(0.1), trials=2), LOOK),
        ("noise 1, 4 trials a size", scaling("large", normal(1.0)), LOOK),
        ("two-sided, noise 0.3, 9 sizes, 4 trials", scaling("nine", normal(0.3), NINE, two_sided=True), LOOK),
        ("heavy tails (Student, 3 degrees), 4 trials", scaling("heavy", heavy(0.2)), LOOK),
        ("noise 0.5 / size, 4 trials", scaling("shrinking", shrinking(0.5, 1.0)), LOOK),
        ("skewed alike (exponential), 4 trials", scaling("skewed", skewed(0.3)), LOOK),
        ("noise 0.3, from 2 trials a size", scaling("loop", normal(0.3), trials=2), LOOP),
    ]
    return [_scaling(law, toy, how) for law, toy, how in rows]


def _scaling(law: str, toy: Toy, how: str) -> Scenario:
    if how is LOOP:
        return Scenario("Scaling", f"{EDGE}, {law}", how, looped(toy), miss=MISS, share=SHORTEST)
    return Scenario("Scaling", f"{EDGE}, {law}", how, looked(toy), miss=MISS / LOOKS, share=SHORT)


def all_nulls() -> list[Scenario]:
    """Every scenario of the three kinds of claim."""
    return [*bounds(), *frequencies(), *scalings()]
