"""Algorithm 3's runs: the transcription, the printed loop, the ablation, what is measured of them, and the errata."""

from dataclasses import replace

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.registry import Registry
from fsrcheck.runs.checking import check
from fsrcheck.statement import Paper
from fsrcheck.training.super_resolution import CONSTANT
from lemmas.fsr.algorithm_3 import STATEMENT
from lemmas.fsr.algorithm_3_claims import ALIKE, CASES
from lemmas.fsr.algorithm_3_errata import DECAY, generator_objective, raised_level, unbounded_maximum, wrong_level
from lemmas.fsr.algorithm_3_parameters import COMPARE, FAKES, GENERATOR_LAST, LATE_RAISE, PRINTED, Parameters
from lemmas.fsr.algorithm_3_printed import printed_loop
from lemmas.fsr.algorithm_3_runs import End, run
from lemmas.fsr.super_resolution_runs import build

OTHER = replace(
    ALIKE,
    family="paper_example",
    num_channels=8,
    num_parents=1,
    num_patches=1,
    num_steps=2,
    inner_steps=3,
    raised_by=3.0,
)
LOOP, COARSE, FINE = CASES[2:5]
ONE_ARM = {"second_arm": False, "evaluation_samples": 8192}


def values(parameters, seeds=(7, 8)):
    return [{k: v.value for k, v in each.measurements.items()} for each in run(parameters, list(seeds), "cpu")]


@pytest.mark.parametrize("parameters", [*CASES[:2], OTHER, replace(OTHER, lower_error=0.2, printed_signs=True)])
def test_the_batched_loop_and_the_transcription_agree(parameters):
    for found in values(parameters):
        assert found["distance"] < 1e-9
        assert found["moved"] > 0.1


@pytest.mark.parametrize("fault", [LATE_RAISE, GENERATOR_LAST])
def test_what_is_broken_in_the_transcription_is_seen(fault):
    assert min(found["distance"] for found in values(replace(ALIKE, fault=fault))) > 1e-3


def test_the_loop_trains_each_channel_once_and_raises_it_before_the_next():
    parameters = replace(ALIKE, num_steps=1, inner_steps=1, step_share=1e-6, decay=0.0, raised_by=2.0)
    generator, discriminator = printed_loop(parameters, build(parameters, [3], "cpu"))
    assert (generator[..., -1] - 2 * parameters.b).abs().max() < 1e-4
    assert discriminator[..., -1].abs().max() < 1e-4
    assert torch.allclose(generator[..., :4], torch.eye(4, dtype=torch.float64).expand(2, -1, -1), atol=1e-4)


def test_the_printed_loop_reaches_seven_b():
    for found in values(LOOP):
        assert found["tail"] <= found["largest"] < 7
        assert found["alive"] > 0.8


def test_with_and_without_fakes_the_discriminator_is_the_same_and_without_a_generator_it_is_not():
    parameters = replace(COARSE, evaluation_samples=8192)
    for found in values(parameters):
        assert max(found["tail"], found["tail_without"], found["apart"]) < 4
        assert max(found["discriminator_tail"], found["discriminator_tail_without"]) < 2.5
    for found in values(replace(parameters, inner_steps=0)):
        assert found["discriminator_tail"] > 20 > 2.5 > found["discriminator_tail_without"]
        assert found["apart"] > 20


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"printed_signs": True, "decay": 0.1}, "weight"),
        ({"rule": CONSTANT, "dictionary_error": 1e-3}, "tail"),
    ],
)
def test_what_is_broken_in_the_working_form_is_seen(changes, name):
    assert min(found[name] for found in values(replace(COARSE, num_steps=500, **ONE_ARM, **changes))) > 10


def test_line_6_kills_neurons_where_b_is_large():
    for error, low, high in ((1e-3, 0.9, 1.0), (0.06, 0.0, 0.2)):
        for found in values(replace(FINE, dictionary_error=error, **ONE_ARM), (7,)):
            assert low < found["alive_raised"] < high


