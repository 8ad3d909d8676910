"""Verdicts, exit codes and JSON of a result made of given outcomes."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsrcheck.evidence.claim import Judgement, Strength
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Outcome, Verdict
from fsrcheck.runs.result import CheckedErratum, ControlResult, ExitCode, StatementResult, overall_exit_code
from fsrcheck.statement import Control, Counterexample, Defect, Erratum
from tests.evidence.making import INFINITY, NAN
from tests.example import SQUARE

CONTROL = Control("c", "something", "square")
FALSE = Erratum(Defect.FALSE_STATEMENT, "wrong", "line 1", "right", lambda: CONTRADICTION)
GAP = Erratum(Defect.PROOF_GAP, "the proof skips a case", "line 2", "right")
CONTRADICTION = Counterexample("at 1", 1.0, 2.0, contradicts=True)


def judgement(outcome: Outcome, strength: Strength = Strength.MEASURED, **details) -> Judgement:
    return Judgement("claim", "Kind", "text", outcome, strength, **details)


def sized_judgement(from_size: tuple[float | None, float] | None) -> Judgement:
    return judgement(Outcome.HOLDS, size="n", from_size=from_size)


def result(
    *outcomes: Outcome | Judgement,
    expected: Verdict = Verdict.SUPPORTED,
    controls: tuple[Outcome, ...] = (Outcome.VIOLATED,),
    errata: tuple[CheckedErratum, ...] = (),
) -> StatementResult:
    judged = tuple(o if isinstance(o, Judgement) else judgement(o) for o in outcomes)
    return StatementResult(
        statement=replace(SQUARE, expected=expected),
        judgements=judged,
        controls=tuple(ControlResult(CONTROL, judgement(outcome)) for outcome in controls),
        errata=errata,
        cases=(),
        constants={},
        scale="quick",
        seed=1,
        device="a CPU",
        device_kind="cpu",
        settings={},
        target=None,
        false_alarm=1e-8,
    )


def checked(erratum: Erratum, counterexample: Counterexample | None) -> CheckedErratum:
    return CheckedErratum(erratum, counterexample, 0.0)


@given(st.lists(st.sampled_from(Outcome), min_size=1))
def test_only_claims_that_all_hold_are_supported(outcomes):
    assert (result(*outcomes).verdict is Verdict.SUPPORTED) == (set(outcomes) == {Outcome.HOLDS})


@pytest.mark.parametrize("outcome", [o for o in Outcome if o not in (Outcome.HOLDS, Outcome.VIOLATED)])
def test_a_claim_that_does_not_hold_makes_the_statement_inconclusive(outcome):
    assert result(Outcome.HOLDS, outcome).verdict is Verdict.INCONCLUSIVE


def test_a_violated_claim_outweighs_an_inconclusive_one():
    assert result(Outcome.INCONCLUSIVE, Outcome.VIOLATED, Outcome.HOLDS).verdict is Verdict.VIOLATED


@given(st.lists(st.sampled_from(Strength), min_size=1))
def test_the_weakest_claim_gives_the_verdict(strengths):
    found = result(*(judgement(Outcome.HOLDS, strength) for strength in strengths)).verdict
    assert found is min(strength.value for strength in strengths)


def test_a_statement_without_claims_is_open():
    assert result(controls=()).verdict is Verdict.OPEN


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.VIOLATED])
def test_a_control_that_is_not_violated_takes_the_verdict_away(outcome):
    found = result(Outcome.HOLDS, controls=(Outcome.VIOLATED, outcome))
    assert found.verdict is Verdict.INCONCLUSIVE
    code = ExitCode.INCONCLUSIVE if outcome is Outcome.INCONCLUSIVE else ExitCode.UNEXPECTED
    assert found.exit_code is code


def test_a_missed_control_is_not_excused_by_expecting_an_inconclusive_verdict():
    found = result(Outcome.HOLDS, expected=Verdict.INCONCLUSIVE, controls=(Outcome.HOLDS,))
    assert found.exit_code is ExitCode.UNEXPECTED
    undecided = result(Outcome.HOLDS, expected=Verdict.INCONCLUSIVE, controls=(Outcome.INCONCLUSIVE,))
    assert undecided.exit_code is ExitCode.INCONCLUSIVE


def test_a_control_whose_premise_was_not_seen_to_fail_is_not_caught():
    control = ControlResult(CONTROL, judgement(Outcome.VIOLATED), ("fair",))
    assert not control.is_caught
    assert control.outcome is Outcome.INAPPLICABLE
    assert "fair" in control.message


def test_a_confirmed_counterexample_makes_a_positive_verdict_repaired():
    assert result(Outcome.HOLDS, errata=(checked(FALSE, CONTRADICTION),)).verdict is Verdict.REPAIRED


def test_without_claims_for_a_repair_it_is_refuted():
    assert result(controls=(), errata=(checked(FALSE, CONTRADICTION),)).verdict is Verdict.REFUTED


@pytest.mark.parametrize(
    "counterexample",
    [
        None,
        replace(CONTRADICTION, contradicts=False),
        replace(CONTRADICTION, printed=NAN),
        replace(CONTRADICTION, actual=NAN),
    ],
)
def test_an_erratum_that_is_not_confirmed_repairs_nothing(counterexample):
    found = result(Outcome.HOLDS, expected=Verdict.REPAIRED, errata=(checked(FALSE, counterexample),))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.exit_code is ExitCode.UNEXPECTED


def test_an_erratum_that_is_not_confirmed_does_not_hide_a_violation():
    assert result(Outcome.VIOLATED, errata=(checked(FALSE, None),)).verdict is Verdict.VIOLATED


def test_a_violated_repair_is_no_repair():
    assert result(Outcome.VIOLATED, errata=(checked(FALSE, CONTRADICTION),)).verdict is Verdict.VIOLATED


def test_a_gap_in_a_proof_leaves_the_statement_supported():
    assert result(Outcome.HOLDS, errata=(checked(GAP, None),)).verdict is Verdict.SUPPORTED


@pytest.mark.parametrize(
    ("outcome", "expected", "code"),
    [
        (Outcome.HOLDS, Verdict.SUPPORTED, ExitCode.EXPECTED),
        (Outcome.HOLDS, Verdict.PROVED, ExitCode.UNEXPECTED),
        (Outcome.HOLDS, Verdict.INCONCLUSIVE, ExitCode.UNEXPECTED),
        (Outcome.VIOLATED, Verdict.SUPPORTED, ExitCode.UNEXPECTED),
        (Outcome.VIOLATED, Verdict.INCONCLUSIVE, ExitCode.UNEXPECTED),
        (Outcome.INCONCLUSIVE, Verdict.SUPPORTED, ExitCode.INCONCLUSIVE),
        (Outcome.INCONCLUSIVE, Verdict.INCONCLUSIVE, ExitCode.EXPECTED),
        (Outcome.NOT_EVALUATED, Verdict.SUPPORTED, ExitCode.INCONCLUSIVE),
        (Outcome.VACUOUS, Verdict.SUPPORTED, ExitCode.INCONCLUSIVE),
    ],
)
def test_the_exit_code_compares_with_what_is_expected(outcome, expected, code):
    assert result(outcome, expected=expected).exit_code is code


@given(st.lists(st.sampled_from([Outcome.HOLDS, Outcome.INCONCLUSIVE, Outcome.VIOLATED]), min_size=1))
def test_unexpected_takes_precedence_over_inconclusive(outcomes):
    codes = {Outcome.VIOLATED: 1, Outcome.INCONCLUSIVE: 3}
    wanted = next((code for outcome, code in codes.items() if outcome in outcomes), 0)
    assert overall_exit_code([result(outcome) for outcome in outcomes]) == wanted


def test_from_size_is_that_of_the_claim_that_needs_the_largest():
    sized = [sized_judgement((8.0, 16.0)), sized_judgement((None, 8.0))]
    assert result(*sized).from_size == {"size": 16.0, "not_from": 8.0, "claim": "claim", "kind": "measured"}


def test_without_a_claim_about_sizes_there_is_no_from_size():
    assert result(Outcome.HOLDS).from_size is None


def test_a_claim_about_sizes_that_holds_from_none_leaves_no_from_size():
    assert result(sized_judgement((None, 8.0)), sized_judgement(None)).from_size is None
    assert result(sized_judgement((None, 8.0)), judgement(Outcome.HOLDS)).from_size is not None


def test_json_needs_no_nan_and_no_infinity():
    found = replace(
        result(Outcome.HOLDS, errata=(checked(FALSE, replace(CONTRADICTION, actual=INFINITY)),)),
        constants={"C": Constant("C", NAN, Provenance.PAPER)},
    )
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["constants"][0]["value"] == "nan"


def test_json_has_what_was_promised():
    promised = "id verdict expected from_size constants claims controls trials seed device replay"
    assert set(promised.split()) <= set(result(Outcome.HOLDS).to_json())


def test_the_replay_command_names_scale_seed_device_and_settings():
    found = replace(result(Outcome.HOLDS), settings={"family": "two words"}, seed=9)
    assert found.replay == "fsrcheck check coins.sq --scale quick --seed 9 --device cpu --set 'family=two words'"
    assert "--device cuda" in replace(found, device_kind="cuda").replay
