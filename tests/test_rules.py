"""The rules of evidence, each with a test that shows it biting.

1 positive evidence only, 2 premises first, 3 explicit constants, 4 exponents by interval, 5 one error budget,
6 controls, 7 as printed and as repaired, 8 any seed, 9 counts and not clocks, 10 better is also a change, 11
stored evidence is evidence. The simulations behind them are in tests/evidence (error rates: test_sequential,
test_frequency, test_bound; limits: test_fitting, test_scaling, test_constants) and tests/runs (controls:
test_checking; errata: test_result; killed writers: test_killed_writer). Rule 12, invariance under rotation,
permutation, scaling, batch and chunk, is about stages of an algorithm and tested beside them, in
tests/training, and for the batches of the laboratory in tests/runs/test_trying.
"""

import shlex
from dataclasses import replace

import pytest

from fsrcheck.evidence.claim import Evidence, Selection
from fsrcheck.evidence.constants import Constant, Provenance, Range
from fsrcheck.evidence.identity import Identity
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.evidence.trial import Case, Measurement, Observation
from fsrcheck.registry import Registry, installed
from fsrcheck.runs.calibration import calibrate, save_constants
from fsrcheck.runs.checking import check, recheck
from fsrcheck.runs.records import TrialStore, trial_to_json
from fsrcheck.runs.result import ExitCode, StatementResult
from fsrcheck.runs.seeds import trial_seeds
from fsrcheck.runs.trying import Laboratory
from fsrcheck.statement import Control, Statement
from tests.evidence.making import INFINITY, NAN
from tests.example import SIZES, SQUARE, THEOREM, Coins, bare, run
from tests.invoking import paper_of

TAIL, DEVIATION, RATE = THEOREM.claims
EXACT = Identity("exact", "no residual", "deviation", 1.0)
CLAIMS = [TAIL, DEVIATION, RATE, EXACT]
LOADED = THEOREM.controls[0]


def checked(statement: Statement, *, seed: int = 5, **options) -> StatementResult:
    return check(statement.id, registry=Registry([paper_of(statement)]), seed=seed, **options)


def outcome_when(claim, change) -> Outcome:
    """The outcome of one claim of the example when every observation is changed."""

    def changed(parameters, seeds, device):
        return [change(observation) for observation in run(parameters, seeds, device)]

    (judgement,) = checked(bare(THEOREM, claims=(claim,), run=changed)).judgements
    return judgement.outcome


class TestRule1PositiveEvidenceOnly:
    @pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
    def test_untouched_observations_hold(self, claim):
        assert outcome_when(claim, lambda observation: observation) is Outcome.HOLDS

    @pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
    def test_without_measurements_and_counts_nothing_holds(self, claim):
        empty = Observation({"fair": 1.0}, {})
        assert outcome_when(claim, lambda observation: empty) is not Outcome.HOLDS

    @pytest.mark.parametrize("claim", [DEVIATION, RATE, EXACT], ids=lambda claim: claim.name)
    @pytest.mark.parametrize("bad", [Measurement(NAN), Measurement(0.01, NAN), Measurement(0.01, INFINITY)])
    def test_a_value_or_error_that_is_no_number_never_holds(self, claim, bad):
        found = outcome_when(claim, lambda o: replace(o, measurements={"deviation": bad}))
        assert found is Outcome.INCONCLUSIVE

    @pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
    def test_no_cases_and_no_trials_are_no_evaluation(self, claim):
        constants = {constant.name: constant for constant in THEOREM.constants}
        empty = [Case(parameters, ()) for parameters in THEOREM.cases["quick"]]
        for cases in ([], empty):
            assert claim.judge(Evidence(cases, constants)).outcome is Outcome.NOT_EVALUATED

    @pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
    def test_a_claim_about_no_case_of_the_run_makes_the_statement_inconclusive(self, claim):
        nowhere = replace(claim, where=Selection({"num_tosses": -1}))
        result = checked(bare(THEOREM, claims=(DEVIATION, nowhere)))
        assert result.judgements[1].outcome is Outcome.NOT_EVALUATED
        assert result.verdict is Verdict.INCONCLUSIVE

    def test_a_margin_within_the_error_does_not_hold(self):
        noisy = Measurement(0.02, 0.01)
        assert outcome_when(DEVIATION, lambda o: replace(o, measurements={"deviation": noisy})) is (
            Outcome.INCONCLUSIVE
        )

    def test_a_vacuous_bound_alone_is_not_support(self):
        result = checked(bare(THEOREM, claims=(replace(DEVIATION, trivial=1e-9),)))
        assert result.judgements[0].outcome is Outcome.VACUOUS
        assert result.verdict is Verdict.INCONCLUSIVE
        assert result.from_size is None


