"""What Algorithm 2 reads through a dictionary: against plain Monte Carlo, closed forms, and its own standard errors."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.gaussian.rectified_sums import RectifiedChannels, moments_above
from fsrcheck.model.families import independent_channels, scattered_correlations
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.model.target import FirstLevel, TargetNetwork
from fsrcheck.training import first_hidden_oracles
from fsrcheck.training.first_hidden import Channels, pair_indices
from fsrcheck.training.first_hidden_noise import marginal_standard_errors, pair_standard_error
from fsrcheck.training.first_hidden_oracles import (
    ExactDictionary,
    FirstLevelLaw,
    LearnedDictionary,
    false_activation_probability,
)

DELTA, RATIO = 1e-3, 12.0


def tilted(atoms: Tensor, delta: float, seeds: list[int]) -> Tensor:
    """Unit columns at about delta from the atoms."""
    beside = standard_normal(streams(seeds, "tilt"), atoms.shape[1:])
    beside = beside - atoms * (beside * atoms).sum(dim=-2, keepdim=True)
    moved = atoms + delta * beside / beside.norm(dim=-2, keepdim=True)
    return moved / moved.norm(dim=-2, keepdim=True)


def uneven(target: TargetNetwork) -> TargetNetwork:
    """The same target with channels of different scales."""
    first = target.first
    factors = torch.linspace(0.8, 1.25, first.thresholds[0].numel(), dtype=torch.float64).view(
        first.thresholds[0].shape
    )
    return TargetNetwork((FirstLevel(first.dictionary, factors[..., None] * first.latent_weights, first.thresholds),))


def entangled(seed: int) -> TargetNetwork:
    """Two patches of four channels with strong correlations of all sizes, and channels of different scales."""
    rows = torch.eye(8, dtype=torch.float64) + 0.8 * standard_normal(streams([seed], "rows"), (8, 8))[0]
    rows = rows / rows.norm(dim=1, keepdim=True) * torch.linspace(0.8, 1.3, 8, dtype=torch.float64)[:, None]
    dictionary = scattered_correlations(4, 1.2, seeds=[seed], num_patches=2).first.dictionary
    thresholds = torch.linspace(0.3, 1.2, 8, dtype=torch.float64).view(1, 2, 4)
    return TargetNetwork((FirstLevel(dictionary, rows.view(1, 2, 4, 8), thresholds),))


def single(law: FirstLevelLaw, i: int) -> FirstLevelLaw:
    """The law of one instance of a batch."""
    channels = Channels(law.channels.scales[i : i + 1], law.channels.thresholds[i : i + 1])
    return FirstLevelLaw(channels, law.correlations[i : i + 1], law.num_patches)


def cutoffs(batch: int, value: float) -> Tensor:
    return torch.full((batch,), value, dtype=torch.float64)


def direct_moments(codes: Tensor, mixing: Tensor, cutoff: float, patches: int) -> tuple[Tensor, Tensor, Tensor]:
    """ReLU(s - 2b), 1{s > b} (sample, neuron) and the products (sample, pair) of s = G S, patch by patch."""
    seen = torch.einsum("spc,prc->spr", codes.unflatten(-1, (patches, -1)), mixing).flatten(1)
    first, second = pair_indices(seen.shape[-1])
    active = (seen - cutoff).clamp(min=0)
    return (seen - 2 * cutoff).clamp(min=0), (seen > cutoff).double(), active[:, first] * active[:, second]


def within_errors(samples: Tensor, wanted: Tensor, limit: float = 5.0) -> None:
    """Means over samples are within ``limit`` standard errors; those of the oracle, on as many samples, are no larger."""
    error = samples.std(dim=0) * (2 / len(samples)) ** 0.5
    assert float(((samples.mean(dim=0) - wanted).abs() / error).max()) < limit


def draw_codes(channels: Channels, correlations: Tensor, count: int, seed: int) -> Tensor:
    normal = standard_normal(streams([seed], "plain"), (count, correlations.shape[-1]))[0]
    mixed = normal @ torch.linalg.cholesky(correlations[0]).mT
    return (channels.scales[0] * mixed - channels.thresholds[0]).clamp(min=0)


def test_moments_are_those_of_plain_monte_carlo() -> None:
    # a coarse dictionary and a small b, so that leaks and false activations count
    target, delta, b, samples = entangled(5), 0.3, 0.2, 200_000
    law, atoms = FirstLevelLaw.of(target.first), target.first.dictionary
    dictionary = tilted(atoms, delta, [5])
    oracle = LearnedDictionary(law, atoms, dictionary, cutoffs(1, b), seeds=[6], num_samples=samples)
    codes = draw_codes(law.channels, law.correlations, samples, 7)
    means, rates, pairs = direct_moments(codes, (dictionary.mT @ atoms)[0], b, 2)
    within_errors(means, oracle.target_means[0])
    within_errors(rates, oracle.target_rates[0])
    within_errors(pairs, oracle.target_pairs[0])
    exact = ExactDictionary(law, cutoffs(1, b))
    noise = means.std(dim=0) / samples**0.5
    assert float(((oracle.target_means - exact.target_means)[0].abs() / noise).max()) > 20  # the leak is seen


def test_the_learners_moments_are_those_of_plain_monte_carlo() -> None:
    target, b, samples = scattered_correlations(4, 1.2, seeds=[5], num_patches=2), 0.2, 200_000
    law, atoms = FirstLevelLaw.of(target.first), target.first.dictionary
    dictionary = tilted(atoms, 0.3, [5])
    oracle = LearnedDictionary(law, atoms, dictionary, cutoffs(1, b), seeds=[6], num_samples=samples)
    channels = Channels(1.2 * law.channels.scales, 0.9 * law.channels.thresholds)
    orthogonal, mixing = torch.eye(8, dtype=torch.float64)[None], (dictionary.mT @ dictionary)[0]
    factors = oracle.marginal_factors(channels)
    means, rates, _ = direct_moments(draw_codes(channels, orthogonal, samples, 8), mixing, b, 2)
    within_errors(means, (channels.means(oracle.cutoff) * factors[0].exp())[0])
    within_errors(rates, (channels.rates(oracle.cutoff) * factors[1].exp())[0])
    correlated = scattered_correlations(4, 1.2, seeds=[9], num_patches=2, spread=0.6)
    gram = FirstLevelLaw.of(correlated.first).correlations
    _, _, pairs = direct_moments(draw_codes(channels, gram, samples, 10), mixing, b, 2)
    plain = FirstLevelLaw(channels, gram, 2).pair_moments(oracle.cutoff)
    within_errors(pairs, (plain + oracle.pair_excess(channels, gram))[0])


def test_independent_channels_have_the_moments_of_characteristic_functions() -> None:
    # E (s - c)_+ = sum_q G_pq E[1{s > c} S_q] - c Pr[s > c]; a further channel that is always 1 and leaks nowhere gives Pr
    target, delta, samples = independent_channels(12, 1.5, seeds=[3, 4]), 0.02, 40_000
    law, atoms = FirstLevelLaw.of(target.first), target.first.dictionary
    b = RATIO * delta
    oracle = LearnedDictionary(
        law, atoms, tilted(atoms, delta, [3, 4]), cutoffs(2, b), seeds=[1, 2], num_samples=samples
    )
    constant = torch.full((2, 1), 1e-3, dtype=torch.float64)
    heights = law.channels.thresholds / law.channels.scales
    channels = RectifiedChannels(
        torch.cat([law.channels.scales, constant], dim=1), torch.cat([heights, -1 / constant], dim=1)
    )
    mixing = torch.eye(13, dtype=torch.float64).expand(2, -1, -1).clone()
    mixing[:, :12, :12] = oracle.target_mixing[:, 0]

    def above(cut: float) -> tuple[Tensor, Tensor]:
        """E (s - cut)_+ and Pr[s > cut], each (batch, channel)."""
        found = moments_above(channels, mixing, cut)[:, :12]
        rate = found[..., 12]
        return (found[..., :12] * mixing[:, :12, :12]).sum(dim=-1) - cut * rate, rate

    errors = marginal_standard_errors(law, oracle.target_mixing, oracle.cutoff, samples)
    for found, wanted, error in zip(
        (oracle.target_means, oracle.target_rates), (above(2 * b)[0], above(b)[1]), errors, strict=True
    ):
        assert float(((found / wanted).log().abs() / error).max()) < 5
    exact = ExactDictionary(law, cutoffs(2, b))
    assert float(((exact.target_means / above(2 * b)[0]).log().abs() / errors[0]).max()) > 20


@pytest.mark.parametrize("chunk", [1, 77, 4096])
def test_the_chunk_size_does_not_matter(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def moments() -> list[Tensor]:
        target = scattered_correlations(6, 1.0, seeds=[1, 2], num_patches=2)
        law, atoms = FirstLevelLaw.of(target.first), target.first.dictionary
        oracle = LearnedDictionary(
            law, atoms, tilted(atoms, 0.05, [1, 2]), cutoffs(2, 0.3), seeds=[3, 4], num_samples=600
        )
        excess = oracle.pair_excess(law.channels, law.correlations)
        return [oracle.target_means, oracle.target_rates, oracle.target_pairs, excess]

    whole = moments()
    monkeypatch.setattr(first_hidden_oracles, "CHUNK_SIZE", chunk)
    for found, wanted in zip(moments(), whole, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-11, atol=1e-16)


def test_a_batch_equals_a_loop() -> None:
    target = scattered_correlations(6, 1.0, seeds=[1, 2, 3], num_patches=2)
    law, atoms = FirstLevelLaw.of(target.first), target.first.dictionary
    dictionary, cutoff = tilted(atoms, 0.1, [1, 2, 3]), torch.tensor([0.2, 0.5, 1.2], dtype=torch.float64)

    def moments(rows: slice) -> list[Tensor]:
        given_of = single(law, rows.start) if rows.stop else law
        oracle = LearnedDictionary(
            given_of, atoms[rows], dictionary[rows], cutoff[rows], seeds=[7, 8, 9][rows], num_samples=700
        )
        excess = oracle.pair_excess(given_of.channels, given_of.correlations)
        factors = oracle.marginal_factors(given_of.channels)
        return [oracle.target_means, oracle.target_rates, oracle.target_pairs, excess, *factors]

    together = moments(slice(0, None))
    for i in range(3):
        for whole, alone in zip(together, moments(slice(i, i + 1)), strict=True):
            torch.testing.assert_close(whole[i], alone[0], rtol=1e-10, atol=1e-15)


@settings(max_examples=15, deadline=None)
@given(num_patches=st.integers(1, 3), seed=st.integers(0, 2**32), exponent=st.integers(4, 10))
def test_the_difference_vanishes_with_the_dictionary_error(num_patches: int, seed: int, exponent: int) -> None:
    delta = 10.0**-exponent
    target = scattered_correlations(6, 1.0, seeds=[seed], num_patches=num_patches)
    law, atoms, cutoff = FirstLevelLaw.of(target.first), target.first.dictionary, cutoffs(1, 0.05)
    oracle = LearnedDictionary(law, atoms, tilted(atoms, delta, [seed]), cutoff, seeds=[seed], num_samples=512)
    exact = ExactDictionary(law, cutoff)
    for name in ("target_means", "target_rates", "target_pairs"):
        off = getattr(oracle, name) / getattr(exact, name) - 1
        assert 0 < float(off.abs().max()) < 300 * delta
    assert int(oracle.false_activations) == 0


def test_the_dictionary_itself_gives_exactly_the_closed_forms() -> None:
    target = scattered_correlations(6, 1.0, seeds=[1, 2], num_patches=2)
    law, atoms, cutoff = FirstLevelLaw.of(target.first), target.first.dictionary, cutoffs(2, 0.05)
    oracle, exact = (
        LearnedDictionary(law, atoms, atoms, cutoff, seeds=[1, 2], num_samples=256),
        ExactDictionary(law, cutoff),
    )
    for name in ("target_means", "target_rates", "target_pairs"):
        torch.testing.assert_close(getattr(oracle, name), getattr(exact, name), rtol=1e-12, atol=0)
    zero = exact.marginal_factors(law.channels)
    for found, wanted in zip(oracle.marginal_factors(law.channels), zero, strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("num_channels", "num_patches", "aligned"), [(6, 2, False), (12, 1, False), (12, 1, True)])
def test_standard_errors_are_the_spread_over_seeds(num_channels: int, num_patches: int, aligned: bool) -> None:
    repeats, samples = 48, 2048
    target = uneven(scattered_correlations(num_channels, 1.0, seeds=[3], num_patches=num_patches))
    law, atoms = FirstLevelLaw.of(target.first), target.first.dictionary
    dictionary = tilted(atoms, DELTA, [3])
    if aligned:
        dictionary = atoms + DELTA * (atoms.sum(dim=-1, keepdim=True) - atoms) / (num_channels - 1) ** 0.5

    def many(values: Tensor) -> Tensor:
        return values.expand(repeats, *values.shape[1:])

    channels = Channels(many(law.channels.scales), many(law.channels.thresholds))
    several = FirstLevelLaw(channels, many(law.correlations), num_patches)
    oracle = LearnedDictionary(
        several,
        many(atoms),
        many(dictionary),
        cutoffs(repeats, RATIO * DELTA),
        seeds=range(repeats),
        num_samples=samples,
    )
    given_of = (law, oracle.target_mixing[:1], oracle.cutoff[:1], samples)
    means, rates = marginal_standard_errors(*given_of)
    pairs = pair_standard_error(*given_of)
    for found, wanted in (
        (oracle.target_means.log(), means),
        (oracle.target_rates.log(), rates),
        (oracle.target_pairs / law.pair_moments(oracle.cutoff[:1]), pairs),
    ):
        ratio = found.std(dim=0) / wanted[0]
        assert 0.8 < float(ratio.square().mean().sqrt()) < 1.25
        assert 0.5 < float(ratio.quantile(0.05)) <= float(ratio.quantile(0.95)) < 2.0


def test_standard_errors_are_about_those_of_the_rule_of_thumb() -> None:
    samples, m, k = 4096, 16, 1.5
    target = scattered_correlations(m, k, seeds=[3], num_patches=2)
    law, atoms = FirstLevelLaw.of(target.first), target.first.dictionary
    for delta in (1e-2, 1e-5):
        mixing = tilted(atoms, delta, [3]).mT @ atoms
        pairs = pair_standard_error(law, mixing, cutoffs(1, RATIO * delta), samples)
        assert 0.5 < float(pairs.mean()) / (delta * (m / k) / samples**0.5) < 2.5
        for each in marginal_standard_errors(law, mixing, cutoffs(1, RATIO * delta), samples):
            assert 0.2 < float(each.mean()) / (delta / samples**0.5) < 1.0


@pytest.mark.parametrize("spread", [0.0, 0.9])
def test_false_activations_are_bounded(spread: float) -> None:
    target, delta, samples = scattered_correlations(8, 1.5, seeds=[1, 2, 3], spread=spread, num_patches=2), 0.1, 20_000
    law, atoms = FirstLevelLaw.of(target.first), target.first.dictionary
    mixing = tilted(atoms, delta, [1, 2, 3]).mT @ atoms
    for ratio in (2.0, 4.0, 6.0):
        cutoff = cutoffs(3, ratio * delta)
        bound = false_activation_probability(law, mixing, cutoff)
        seen = frequency_of_false_activations(law, mixing, cutoff, samples)
        error = (bound * (1 - bound) / samples).sqrt()
        assert bool((seen <= bound + 5 * error).all())
        assert float(bound.max()) < 60 * float(seen.max()) + 50 / samples  # and says something


def frequency_of_false_activations(law: FirstLevelLaw, mixing: Tensor, cutoff: Tensor, samples: int) -> Tensor:
    normal = standard_normal(streams([1, 2, 3], "false"), (samples, law.correlations.shape[-1]))
    normal = normal @ torch.linalg.cholesky(law.correlations).mT
    codes = (law.channels.scales[:, None] * normal - law.channels.thresholds[:, None]).clamp(min=0)
    codes = codes.unflatten(-1, (law.num_patches, -1)).transpose(1, 2)
    off = mixing - torch.diag_embed(torch.diagonal(mixing, dim1=-2, dim2=-1))
    return ((codes @ off.mT) > cutoff[:, None, None, None]).double().mean(dim=2).flatten(1)


def test_every_false_activation_is_counted_and_its_bound_does_not_depend_on_the_batch() -> None:
    target = scattered_correlations(8, 1.5, seeds=[1, 2], num_patches=2)
    law, atoms = FirstLevelLaw.of(target.first), target.first.dictionary
    dictionary, b = tilted(atoms, 0.3, [1, 2]), torch.tensor([0.2, 0.6], dtype=torch.float64)
    oracle = LearnedDictionary(law, atoms, dictionary, b, seeds=[1, 2], num_samples=3000)
    bound = false_activation_probability(law, oracle.target_mixing, b)
    expected = 3000 * bound.sum(dim=-1)
    assert bool((oracle.false_activations <= expected).all())
    assert int(oracle.false_activations[0]) > int(oracle.false_activations[1]) > 0
    for i in range(2):
        alone = false_activation_probability(single(law, i), oracle.target_mixing[i : i + 1], b[i : i + 1])
        torch.testing.assert_close(alone[0], bound[i], rtol=1e-12, atol=0)


def test_a_number_of_samples_must_be_positive() -> None:
    target = scattered_correlations(4, 1.0, seeds=[1])
    law, atoms = FirstLevelLaw.of(target.first), target.first.dictionary
    with pytest.raises(InputError, match="num_samples must be at least 1, got 0"):
        LearnedDictionary(law, atoms, atoms, cutoffs(1, 0.1), seeds=[1], num_samples=0)
