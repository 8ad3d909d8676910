import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.model.families import equicorrelated, independent_channels
from fsrcheck.training import PopulationOracle, SampleOracle, TargetPatches
from fsrcheck.training.deflation import KeptDeflation, deflate
from fsrcheck.training.weighted_squares import add_weighted_squares, third_moments


class CodePatches(TargetPatches):
    """Patches that are the codes themselves: the exact atoms make the decoding of (A.2) and (A.3) exact."""

    def stream(self, purpose):
        return self.code_stream(purpose)


def both_oracles(num_samples):
    target = independent_channels(5, 1.5, seeds=[31, 32])
    population = PopulationOracle(target, [31, 32])
    return population, SampleOracle(CodePatches(target, [31, 32]), num_samples)


def test_closed_forms_agree_with_a_large_sample():
    population, samples = both_oracles(400_000)
    found = torch.eye(5, dtype=torch.float64).expand(2, 5, 5)[..., :3]
    mask = torch.tensor([[True, True, False], [True, False, False]])
    cutoff = torch.full((2,), 0.8, dtype=torch.float64)
    directions = torch.eye(5, dtype=torch.float64).expand(2, 5, 5)
    mixed = torch.tensor([[[0.6, -0.2, 0.5, 0.1, 0.3]]], dtype=torch.float64).expand(2, 1, 5)
    anchors = population.anchors(4)
    assert torch.equal(anchors, samples.anchors(4))
    slices = [oracle.truncated_slices(anchors, found, mask, cutoff) for oracle in (population, samples)]
    pairs = [
        (each.diagonal(dim1=-2, dim2=-1) for each in slices),
        (each - torch.diag_embed(each.diagonal(dim1=-2, dim2=-1)) for each in slices),
        (oracle.slice_sizes(anchors, found, mask, cutoff) for oracle in (population, samples)),
        (oracle.third_moments(mixed) for oracle in (population, samples)),
        (oracle.purify(directions, cutoff) for oracle in (population, samples)),
        (oracle.code_moments().first for oracle in (population, samples)),
        (oracle.code_moments().second for oracle in (population, samples)),
    ]
    for exact, measured in pairs:
        # relative standard errors: 0.2 % of E[S], 0.7 % of E[S^3] on 2 * 10^5 active samples per channel
        assert (exact - measured).abs().max() < 0.04 * exact.abs().max()


def test_the_trace_is_the_size_of_a_population_slice():
    population, _ = both_oracles(1)
    anchors = population.anchors(3)
    found = torch.eye(5, dtype=torch.float64).expand(2, 5, 5)
    arguments = (anchors, found, torch.ones(2, 5, dtype=torch.bool), torch.ones(2, dtype=torch.float64))
    slices = population.truncated_slices(*arguments)
    traces = slices.diagonal(dim1=-2, dim2=-1).sum(dim=-1)
    torch.testing.assert_close(traces, population.slice_sizes(*arguments))


def test_directions_without_a_channel_are_not_purified():
    population, _ = both_oracles(1)
    flat = torch.full((2, 1, 5), 5**-0.5, dtype=torch.float64)
    negative = -torch.eye(5, dtype=torch.float64)[:1].expand(2, 1, 5)
    for directions in (flat, negative):
        assert (population.purify(directions, torch.ones(2, dtype=torch.float64)) == 0).all()


def test_dependent_channels_have_no_closed_form():
    with pytest.raises(InputError, match="channels of a patch must be independent"):
        PopulationOracle(equicorrelated(6, 1.0, seeds=[1], correlation=0.3), [1])


def test_deflation_is_the_product_of_projections_in_order():
    generator = torch.Generator().manual_seed(3)
    patches = torch.randn(2, 200, 6, dtype=torch.float64, generator=generator)
    found = torch.nn.functional.normalize(torch.randn(2, 6, 4, dtype=torch.float64, generator=generator), dim=1)
    mask = torch.tensor([[True, True, True, True], [True, True, False, False]])
    cutoff = torch.tensor([0.1, 0.3], dtype=torch.float64)
    expected = patches.clone()
    for row, sample in torch.cartesian_prod(torch.arange(2), torch.arange(200)).tolist():
        for column in found[row, :, mask[row]].T:
            if column @ patches[row, sample] >= cutoff[row]:
                expected[row, sample] -= column * (column @ expected[row, sample])
    torch.testing.assert_close(deflate(patches, patches, found, mask, cutoff), expected)
    kept = KeptDeflation([patches[:, :90], patches[:, 90:]])
    first_mask = torch.tensor([[True, True], [True, False]])
    kept.chunks(found[..., :2], first_mask, cutoff)
    grown = torch.cat(kept.chunks(found, mask, cutoff), dim=1)
    torch.testing.assert_close(grown, expected)
    again = torch.cat(kept.chunks(found.flip(2), mask, cutoff), dim=1)  # other columns: start afresh
    torch.testing.assert_close(again, deflate(patches, patches, found.flip(2), mask, cutoff))


def test_weighted_squares_skip_only_zeros():
    generator = torch.Generator().manual_seed(4)
    patches = torch.randn(2, 50, 3, dtype=torch.float64, generator=generator)
    weights = torch.randn(2, 50, 4, dtype=torch.float64, generator=generator)
    weights = torch.where(torch.rand(2, 50, 4, generator=generator) < 0.7, 0.0, weights)
    weights[1, :, 2] = 0
    total = torch.zeros(2, 4, 3, 3, dtype=torch.float64)
    add_weighted_squares(total, weights, patches)
    torch.testing.assert_close(total, torch.einsum("bna,bni,bnj->baij", weights, patches, patches))
    expected = torch.einsum("bna,bni,bnj->baij", weights, weights, weights) / 50
    torch.testing.assert_close(third_moments(weights), expected)


def test_fresh_sets_differ_and_a_kept_set_does_not():
    target = independent_channels(6, 1.0, seeds=[41])
    direction = torch.eye(6, dtype=torch.float64)[None, :1]
    for fresh in (True, False):
        oracle = SampleOracle(TargetPatches(target, [41]), 500, fresh=fresh)
        before = oracle.third_moments(direction)
        oracle.refresh()
        assert torch.equal(before, oracle.third_moments(direction)) is not fresh
        assert oracle.samples_drawn == (1000 if fresh else 500)


def test_bad_sizes_are_refused_in_one_line():
    target = independent_channels(6, 1.0, seeds=[1])
    with pytest.raises(InputError, match="num_samples must be at least 1, got 0"):
        SampleOracle(TargetPatches(target, [1]), 0)
    with pytest.raises(InputError, match="seeds must be one per instance"):
        TargetPatches(target, [1, 2])
    with pytest.raises(InputError, match="level must be between 1 and 1, got 2"):
        TargetPatches(target, [1], level=2)
