from dataclasses import replace

import numpy as np
import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.model.alignment import match_columns
from fsrcheck.model.families import equicorrelated, independent_channels
from fsrcheck.model.target import FirstLevel, TargetNetwork
from fsrcheck.training import (
    CodeOracle,
    PopulationOracle,
    SampleOracle,
    TargetPatches,
    WarmStartSettings,
    noise_share,
    population_limit,
    samples_for,
    warm_start,
)
from lemmas.fsr.algorithm_5_transcription import transcribe

REPAIRED = WarmStartSettings.repaired()


def run(target, seeds, num_samples=4096, settings=REPAIRED, max_iterations=None, **options):
    oracle = SampleOracle(TargetPatches(target, seeds), num_samples, **options)
    return warm_start(oracle, settings, max_iterations=max_iterations)


def with_first(target, **changes):
    return TargetNetwork((replace(target.first, **changes),))


def errors(result, target):
    return match_columns(result.dictionary, target.first.dictionary.flatten(0, 1)).dictionary_error


def transcript_of(target, seed, num_samples, settings, result, max_iterations, *, fresh):
    """Run the transcription on the draws that the batched form used."""
    source = TargetPatches(target, [seed])
    anchors = source.stream("warm start: anchors")
    sets = iter(range(1, max_iterations + 1)) if fresh else None

    def samples():
        number = next(sets) if sets else 0
        return source.stream(f"warm start: sample set {number}")(num_samples)[0].numpy()

    moments = SampleOracle(source, num_samples).code_moments()
    least = settings.absolute_gap / source.num_channels
    if settings.anchor_floor:
        least = float(settings.anchor_floor * 6 * moments.first * moments.unit**3)
    return transcribe(
        lambda: anchors(1)[0, 0].numpy(),
        samples,
        source.num_channels,
        max_iterations,
        float(result.cutoff[0]),
        least,
        relative_gap=settings.relative_gap,
        repaired=settings.fix_sign,
    )


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize(
    "settings",
    [WarmStartSettings.printed(), replace(REPAIRED, anchors_per_round=1)],
    ids=["printed", "repaired"],
)
def test_the_batched_form_does_what_the_pseudo_code_says(settings, fresh):
    seeds, limit, num_samples = [3, 4], 25, 300
    target = independent_channels(6, 1.0, seeds=seeds)
    oracle = SampleOracle(TargetPatches(target, seeds), num_samples, fresh=fresh, chunk_size=128)
    batched = warm_start(oracle, settings, max_iterations=limit)
    for row, seed in enumerate(seeds):
        single = independent_channels(6, 1.0, seeds=[seed])
        alone = warm_start(
            SampleOracle(TargetPatches(single, [seed]), num_samples, fresh=fresh),
            settings,
            max_iterations=limit,
        )
        plain = transcript_of(single, seed, num_samples, settings, alone, limit, fresh=fresh)
        found = batched.dictionary[row, :, batched.found[row]].T.numpy()
        assert len(plain.columns) == len(found) > 0
        assert plain.iterations == int(batched.iterations[row])
        assert plain.undefined == int(batched.undefined[row])
        np.testing.assert_allclose(found, np.array(plain.columns), atol=1e-10)


def test_a_batch_equals_a_loop_and_finished_rows_stay_as_they_are():
    seeds = [11, 12, 13]
    together = run(independent_channels(12, 1.0, seeds=seeds), seeds)
    assert len(set(together.iterations.tolist())) > 1
    for row, seed in enumerate(seeds):
        alone = run(independent_channels(12, 1.0, seeds=[seed]), [seed])
        torch.testing.assert_close(together.dictionary[row], alone.dictionary[0], rtol=0, atol=1e-10)
        assert together.iterations[row] == alone.iterations[0]
        assert together.found[row].equal(alone.found[0])


