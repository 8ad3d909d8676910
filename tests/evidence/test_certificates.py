"""Whole judgements of the claims that are proved: every field, and every entry of the certificate."""

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy
from flint import arb

from fsrcheck.evidence.alternation import Alternation
from fsrcheck.evidence.boxes import by_series, make_box
from fsrcheck.evidence.certified import Certified, Positive, Rising
from fsrcheck.evidence.claim import Certificate, Judgement, Strength
from fsrcheck.evidence.exponents import ExponentChain, Link, Range, links
from fsrcheck.evidence.monomials import ONE, Monomial, m_to, quantity
from fsrcheck.evidence.outcome import Outcome
from fsrcheck.evidence.symbolic import SymbolicIdentity
from tests.evidence.making import NAN, evidence

delta = quantity("delta")
SMALL = Link("delta is small", "l.1", delta, m_to("-0.25"))
LARGE = Link("delta is not tiny", "l.2", m_to(-1), delta, strict=True)
CHAIN = ExponentChain("chain", "small enough", (SMALL, LARGE), {"delta": "-0.5"})
ROUNDS = Alternation("rounds", "falls", "delta", "-0.5", -1, (delta * m_to("-0.25"),))
a, b = sympy.symbols("a b")


class TestExponentChain:
    COLUMNS = CHAIN.judge(evidence()).certificate.columns  # type: ignore[union-attr]
    ROWS = (
        (SMALL.text, "l.1", r"$\delta \le m^{-0.25}$", "$m^{-0.5}$ against $m^{-0.25}$", "0.25", "yes"),
        (LARGE.text, "l.2", r"$m^{-1} \ll \delta$", "$m^{-1}$ against $m^{-0.5}$", "0.5", "yes"),
    )
    DOING = r"; exponents that would do, one at a time: $\delta$ in (-1, -0.25]"

    def test_one_that_holds(self):
        summary = f"2 links, smallest slack 0.25{self.DOING}"
        assert CHAIN.judge(evidence()) == Judgement(
            "chain", "ExponentChain", "small enough", Outcome.HOLDS, Strength.PROVED, "",
            certificate=Certificate(summary, self.COLUMNS, self.ROWS),
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("exponent", "link", "wanted", "slack"),
        [("-0.125", SMALL, "at least 0", "-0.125"), (-1, LARGE, "above 0", "0")],
    )
    def test_one_that_fails_names_the_link(self, exponent, link, wanted, slack):
        found = CHAIN.with_values(delta=exponent).judge(evidence())
        told = f"the slack of {link.text!r} ({link.source}) must be {wanted}, got {slack}: {link.formula()}"
        assert found.outcome is Outcome.VIOLATED
        assert found.message == told
        assert found.certificate is not None
        assert [row[-1] for row in found.certificate.rows] == ["NO" if each is link else "yes" for each in CHAIN.links]
        assert found.certificate.summary == f"2 links, smallest slack {slack}{self.DOING}"

    def test_one_without_links(self):
        found = ExponentChain("chain", "", (), {"delta": 1}).judge(evidence())
        assert found.outcome is Outcome.NOT_EVALUATED
        assert found.certificate == Certificate("0 links, smallest slack none", self.COLUMNS, ())

    def test_a_quantity_that_cancels_has_no_range(self):
        cancelled = Link("cancelled", "", delta, delta * m_to("0.125"))
        summary = replace(CHAIN, links=(cancelled,)).judge(evidence()).certificate.summary  # type: ignore[union-attr]
        assert summary == "1 links, smallest slack 0.125"

    def test_beyond_is_past_the_upper_end_and_past_the_lower_one_where_there_is_no_upper(self):
        assert CHAIN.beyond("delta").values == {"delta": Fraction("-0.249")}
        assert replace(CHAIN, links=(LARGE,)).beyond("delta", "0.5").values == {"delta": Fraction("-1.5")}

    def test_a_range_without_ends_or_without_anything_has_no_beyond(self):
        open_ended = replace(CHAIN, links=(Link("both", "", delta * quantity("x"), delta * ONE),), values={"x": 0})
        with pytest.raises(ValueError, match="the quantity to repair must occur in a link, got 'delta'"):
            open_ended.beyond("delta")
        shut = replace(CHAIN, links=(SMALL, Link("above", "", m_to("-0.125"), delta)))
        with pytest.raises(ValueError, match="the range of 'delta' must not be empty"):
            shut.beyond("delta")

    @pytest.mark.parametrize("strict", [False, True])
    @pytest.mark.parametrize(("power", "fails"), [("-0.1", False), (0, None), ("0.1", True), ("1.5", True)])
    def test_a_link_without_the_quantity_blocks_the_range_exactly_when_it_fails(self, power, fails, strict):
        without = Link("without", "", m_to(power), ONE, strict)
        blocked = strict if fails is None else fails
        repaired = replace(CHAIN, links=(*CHAIN.links, without)).repair("delta")
        ends = Range(Fraction(-1), Fraction("-0.25"), True, False, LARGE, SMALL)
        assert repaired == replace(ends, blocked=without if blocked else None)

    def test_the_first_link_that_blocks_is_kept(self):
        first, second = (Link(name, "", m_to(1), ONE) for name in ("first", "second"))
        assert replace(CHAIN, links=(SMALL, first, second)).repair("delta").blocked is first

    def test_an_end_is_the_rest_over_the_degree(self):
        halved = Link("squared", "", delta**2, m_to("-0.5"))
        cubed = Link("cubed", "", m_to(-3), delta**4)
        found = replace(CHAIN, links=(halved, cubed)).repair("delta")
        assert (found.low, found.high) == (Fraction(-3, 4), Fraction(-1, 4))

    @pytest.mark.parametrize("strict", [False, True])
    def test_every_term_is_linked_to_every_other_as_strictly_as_said(self, strict):
        found = links("t", "l.3", [ONE, delta], [m_to(1)], *([True] if strict else []))
        assert found == (Link("t", "l.3", ONE, m_to(1), strict), Link("t", "l.3", delta, m_to(1), strict))


