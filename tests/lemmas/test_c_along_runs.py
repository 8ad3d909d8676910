"""What Claims C.7-C.9, C.13, C.15 and C.17 say along runs is measured by the right formulas, and can be violated."""

from dataclasses import replace

import pytest
import torch

from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.evidence.trial import Measurement
from fsrcheck.registry import Registry
from fsrcheck.runs.checking import check
from fsrcheck.statement import Paper
from lemmas.fsr import c7_self_regularization, c8_descent, c15_hessian_update, c17_descent
from lemmas.fsr import c_along_marginals as marginals
from lemmas.fsr import c_along_pairs as pairs
from lemmas.fsr.marginal_descents import WORKING
from lemmas.fsr.marginal_descents import Parameters as MarginalParameters
from lemmas.fsr.marginal_descents import make_run as marginal_run
from lemmas.fsr.pair_descents import PLAIN, RANDOM_ROWS, SEARCH
from lemmas.fsr.pair_descents import Parameters as PairParameters
from lemmas.fsr.pair_descents import make_run as pair_run
from lemmas.fsr.pair_objective import least_curvature, objective

SEEDS = [3, 4]
CHANNELS = MarginalParameters(num_channels=8, expected_active=1.0, start_rate=1.2, start_scale=2.0, num_steps=30)
NEURONS = PairParameters(num_channels=4, poly=1.0, num_steps=5)
NEAR_BARRIER = {"barrier": 4.0, "tau": 0.9}  # felt at small correlations
DEDUCED = (
    c7_self_regularization.STATEMENT,
    *c8_descent.STATEMENTS,
    c17_descent.CLAIM_13,
    c15_hessian_update.STATEMENT,
    c17_descent.CLAIM_17,
)
MEASURED = (*marginals.STATEMENTS, *pairs.STATEMENTS)


@pytest.fixture(scope="module")
def channels():
    return marginal_run(CHANNELS, SEEDS, "cpu")


@pytest.fixture(scope="module")
def neurons():
    return pair_run(NEURONS, SEEDS, "cpu")


def values(found, name):
    return [observation.measurements[name].value for observation in found]


@pytest.mark.parametrize(("value", "use"), [(1.5, 0.75), (1.0, 1.0), (2.0, 1.0), (3.0, 1.5), (0.5, 2.0), (-1.5, None)])
def test_a_value_uses_at_most_one_of_its_bounds_if_it_is_between_them(value, use):
    found = marginals.between(*(torch.tensor([v], dtype=torch.float64) for v in (value, 1.0, 2.0)))
    assert float(found) == (float("inf") if use is None else pytest.approx(use))


def test_the_gradient_that_descends_is_that_of_the_printed_objective(channels):
    state = channels.states[5:6].clone().requires_grad_()
    (slope,) = torch.autograd.grad(channels.objective(state).sum(), state)
    torch.testing.assert_close(channels.gradient(channels.states[5:6]), slope)
    (alpha, beta), target = channels.states[5, 1, 2].tolist(), tuple(channels.target[1, 2].tolist())
    by_hand = c8_descent.objective(alpha, beta, CHANNELS.cutoff, target, CHANNELS.weight**2)
    assert float(channels.objective(channels.states)[5, 1, 2]) == pytest.approx(by_hand)


def test_plain_descent_takes_the_same_step_from_every_state(channels):
    before, after = channels.states[:-1], channels.states[1:]
    torch.testing.assert_close(before - channels.largest_step[..., None] * channels.gradient(before), after)


@pytest.mark.parametrize("form", [PLAIN, WORKING])
def test_a_run_of_d4_alone_is_the_run_in_its_batch(form):
    parameters = replace(CHANNELS, form=form, weight=2.0)
    both, alone = (marginals.updated(parameters, seeds, "cpu") for seeds in (SEEDS, SEEDS[1:]))
    assert both[1] == alone[0]


def test_a_run_of_d5_alone_is_the_run_in_its_batch():
    both, alone = (pairs.moved(NEURONS, seeds, "cpu") for seeds in (SEEDS, SEEDS[1:]))
    for name in ("derivative", "moves"):
        assert values(both, name)[1] == pytest.approx(values(alone, name)[0], rel=1e-6)
    assert both[1].counts == alone[0].counts