class TestRule2PremisesFirst:
    @pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
    @pytest.mark.parametrize("margin", [-1e-9, NAN])
    def test_a_failed_premise_makes_every_claim_inapplicable(self, claim, margin):
        assert outcome_when(claim, lambda o: replace(o, premises={"fair": margin})) is Outcome.INAPPLICABLE

    def test_one_trial_whose_premise_fails_spoils_its_case(self):
        def once(parameters, seeds, device):
            found = run(parameters, seeds, device)
            return [replace(found[0], premises={"fair": -1.0}), *found[1:]]

        result = checked(bare(THEOREM, claims=(DEVIATION,), run=once))
        assert result.judgements[0].outcome is Outcome.INAPPLICABLE
        assert result.exit_code is ExitCode.INCONCLUSIVE

    def test_a_premise_counts_before_a_violation(self):
        result = checked(bare(THEOREM, claims=(DEVIATION,)), settings={"bias": "0.2"})
        assert result.judgements[0].outcome is Outcome.INAPPLICABLE


class TestRule3ExplicitConstants:
    UNFITTED = bare(
        THEOREM,
        claims=(DEVIATION,),
        constants=(),
        cases={"quick": (Coins(100, repetitions=9), Coins(400, repetitions=9))},
    )

    @pytest.fixture
    def registry(self, tmp_path):
        paper = paper_of(self.UNFITTED, constants_file=tmp_path / "constants.json")
        save_constants(paper, calibrate(self.UNFITTED, 5, Laboratory()))
        return Registry([paper])

    def test_a_constant_that_was_never_fitted_decides_nothing(self):
        assert checked(self.UNFITTED).verdict is Verdict.INCONCLUSIVE

    def test_a_fitted_constant_holds_on_the_seed_that_fitted_it_without_sharing_a_trial(self, registry):
        result = check("T.2", registry=registry, seed=5)
        assert result.verdict is Verdict.SUPPORTED
        assert all(trial.seed < 2**62 for case in result.cases for trial in case.trials)

    @pytest.mark.parametrize("settings", [{"num_tosses": "99"}, {"num_tosses": "401"}, {"repetitions": "10"}])
    def test_outside_the_range_of_its_fit_a_constant_decides_nothing(self, registry, settings):
        result = check("T.2", registry=registry, seed=5, settings=settings)
        assert result.verdict is Verdict.INCONCLUSIVE
        assert "outside the range" in result.judgements[0].message

    def test_a_constant_comes_with_its_provenance_and_range(self, registry):
        (constant,) = check("T.2", registry=registry, seed=5).to_json()["constants"]
        assert (constant["provenance"], constant["trials"]) == ("fitted", 405)
        assert constant["ranges"]["num_tosses"] == "[100, 400]"


class TestRule4ExponentsByInterval:
    def test_an_interval_that_is_too_wide_decides_nothing_but_asks_for_more_trials(self):
        cases = [Case(p, Laboratory().run(THEOREM, p, [1, 2])) for p in (Coins(n, repetitions=2) for n in SIZES)]
        judgement = RATE.judge(Evidence(cases))
        assert judgement.outcome is Outcome.INCONCLUSIVE
        assert judgement.wanted == tuple(case.parameters for case in cases)

    def test_the_misfit_of_a_noiseless_curve_is_not_taken_for_noise(self):
        def curved(parameters, seeds, device):
            value = parameters.num_tosses**-0.5 * (1 + 40 / parameters.num_tosses)
            return [Observation({}, {"deviation": Measurement(value)}) for _ in seeds]

        for allowance, outcome in ((0.05, Outcome.INCONCLUSIVE), (0.4, Outcome.HOLDS)):
            claim = replace(RATE, allowance=allowance)
            result = checked(bare(THEOREM, claims=(claim,), run=curved))
            assert result.judgements[0].outcome is outcome

    def test_the_statement_reports_the_interval(self):
        (claim,) = checked(bare(THEOREM, claims=(RATE,))).to_json()["claims"]
        fitted = claim["exponent"]["fitted"]["all"]
        assert fitted["low"] < fitted["value"] < fitted["high"]


