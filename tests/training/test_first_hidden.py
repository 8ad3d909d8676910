"""Algorithm 2 in its working form: what it recovers at W = W*, by a second method, and its symmetries."""

from dataclasses import replace

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from scipy.optimize import brentq, root
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian import inverse_tail, relu_mean, tail
from fsrcheck.gaussian.bivariate import relu_product_mean, upper_orthant
from fsrcheck.model.discriminators import PairwiseDiscriminator, correlation_barrier
from fsrcheck.model.families import scattered_correlations
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.first_hidden import (
    Channels,
    FirstHiddenOracle,
    FirstHiddenSettings,
    learn_correlations,
    learn_first_hidden,
    learn_marginals,
    pair_indices,
    starting_channels,
)
from fsrcheck.training.first_hidden_oracles import ExactDictionary, FirstLevelLaw, LearnedDictionary

SETTINGS = FirstHiddenSettings(initial_rate=0.25)


def random_law(seeds: list[int], num_channels: int, num_patches: int, contrast: float = 0.3) -> FirstLevelLaw:
    """Channels of different rates and scales, all correlated."""
    target = scattered_correlations(num_channels, 0.12 * num_channels, seeds=seeds, num_patches=num_patches)
    plain = FirstLevelLaw.of(target.first)
    factors = (contrast * standard_normal(streams(seeds, "contrast"), (2, *plain.channels.scales.shape[1:]))).exp()
    scales = plain.channels.scales * factors[:, 0]
    heights = plain.channels.thresholds / plain.channels.scales * factors[:, 1].clamp(0.6, 1.8)
    return FirstLevelLaw(Channels(scales, scales * heights), plain.correlations, num_patches)


def cutoffs(batch: int, value: float) -> Tensor:
    return torch.full((batch,), value, dtype=torch.float64)


def gram(directions: Tensor | None) -> Tensor:
    assert directions is not None
    return directions @ directions.mT


def part(law: FirstLevelLaw, rows: slice) -> FirstLevelLaw:
    channels = Channels(law.channels.scales[rows], law.channels.thresholds[rows])
    return FirstLevelLaw(channels, law.correlations[rows], law.num_patches)


def learned_through(law: FirstLevelLaw, seeds: list[int], cutoff: Tensor) -> LearnedDictionary:
    """An oracle with W off by some b/12."""
    size = law.channels.scales.shape[1] // law.num_patches
    atoms = scattered_correlations(size, 0.12 * size, seeds=seeds, num_patches=law.num_patches).first.dictionary
    beside = standard_normal(streams(seeds, "tilt"), atoms.shape[1:])
    moved = atoms + cutoff[:, None, None, None] / 12 * beside / beside.norm(dim=-2, keepdim=True)
    moved = moved / moved.norm(dim=-2, keepdim=True)
    return LearnedDictionary(law, atoms, moved, cutoff, seeds=seeds, num_samples=700)


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    num_channels=st.integers(2, 10),
    num_patches=st.integers(1, 3),
    cutoff=st.sampled_from([1e-6, 1e-2, 0.1, 0.5]),
    scale=st.floats(0.5, 3.0),
)
def test_the_target_is_recovered(seed: int, num_channels: int, num_patches: int, cutoff: float, scale: float) -> None:
    law = random_law([seed, seed + 1], num_channels, num_patches)
    oracle = ExactDictionary(law, cutoffs(2, cutoff))
    marginals, pairs = learn_first_hidden(oracle, replace(SETTINGS, initial_scale=scale, max_marginal_steps=600))
    torch.testing.assert_close(marginals.channels.scales, law.channels.scales, rtol=1e-9, atol=0)
    torch.testing.assert_close(marginals.channels.thresholds, law.channels.thresholds, rtol=0, atol=1e-9)
    torch.testing.assert_close(gram(pairs.directions), law.correlations, rtol=0, atol=1e-9)
    assert pairs.channels is marginals.channels
    assert float(torch.maximum(marginals.residual, pairs.residual).max()) <= SETTINGS.tolerance
    assert int(marginals.steps.max()) < 500
    assert int(pairs.steps.max()) < 300