@pytest.mark.parametrize(
    "options",
    [{"chunk_size": 61}, {"chunk_size": 4096, "keep_bytes": 0}, {"chunk_size": 777, "keep_bytes": 0}],
)
def test_neither_chunks_nor_what_is_kept_in_memory_change_a_result(options):
    target = independent_channels(12, 1.0, seeds=[5])
    whole, pieces = run(target, [5]), run(target, [5], **options)
    torch.testing.assert_close(whole.dictionary, pieces.dictionary, rtol=0, atol=1e-10)
    assert whole.iterations.equal(pieces.iterations)
    assert whole.samples_drawn == pieces.samples_drawn


def test_patches_of_an_instance_are_rows_of_their_own():
    target = independent_channels(10, 1.0, seeds=[7, 8], num_patches=3, patch_dim=14)
    result = run(target, [7, 8], 8192)
    assert result.dictionary.shape == (6, 14, 10)
    assert result.complete.all()
    assert (errors(result, target) < 0.4).all()


def test_rotating_the_dictionary_rotates_the_answer():
    target = independent_channels(12, 1.0, seeds=[21])
    rotation = torch.linalg.qr(torch.randn(12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))[0]
    rotated = with_first(target, dictionary=rotation @ target.first.dictionary)
    before, after = run(target, [21]), run(rotated, [21])
    torch.testing.assert_close(rotation @ before.dictionary, after.dictionary, rtol=0, atol=1e-10)


def test_permuting_channels_leaves_the_patches_and_so_the_answer_alone():
    target = independent_channels(12, 1.0, seeds=[22])
    order = torch.randperm(12, generator=torch.Generator().manual_seed(2))
    first = target.first
    permuted = TargetNetwork(
        (FirstLevel(first.dictionary[..., order], first.latent_weights[:, :, order], first.thresholds[..., order]),)
    )
    before, after = run(target, [22]), run(permuted, [22])
    torch.testing.assert_close(before.dictionary, after.dictionary, rtol=0, atol=1e-10)
    before, after = (warm_start(PopulationOracle(t, [22]), REPAIRED) for t in (target, permuted))
    torch.testing.assert_close(before.dictionary, after.dictionary, rtol=0, atol=1e-10)


@pytest.mark.parametrize("factor", [0.2, 30.0])
def test_scaling_the_codes_changes_nothing_in_the_repaired_form(factor):
    target = independent_channels(12, 1.0, seeds=[23])
    first = target.first
    scaled = with_first(target, latent_weights=factor * first.latent_weights, thresholds=factor * first.thresholds)
    before, after = run(target, [23]), run(scaled, [23])
    assert before.complete.all()
    torch.testing.assert_close(before.dictionary, after.dictionary, rtol=0, atol=1e-9)
    assert before.iterations.equal(after.iterations)
    torch.testing.assert_close(factor * before.cutoff, after.cutoff)
    torch.testing.assert_close(factor**4 * before.gaps, after.gaps)


def test_the_printed_gap_finds_nothing_when_the_codes_are_small():
    target = independent_channels(16, 1.0, seeds=[24, 25])
    first = target.first
    small = with_first(target, latent_weights=0.2 * first.latent_weights, thresholds=0.2 * first.thresholds)
    result = run(small, [24, 25], settings=WarmStartSettings.printed(cutoff=0.2), max_iterations=300)
    assert not result.found.any()
    assert result.iterations.tolist() == [300, 300]


def test_the_printed_form_meets_empty_indicators_and_never_returns_nan():
    seeds = list(range(8))
    target = independent_channels(16, 1.0, seeds=seeds)
    result = run(target, seeds, settings=WarmStartSettings.printed(), max_iterations=100)
    assert (result.undefined > 0).any()
    assert result.dictionary.isfinite().all()
    assert result.gaps.isfinite().all()


def test_a_signed_overlap_takes_the_negative_of_a_known_column_for_new():
    seeds = list(range(8))
    target = independent_channels(16, 1.0, seeds=seeds)
    signed = replace(REPAIRED, fix_sign=False, against_span=False)
    counts = [
        int(run(target, seeds, settings=settings, max_iterations=400).undefined.sum())
        for settings in (signed, replace(signed, against_span=True))
    ]
    assert counts[0] > counts[1]


