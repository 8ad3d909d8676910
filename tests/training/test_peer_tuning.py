"""Tuning keeps the candidate that is nearest to held-out samples, and does not look at them before."""

from dataclasses import dataclass

import pytest
import torch

from fsrcheck.errors import InputError
from fsrcheck.model.streams import standard_normal, streams
from fsrcheck.training.peer_tuning import joined, tune

pytest.importorskip("sklearn")


@dataclass(frozen=True)
class Moved:
    """Standard normals moved by a constant."""

    by: float

    def sample(self, num_samples, seeds):
        return [standard_normal(streams(seeds, "moved"), (num_samples, 1, 2)) + self.by]


def refusing(patches, seeds):
    raise InputError("samples must be others, got these")


def endless(patches, seeds):
    return Moved(float("nan"))


PATCHES = [standard_normal(streams([5, 6], "given"), (1000, 1, 2))]


def test_the_nearest_candidate_is_kept():
    found = tune([lambda *_: Moved(1.0), lambda *_: Moved(0.0), lambda *_: Moved(0.5)], PATCHES, [1, 2], noise=0.1)
    assert found.chosen == 1
    assert found.sampler == Moved(0.0)
    assert found.areas[1] < 0.6 < found.areas[2] < found.areas[0]


@pytest.mark.parametrize("bad", [refusing, endless])
def test_a_candidate_that_refuses_or_fails_is_not_kept_unless_all_do(bad):
    found = tune([bad, lambda *_: Moved(9.0)], PATCHES, [1, 2], noise=0.1)
    assert (found.chosen, found.sampler) == (1, Moved(9.0))
    assert list(found.refusals) == [0]
    alone = tune([bad], PATCHES, [1, 2], noise=0.1)
    assert alone.sampler is None
    assert alone.areas == (1.0,)


def test_held_out_samples_are_not_fitted_to():
    seen = []

    def fit(patches, seeds):
        seen.append((patches[0], seeds))
        return Moved(0.0)

    tune([fit], PATCHES, [1, 2], noise=0.1, held=0.3)
    assert torch.equal(seen[0][0], PATCHES[0][:, :700])
    assert seen[0][1] == [1, 2]


def test_levels_are_joined():
    low, high = torch.zeros(2, 5, 3, 4), torch.ones(2, 5, 1, 6)
    assert joined([low, high]).shape == (2, 5, 18)
    assert joined([low, high])[0, 0].tolist() == [0.0] * 12 + [1.0] * 6


@pytest.mark.parametrize(("candidates", "held"), [([], 0.2), ([refusing], 0.0), ([refusing], 1.0)])
def test_nothing_to_choose_from_is_refused(candidates, held):
    with pytest.raises(InputError, match="must be given"):
        tune(candidates, PATCHES, [1, 2], noise=0.1, held=held)