class TestAlternation:
    COLUMNS = ("round", "before", "after", "gain", "decided by", "condition that fails")
    TERM = r"$\delta m^{-0.25}$"

    def test_one_that_reaches_its_target(self):
        rows = (
            ("0", "$m^{-0.5}$", "$m^{-0.75}$", "0.25", self.TERM, ""),
            ("1", "$m^{-0.75}$", "$m^{-1}$", "0.25", self.TERM, ""),
        )
        assert ROUNDS.judge(evidence()) == Judgement(
            "rounds", "Alternation", "falls", Outcome.HOLDS, Strength.PROVED, "",
            certificate=Certificate("2 rounds, from $m^{-0.5}$ to $m^{-1}$", self.COLUMNS, rows),
        )  # fmt: skip

    def test_one_that_stalls(self):
        found = replace(ROUNDS, terms=(delta * m_to("0.25"),)).judge(evidence())
        change = r"from $m^{-0.5}$ to $m^{-0.25}$ by $\delta m^{0.25}$"
        assert found.message == f"round 0 must shrink the error, got {change}"
        assert found.certificate is not None
        assert found.certificate.summary == "1 rounds, from $m^{-0.5}$ to $m^{-0.25}$"

    def test_one_whose_condition_fails(self):
        found = replace(ROUNDS, conditions=(Link("not yet", "l.4", m_to("-0.6"), delta),)).judge(evidence())
        assert found.message == "round 1: not yet (l.4) fails"
        assert found.certificate is not None
        assert [row[-1] for row in found.certificate.rows] == ["", "not yet"]

    def test_one_that_runs_out_of_rounds(self):
        found = replace(ROUNDS, max_rounds=1).judge(evidence())
        assert found.message == "$m^{-1}$ must be reached within 1 rounds, got $m^{-0.75}$"


