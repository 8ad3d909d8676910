"""Chains of powers of m: exact slacks, the first failing link, and the range that would repair it."""

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fsrcheck.evidence.claim import Strength
from fsrcheck.evidence.exponents import ExponentChain, Link, links
from fsrcheck.evidence.monomials import ONE, m_to, quantity
from fsrcheck.evidence.outcome import Outcome
from tests.evidence.making import evidence

rationals = st.fractions(-2, 2, max_denominator=200)
delta, spread = quantity("delta"), quantity("sigma_min")


@st.composite
def monomials(draw):
    return delta ** draw(rationals) * spread ** draw(rationals) * m_to(draw(rationals))


chains = st.builds(
    lambda found, values: ExponentChain("c", "", tuple(found), dict(zip(("delta", "sigma_min"), values, strict=True))),
    st.lists(
        st.builds(Link, st.just("link"), st.just("l.1"), monomials(), monomials(), st.booleans()),
        min_size=1,
        max_size=3,
    ),
    st.tuples(rationals, rationals),
)


def chain(*found: Link, **values):
    return ExponentChain("c", "text", found, values)


CONTRACTION = Link("the error shrinks", "l.850", delta**2 * m_to("0.495"), delta * m_to("-0.02"))


@given(monomials(), monomials(), rationals, rationals, rationals)
def test_exponents_of_products_and_powers_follow_the_rules(first, second, power, x, y):
    values = {"delta": x, "sigma_min": y}
    product = (first * second**power).exponent(values)
    assert product == first.exponent(values) + power * second.exponent(values)
    assert (first / first) == ONE
    assert first**0 == ONE


def test_a_slack_is_exact():
    assert CONTRACTION.slack({"delta": "-0.49"}) == Fraction(-25, 1000)
    assert chain(CONTRACTION, delta="-0.53").slacks == (Fraction(15, 1000),)


def test_equal_exponents_are_enough_unless_the_link_is_strict():
    strict = Link("s", "l.1", CONTRACTION.smaller, CONTRACTION.larger, strict=True)
    assert chain(CONTRACTION, delta="-0.515").judge(evidence()).outcome is Outcome.HOLDS
    assert chain(strict, delta="-0.515").judge(evidence()).outcome is Outcome.VIOLATED


def test_a_chain_that_holds_is_proved_and_shows_every_slack():
    judgement = chain(CONTRACTION, delta="-0.53").judge(evidence())
    assert judgement.strength is Strength.PROVED
    assert judgement.certificate is not None
    row = dict(zip(judgement.certificate.columns, judgement.certificate.rows[0], strict=True))
    assert row["slack"] == "0.015"
    assert row["source"] == "l.850"
    assert row["inequality"] == r"$\delta^{2} m^{0.495} \le \delta m^{-0.02}$"
    assert r"$\delta$ in (-inf, -0.515]" in judgement.certificate.summary


def test_the_first_failing_link_is_named():
    good = Link("good", "l.1", m_to(-1), ONE)
    judgement = chain(good, CONTRACTION, Link("also bad", "l.2", ONE, m_to(-1)), delta="-0.49").judge(evidence())
    assert judgement.outcome is Outcome.VIOLATED
    assert "'the error shrinks' (l.850)" in judgement.message
    assert "-0.025" in judgement.message


def test_no_links_are_no_evaluation():
    assert chain(delta=0).judge(evidence()).outcome is Outcome.NOT_EVALUATED


@given(chains)
@settings(max_examples=40, deadline=None)
def test_a_chain_holds_exactly_when_its_exponents_are_in_the_range_that_repairs_it(found):
    assume(any((link.larger / link.smaller).degree("delta") for link in found.links))
    holds = found.judge(evidence()).outcome is Outcome.HOLDS
    assert holds == (found.values["delta"] in found.repair("delta"))
    assert holds == (found.first_failure is None)