class TestRule5OneErrorBudget:
    def test_the_shares_of_all_claims_add_up_to_no_more_than_the_budget(self):
        registry = Registry([paper_of(THEOREM, SQUARE)])
        judgements = sum(len(s.claims) for s in registry.statements)
        assert 0 < check("sq", registry=registry, seed=1).false_alarm * judgements <= registry.budget.total == 1e-6

    def test_one_fresh_trial_beyond_a_fitted_constant_is_repeated_on_fresh_seeds(self):
        ranges = {name: Range(0, 1e4) for name in ("num_tosses", "bias", "repetitions")}
        fitted = {"C": Constant("C", 0.6, Provenance.FITTED, ranges=ranges)}
        seeds = trial_seeds(5, f"coins.T.2|{Coins()}", 10)

        def once(parameters, given, device):
            far = Observation({}, {"deviation": Measurement(9.0)})
            return [
                far if seed in seeds[:1] else observation
                for seed, observation in zip(given, run(parameters, given, device), strict=True)
            ]

        few, many = (Laboratory().run(replace(THEOREM, run=once), Coins(), seeds[:n]) for n in (8, 10))
        first, second = (DEVIATION.judge(Evidence([Case(Coins(), trials)], fitted)) for trials in (few, many))
        assert (first.outcome, first.seeds_wanted) == (Outcome.INCONCLUSIVE, True)
        assert second.outcome is Outcome.INCONCLUSIVE
        more = Laboratory().run(THEOREM, Coins(), trial_seeds(5, "more", 10))
        assert DEVIATION.judge(Evidence([Case(Coins(), (*many, *more))], fitted)).outcome is Outcome.HOLDS


class TestRule6Controls:
    def test_a_claim_that_no_control_can_break_is_not_supported(self):
        blind = replace(DEVIATION, constant="huge")
        huge = Constant("huge", 4.9, Provenance.CHOSEN)
        result = checked(replace(THEOREM, claims=(blind,), controls=(LOADED,), constants=(huge,)))
        assert result.judgements[0].outcome is Outcome.HOLDS
        assert result.controls[0].outcome is Outcome.HOLDS
        assert (result.verdict, result.exit_code) == (Verdict.INCONCLUSIVE, ExitCode.UNEXPECTED)

    def test_a_control_that_does_not_break_its_premise_is_not_caught(self):
        gentle = replace(LOADED, changes={"bias": 0.01})
        result = checked(replace(THEOREM, controls=(gentle,)))
        assert result.controls[0].premises_unseen == ("fair",)
        assert result.exit_code is ExitCode.UNEXPECTED

    def test_every_control_of_the_example_is_violated(self):
        assert all(control.is_caught for control in checked(THEOREM).controls)

    def test_every_installed_statement_with_a_claim_has_a_control_of_one_of_its_claims(self):
        for statement in installed().statements:
            names = {claim.name for claim in statement.claims}
            assert len(names) == len(statement.claims), statement.id
            assert bool(statement.controls) >= bool(names), statement.id
            assert {control.claim for control in statement.controls} <= names, statement.id


class TestRule7AsPrintedAndAsRepaired:
    def test_a_counterexample_makes_the_printed_form_repaired(self):
        assert checked(SQUARE).verdict is Verdict.REPAIRED

    def test_a_counterexample_that_no_longer_contradicts_repairs_nothing(self):
        erratum = SQUARE.errata[0]
        agreeing = replace(erratum, counterexample=lambda: replace(erratum.counterexample(), contradicts=False))
        result = checked(replace(SQUARE, errata=(agreeing,)))
        assert (result.verdict, result.exit_code) == (Verdict.INCONCLUSIVE, ExitCode.UNEXPECTED)

    def test_a_repair_that_fails_is_no_repair(self):
        broken = SQUARE.controls[0].altered_claim
        assert checked(replace(SQUARE, claims=(replace(broken, name="square"),))).verdict is Verdict.VIOLATED

    def test_every_installed_erratum_is_confirmed(self):
        for statement in installed().statements:
            assert all(recheck(erratum).is_confirmed for erratum in statement.errata), statement.id