def test_the_rates_of_both_updates_are_the_derivatives_of_the_logarithms(channels):
    states = channels.states[::10]
    step = torch.zeros((), dtype=torch.float64, requires_grad=True)
    for found, beta_moves in zip(marginals.rates_of(channels, states, CHANNELS.cutoff), (1.0, 0.0), strict=True):
        moving = states * torch.stack([1 + step, 1 + beta_moves * step])
        logs = channels.moments(moving).log()
        for index in ((0, 0, 0, 0), (1, 1, 3, 1), (2, 0, 5, 0)):
            (slope,) = torch.autograd.grad(logs[index], step, retain_graph=True)
            assert float(slope) == pytest.approx(float(found[index]), rel=1e-9)


def test_other_parameters_than_the_moments_say_are_seen(channels):
    moments = channels.moments(channels.states)
    assert float(marginals.channel_use(channels, moments, CHANNELS.cutoff).max()) < 1
    for factor in ((1.4, 1.4), (1.0, 0.9), (1.0, 1.2)):
        other = replace(channels, states=channels.states * torch.tensor(factor, dtype=torch.float64))
        assert not float(marginals.channel_use(other, moments, CHANNELS.cutoff).max()) <= 1


def test_moments_beyond_their_range_are_seen_and_those_at_its_ends_use_all_of_it(channels):
    low, high = marginals.moment_ranges(channels, channels.moments(channels.states)[0], CHANNELS)
    start = channels.moments(channels.states)[0] / channels.wanted - 1
    value = channels.objective(channels.states)[0]
    for excess, weight in ((high - 1, 1.0), (1 - low, CHANNELS.weight**2)):
        torch.testing.assert_close(weight * (excess * channels.wanted).square(), value[..., None].expand_as(start))


def test_a_state_outside_of_the_region_decides_nothing(channels):
    lower = replace(channels, states=channels.states * torch.tensor([1.0, 0.5], dtype=torch.float64))
    assert bool(marginals.channel_use(lower, lower.moments(lower.states), CHANNELS.cutoff).isnan().any())
    assert not bool(marginals.in_region(lower, lower.states, CHANNELS.cutoff).all())
    assert bool(marginals.in_region(channels, channels.states, CHANNELS.cutoff).all())


def test_an_objective_that_never_falls_below_the_floor_promises_no_number_of_steps():
    objective = torch.tensor([[[8.0]], [[4.0]], [[2.0]]], dtype=torch.float64)
    share = torch.full_like(objective, 0.5)
    assert bool(marginals.rounds_use(objective, share, 1.5).isnan())
    assert float(marginals.rounds_use(objective, share, 3.0)) == pytest.approx(2 / (1 + torch.tensor(8 / 3).log2()))


def test_the_objective_of_a_run_is_that_of_the_pairs(neurons):
    found = pairs.kept(replace(NEURONS, form=PLAIN), SEEDS, "cpu")
    start = objective(neurons.rows[0], neurons.instance(neurons.rows[0]), neurons.weights)
    expected = 4 * NEURONS.expected_active**2 / NEURONS.b / start - 1
    assert [o.premises["start"] for o in found] == pytest.approx(expected.tolist(), rel=1e-9)


def test_plain_descent_lowers_the_objective_and_every_step_follows_its_gradient():
    run = pair_run(replace(NEURONS, form=PLAIN, **NEAR_BARRIER), SEEDS, "cpu")
    value = torch.stack([objective(rows, run.instance(rows), run.weights) for rows in run.rows])
    assert bool((value.diff(dim=0) < 0).all())
    for before, after in zip(run.rows[:-1], run.rows[1:], strict=True):
        rows = before.clone().requires_grad_()
        (slope,) = torch.autograd.grad(objective(rows, run.instance(rows), run.weights).sum(), rows)
        aside = after - (after * before).sum(dim=-1, keepdim=True) * before
        torch.testing.assert_close(aside / aside.norm(dim=-1, keepdim=True), -slope / slope.norm(dim=-1, keepdim=True))