def test_alpha_and_beta_are_those_of_a_root_finder_and_a_correlation_that_of_bisection() -> None:
    law, b = random_law([8], 3, 1), 0.05
    oracle = ExactDictionary(law, cutoffs(1, b))
    marginals, pairs = learn_first_hidden(oracle, SETTINGS)
    for r in range(3):
        x, y = float(oracle.target_means[0, r]), float(oracle.target_rates[0, r])

        def gaps(point: list[float], x: float = x, y: float = y) -> list[float]:
            alpha, beta = point
            return [
                alpha * float(relu_mean((beta + 2 * b) / alpha)) / x - 1,
                float(tail(torch.tensor((beta + b) / alpha).double())) / y - 1,
            ]

        found = root(gaps, [1.5, 1.5], tol=1e-13)
        assert found.success
        assert found.x[0] == pytest.approx(float(marginals.channels.scales[0, r]), rel=1e-9)
        assert found.x[1] == pytest.approx(float(marginals.channels.thresholds[0, r]), rel=1e-9)
    scale, height = law.channels.scales[0], (law.channels.thresholds + b)[0] / law.channels.scales[0]
    for pair, (i, j) in enumerate(zip(*pair_indices(3), strict=True)):
        wanted = float(oracle.target_pairs[0, pair] / (scale[i] * scale[j]))

        def gap(c: float, i: Tensor = i, j: Tensor = j, wanted: float = wanted) -> float:
            return float(relu_product_mean(height[i], height[j], c)) - wanted

        rho = brentq(gap, -0.9, 0.9, xtol=1e-14)
        assert float(gram(pairs.directions)[0, i, j]) == pytest.approx(rho, abs=1e-9)


@pytest.mark.parametrize("through", ["W*", "W"])
def test_a_batch_equals_a_loop(through: str) -> None:
    # instances that need different numbers of steps and of refreshes, and some that run out of steps
    seeds, cutoff = [3, 4, 5, 6], torch.tensor([0.01, 0.3, 0.1, 1e-4], dtype=torch.float64)
    law = random_law(seeds, 5, 2)
    short = replace(SETTINGS, tolerance=1e-9, max_marginal_steps=117, max_pair_steps=50, max_refreshes=6)

    def oracle(rows: slice) -> FirstHiddenOracle:
        one = part(law, rows)
        return (
            ExactDictionary(one, cutoff[rows]) if through == "W*" else learned_through(one, seeds[rows], cutoff[rows])
        )

    for chosen in (short, replace(short, max_marginal_steps=400, max_pair_steps=400)):
        together = learn_first_hidden(oracle(slice(0, 4)), chosen)
        for i in range(4):
            alone = learn_first_hidden(oracle(slice(i, i + 1)), chosen)
            for whole, one in zip(together, alone, strict=True):
                assert int(whole.steps[i]) == int(one.steps[0])
                assert float(whole.residual[i]) == pytest.approx(float(one.residual[0]), rel=1e-3, abs=1e-12)
                torch.testing.assert_close(whole.channels.scales[i], one.channels.scales[0], rtol=1e-9, atol=0)
                torch.testing.assert_close(whole.channels.thresholds[i], one.channels.thresholds[0], rtol=1e-9, atol=0)
            torch.testing.assert_close(
                gram(together[1].directions)[i], gram(alone[1].directions)[0], rtol=1e-9, atol=1e-11
            )
        for whole in together:  # in ``short``, one is through and the others are stopped
            assert len(set(whole.steps.tolist())) > 1