class TestSymbolicIdentity:
    def test_one_that_is_proved_and_evaluated(self):
        claim = SymbolicIdentity("s", "0 = 0", lambda: [(a + b) ** 2 - a**2 - 2 * a * b - b**2])
        found = claim.judge(evidence())
        assert found.certificate is not None
        summary = found.certificate.summary
        assert summary.startswith("1 expression vanishes identically; 3 spot checks, relative differences ")
        assert found == Judgement(
            "s", "SymbolicIdentity", "0 = 0", Outcome.HOLDS, Strength.PROVED, "", certificate=Certificate(summary)
        )

    def test_two_with_spot_checks_of_their_own(self):
        claim = SymbolicIdentity("s", "", lambda: [a - a, b - b], lambda: [0.0, -1e-13])
        told = "2 expressions vanish identically; 2 spot checks, relative differences 1e-13"
        assert claim.judge(evidence()).certificate == Certificate(told)

    def test_a_difference_as_large_as_the_tolerance_is_allowed(self):
        claim = SymbolicIdentity("s", "", lambda: [a - a], lambda: [0.25], tolerance=0.25)
        assert claim.judge(evidence()).outcome is Outcome.HOLDS
        assert replace(claim, tolerance=0.24).judge(evidence()).outcome is Outcome.INCONCLUSIVE

    def test_integrals_are_not_evaluated_numerically(self):
        claim = SymbolicIdentity("s", "", lambda: [sympy.Integral(a, (a, 0, 1)) - sympy.Rational(1, 2)])
        assert claim.judge(evidence()).certificate == Certificate("1 expression vanishes identically")

    def test_differences_are_relative_to_the_terms(self):
        large = 10**40
        claim = SymbolicIdentity("s", "", lambda: [(large * a + b) ** 2 - large**2 * a**2 - 2 * large * a * b - b**2])
        assert claim.judge(evidence()).outcome is Outcome.HOLDS

    def test_nothing_to_prove_says_nothing(self):
        found = SymbolicIdentity("s", "", lambda: []).judge(evidence())
        assert (found.outcome, found.message) == (Outcome.NOT_EVALUATED, "")
        assert found.certificate == Certificate("not proved")

    def test_what_is_refuted_is_not_called_proved(self):
        found = SymbolicIdentity("s", "", lambda: [a], lambda: [0.0]).judge(evidence())
        assert found.outcome is Outcome.VIOLATED
        assert found.message == "left - right must be 0, got a"
        assert found.certificate == Certificate("not proved; 1 spot checks, relative differences 0")

    @pytest.mark.parametrize("spots", [[], [NAN], [0.0, NAN]])
    def test_spot_checks_that_give_no_numbers(self, spots):
        found = SymbolicIdentity("s", "", lambda: [a - a], lambda: spots).judge(evidence())
        assert found.outcome is Outcome.INCONCLUSIVE
        assert found.message == "spot checks must give numbers, got none or NaN"

    def test_a_difference_is_told_with_what_is_allowed(self):
        found = SymbolicIdentity("s", "", lambda: [a - a], lambda: [0.0, 0.5]).judge(evidence())
        assert found.message == "proved, but a spot check by another route differs by 0.5, above 1e-12"
        open_one = SymbolicIdentity("s", "", lambda: [sympy.Function("f")(a) * sympy.oo], lambda: [0.5])
        assert "differs by 0.5, above 1e-12" in open_one.judge(evidence()).message


def line(slope, where=""):
    """``1 + slope x`` on [0, 1]."""
    return Positive(lambda x: 1 + slope * x, {"x": (0, 1)}, None, where)