@pytest.mark.parametrize("against_span", [True, False])
def test_what_deflation_leaves_of_all_known_columns_together_is_no_column(against_span):
    """Under equal correlations the residues of the known columns add up to a direction of their own."""
    seeds = list(range(1, 9))
    target = equicorrelated(32, 2.0, seeds=seeds, correlation=0.05)
    settings = replace(WarmStartSettings.repaired(unit=1.0), against_span=against_span)
    result = warm_start(CodeOracle(target, seeds, 8192), settings)
    assert bool((errors(result, target) > 1).any()) is not against_span


def test_the_printed_gap_accepts_what_is_no_column():
    seeds = list(range(4))
    target = independent_channels(32, 2.0, seeds=seeds)
    printed = replace(WarmStartSettings.printed(), fix_sign=True, against_span=True)
    result = run(target, seeds, 8192, printed, max_iterations=400)
    assert (errors(result, target) > 2 * population_limit(32, 2.0, 1.0)).any()


def test_without_enough_iterations_the_result_says_what_is_missing():
    target = independent_channels(16, 1.0, seeds=[1])
    seen = []
    oracle = SampleOracle(TargetPatches(target, [1]), 2000)
    result = warm_start(oracle, REPAIRED, max_iterations=5, on_round=lambda *state: seen.append(state))
    assert not result.complete.any()
    assert result.iterations.tolist() == [5]
    assert (result.dictionary[0, :, ~result.found[0]] == 0).all()
    assert len(seen) == 1
    with pytest.raises(InputError, match="max_iterations must be at least 1, got 0"):
        warm_start(oracle, REPAIRED, max_iterations=0)


@pytest.mark.parametrize("expected_active", [1.0, 2.0])
def test_population_errors_are_the_closed_form(expected_active):
    seeds = list(range(10))
    target = independent_channels(24, expected_active, seeds=seeds)
    result = warm_start(PopulationOracle(target, seeds), WarmStartSettings.repaired(unit=1.0))
    assert result.complete.all()
    limit = population_limit(24, expected_active, 1.0)
    np.testing.assert_allclose(errors(result, target).numpy(), limit, rtol=1e-9)


def test_sample_noise_has_the_share_that_the_formula_gives():
    """Line 8 at the atoms themselves, so that nothing but the samples is random."""
    seeds = list(range(40))
    target = independent_channels(16, 1.0, seeds=seeds)
    num_samples = samples_for(16, 1.0, 1.0, share=0.5)
    oracle = SampleOracle(TargetPatches(target, seeds), num_samples)
    atoms = target.first.dictionary[:, 0].mT
    coordinates = oracle.purify(atoms, torch.ones(40, dtype=torch.float64)) @ atoms.mT
    tangents = (coordinates.square().sum(dim=2) / coordinates.diagonal(dim1=1, dim2=2).square() - 1).mean()
    limit = population_limit(16, 1.0, 1.0)
    predicted = 1 + noise_share(16, 1.0, 1.0, num_samples)
    assert float(tangents) / limit**2 == pytest.approx(predicted, rel=0.1)


def test_sample_sizes_grow_with_the_square_of_m_and_never_starve_a_channel():
    assert noise_share(64, 2.0, 1.0, samples_for(64, 2.0, 1.0, share=0.1)) == pytest.approx(0.1, rel=1e-3)
    assert samples_for(16, 2.0, 1.0, share=10.0) == 512 * 8


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, got none")
def test_the_gpu_gives_what_the_cpu_gives():
    seeds = [1, 2, 3]
    target = independent_channels(24, 1.0, seeds=seeds)
    here, there = run(target, seeds), run(target.to("cuda"), seeds)
    torch.testing.assert_close(here.dictionary, there.dictionary.cpu(), rtol=0, atol=1e-9)
    assert here.iterations.equal(there.iterations.cpu())
