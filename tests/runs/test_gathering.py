"""A gathering counts what single checks give, in full batches, and goes on where it was killed."""

import json
from collections import Counter
from dataclasses import replace

import pytest

import fsrcheck.runs.gathering as gathering
from fsrcheck.errors import RecordError
from fsrcheck.evidence.budget import LEAST_ROOM
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.evidence.trial import Measurement
from fsrcheck.registry import Registry
from fsrcheck.runs.checking import check
from fsrcheck.runs.gathering import Gathering
from fsrcheck.runs.seeds import trial_seeds
from fsrcheck.runs.stored import read_evidence
from fsrcheck.statement import Control, Statement
from tests.example import THEOREM, Coins, run
from tests.invoking import paper_of

LOADED = THEOREM.controls[0]


class Place:
    """A folder for evidence and for unfinished work."""

    def __init__(self, folder):
        self.out, self.folder = folder / "evidence.jsonl", folder / "work"

    def gather(self, statement=None, *, seed=5, runs=6, **options):
        chosen = statement or SMALL
        gathering = Gathering(Registry([paper_of(chosen)]), "cpu", seed, runs, folder=self.folder, **options)
        return gathering.gather(chosen, self.out)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def spying(calls: list, *, fails_at: int | None = None):
    """The example's run that notes every batch it finishes, and fails in the one with the given number."""

    def spied(parameters, seeds, device):
        if len(calls) == fails_at:
            raise KeyboardInterrupt
        calls.append([(parameters, seed) for seed in seeds])
        return run(parameters, seeds, device)

    return spied


SMALL = replace(
    THEOREM,
    claims=THEOREM.claims[1:2],
    controls=(LOADED,),
    cases={"quick": (Coins(100), Coins(400))},
    trials={"quick": 6},
    batch=4,
    run=spying([]),  # of this folder, as all runs here, since the folder is part of the digest
)


def single(statement: Statement, number: int, seed: int = 5):
    (run_seed,) = trial_seeds(seed, "gather", 1, start=number)
    return check(statement.id, registry=Registry([paper_of(statement)]), seed=run_seed, device="cpu")


def test_it_counts_what_single_checks_give(place):
    found, checks = place.gather(), [single(SMALL, number) for number in range(6)]
    assert found.verdicts == Counter(result.verdict.name for result in checks)
    assert found.claims["mean deviation"] == Counter(result.judgements[0].outcome.name for result in checks)
    assert found.controls["loaded coin"] == Counter(result.controls[0].outcome.name for result in checks)
    assert found.trials == sum(result.trials for result in checks)
    assert (found.runs, found.seeds, found.scale, found.device) == (6, {5: 6}, "quick", "cpu")
    assert found.hardware == (checks[0].device,)


