"""Spurious minima with fewer latents than outputs: the closed form, and what the certificate may and may not certify."""

import math
from pathlib import Path

import flint
import pytest
import torch
from click.testing import CliRunner
from flint import arb

from fsrcheck.evidence.claim import Evidence
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.gaussian.kernels import SIGMOID, SOFTPLUS, TANH, Activation, PiecewiseLinear
from fsrcheck.training.one_layer_wgan import PopulationObjective, correlations
from lemmas.wgan import landscape_map
from lemmas.wgan.angle_kernels import AngleKernel, LeakyAngles, OddAngles
from lemmas.wgan.landscape import copies_needed, flipped, flipped_row, splay, stuck, two_pairs
from lemmas.wgan.setting import Generators
from lemmas.wgan.spurious_minima import SpuriousMinimum

NONE = Evidence(())
LEAKIES = [PiecewiseLinear(slope) for slope in (0.05, 0.2, 0.5, 1.0)]


def _spectrum(activation: Activation, num_latents: int, copies: int) -> tuple[float, torch.Tensor]:
    """The gradient's norm and the Hessian's eigenvalues beside those of normals and rotations, at the flipped row."""
    target, point = flipped_row(num_latents, copies)
    objective = PopulationObjective(activation, correlations(target))
    values = torch.linalg.eigvalsh(objective.hessian(point))
    gauge = len(target) + num_latents * (num_latents - 1) // 2
    order = values.abs().argsort()
    return float(objective.gradient(point).norm()), values[order[gauge:]]


@pytest.mark.parametrize("num_latents", [2, 3, 4])
@pytest.mark.parametrize(
    "activation", [*LEAKIES, TANH, SIGMOID, SOFTPLUS], ids=lambda phi: getattr(phi, "name", repr(phi))
)
def test_a_flipped_row_is_a_strict_minimum_from_the_stated_number_of_copies_on(
    activation: Activation, num_latents: int
) -> None:
    copies = copies_needed(activation)
    gradient, values = _spectrum(activation, num_latents, copies)
    assert gradient < 1e-12
    assert float(values.min()) > 1e-3
    if copies > 1:
        assert float(_spectrum(activation, num_latents, copies - 1)[1].min()) < 1e-9


def test_the_copies_of_leaky_activations_follow_the_closed_form() -> None:
    for activation in LEAKIES:
        assert copies_needed(activation) == math.floor(16 * activation.leak / (1 + activation.leak) ** 2 + 1e-9) + 1
    edge = 7 - 4 * math.sqrt(3)
    assert [copies_needed(PiecewiseLinear(edge + step)) for step in (-1e-3, 1e-3)] == [1, 2]


def test_the_counterexample_is_a_strict_minimum_with_the_value_of_the_closed_form() -> None:
    found = stuck()
    assert found.contradicts
    assert found.actual == pytest.approx(1.2**4 / 4)


@pytest.mark.parametrize(
    ("kernel", "activation", "turns"),
    [
        (LeakyAngles("0.2"), PiecewiseLinear(0.2), ("0.1", "0.2", "0.35", "-0.3", "0.6", "1.3")),
        (OddAngles("tanh"), TANH, ("0.2", "0.35", "-0.3", "1.3")),
        (OddAngles("sigmoid"), SIGMOID, ("0.2", "0.35", "-0.3", "1.3")),
    ],
    ids=["leaky", "tanh", "sigmoid"],
)
def test_balls_enclose_the_kernel_and_its_derivatives_in_the_angle(
    kernel: AngleKernel, activation: Activation, turns: tuple[str, ...]
) -> None:
    for turn in turns:
        angle = 2 * math.pi * float(turn)
        point = torch.cos(torch.tensor(angle, dtype=torch.float64))
        value, rise, bend = (float(activation.kernel(point, order)) for order in (0, 1, 2))
        sine, cosine = math.sin(angle), math.cos(angle)
        expected = (value, -rise * sine, bend * sine**2 - rise * cosine)
        with flint.ctx.workprec(96):
            ball = 2 * arb.pi() * arb(turn)
            found = (kernel.value(ball), kernel.slope(ball), kernel.curvature(ball))
        for enclosure, number in zip(found, expected, strict=True):
            assert abs(float(enclosure.mid()) - number) <= float(enclosure.rad()) + 1e-9
            assert float(enclosure.rad()) < 1e-3


def test_antipodal_rows_have_continuous_derivatives() -> None:
    kernel = LeakyAngles("0.2")
    with flint.ctx.workprec(96):
        assert kernel.slope(arb.pi()).contains(0)
        assert abs(float(kernel.curvature(arb.pi()).mid()) - 0.2) < 1e-9
        near = (arb.pi() + arb(0, "0.001"), arb.pi() + arb("0.0005"), arb.pi() - arb("0.0005"))
        assert kernel.curvature(near[0]).contains(kernel.curvature(near[1]))
        assert kernel.curvature(near[0]).contains(kernel.curvature(near[2]))


def test_the_true_minimum_is_not_certified_as_spurious() -> None:
    angles = ("0", "0.15", "0.4")
    found = SpuriousMinimum("truth", "", LeakyAngles("0.2"), angles, angles).judge(NONE)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "g must be positive" in found.message


def test_a_box_that_holds_the_minimum_off_its_centre_is_certified_and_one_beside_it_is_not() -> None:
    claim = two_pairs()
    assert claim.judge(NONE).outcome is Outcome.HOLDS
    beside = SpuriousMinimum("", "", claim.kernel, claim.target, ("0", "1/2", "0.8107", "0.3107"))
    assert beside.judge(NONE).outcome is Outcome.VIOLATED


def test_a_degenerate_point_is_left_open() -> None:
    identity = SpuriousMinimum("", "", LeakyAngles("1"), ("0", "0", "0"), ("0", "1/3", "2/3"))
    assert identity.judge(NONE).outcome is Outcome.INCONCLUSIVE


def test_the_certified_points_hold() -> None:
    assert flipped("0.07").judge(NONE).outcome is Outcome.HOLDS
    assert splay("sigmoid").judge(NONE).outcome is Outcome.HOLDS


def test_a_search_counts_spurious_ends_and_none_where_the_theorem_applies() -> None:
    found = landscape_map.count(Generators("leaky", 0.01, 4, 2, 2), 60)
    assert 0 < found.spurious < 30
    assert found.strict == found.spurious
    assert found.limits.low < found.spurious / 60 < found.limits.high
    assert landscape_map.count(Generators("leaky", 0.01, 3, 3, 2), 60).spurious == 0


def test_the_map_is_written_with_its_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landscape_map, "ACTIVATIONS", (("leaky", 0.01),))
    monkeypatch.setattr(landscape_map, "SIZES", ((3, 2, 2), (4, 2, 2)))
    monkeypatch.setattr(landscape_map, "PAPERS_SIZES", ((3, 2, 2),))
    monkeypatch.setattr(landscape_map, "DESCENT_STEPS", 5)
    file = tmp_path / "map.md"
    found = CliRunner().invoke(landscape_map.main, ["--pairs", "7", "--out", str(file)])
    assert found.exit_code == 0
    text = file.read_text()
    assert "14 pairs of a random target and a random start" in text
    assert text.count("| leaky ReLU 0.01 | ") == 2
    assert text.count("| tanh | 3 | 2 | 2 | 7 |") == 1
    assert "{" not in text
