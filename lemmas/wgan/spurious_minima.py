r"""``SpuriousMinimum``: a strict local minimum of Problem 1 that is not global, proved by ball arithmetic; two latents.

With k = 2 the rows are (cos t_i, sin t_i), and Problem 1 is without constraints in the angles:

    g = sum_{i<j} (h(t_i - t_j) - h(t*_i - t*_j))^2,    h(t) = c(cos t),

invariant under one rotation of all rows, the only gauge direction, which t_1 = 0 removes. For a box B around a point m
with centre derivative Y^-1 close to the Hessian there, Krawczyk's operator

    K = m - Y grad g(m) + (I - Y H(B)) (B - m)

inside the interior of B proves that B holds exactly one stationary point (R. Krawczyk, 1969; R. E. Moore, 1977). It is a
strict local minimum on the surface of unit rows modulo rotations if all leading minors of H(B) are positive, and it
is not global if g > 0 on B (at the truth g = 0). A target of angles is one with k_0 = 2, or 1 if all are 0 or half a turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import flint
from flint import arb, arb_mat

from fsrcheck.evidence.boxes import ball
from fsrcheck.evidence.claim import Certificate, Evidence, Judgement, Strength
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.rationals import exact
from lemmas.wgan.angle_kernels import AngleKernel

COLUMNS = ("activation", "target", "minimum", "leading minors", "g", "distance of Z from Z*")


@dataclass(frozen=True)
class Found:
    """What is enclosed on the box.

    Attributes:
        outcome, message: of the proof.
        minors: the leading minors of the Hessian.
        value: g on the box.
        distance: ||Z - Z*||_F on the box.
    """

    outcome: Outcome
    message: str
    minors: tuple[arb, ...]
    value: arb
    distance: arb


@dataclass(frozen=True)
class SpuriousMinimum:
    """Problem 1 with this target has a strict local minimum near these angles that is not global.

    Attributes:
        name, text: see ``Claim``.
        kernel: h.
        target: t*_i in turns, exact; the first one 0.
        angles: t_i in turns near the minimum, exact; the first one 0.
        radius: half the width of the box, in turns.
        precision: of the balls, in bits.
    """

    name: str
    text: str
    kernel: AngleKernel
    target: tuple[str, ...]
    angles: tuple[str, ...]
    radius: str = "0.00001"
    precision: int = 96

    def judge(self, evidence: Evidence) -> Judgement:
        """VIOLATED if the box has no stationary point or one that is certainly no minimum; else INCONCLUSIVE."""
        with flint.ctx.workprec(self.precision):
            found = self.prove()
            row = (
                str(self.kernel),
                ", ".join(self.target),
                ", ".join(self.angles),
                ", ".join(_text(minor) for minor in found.minors),
                _text(found.value),
                _text(found.distance),
            )
        summary = f"a box of half-width {self.radius} turns, balls of {self.precision} bits"
        certificate = Certificate(summary, COLUMNS, (row,))
        kind = type(self).__name__
        return Judgement(
            self.name, kind, self.text, found.outcome, Strength.CERTIFIED, found.message, certificate=certificate
        )

    def prove(self) -> Found:
        """Krawczyk's test, the minors and the value, at the current precision."""
        middle = [_turns(one) for one in self.angles]
        width = _turns(self.radius)
        # The first angle is fixed: that is the gauge.
        box = [middle[0], *(one + arb(0, width.upper()) for one in middle[1:])]
        gradient, hessian = self._gradient(box), self._hessian(box)
        minors = tuple(_leading(hessian, n).det() for n in range(1, len(gradient) + 1))
        outcome, message = self._outcome(middle, box, gradient, hessian, minors)
        value = sum((_square(self._gap(box, i, j)) for i, j in self._pairs()), arb(0))
        if outcome is Outcome.HOLDS and not bool(value > 0):
            outcome, message = Outcome.INCONCLUSIVE, f"g must be positive on the box, got {value}"
        return Found(outcome, message, minors, value, self._distance(box))

    def _outcome(
        self, middle: list[arb], box: list[arb], gradient: list[arb], hessian: arb_mat, minors: tuple[arb, ...]
    ) -> tuple[Outcome, str]:
        for i, part in enumerate(gradient):
            if not part.contains(0):
                return Outcome.VIOLATED, f"no stationary point is near: gradient {part.str(6)} in angle {i + 2}"
        if any(bool(minor < 0) for minor in minors):
            texts = ", ".join(minor.str(6) for minor in minors)
            return Outcome.VIOLATED, f"the Hessian is not positive semidefinite near the point: leading minors {texts}"
        if not all(bool(minor > 0) for minor in minors):
            return Outcome.INCONCLUSIVE, "the signs of the leading minors are not decided on the box"
        if not self._is_contracting(middle, box, hessian):
            return Outcome.INCONCLUSIVE, "Krawczyk's operator does not map the box into itself"
        return Outcome.HOLDS, ""

    def _is_contracting(self, middle: list[arb], box: list[arb], hessian: arb_mat) -> bool:
        size = len(middle) - 1
        inverse = self._hessian(middle).mid().inv().mid()
        identity = arb_mat([[int(i == j) for j in range(size)] for i in range(size)])
        offsets = arb_mat([[one - m] for one, m in zip(box[1:], middle[1:], strict=True)])
        gradient = arb_mat([[part] for part in self._gradient(middle)])
        image = (identity - inverse * hessian) * offsets - inverse * gradient
        radii = [_turns(self.radius).lower()] * size
        return all(bool(abs(image[i, 0]) < radius) for i, radius in enumerate(radii))

    def _pairs(self) -> list[tuple[int, int]]:
        return [(i, j) for j in range(len(self.target)) for i in range(j)]

    def _gap(self, angles: Sequence[arb], i: int, j: int) -> arb:
        wanted = self.kernel.value(ball(2 * (exact(self.target[i]) - exact(self.target[j]))) * arb.pi())
        return self.kernel.value(angles[i] - angles[j]) - wanted

    def _gradient(self, angles: Sequence[arb]) -> list[arb]:
        """Of g in all angles but the first."""
        total = [arb(0) for _ in angles]
        for i, j in self._pairs():
            part = 2 * self._gap(angles, i, j) * self.kernel.slope(angles[i] - angles[j])
            total[i], total[j] = total[i] + part, total[j] - part
        return total[1:]

    def _hessian(self, angles: Sequence[arb]) -> arb_mat:
        """Of g in all angles but the first."""
        total = [[arb(0) for _ in angles] for _ in angles]
        for i, j in self._pairs():
            away = angles[i] - angles[j]
            part = 2 * (_square(self.kernel.slope(away)) + self._gap(angles, i, j) * self.kernel.curvature(away))
            for p, q, sign in ((i, i, 1), (j, j, 1), (i, j, -1), (j, i, -1)):
                total[p][q] += sign * part
        return arb_mat([row[1:] for row in total[1:]])

    def _distance(self, angles: Sequence[arb]) -> arb:
        square = arb(0)
        for i, j in self._pairs():
            wanted = (ball(2 * (exact(self.target[i]) - exact(self.target[j]))) * arb.pi()).cos()
            square += 2 * _square((angles[i] - angles[j]).cos() - wanted)
        return square.sqrt()


def _turns(text: str) -> arb:
    """An exact number of turns, in radians."""
    return 2 * arb.pi() * ball(exact(text))


def _leading(matrix: arb_mat, size: int) -> arb_mat:
    return arb_mat([[matrix[i, j] for j in range(size)] for i in range(size)])


def _square(value: arb) -> arb:
    """As a product: the power of a ball around 0 is not a number."""
    return value * value


def _text(value: arb) -> str:
    return str(value.str(4))