def test_the_hessian_of_a_batch_is_that_of_each_of_its_members(neurons):
    points = neurons.channels.scales[..., None] * neurons.rows[2]
    near = replace(neurons.weights, steepness=NEAR_BARRIER["barrier"], tau=NEAR_BARRIER["tau"])
    found = least_curvature(neurons.instance(points), near)
    one = replace(neurons.instance(points), learner=points[1], thresholds=neurons.heights[1], wanted=neurons.wanted[1])
    weights = replace(near, weight=neurons.weights.weight[1])
    shape = points[1].shape
    hessian = torch.autograd.functional.hessian(
        lambda flat: objective(flat.view(shape), one, weights), points[1].flatten()
    )
    assert float(found[1]) == pytest.approx(float(torch.linalg.eigvalsh(hessian)[0]), rel=1e-8)


@pytest.fixture(scope="module")
def path(neurons):
    return pairs.Path(neurons, neurons.rows[list(pairs.LOOKS)], NEURONS)


@pytest.mark.parametrize("factor", [1.01, 0.99])
def test_another_slope_than_the_exact_one_is_seen(path, factor):
    moving = (path.rho - path.run.wanted).abs() >= pairs.RESOLVED
    assert float(path.quotient_use()[moving].max()) < 1
    both, path.both = path.both, [factor * path.both[0], path.both[1]]
    try:
        assert float(path.quotient_use()[moving].max()) > 1
    finally:
        path.both = both


def test_a_pair_that_moves_too_slowly_or_away_is_seen(path):
    moving = (path.rho - path.run.wanted).abs() >= pairs.RESOLVED
    assert 0.99 < float(path.move_use(0.3)[moving].max()) < 1
    end, now = path.end, path.now
    try:
        for factor in (2.0, -1.0):  # the target twice as far, or on the other side
            path.end = now + factor * (end - now)
            assert float(path.move_use(0.3)[moving].max()) > 1
    finally:
        path.end = end


@pytest.mark.parametrize(("deduced", "measured"), list(zip(DEDUCED, MEASURED, strict=True)), ids=lambda s: s.id)
def test_runs_are_added_to_what_was_deduced_and_do_not_change_what_is_expected(deduced, measured):
    assert measured.expected is deduced.expected
    assert measured.is_deduced
    names = [claim.name for claim in measured.claims]
    assert names[: len(deduced.claims)] == [claim.name for claim in deduced.claims]
    new = measured.claims[len(deduced.claims) :]
    assert new
    assert all(claim.corroborates for claim in new)
    assert {control.claim for control in measured.controls} & {claim.name for claim in new}


@pytest.mark.parametrize(("part", "name"), [(SEARCH, "tightness"), (RANDOM_ROWS, "curvature")])
def test_what_was_measured_before_is_still_measured(part, name):
    statement = MEASURED[4 if part == SEARCH else 5]
    (case,) = [case for case in statement.cases["quick"] if case.part == part]
    assert next(iter(statement.run(case, [1], "cpu")[0].measurements)) == name


def spoiled(statement, change):
    """The verdict when every observation of a run is changed."""

    def run(parameters, seeds, device):
        return [change(observation) for observation in statement.run(parameters, seeds, device)]

    broken = replace(statement, run=run, controls=statement.controls[:1])
    return check(statement.id, registry=Registry([Paper("fsr", "", "", (broken,))]), seed=1)


def test_one_violated_run_outweighs_every_proof():
    beyond = {"updates": Measurement(1.1), "rates along runs": Measurement(0.9)}
    result = spoiled(MEASURED[1], lambda o: replace(o, measurements=beyond))
    assert result.verdict is Verdict.VIOLATED
    untouched = spoiled(MEASURED[1], lambda o: o)
    assert untouched.verdict is Verdict.CERTIFIED


def test_a_premise_that_fails_on_an_instance_is_no_support_for_a_proof():
    result = spoiled(MEASURED[1], lambda o: replace(o, premises={**o.premises, "pair_probability": -0.1}))
    assert result.judgements[-1].outcome is Outcome.INAPPLICABLE
    assert result.verdict is Verdict.INCONCLUSIVE
