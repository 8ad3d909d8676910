"""The checker accepts the families that satisfy Assumptions 2.2 and 2.3 and refuses the others, by name."""

from typing import Any

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.model.assumptions import measure_assumptions
from fsrcheck.model.families import FAMILIES
from fsrcheck.model.premises import AssumptionConstants, premises


def _margins(name: str, channels: int, active: float, seeds: list[int], **options: Any) -> dict[str, torch.Tensor]:
    target = FAMILIES[name](channels, active, seeds=seeds, **options)
    measured = measure_assumptions(target, target.num_levels, seeds=seeds)
    return premises(measured, AssumptionConstants.defaults(active, measured.patch_dim))


def _failed(margins: dict[str, torch.Tensor]) -> set[str]:
    return {name for name, margin in margins.items() if not (margin >= 0).all()}


@pytest.mark.parametrize("channels", [16, 64, 128])
@pytest.mark.parametrize("active", [1, 2])
@pytest.mark.parametrize("name", ["independent_channels", "cross_patch_correlated"])
def test_first_level_families_that_satisfy_the_assumptions(name: str, channels: int, active: float) -> None:
    assert _failed(_margins(name, channels, active, [101, 102])) == set()


@pytest.mark.parametrize("active", [1, 2])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("disjoint_supports", {}),
        ("disjoint_supports", {"num_parents": 1, "num_patches": 1}),
        ("overlapping_inhibition", {}),
        ("paper_example", {}),
        ("overlapping_inhibition", {"num_levels": 3, "num_patches": 4}),
    ],
)
def test_higher_levels_that_satisfy_the_assumptions(name: str, options: dict, active: float) -> None:
    assert _failed(_margins(name, 16, active, [101], **options)) == set()


@pytest.mark.parametrize("active", [1, 2])
@pytest.mark.parametrize(
    ("name", "channels", "options", "broken"),
    [
        ("equicorrelated", 64, {"correlation": 0.3}, {"num_active"}),
        (
            "equicorrelated",
            64,
            {"correlation": 0.5},
            {"num_active", "pair_probability", "triple_probability"},
        ),
        ("one_correlated_pair", 64, {"correlation": 0.9}, {"pair_probability"}),
        ("non_orthonormal_dictionary", 64, {"coherence": 0.1}, {"orthonormal_dictionary"}),
        ("dense_mixing", 16, {}, {"triple_probability"}),
        ("shared_supports", 16, {}, {"pair_probability", "sigma_min"}),
    ],
)
def test_families_that_must_be_rejected(
    name: str, channels: int, options: dict, broken: set[str], active: float
) -> None:
    margins = _margins(name, channels, active, [101], **options)
    assert broken <= _failed(margins)


@pytest.mark.parametrize("channels", [16, 64, 128])
def test_a_quarter_of_the_channels_active_is_too_many(channels: int) -> None:
    assert "triple_probability" in _failed(_margins("independent_channels", channels, channels / 4, [101]))


def test_a_coherent_dictionary_breaks_nothing_else() -> None:
    assert _failed(_margins("non_orthonormal_dictionary", 32, 2, [101])) == {"orthonormal_dictionary"}


def test_one_pair_at_one_active_channel_breaks_only_the_pair_premise() -> None:
    assert _failed(_margins("one_correlated_pair", 64, 1, [101])) == {"pair_probability"}


def _tensors(measured: Any) -> dict[str, torch.Tensor]:
    quantities = {name: value for name, value in vars(measured).items() if hasattr(value, "upper")}
    return {f"{name}.{end}": limit for name, q in quantities.items() for end, limit in vars(q).items()}


@pytest.mark.parametrize(("name", "level"), [("cross_patch_correlated", 1), ("overlapping_inhibition", 2)])
def test_a_batch_equals_a_loop_and_chunks_do_not_matter(name: str, level: int) -> None:
    batch = _tensors(measure_assumptions(FAMILIES[name](8, 1, seeds=[1, 2]), level, seeds=[1, 2], num_samples=8000))
    for row, seed in enumerate([1, 2]):
        target = FAMILIES[name](8, 1, seeds=[seed])
        alone = _tensors(measure_assumptions(target, level, seeds=[seed], num_samples=8000, chunk_size=333))
        for key, tensor in alone.items():
            torch.testing.assert_close(tensor[0], batch[key][row], rtol=1e-10, atol=1e-12)


def test_a_nan_never_passes() -> None:
    target = FAMILIES["independent_channels"](8, 1, seeds=[1])
    target.first.dictionary[0, 0, 0, 0] = torch.nan
    measured = measure_assumptions(target, seeds=[1])
    assert "orthonormal_dictionary" in _failed(premises(measured, AssumptionConstants.defaults(1, 8)))


def test_too_few_samples_to_tell_do_not_hold() -> None:
    target = FAMILIES["disjoint_supports"](16, 1, seeds=[1])
    measured = measure_assumptions(target, 2, seeds=[1], num_samples=2000)
    assert "triple_probability" in _failed(premises(measured, AssumptionConstants.defaults(1, 16)))


@pytest.mark.parametrize(
    "arguments",
    [
        {"level": 2},
        {"level": 0},
        {"seeds": [1, 2]},
        {"quantile": 1.0},
        {"confidence": 0.0},
        {"deltas": ()},
        {"deltas": (0.0,)},
        {"chunk_size": 0},
    ],
)
def test_impossible_requests_are_refused(arguments: dict) -> None:
    target = FAMILIES["independent_channels"](8, 1, seeds=[1])
    with pytest.raises(InputError, match="must be"):
        measure_assumptions(target, **{"seeds": [1], **arguments})


def test_constants_need_a_positive_expected_active() -> None:
    with pytest.raises(InputError, match="expected_active must be positive"):
        AssumptionConstants.defaults(0, 8)