def test_a_faster_generator_leaves_less_of_the_fakes():
    slow, middle, fast = (
        max(found["fake_half"] for found in values(replace(CASES[-1], inner_steps=n))) for n in (1, 4, 12)
    )
    assert slow > 0.8 > middle > fast


def test_a_trial_is_a_function_of_its_seed_alone():
    for parameters in (
        ALIKE,
        replace(LOOP, num_steps=5),
        replace(COARSE, num_steps=10),
        replace(CASES[-1], num_steps=5),
    ):
        together, alone = values(parameters, (3, 4, 5))[1], values(parameters, (4,))[0]
        assert together.keys() == alone.keys()
        for name in alone.keys() - {"distance"}:
            assert together[name] == pytest.approx(alone[name], rel=1e-7, abs=1e-9), name


def test_errors_are_in_units_of_b_and_rates_those_of_the_linear_part():
    parameters = replace(COARSE, evaluation_samples=4)
    leak, zeros = torch.full((1, 1, 1), 0.1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    end = End(parameters, leak, zeros)
    linear = torch.tensor([-1.0, 0.2, 0.9, 2.0], dtype=torch.float64)[None, :, None]
    target = torch.tensor([0.0, 0.0, 1.0, 2.0], dtype=torch.float64)[None, :, None]
    end.add(linear, target)
    half = 0.9 * 0.005  # what the LeakyReLU loses above its width b/10, b = 0.1
    errors = [1.0, (0.2 - half) / 0.1, (0.1 + half) / 0.1, half / 0.1]
    assert float(end.tail.largest) == pytest.approx(max(errors))
    assert float(end.rms) == pytest.approx((sum(e**2 for e in errors) / 4) ** 0.5)
    assert [float(x) for x in (end.fires, end.fires_raised, end.wanted)] == [3.0, 2.0, 2.0]


def test_the_errata_are_computed_and_contradict():
    assert unbounded_maximum().contradicts
    assert wrong_level().contradicts
    refuting = [erratum for erratum in STATEMENT.errata if erratum.refutes]
    assert all(erratum.counterexample().contradicts for erratum in refuting)


def test_with_the_other_sign_the_maximum_is_bounded_and_a_rise_of_the_level_itself_is_one_sided():
    plain, size = generator_objective(1.0, sign=-1.0)
    assert plain == pytest.approx(-DECAY * size)
    assert all(generator_objective(scale, sign=-1.0)[0] < plain for scale in (2.0, 10.0, 1000.0))
    assert generator_objective(1.0)[0] < generator_objective(1000.0)[0]
    assert raised_level(2) <= 0 < raised_level(1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "nothing"}, "task must be one of compare, printed, working, fakes, got 'nothing'"),
        ({"fault": "mine"}, "fault must be one of"),
        ({"inner_steps": -1}, r"inner_steps must be in \[0, 10000\], got -1"),
        ({"task": COMPARE, "inner_steps": 0}, "inner_steps must be at least 1 in the printed loop, got 0"),
        ({"task": PRINTED, "inner_steps": 0}, "inner_steps must be at least 1 in the printed loop, got 0"),
        ({"raised_by": -1.0}, r"raised_by must be in \[0, 1000\], got -1\.0"),
        ({"task": FAKES, "dictionary_error": 0.0}, r"dictionary_error must be in \[1e-09, 1\], got 0\.0"),
    ],
)
def test_parameters_that_no_run_can_have_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        Parameters(**changes)


def test_the_fakes_are_checked_and_a_slow_generator_is_seen():
    part = replace(
        STATEMENT,
        claims=tuple(claim for claim in STATEMENT.claims if claim.name == "fast generator"),
        controls=tuple(control for control in STATEMENT.controls if control.claim == "fast generator"),
        cases={"quick": CASES[-1:]},
        requires=(),
    )
    found = check(part.id, registry=Registry([Paper("fsr", "", "", (part,))]), seed=1)
    assert found.verdict is Verdict.REPAIRED
    assert [result.judgement.outcome for result in found.controls] == [Outcome.VIOLATED]


def test_every_claim_has_a_control():
    assert {control.claim for control in STATEMENT.controls} == {claim.name for claim in STATEMENT.claims}
