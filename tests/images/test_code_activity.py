"""Rates, pairs and triples of channels against plain counting."""

from itertools import combinations

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.images.code_activity import LEAST_EXPECTED, activity


def codes(rates: tuple[float, ...], number: int = 4000, size: int = 3, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    drawn = torch.rand(number, len(rates), size, size, generator=random)
    return (torch.tensor(rates)[:, None, None] - drawn).relu()


def test_rates_are_over_all_places():
    given = codes((0.1, 0.5, 0.9))
    torch.testing.assert_close(activity(given, 1).rates, (given > 0).double().mean(dim=(0, 2, 3)))


def test_pairs_and_triples_are_those_of_plain_counting():
    given = codes((0.2, 0.4, 0.5, 0.6))
    given[:, 1] *= (given[:, 0] > 0) | (torch.rand(4000, 1, 1, generator=torch.Generator().manual_seed(1)) < 0.3)
    found = activity(given, 3)
    pairs, triples = [], []
    for place in range(3):
        here = (given[:, :, place, place] > 0).double()
        rates = here.mean(dim=0)
        pairs += [(here[:, p] * here[:, q]).mean() / (rates[p] * rates[q]) for p, q in combinations(range(4), 2)]
        triples += [
            (here[:, p] * here[:, q] * here[:, r]).mean() / (rates[p] * rates[q] * rates[r])
            for p, q, r in combinations(range(4), 3)
        ]
    for have, want in ((found.pairs, pairs), (found.triples, triples)):
        torch.testing.assert_close(have.double().sort().values, torch.stack(want).sort().values, rtol=1e-5, atol=0)
    assert found.medians[1] == pytest.approx(float(found.pairs.median()))


def test_independent_channels_have_one_and_equal_ones_the_inverse_rate():
    given = codes((0.5,) * 6, number=20000)
    rate, pairs, triples = activity(given, 2).medians
    assert (rate, pairs, triples) == pytest.approx((0.5, 1, 1), abs=0.03)
    given[:] = given[:, :1]
    assert activity(given, 2).medians == pytest.approx((0.5, 2, 4), abs=0.1)


def test_what_is_hardly_ever_expected_is_left_out():
    rates = (0.5, (LEAST_EXPECTED / 2) / (4000 * 0.5), 0.6)
    found = activity(codes(rates), 1)
    assert len(found.pairs) == 1
    assert len(found.triples) == 0
    assert torch.tensor(found.medians[2]).isnan()


@pytest.mark.parametrize(
    ("shape", "places"), [((4, 3, 2, 3), 1), ((4, 3, 2), 1), ((0, 3, 2, 2), 1), ((4, 3, 2, 2), 3), ((4, 3, 2, 2), 0)]
)
def test_what_is_no_code_is_refused(shape, places):
    with pytest.raises(InputError, match="must be"):
        activity(torch.ones(shape), places)
