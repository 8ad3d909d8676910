"""The checker makes trials, adds more until decided, and runs controls at the nominal parameters."""

from dataclasses import replace
from math import exp

import pytest

from fsrcheck.errors import FsrcheckError, InputError
from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.budget import LOOKS
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.frequency import Frequency
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.evidence.scaling import Scaling
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.registry import Registry
from fsrcheck.runs.calibration import Calibration, save_constants
from fsrcheck.runs.checking import check, check_many, make_checker
from fsrcheck.runs.result import StatementResult
from fsrcheck.statement import Control, Statement
from tests.example import PAPER, SIZES, SQUARE, THEOREM, Coins, bare, run
from tests.invoking import paper_of

TAIL, DEVIATION, RATE = THEOREM.claims


def checked(statement: Statement, *, seed: int = 5, **options) -> StatementResult:
    return check(statement.id, registry=Registry([paper_of(statement)]), seed=seed, **options)


def only(*claims, controls=(), **changes) -> Statement:
    return replace(bare(THEOREM, claims=claims, **changes), controls=controls)


def constant_run(values, premises=None):
    """A run that measures the same values again and again."""

    def made(parameters, seeds, device):
        return [Observation(premises or {}, {"deviation": Measurement(values[seed % len(values)])}) for seed in seeds]

    return made


def test_the_example_comes_out_as_expected():
    assert [result.verdict for result in check_many(registry=Registry([PAPER]), seed=1)] == [
        Verdict.SUPPORTED,
        Verdict.REPAIRED,
    ]


def test_two_runs_with_the_same_seed_are_identical():
    first, second = checked(THEOREM), checked(THEOREM)
    assert first.cases == second.cases
    assert first.to_json() == second.to_json()


def test_another_seed_gives_other_trials():
    assert checked(THEOREM, seed=6).cases != checked(THEOREM).cases


def test_without_a_seed_a_fresh_one_is_drawn_and_told():
    seeds = {make_checker(registry=Registry([PAPER])).seed for _ in range(5)}
    assert len(seeds) > 1


def test_undecided_claims_get_twice_as_many_trials_and_the_first_ones_stay():
    few = checked(only(DEVIATION, trials={"quick": 4}))
    assert [len(case.trials) for case in few.cases] == [8] * 5
    assert few.verdict is Verdict.SUPPORTED
    full = checked(only(DEVIATION, trials={"quick": 8}))
    assert few.cases == full.cases


def test_an_undecidable_claim_stops_after_all_looks():
    half = replace(TAIL, probability=lambda p: 0.5, attempts=None, event="deviation")
    statement = only(half, run=constant_run([0.0, 1.0]), trials={"quick": 2}, cases={"quick": (Coins(),)})
    result = checked(statement)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.trials == 2 * 2 ** (LOOKS - 1)


def noisy_power(exponent, spread):
    """A run that measures num_tosses ** exponent, times exp(spread) and exp(-spread) in turn: no luck decides."""

    def made(parameters, seeds, device):
        values = [parameters.num_tosses**exponent * exp(spread * (-1) ** index) for index in range(len(seeds))]
        return [Observation({}, {"deviation": Measurement(value)}) for value in values]

    return made


def test_an_exponent_whose_interval_is_too_wide_gets_more_trials_at_all_sizes_until_it_holds():
    result = checked(only(RATE, run=noisy_power(-0.5, 0.15), trials={"quick": 8}))
    assert result.judgements[0].outcome is Outcome.HOLDS
    assert [len(case.trials) for case in result.cases] == [32] * 5


def test_only_the_series_whose_interval_is_too_wide_is_extended():
    def made(parameters, seeds, device):
        return noisy_power(-0.5, 0.15 if parameters.bias else 0.01)(parameters, seeds, device)

    both = tuple(Coins(n, bias) for bias in (0.0, 0.005) for n in SIZES)
    result = checked(only(RATE, run=made, trials={"quick": 8}, cases={"quick": both}))
    assert result.judgements[0].outcome is Outcome.HOLDS
    assert [len(case.trials) for case in result.cases] == [8] * 5 + [32] * 5


def test_a_borderline_exponent_stays_undecided_after_all_looks_and_says_why():
    result = checked(only(RATE, run=noisy_power(-0.45, 0.15), trials={"quick": 2}))
    assert result.judgements[0].outcome is Outcome.INCONCLUSIVE
    assert "does not decide against -0.5 ± 0.05" in result.judgements[0].message
    assert [len(case.trials) for case in result.cases] == [2 * 2 ** (LOOKS - 1)] * 5


def test_a_wrong_exponent_is_violated_and_gets_no_more_trials():
    result = checked(only(RATE, run=noisy_power(0.0, 0.01), trials={"quick": 8}))
    assert result.judgements[0].outcome is Outcome.VIOLATED
    assert result.trials == 8 * 5


def test_a_law_that_drifts_gets_no_more_trials():
    def curved(parameters, seeds, device):
        value = parameters.num_tosses**-0.5 * (1 + 40 / parameters.num_tosses)
        return [Observation({}, {"deviation": Measurement(value)}) for _ in seeds]

    result = checked(only(RATE, run=curved, trials={"quick": 8}))
    assert "still changes" in result.judgements[0].message
    assert result.trials == 8 * 5