def test_the_first_trials_of_many_runs_are_made_in_full_batches(place):
    calls = []
    place.gather(replace(SMALL, run=spying(calls), trials={"quick": 10}), runs=8)
    sizes = [len(batch) for batch in calls]
    assert sizes == [4] * (8 * (10 + 10 + LOADED.trials) // 4)
    assert len({pair for batch in calls for pair in batch}) == sum(sizes)


def test_undecided_runs_are_extended_as_in_a_check(place):
    statement = replace(SMALL, trials={"quick": 4})
    assert place.gather(statement).trials == sum(single(statement, number).trials for number in range(6)) > 6 * 8


@pytest.mark.parametrize("fails_at", [0, 1, 11, 27, 28, 41, 46, 65])
def test_a_killed_gathering_goes_on_and_is_counted_only_when_whole(place, tmp_path, fails_at):
    whole = Place(tmp_path / "whole").gather()
    before, after = [], []
    with pytest.raises(KeyboardInterrupt):
        place.gather(replace(SMALL, run=spying(before, fails_at=fails_at)))
    assert not place.out.exists()
    assert len(before) == fails_at
    resumed = place.gather(replace(SMALL, run=spying(after)))
    assert resumed == whole
    assert not {pair for batch in before for pair in batch} & {pair for batch in after for pair in batch}
    assert not list(place.folder.iterdir())


def test_no_more_trials_are_kept_than_those_of_the_runs_under_way(place):
    with pytest.raises(KeyboardInterrupt):
        place.gather(replace(SMALL, run=spying([], fails_at=46)))
    (work,) = place.folder.iterdir()
    assert len((work / "runs.jsonl").read_text().splitlines()) == SMALL.batch
    assert len((work / "trials.jsonl").read_text().splitlines()) == 2 * SMALL.batch


def test_torn_lines_of_a_killed_gathering_are_made_again(place, tmp_path):
    whole = Place(tmp_path / "whole").gather()
    with pytest.raises(KeyboardInterrupt):
        place.gather(replace(SMALL, run=spying([], fails_at=35)))
    (work,) = place.folder.iterdir()
    for name in ("runs.jsonl", "trials.jsonl"):
        content = (work / name).read_bytes()
        (work / name).write_bytes(content[:-9])
    assert place.gather() == whole


def test_runs_that_no_gathering_wrote_are_refused(place):
    with pytest.raises(KeyboardInterrupt):
        place.gather(replace(SMALL, run=spying([], fails_at=3)))
    (work,) = place.folder.iterdir()
    (work / "runs.jsonl").write_text('{"number": 0}\n')
    with pytest.raises(RecordError, match="must hold judged runs"):
        place.gather()


def test_the_same_seed_is_not_counted_twice(place):
    calls, first = [], place.gather()
    assert place.gather(replace(SMALL, run=spying(calls))) == first
    assert place.gather(replace(SMALL, run=spying(calls)), runs=3) == first
    assert calls == []
    assert read_evidence(place.out) == [first]


def test_more_runs_of_the_same_seed_make_only_the_new_ones(place, tmp_path):
    place.gather(runs=4)
    calls = []
    more = place.gather(replace(SMALL, run=spying(calls)), runs=6)
    assert more == Place(tmp_path / "whole").gather(runs=6)
    assert more.seeds == {5: 6}
    old = {t.seed for number in range(4) for case in single(SMALL, number).cases for t in case.trials}
    assert not old & {seed for batch in calls for _, seed in batch}


def test_another_seed_adds_up(place):
    first = place.gather(seed=5)
    both = place.gather(seed=6, runs=4)
    assert both.seeds == {5: 6, 6: 4}
    assert both.runs == 10
    assert both.trials > first.trials


def test_other_code_begins_anew(place, monkeypatch):
    place.gather()
    monkeypatch.setattr(gathering, "judging_digest", lambda *given: "changed")
    assert place.gather(seed=6, runs=2).seeds == {6: 2}
    assert len(read_evidence(place.out)) == 1


def test_the_digest_follows_constants_and_budget(tmp_path):
    path, digests = tmp_path / "constants.json", []
    fitted = {"C": {"value": 1.0, "note": "", "trials": 405, "ranges": {}}}
    for value in (1.0, 2.0):
        fitted["C"]["value"] = value
        path.write_text(json.dumps({SMALL.id: {"constants": fitted}}))
        digests.append(gathering.judging_digest(Registry([paper_of(SMALL, constants_file=path)]), SMALL))
    others = [replace(SMALL, id=f"coins.other{i}") for i in range(LEAST_ROOM)]
    digests.append(gathering.judging_digest(Registry([paper_of(SMALL, *others, constants_file=path)]), SMALL))
    assert len(set(digests)) == 3


@pytest.mark.parametrize("expected", [Verdict.PROVED, Verdict.REPAIRED, Verdict.INCONCLUSIVE, Verdict.VIOLATED])
def test_a_wrong_expectation_shows_as_false_alarms(place, expected):
    found = place.gather(replace(SMALL, expected=expected))
    assert (found.as_expected, found.inconclusive, found.false_alarms) == (0, 0, 6)
    assert found.alarms == tuple(trial_seeds(5, "gather", 6))
    assert f"--seed {found.alarms[0]} " in found.replays[0]


def test_an_inconclusive_run_is_no_false_alarm(place):
    unfitted = replace(SMALL.claims[0], constant="never fitted")
    found = place.gather(replace(SMALL, claims=(*SMALL.claims, replace(unfitted, name="other"))))
    assert (found.as_expected, found.inconclusive, found.false_alarms, found.alarms) == (0, 6, 0, ())


def test_controls_that_are_missed_are_counted(place):
    def sometimes(parameters, seeds, device):
        """Breaks the claim in a control where the first seed of the run is even."""
        return [
            replace(o, measurements={"deviation": Measurement(0.4 if parameters.repetitions == 9 else 0.01)})
            if seed in EVEN or parameters.repetitions != 9
            else replace(o, measurements={"deviation": Measurement(0.01)})
            for seed, o in zip(seeds, run(parameters, seeds, device), strict=True)
        ]

    flaky = Control("flaky", "nothing in some runs", "mean deviation", {"repetitions": 9})
    statement = replace(SMALL, controls=(flaky,), run=sometimes)
    label = f"coins.T.2|control flaky|{Coins(100)}"
    by_run = [trial_seeds(run_seed, label, flaky.trials) for run_seed in trial_seeds(5, "gather", 6)]
    EVEN.update(seed for seeds in by_run[:2] for seed in seeds)
    found = place.gather(statement)
    assert found.controls["flaky"] == {Outcome.VIOLATED.name: 2, Outcome.HOLDS.name: 4}
    assert found.caught("flaky") == 2
    assert found.verdicts == {"SUPPORTED": 2, "INCONCLUSIVE": 4}


EVEN: set[int] = set()


def test_progress_names_the_runs(place):
    told = []
    place.gather(progress=lambda *words: told.append(words))
    assert ("coins.T.2 num_tosses=100 bias=0.0 repetitions=400, runs 1 to 4 of 6", 24, 24) in told
    assert ("coins.T.2 control: loaded coin, runs 5 to 6 of 6", 32, 32) in told