@given(chains)
@settings(max_examples=40, deadline=None)
def test_one_thousandth_beyond_the_range_is_refused_and_its_closed_end_is_not(found):
    try:
        beyond = found.beyond("delta")
    except ValueError:
        assume(False)
    assert beyond.judge(evidence()).outcome is Outcome.VIOLATED
    admissible = found.repair("delta")
    if admissible.high is not None and not admissible.high_open:
        assert found.with_values(delta=admissible.high).judge(evidence()).outcome is Outcome.HOLDS


def test_the_range_says_which_link_sets_its_ends():
    floor = Link("not too small", "l.3", m_to(-1), delta, strict=True)
    found = chain(CONTRACTION, floor, delta="-0.49").repair("delta")
    assert found.text() == "(-1, -0.515]"
    assert found.low_link is floor
    assert found.high_link is CONTRACTION


@pytest.mark.parametrize("strict", [(True, False), (False, True)])
def test_an_end_that_a_strict_link_shares_is_excluded(strict):
    upper = [Link("upper", "l.1", delta, m_to("-0.5"), s) for s in strict]
    lower = [Link("lower", "l.2", m_to(-1), delta, s) for s in strict]
    assert chain(*upper, *lower, delta="-0.7").repair("delta").text() == "(-1, -0.5)"


def test_a_failing_link_without_the_quantity_cannot_be_repaired_by_it():
    found = chain(CONTRACTION, Link("hopeless", "l.4", ONE, m_to("-0.1")), delta="-0.6").repair("delta")
    assert found.is_empty
    assert found.text() == "empty"
    assert found.blocked is not None
    with pytest.raises(ValueError, match="must not be empty"):
        chain(CONTRACTION, found.blocked, delta="-0.6").beyond("delta")


def test_a_maximum_below_a_minimum_is_every_term_below_every_other():
    found = links("max below min", "l.5", (delta, m_to("-0.3")), (m_to("-0.2"), spread))
    assert len(found) == 4
    assert {link.slack({"delta": "-0.4", "sigma_min": "-0.1"}) for link in found} == {
        Fraction(n, 10) for n in (1, 2, 3)
    }


def test_what_is_unknown_or_not_exact_is_refused():
    with pytest.raises(ValueError, match="none for sigma_min"):
        (delta * spread).exponent({"delta": 0})
    with pytest.raises(ValueError, match="exact number"):
        m_to(0.495)
    with pytest.raises(ValueError, match="must occur in a link"):
        chain(CONTRACTION, delta=0, sigma_min=0).repair("sigma_min")
    with pytest.raises(ValueError, match="must be one of delta, got b"):
        chain(CONTRACTION, delta=0).with_values(b=1)


@pytest.mark.parametrize(
    ("monomial", "text"),
    [
        (spread**2 / delta, r"\delta^{-1} \sigma_{\mathrm{min}}^{2}"),
        (m_to("1/3"), "m^{1/3}"),
        (ONE, "1"),
        (quantity("b") * m_to(1), "b m"),
        (quantity(r"\mathbb{b}") ** 2, r"\mathbb{b}^{2}"),
    ],
)
def test_a_monomial_reads_as_in_the_paper(monomial, text):
    assert monomial.text() == text


@pytest.mark.parametrize(("strict", "text"), [(False, "[-0.5, 1]"), (True, "(-0.5, 1)")])
def test_a_range_is_written_with_its_ends(strict, text):
    low, high = Link("low", "", m_to("-0.5"), delta, strict), Link("high", "", delta, m_to(1), strict)
    assert chain(low, high, delta=0).repair("delta").text() == text
    found = chain(low, high, delta=0).repair("delta")
    assert [end in found for end in ("-0.501", "-0.5", "0", 1, "1.001")] == [False, not strict, True, not strict, False]
    assert chain(low, delta=0).repair("delta").text() == text[: text.index("1")] + "inf)"
    assert chain(high, delta=0).repair("delta").text() == "(-inf, " + text[text.index("1") :]