class TestRule8AnySeed:
    @pytest.mark.parametrize("seed", range(20))
    def test_the_example_is_supported_for_every_seed(self, seed):
        assert checked(THEOREM, seed=seed).exit_code is ExitCode.EXPECTED

    def test_the_replay_command_repeats_the_run_to_the_last_digit(self):
        first = checked(THEOREM, seed=12, settings={"repetitions": "300"})
        words = shlex.split(first.replay)
        again = checked(THEOREM, seed=int(words[words.index("--seed") + 1]), settings=dict([words[-1].split("=")]))
        assert again.cases == first.cases
        assert again.to_json() == first.to_json()

    def test_one_trial_alone_equals_the_same_trial_in_its_run(self):
        case = checked(THEOREM).cases[2]
        for trial in case.trials:
            assert Laboratory().run(THEOREM, case.parameters, [trial.seed]) == [trial]

    def test_a_failure_names_the_seed_of_its_trial(self):
        (judgement,) = checked(bare(THEOREM, claims=(DEVIATION,)), settings={"bias": "0.2"}).judgements
        seed = int(judgement.message.split("seed ")[1].rstrip(")"))
        (trial,) = Laboratory().run(THEOREM, Coins(bias=0.2), [seed])
        assert trial.failed_premises() == ["fair"]


class TestRule9CountsNotClocks:
    def test_nothing_but_the_recheck_of_an_erratum_depends_on_the_clock(self, monkeypatch):
        first = checked(THEOREM).to_json()
        monkeypatch.setattr("time.perf_counter", iter(range(0, 10**6, 1000)).__next__)
        assert checked(THEOREM).to_json() == first

    def test_a_trial_keeps_counts(self):
        (trial,) = Laboratory().run(THEOREM, Coins(), [1])
        assert trial_to_json(trial)["counts"]["repetitions"] == 400


class TestRule10BetterIsAlsoAChange:
    @pytest.mark.parametrize("expected", [Verdict.INCONCLUSIVE, Verdict.OPEN, Verdict.VIOLATED])
    def test_a_verdict_better_than_expected_is_unexpected(self, expected):
        assert checked(replace(THEOREM, expected=expected)).exit_code is ExitCode.UNEXPECTED


class TestRule11StoredEvidenceIsEvidence:
    def test_stored_trials_are_judged_like_fresh_ones(self, tmp_path):
        path, never = tmp_path / "trials.jsonl", replace(THEOREM, run=lambda *given: 1 / 0)
        first = checked(THEOREM, store=TrialStore(path, "code"))
        assert checked(never, store=TrialStore(path, "code")).to_json() == first.to_json()

    def test_trials_of_other_code_are_not_taken(self, tmp_path):
        path, never = tmp_path / "trials.jsonl", replace(THEOREM, run=lambda *given: 1 / 0)
        checked(THEOREM, store=TrialStore(path, "code"))
        with pytest.raises(ZeroDivisionError):
            checked(never, store=TrialStore(path, "changed code"))

    def test_saved_trials_can_be_judged_again_by_another_rule(self, tmp_path):
        path, never = tmp_path / "trials.jsonl", lambda *given: 1 / 0
        checked(bare(THEOREM), store=TrialStore(path, "code"))
        strict = bare(THEOREM, run=never, constants=(replace(THEOREM.constants[0], value=0.1),))
        assert checked(strict, store=TrialStore(path, "code")).verdict is Verdict.VIOLATED


def test_a_control_may_break_a_setting_that_is_no_premise():
    short = Control("few tosses", "a hundred times fewer tosses", "mean deviation", {"num_tosses": 1})
    assert checked(replace(THEOREM, controls=(short,))).controls[0].is_caught