class TestCertified:
    COLUMNS = Certified("c", "", ()).judge(evidence()).certificate.columns  # type: ignore[union-attr]

    def test_one_part(self):
        found = Certified("c", "1 > 0", (Positive(lambda x: arb(1), {"x": ("0.5", 1)}, None, "all"),)).judge(evidence())
        row = ("all", "x in [0.5, 1]", "holds", "1", ">= 1", "1", "x = 0.5")
        (shown,) = found.certificate.rows  # type: ignore[union-attr]
        assert shown[:-1] == row[:-1]
        assert shown[-1] in {"x = 0.5", "x = 0.75", "x = 1"}
        assert found == Judgement(
            "c", "Certified", "1 > 0", Outcome.HOLDS, Strength.CERTIFIED, "",
            certificate=Certificate("1 part, 1 cells, balls of 64 bits", self.COLUMNS, (shown,)),
        )  # fmt: skip

    def test_no_part(self):
        told = Certificate("0 parts, 0 cells, balls of 64 bits", self.COLUMNS, ())
        assert Certified("c", "t", ()).judge(evidence()) == Judgement(
            "c", "Certified", "t", Outcome.NOT_EVALUATED, Strength.CERTIFIED, "", certificate=told
        )

    def test_two_parts_one_of_them_violated(self):
        found = Certified("c", "", (line(1, "first"), line(-3, "second")), precision=80).judge(evidence())
        assert found.message == "the margin must be positive, got -2.00000 at x = 1"
        assert found.certificate is not None
        assert found.certificate.summary.startswith("2 parts, ")
        assert found.certificate.summary.endswith(" cells, balls of 80 bits")
        assert [row[2] for row in found.certificate.rows] == ["holds", "violated"]
        assert found.certificate.rows[1][4:] == ("", "-2", "x = 1")

    def test_a_cell_that_stays_open_is_named_with_the_effort(self):
        square = Positive(lambda x: x * x, {"x": (-1, 1)}, None, "square")
        found = Certified("c", "", (square,), max_cells=5).judge(evidence())
        assert found.outcome is Outcome.INCONCLUSIVE
        assert found.message.startswith("x in [")
        assert found.message.endswith(" was not decided within 5 cells")

    def test_numbers_are_rounded_to_the_safe_side(self):
        third = Positive(lambda x: arb(1) / 3, {"x": (0, 1)})
        (row,) = Certified("c", "", (third,)).judge(evidence()).certificate.rows  # type: ignore[union-attr]
        assert row[4:6] == (">= 0.333333", "0.333334")

    def test_a_margin_known_to_a_quarter_is_shown_with_both_its_ends(self):
        rough = Positive(lambda x: arb(1, 0.25), {"x": (0, 1)})
        (row,) = Certified("c", "", (rough,), polish=0).judge(evidence()).certificate.rows  # type: ignore[union-attr]
        assert row[4] in {">= 0.75", ">= 0.749999"}
        assert row[5] in {"1.25", "1.25001"}

    def test_a_margin_without_bound_is_shown_as_such(self):
        (row,) = Certified("c", "", (Positive(lambda x: arb("inf"), {"x": (0, 1)}),)).judge(evidence()).certificate.rows  # type: ignore[union-attr]
        assert row[5] == "inf"

    def test_the_gradient_is_passed_on(self):
        """It shows at once that this margin is least at 0; without it the enclosure is too wide."""

        def margin(x):
            return 1 + x - x / 2

        parts = Positive(margin, {"x": (0, 1)}), Positive(margin, {"x": (0, 1)}, by_series(margin))
        plain, sharp = Certified("c", "", parts).judge(evidence()).certificate.rows  # type: ignore[union-attr]
        assert (sharp[3], sharp[4]) == ("1", ">= 1")
        assert int(plain[3]) > 1

    def test_a_falling_margin_is_refuted_under_its_own_title(self):
        fall = Rising(lambda x: 1 - 3 * x, {"x": (0, 1)}, "x", where="w")
        found = Certified("c", "", (fall,)).judge(evidence())
        assert found.outcome is Outcome.VIOLATED
        assert [row[0] for row in found.certificate.rows] == ["w"]  # type: ignore[union-attr]

    def test_the_polish_is_passed_on(self):
        """Without it a margin known to be positive is not enclosed any further."""
        bumpy = Positive(lambda x: 2 - x * (1 - x), {"x": (0, 1)})
        rough, fine = (Certified("c", "", (bumpy,), polish=polish).judge(evidence()) for polish in (0, 50))
        cells = [int(found.certificate.rows[0][3]) for found in (rough, fine)]  # type: ignore[union-attr]
        assert cells[0] == 1 < cells[1]

    @pytest.mark.parametrize(("start", "rate"), [("low", 1), ("high", -1)])
    def test_a_rise_shows_its_rate_and_its_start(self, start, rate):
        zero = Rising(
            lambda x: 2 * rate * (x - (0 if start == "low" else 1)), {"x": (0, 1)}, "x", start, lambda: a - a, "w"
        )
        found = Certified("c", "", (zero,)).judge(evidence())
        assert found.outcome is Outcome.HOLDS
        assert found.message == ""
        assert found.certificate is not None
        face = "x = 0" if start == "low" else "x = 1"
        first, second = found.certificate.rows
        assert first[:5] == ("w: rate in x", "x in [0, 1]", "holds", "1", ">= 2")
        assert second == ("w: start", face, "holds", "1", "= 0", "0", "")

    def test_a_rise_from_a_positive_start_names_its_parts_without_a_title(self):
        rise = Rising(lambda x: 1 + x, {"x": (0, 1)}, "x")
        found = Certified("c", "", (rise,)).judge(evidence())
        assert [row[0] for row in found.certificate.rows] == ["rate in x", "start"]  # type: ignore[union-attr]

    def test_a_start_that_is_not_zero_says_what_it_is(self):
        rise = Rising(lambda x: 1 + x, {"x": (0, 1)}, "x", zero=lambda: a, where="w")
        found = Certified("c", "", (rise,)).judge(evidence())
        assert found.message == "the value at the start must be 0, got a and the enclosure 1.00000000000000000"


class TestBoxes:
    def test_a_box_without_sides_or_with_ends_in_the_wrong_order_is_refused(self):
        with pytest.raises(ValueError, match="ends in ascending order, got no sides"):
            make_box({})
        with pytest.raises(ValueError, match=r"got x in \[1, 0\], z in \[0.5, 0\]$"):
            make_box({"x": (1, 0), "y": (0, 0), "z": ("0.5", 0)})

    def test_a_power_of_two_stays_a_power(self):
        assert Monomial(factors=(("a^b", Fraction(2)),)).text() == "(a^b)^{2}"
        assert Monomial(factors=((r"\bar\delta", Fraction(2)),)).text() == r"\bar\delta^{2}"

    def test_the_gradient_of_a_series_has_every_slope(self):
        slopes = by_series(lambda x, y: x * x * y)(arb(3), arb(5))
        assert [float(slope) for slope in slopes] == [30.0, 9.0]
