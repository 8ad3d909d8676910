"""Rounds of an alternation, followed exactly until the target or a stall."""

from fractions import Fraction

import pytest

from fsrcheck.evidence.alternation import ROUND, Alternation
from fsrcheck.evidence.exponents import Link
from fsrcheck.evidence.monomials import m_to, quantity
from fsrcheck.evidence.outcome import Outcome
from tests.evidence.making import evidence

delta = quantity("delta")
TERMS = (delta**2 * m_to("0.495"), delta * m_to("-0.177"))


def alternation(start="-0.5", target=-1, **details):
    return Alternation("a", "text", "delta", start, target, TERMS, **details)


def test_every_round_takes_the_largest_term():
    exponents = [stage.after for stage in alternation().stages()]
    assert exponents[:4] == [Fraction(n, 1000) for n in (-505, -515, -535, -575)]
    assert exponents[-1] - exponents[-2] == Fraction(-177, 1000)
    assert alternation().judge(evidence()).outcome is Outcome.HOLDS


def test_a_round_that_does_not_shrink_the_error_is_named():
    judgement = alternation("-0.49").judge(evidence())
    assert judgement.outcome is Outcome.VIOLATED
    assert "round 0" in judgement.message
    stalled = alternation("-0.49").stalls_at
    assert stalled is not None
    assert stalled.after == Fraction(-485, 1000)


def test_a_fixed_point_is_a_stall():
    assert alternation("-0.495").stalls_at is not None


def test_a_condition_that_a_round_fails_stalls_it():
    schedule = m_to("-0.4") * quantity(ROUND) ** "-0.1"
    condition = Link("the error is below the cutoff", "l.9", delta, schedule)
    judgement = alternation(conditions=(condition,)).judge(evidence())
    assert judgement.outcome is Outcome.VIOLATED
    assert "round 2: the error is below the cutoff (l.9) fails" in judgement.message


def test_rounds_that_run_out_do_not_reach_the_target():
    judgement = alternation(max_rounds=3).judge(evidence())
    assert judgement.outcome is Outcome.VIOLATED
    assert "within 3 rounds" in judgement.message
    assert judgement.certificate is not None
    assert len(judgement.certificate.rows) == 3


def test_a_start_below_the_target_needs_no_round():
    assert alternation("-1.5").judge(evidence()).outcome is Outcome.HOLDS


def test_other_quantities_must_have_a_value():
    unknown = Alternation("a", "", "delta", "-0.5", -1, (delta * quantity("b"),))
    with pytest.raises(ValueError, match="none for b"):
        unknown.stages()
    known = Alternation("a", "", "delta", "-0.5", -1, (delta * quantity("b"),), values={"b": "-0.25"})
    assert len(known.stages()) == 2
