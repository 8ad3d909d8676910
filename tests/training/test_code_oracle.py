import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.model.families import equicorrelated, independent_channels, non_orthonormal_dictionary
from fsrcheck.training import CodeOracle, SampleOracle, TargetPatches, WarmStartSettings, warm_start
from fsrcheck.training.sparse_patches import SparsePatches

SEEDS = [51, 52, 53]


def both(target, num_samples=3000, **options):
    return CodeOracle(target, SEEDS, num_samples, **options), SampleOracle(TargetPatches(target, SEEDS), num_samples)


def some_columns(target, count):
    """Columns near the atoms, in the basis of the atoms and in that of the patches, and which of them are found."""
    rows, _, dim = target.first.dictionary.flatten(0, 1).shape
    noise = torch.randn(rows, dim, count, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    columns = torch.nn.functional.normalize(torch.eye(dim, dtype=torch.float64)[:, :count] + 0.15 * noise, dim=1)
    mask = torch.arange(count) < torch.arange(1, rows + 1)[:, None]  # another number in every row
    return columns, target.first.dictionary.flatten(0, 1) @ columns, mask


@pytest.mark.parametrize("options", [{}, {"chunk_size": 173}, {"keep_bytes": 0, "chunk_size": 999}])
@pytest.mark.parametrize("family", [independent_channels, equicorrelated])
def test_it_computes_what_the_sample_oracle_does_in_another_basis(family, options):
    target = family(7, 1.5, seeds=SEEDS)
    codes, patches = both(target, **options)
    columns, rotated, mask = some_columns(target, 4)
    dictionary = target.first.dictionary.flatten(0, 1)
    cutoff = torch.tensor([0.5, 0.8, 1.0], dtype=torch.float64)
    anchors = codes.anchors(6)
    there = patches.anchors(6)
    torch.testing.assert_close(anchors @ dictionary.mT, there)
    for found in (2, 3, 4):  # columns come one after the other, so that the tensor is updated and not only built
        here = (anchors, columns[..., :found], mask[:, :found], cutoff)
        other = (there, rotated[..., :found], mask[:, :found], cutoff)
        expected = dictionary.mT[:, None] @ patches.truncated_slices(*other) @ dictionary[:, None]
        torch.testing.assert_close(codes.truncated_slices(*here), expected, rtol=0, atol=1e-13)
        torch.testing.assert_close(codes.slice_sizes(*here), patches.slice_sizes(*other), rtol=1e-12, atol=0)
    directions, rotated = columns.mT, rotated.mT
    torch.testing.assert_close(codes.purify(directions, cutoff) @ dictionary.mT, patches.purify(rotated, cutoff))
    torch.testing.assert_close(codes.third_moments(directions), patches.third_moments(rotated))
    for here, other in zip(codes.code_moments(), patches.code_moments(), strict=True):
        torch.testing.assert_close(here, other)
    assert codes.samples_drawn == patches.samples_drawn


def test_other_columns_make_it_start_afresh():
    target = independent_channels(7, 1.5, seeds=SEEDS)
    codes, again = both(target)[0], both(target)[0]
    columns, _, mask = some_columns(target, 3)
    cutoff = torch.full((3,), 0.8, dtype=torch.float64)
    anchors = codes.anchors(2)
    codes.truncated_slices(anchors, columns, mask, cutoff)
    flipped = codes.truncated_slices(anchors, columns.flip(2), mask, cutoff)
    torch.testing.assert_close(flipped, again.truncated_slices(anchors, columns.flip(2), mask, cutoff))


@pytest.mark.parametrize("fresh", [True, False])
def test_algorithm_5_finds_the_same_columns_in_either_basis(fresh):
    target = independent_channels(12, 1.5, seeds=SEEDS, num_patches=1, patch_dim=15)
    settings = WarmStartSettings.repaired()
    codes = CodeOracle(target, SEEDS, 4096, fresh=fresh)
    patches = SampleOracle(TargetPatches(target, SEEDS), 4096, fresh=fresh)
    here, there = (warm_start(oracle, settings, max_iterations=192) for oracle in (codes, patches))
    assert here.found.any()
    assert here.iterations.equal(there.iterations)
    torch.testing.assert_close(here.dictionary, there.dictionary, rtol=0, atol=1e-10)
    torch.testing.assert_close(here.gaps, there.gaps, rtol=0, atol=1e-10)


def test_sparse_patches_hold_the_dense_ones():
    generator = torch.Generator().manual_seed(8)
    dense = torch.randn(2, 90, 5, dtype=torch.float64, generator=generator)
    dense = torch.where(torch.rand(2, 90, 5, generator=generator) < 0.6, 0.0, dense)
    pieces = [SparsePatches.of(dense[:, :40]), SparsePatches.of(dense[:, 40:])]
    (whole,) = SparsePatches.joined(pieces)
    torch.testing.assert_close(whole.dense(torch.ones(2, 90, dtype=torch.bool)), dense)
    torch.testing.assert_close(torch.cat(list(whole.blocks(40)), dim=1), dense)


def test_a_dictionary_that_is_not_orthonormal_is_refused():
    target = non_orthonormal_dictionary(8, 1.0, seeds=[1])
    with pytest.raises(InputError, match="the dictionary must be orthonormal, got columns with a Gram matrix off by"):
        CodeOracle(target, [1], 100)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, got none")
def test_the_gpu_gives_what_the_cpu_gives():
    target = independent_channels(24, 1.5, seeds=SEEDS)
    settings = WarmStartSettings.repaired()
    here, there = (warm_start(CodeOracle(each, SEEDS, 8192), settings) for each in (target, target.to("cuda")))
    torch.testing.assert_close(here.dictionary, there.dictionary.cpu(), rtol=0, atol=1e-9)
    assert here.iterations.equal(there.iterations.cpu())