def test_refreshes_go_on_until_nothing_moves() -> None:
    law, cutoff = random_law([1, 2], 5, 2), cutoffs(2, 0.2)
    oracle = learned_through(law, [1, 2], cutoff)
    chosen = replace(SETTINGS, tolerance=1e-10, max_marginal_steps=1000, max_refreshes=50)
    marginals, pairs = learn_first_hidden(oracle, chosen)
    channels, correlations = marginals.channels, gram(pairs.directions)
    factors = oracle.marginal_factors(channels)
    for wanted, found, factor in zip(
        (oracle.target_means, oracle.target_rates),
        (channels.means(cutoff), channels.rates(cutoff)),
        factors,
        strict=True,
    ):
        torch.testing.assert_close(found * factor.exp(), wanted, rtol=1e-9, atol=0)
    plain = FirstLevelLaw(channels, correlations, 2).pair_moments(cutoff)
    torch.testing.assert_close(plain + oracle.pair_excess(channels, correlations), oracle.target_pairs)
    once = learn_marginals(oracle, replace(chosen, max_refreshes=1))
    assert float((once.channels.scales - channels.scales).abs().max()) > 1e-6


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_permuting_channels_or_patches_permutes_the_answer(seed: int, data: st.DataObject) -> None:
    law, channels = random_law([seed], 4, 3), 4
    patches = data.draw(st.permutations(range(3)))
    order = torch.tensor([p * channels + c for p in patches for c in data.draw(st.permutations(range(channels)))])
    moved = FirstLevelLaw(
        Channels(law.channels.scales[:, order], law.channels.thresholds[:, order]),
        law.correlations[:, order][:, :, order],
        3,
    )
    # not at the end, where the answer is the target's in any order
    short = replace(SETTINGS, max_marginal_steps=30, max_pair_steps=5, max_refreshes=1)
    plain, permuted = (learn_first_hidden(ExactDictionary(each, cutoffs(1, 0.1)), short) for each in (law, moved))
    torch.testing.assert_close(permuted[0].channels.scales, plain[0].channels.scales[:, order], rtol=1e-11, atol=0)
    wanted = gram(plain[1].directions)[:, order][:, :, order]
    torch.testing.assert_close(gram(permuted[1].directions), wanted, rtol=0, atol=1e-11)
    assert float((wanted - law.correlations[:, order][:, :, order]).abs().max()) > 1e-3


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), factor=st.floats(0.05, 20.0))
def test_scaling_the_codes_scales_alpha_and_beta(seed: int, factor: float) -> None:
    law = random_law([seed], 5, 2)
    scaled = FirstLevelLaw(
        Channels(factor * law.channels.scales, factor * law.channels.thresholds), law.correlations, 2
    )
    short = replace(SETTINGS, max_marginal_steps=40, max_pair_steps=6, max_refreshes=1)
    plain = learn_first_hidden(ExactDictionary(law, cutoffs(1, 0.1)), short)
    other = learn_first_hidden(
        ExactDictionary(scaled, cutoffs(1, factor * 0.1)), replace(short, initial_scale=factor * short.initial_scale)
    )
    for name in ("scales", "thresholds"):
        found, wanted = getattr(other[0].channels, name), factor * getattr(plain[0].channels, name)
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9 * factor)
    torch.testing.assert_close(gram(other[1].directions), gram(plain[1].directions), rtol=0, atol=1e-10)


def test_a_step_goes_down_the_gradient_of_the_log_sum_exp() -> None:
    law, cutoff = random_law([7, 8], 4, 2), cutoffs(2, 0.1)
    oracle, channels = ExactDictionary(law, cutoff), law.channels
    noise = 0.02 * standard_normal(streams([7, 8], "rows"), (8, 8))
    rows = torch.linalg.cholesky(law.correlations) + noise
    rows = rows / rows.norm(dim=-1, keepdim=True)
    found = learn_correlations(oracle, channels, replace(SETTINGS, max_pair_steps=1, max_refreshes=1), start=rows)
    assert found.directions is not None

    first, second = pair_indices(8)
    heights = (channels.thresholds + cutoff[:, None]) / channels.scales
    at, scale = (heights[:, first], heights[:, second]), channels.scales[:, first] * channels.scales[:, second]
    start = (rows @ rows.mT)[:, first, second]
    slopes = scale * upper_orthant(*at, start)
    apart = ((scale * relu_product_mean(*at, start) - oracle.target_pairs) / slopes).abs()
    assert 0.02 < float(apart.max()) < 0.25
    temperature = apart.amax(dim=1, keepdim=True)
    discriminator = PairwiseDiscriminator(torch.eye(1), cutoff, 1.0, 1 / (temperature * slopes))
    variable = rows.clone().requires_grad_()
    correlations = (variable @ variable.mT)[:, first, second]
    gap = oracle.target_pairs - scale * relu_product_mean(*at, correlations)
    weight = len(first) * temperature[:, 0].square()
    objective = weight * discriminator.inner_maximum(gap)
    objective = objective + correlation_barrier(correlations, SETTINGS.barrier, SETTINGS.margin)
    (gradient,) = torch.autograd.grad(objective.sum(), variable)
    largest = torch.linalg.eigvalsh(rows @ rows.mT)[:, -1]
    size = (torch.linalg.eigvalsh(rows @ rows.mT) ** 8).sum(dim=-1) ** (1 / 8)
    assert bool((size >= largest).all())
    wanted = rows - SETTINGS.pair_step / size[:, None, None] * gradient
    wanted = wanted / wanted.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(found.directions, wanted, rtol=0, atol=1e-12)
    assert float((wanted - rows).abs().max()) > 1e-3


def test_a_pair_of_weight_zero_is_left_where_it_is_when_alone() -> None:
    law, cutoff = random_law([9], 2, 1), cutoffs(1, 0.1)
    none = learn_correlations(ExactDictionary(law, cutoff), law.channels, SETTINGS, weights=cutoffs(1, 0.0))
    assert float(gram(none.directions)[0, 0, 1]) == pytest.approx(0.0, abs=1e-15)
    assert int(none.steps) == 0