def test_a_constant_in_the_statement_is_not_replaced_by_one_in_the_data_file(tmp_path):
    paper = paper_of(only(DEVIATION), constants_file=tmp_path / "constants.json")
    stale = Constant("C", 99.0, Provenance.FITTED, trials=405)
    save_constants(paper, Calibration(THEOREM, 1, (stale,)))
    result = check("T.2", registry=Registry([paper]), seed=1)
    assert result.constants["C"] == THEOREM.constants[0]


def test_a_control_that_names_no_claim_is_an_error():
    lost = replace(THEOREM.controls[0], claim="no such claim")
    with pytest.raises(FsrcheckError, match="must name one of its claims, got 'no such claim'"):
        checked(only(DEVIATION, controls=(lost,)))


def test_a_control_is_judged_at_the_nominal_parameters_with_its_premise_waived():
    (control,) = checked(only(DEVIATION, controls=THEOREM.controls[:1])).controls
    assert control.is_caught
    assert {row.parameters for row in control.judgement.cases} == {Coins(100)}


def test_progress_names_the_case_of_a_control_that_breaks_every_case():
    told = []
    checked(THEOREM, progress=lambda label, done, total: told.append(label))
    controls = list(dict.fromkeys(label for label in told if "control" in label))
    assert controls == ["coins.T.2 control: loaded coin"] + [
        f"coins.T.2 control: loaded coins, num_tosses={n} bias=0.2 repetitions=400" for n in SIZES
    ]


def test_requests_are_all_trials_that_a_decided_check_makes():
    made = []

    def spying(parameters, seeds, device):
        made.extend((parameters, seed) for seed in seeds)
        return run(parameters, seeds, device)

    statement = replace(THEOREM, run=spying, trials={"quick": 20})
    checker = make_checker(registry=Registry([paper_of(statement)]), seed=5)
    asked = [(request.parameters, seed) for request in checker.requests(statement) for seed in request.seeds]
    assert not made
    checker.check(statement)
    assert made == asked


def test_a_control_that_breaks_nothing_is_not_caught():
    same = Control("same coin", "nothing", "mean deviation", {"repetitions": 500})
    result = checked(only(DEVIATION, controls=(same,)))
    assert result.controls[0].outcome is Outcome.HOLDS
    assert result.exit_code == 1


def test_a_control_whose_premise_still_holds_is_not_caught():
    sound = Control("fair coin", "the coin is fair", "mean deviation", {"repetitions": 9}, premises=("fair",))
    (control,) = checked(only(DEVIATION, controls=(sound,))).controls
    assert control.premises_unseen == ("fair",)
    assert not control.is_caught


def test_a_control_whose_premise_fails_on_some_trials_only_is_not_caught():
    def flickering(parameters, seeds, device):
        margins = [0.01 if parameters.bias == 0 else 0.5 - seed % 2 for seed in seeds]
        return [replace(o, premises={"fair": m}) for o, m in zip(run(parameters, seeds, device), margins, strict=True)]

    (control,) = checked(only(DEVIATION, controls=THEOREM.controls[:1], run=flickering)).controls
    assert control.judgement.outcome is Outcome.VIOLATED
    assert not control.is_caught


def test_a_premise_that_the_control_does_not_name_is_not_waived():
    def two_premises(parameters, seeds, device):
        return [
            replace(o, premises={**o.premises, "other": 0.1 - parameters.bias}) for o in run(parameters, seeds, device)
        ]

    (control,) = checked(only(DEVIATION, controls=THEOREM.controls[:1], run=two_premises)).controls
    assert control.outcome is Outcome.INAPPLICABLE
    assert "'other'" in control.message


def test_a_waiver_does_not_leak_from_the_control_into_the_claim():
    result = checked(only(DEVIATION, controls=THEOREM.controls[:1]), settings={"bias": "0.02"})
    assert result.judgements[0].outcome is Outcome.INAPPLICABLE
    assert all(case.waived == frozenset() for case in result.cases)


def test_a_premise_that_no_trial_shows_is_not_seen_to_fail():
    blind = replace(SQUARE.controls[0], premises=("positive",))
    result = checked(replace(SQUARE, controls=(blind,)))
    assert result.controls[0].premises_unseen == ("positive",)
    assert result.exit_code == 1


def test_a_control_on_no_case_is_not_caught():
    nowhere = replace(THEOREM.controls[0], base={"num_tosses": 7}, premises=())
    (control,) = checked(only(DEVIATION, controls=(nowhere,))).controls
    assert control.outcome is Outcome.NOT_EVALUATED


def test_a_target_must_be_a_file(tmp_path):
    with pytest.raises(InputError, match="target must be a file"):
        checked(THEOREM, target=tmp_path / "absent.npz")


def test_each_judgement_gets_its_share_of_the_budget_of_all_claims_that_chance_could_violate():
    registry = Registry([PAPER])
    by_chance = [claim for claim in THEOREM.claims if isinstance(claim, Bound | Scaling | Frequency)]
    judgements = len(by_chance)  # the other statement makes no trials, and controls report nothing as false
    assert 0 < judgements < len(THEOREM.claims) + len(THEOREM.controls)
    assert registry.budget.judgements == judgements
    assert check("sq", registry=registry, seed=1).false_alarm == registry.budget.share <= 1e-6 / judgements
