"""The laboratory makes one trial per seed, in order, and does not run saved ones again."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fsrcheck.errors import FsrcheckError
from fsrcheck.evidence.trial import Observation
from fsrcheck.runs.records import TrialStore
from fsrcheck.runs.trying import Laboratory
from tests.example import THEOREM, Coins, run


def counting():
    """The example's theorem, and the list of the batches that it was given."""
    batches = []

    def counted(parameters, seeds, device):
        batches.append(list(seeds))
        return run(parameters, seeds, device)

    return replace(THEOREM, run=counted, batch=4), batches


def test_trials_come_in_the_order_of_their_seeds():
    trials = Laboratory().run(THEOREM, Coins(), [5, 3, 9])
    assert [trial.seed for trial in trials] == [5, 3, 9]


def test_batches_are_no_larger_than_the_statement_wants():
    statement, batches = counting()
    Laboratory().run(statement, Coins(), range(10))
    assert [len(batch) for batch in batches] == [4, 4, 2]


@pytest.mark.parametrize("batch", [1, 3, 32])
def test_the_batch_size_does_not_matter(batch):
    whole = Laboratory().run(THEOREM, Coins(), range(7))
    assert Laboratory().run(replace(THEOREM, batch=batch), Coins(), range(7)) == whole


def test_saved_trials_are_not_run_again(tmp_path):
    statement, batches = counting()
    laboratory = Laboratory(store=TrialStore(tmp_path / "t.jsonl", "c"))
    first = laboratory.run(statement, Coins(), [1, 2])
    again = laboratory.run(statement, Coins(), [1, 2, 3])
    assert batches == [[1, 2], [3]]
    assert again[:2] == first


@dataclass(frozen=True)
class FromFile:
    target: str


def test_a_file_that_changed_under_its_name_is_run_again(tmp_path):
    target, sizes = tmp_path / "target.bin", []

    def measured(parameters, seeds, device):
        sizes.append(Path(parameters.target).stat().st_size)
        return [Observation({}, {}) for _ in seeds]

    statement = replace(THEOREM, run=measured, parameters=FromFile)
    laboratory = Laboratory(store=TrialStore(tmp_path / "t.jsonl", "c"))
    for content in (b"1", b"22", b"1"):
        target.write_bytes(content)
        (trial,) = laboratory.run(statement, FromFile(str(target)), [1])
        assert set(trial.files) == {"target"}
    assert sizes == [1, 2], "the third run finds the trial of the first"


def test_trials_of_another_device_are_not_taken(tmp_path):
    statement, batches = counting()
    store = TrialStore(tmp_path / "t.jsonl", "c")
    for device in ("cpu", "cuda", "cpu"):
        Laboratory(device, store).run(statement, Coins(), [1])
    assert len(batches) == 2


@pytest.mark.parametrize("returned", [0, 1, 3])
def test_a_run_that_skips_or_adds_observations_is_an_error(returned):
    statement = replace(THEOREM, run=lambda p, seeds, device: run(p, range(returned), device))
    with pytest.raises(FsrcheckError, match=f"must return 2 observations, got {returned}"):
        Laboratory().run(statement, Coins(), [1, 2])


def test_a_trial_says_what_it_ran_on():
    (trial,) = Laboratory().run(THEOREM, Coins(), [1])
    assert trial.device == "cpu"
    assert {"python", "fsrcheck", "numpy", "torch"} <= set(trial.versions)


def test_progress_ends_with_all_done():
    told = []
    Laboratory(progress=lambda *words: told.append(words)).run(THEOREM, Coins(), range(3))
    assert told[0] == ("coins.T.2 num_tosses=100 bias=0.0 repetitions=400", 0, 3)
    assert told[-1][1:] == (3, 3)