def test_the_barrier_keeps_correlations_away_from_one() -> None:
    law, cutoff = random_law([9], 2, 1), cutoffs(1, 0.1)
    start = torch.tensor([[[1.0, 0.0], [0.9, (1 - 0.9**2) ** 0.5]]], dtype=torch.float64)
    one = replace(SETTINGS, max_pair_steps=1, max_refreshes=1)
    oracle, still = ExactDictionary(law, cutoff), cutoffs(1, 0.0)
    # with weight 0 nothing but the barrier could move the pair, and then it counts as learned
    assert int(learn_correlations(oracle, law.channels, one, weights=still, start=start).steps) == 0
    moved = [
        float(
            gram(learn_correlations(oracle, law.channels, replace(one, margin=margin), start=start).directions)[0, 0, 1]
        )
        for margin in (0.05, 1e-9)
    ]
    assert moved[0] < moved[1] - 0.02 < moved[1] < 0.9


def test_watchers_see_every_step() -> None:
    law, cutoff = random_law([1, 2], 4, 1), cutoffs(2, 0.1)
    oracle, few = (
        ExactDictionary(law, cutoff),
        replace(SETTINGS, max_marginal_steps=7, max_pair_steps=3, max_refreshes=1),
    )
    marginals = learn_marginals(oracle, few, watch=lambda channels, means, rates: torch.stack([means, rates]))
    assert marginals.watched is not None
    assert marginals.watched.shape == (7, 2, 2, 4)
    start = starting_channels(oracle, few)
    torch.testing.assert_close(marginals.watched[0, 0], (oracle.target_means / start.means(cutoff)).log())
    torch.testing.assert_close(marginals.watched[0, 1], (oracle.target_rates / start.rates(cutoff)).log())
    pairs = learn_correlations(oracle, law.channels, few, watch=lambda rows, gaps: rows)
    assert pairs.watched is not None
    assert pairs.watched.shape == (3, 2, 4, 4)
    assert marginals.steps.tolist() == [7, 7]
    assert learn_marginals(oracle, few).watched is None


def test_neurons_start_alike_at_the_rate_that_is_asked_for() -> None:
    oracle = ExactDictionary(random_law([1], 4, 2), cutoffs(1, 0.1))
    start = starting_channels(oracle, FirstHiddenSettings(initial_rate=0.2, initial_scale=1.7))
    torch.testing.assert_close(start.rates(oracle.cutoff), torch.full((1, 8), 0.2, dtype=torch.float64))
    assert float(start.scales.min()) == float(start.scales.max()) == 1.7
    assert float(start.thresholds[0, 0]) == pytest.approx(1.7 * float(inverse_tail(0.2)) - 0.1)


def test_what_is_no_number_is_infinitely_far_and_leaves_the_others_alone() -> None:
    law = random_law([1, 2], 4, 1)
    oracle = ExactDictionary(law, cutoffs(2, 0.1))
    oracle.target_means[0], oracle.target_pairs[0] = torch.nan, torch.nan
    few = replace(SETTINGS, max_marginal_steps=300, max_pair_steps=300, max_refreshes=2)
    marginals, pairs = learn_first_hidden(oracle, few)
    for found in (marginals, pairs):
        assert found.residual[0] == torch.inf
        assert float(found.residual[1]) <= few.tolerance
    torch.testing.assert_close(gram(pairs.directions)[1], law.correlations[1], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"initial_rate": 0.0}, r"initial_rate must be in \(0, 0\.25\], got 0\.0"),
        ({"initial_rate": 0.3}, r"initial_rate must be in \(0, 0\.25\], got 0\.3"),
        ({"initial_rate": float("nan")}, r"initial_rate must be in \(0, 0\.25\], got nan"),
        ({"initial_scale": 0.0}, r"initial_scale must be positive, got 0\.0"),
        ({"tolerance": -1.0}, r"tolerance must be positive, got -1\.0"),
        ({"barrier": 0.0}, r"barrier must be positive, got 0\.0"),
        ({"margin": float("nan")}, "margin must be positive, got nan"),
        ({"marginal_step": 1.5}, r"marginal_step must be in \[0, 1\], got 1\.5"),
        ({"pair_step": -0.5}, r"pair_step must be in \[0, 1\], got -0\.5"),
        ({"max_refreshes": 0}, "max_refreshes must be at least 1, got 0"),
        ({"max_pair_steps": -1}, "max_pair_steps must be at least 0, got -1"),
        ({"max_marginal_steps": -1}, "max_marginal_steps must be at least 0, got -1"),
    ],
)
def test_settings_that_no_descent_can_have_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        FirstHiddenSettings(**{"initial_rate": 0.2, **changes})
