"""The exponent audit of Section B and of Algorithm 4: slacks, repairs and figures, against sums written out here."""

import csv
import io
import math
from fractions import Fraction

import pytest

from fsrcheck.evidence.exponents import ExponentChain
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.gaussian import inverse_tail, tail
from fsrcheck.report.figures import Drawing
from fsrcheck.report.svg import to_svg
from fsrcheck.runs.checking import make_checker
from lemmas.fsr import algorithm_4_schedule as schedule
from lemmas.fsr import b2_reinforcement as reinforcement
from lemmas.fsr import (
    b5_truncated_mean,
    b6_moments,
    c5_sparsity,
    d11_levels,
)
from lemmas.fsr.b_exponents import PAPER_ROUND, PRINTED, reinforcement_links
from lemmas.fsr.exponent_figures import Course, draw_alternation

STATEMENTS = (  # their deduced halves: what is measured along runs is checked with all statements
    reinforcement.INDUCTION,
    reinforcement.LEMMA,
    b5_truncated_mean.STATEMENT,
    b6_moments.CLAIM_6,
    b6_moments.CLAIM_7,
    b6_moments.FACT_8,
    b6_moments.CLAIM_9,
    c5_sparsity.STATEMENT,
    schedule.STATEMENT,
    d11_levels.STATEMENT,
)


def failing(chain: ExponentChain) -> dict[str, Fraction]:
    return {link.source: link.slack(chain.values) for link in chain.links if not link.holds(chain.values)}


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.id)
def test_every_statement_has_the_expected_verdict_and_its_controls_are_caught(statement):
    result = make_checker(seed=5, device="cpu").check(statement)
    assert result.verdict is statement.expected
    assert all(control.is_caught for control in result.controls)
    assert all(erratum.is_confirmed for erratum in result.errata)


@pytest.mark.parametrize("delta", [-0.49, -0.5, -0.6, -0.7, -0.9])
def test_the_terms_of_lemma_b2_are_those_of_the_paper_in_numbers(delta):
    log_m = 500.0
    error = math.exp(delta * log_m)
    output_cutoff = error * math.exp(0.172 * log_m)
    numbers = (
        math.log(output_cutoff) * 2 + 0.151 * log_m,
        math.log(output_cutoff) + (0.151 - 0.5) * log_m,
    )
    found = [float(term.exponent({**PRINTED, "delta": str(delta)})) for term in PAPER_ROUND.terms]
    assert found == pytest.approx([number / log_m for number in numbers], abs=1e-12)


def test_the_links_of_lemma_b2_that_fail_as_printed_and_their_slacks():
    printed = reinforcement.CHAIN.with_values(**PRINTED)
    assert [(link.source, link.slack(PRINTED)) for link in printed.links if not link.holds(PRINTED)] == [
        ("l.907", Fraction(-9, 1000)),
        ("l.1034", Fraction(-25, 1000)),
        ("l.821", Fraction(-26, 1000)),
    ]


def test_one_exponent_at_a_time_repairs_lemma_b2():
    assert reinforcement.CHAIN.repair("lambda").text() == "(0.0005, 0.007]"
    assert reinforcement.CHAIN.repair("n").text() == "(-inf, 0.001)"
    assert reinforcement.BETTER_CONDITIONED.repair("sigma_min").low == Fraction(-137, 120)


def test_with_the_printed_cutoffs_lemma_b2_needs_a_smaller_error():
    links = reinforcement_links(PAPER_ROUND, reinforcement.WANTED)
    sparse = ExponentChain("c", "", links, {**PRINTED, "n": "0.0005"})
    assert sparse.repair("delta").text() == "(-inf, -0.515)"
    assert sparse.with_values(**{"n": "0.01", "kappa": "0.1611"}).repair("delta").high < Fraction(-513, 1000)


def test_the_alternation_gains_little_at_first_and_then_a_constant_power():
    stages = reinforcement.ALTERNATION.stages()
    assert [stage.after for stage in stages[:3]] == [Fraction(-n, 1000) for n in (505, 515, 535)]
    assert {stage.before - stage.after for stage in stages[6:]} == {Fraction(177, 1000)}


def test_the_schedule_fails_as_printed_where_the_errata_say():
    found = failing(schedule.EVERY_STAGE.with_values(**schedule.PRINTED))
    assert found == {
        "l.815": Fraction(-150, 1000),
        "l.907": Fraction(-9, 1000),
        "l.1034": Fraction(-175, 1000),
    }


def test_no_start_closes_with_the_printed_decoding_factor_and_step():
    values = {**schedule.PRINTED, "n": "0.0005"}
    assert schedule.start_chain(values).repair("b").low == Fraction(-48, 100)
    assert schedule.EVERY_STAGE.with_values(**values).repair("b").high == Fraction(-495, 1000)


@pytest.mark.parametrize("chain", [schedule.EVERY_STAGE], ids=lambda chain: chain.name)
def test_one_chain_decides_all_later_stages(chain):
    assert chain.repair("b").low is None
    assert chain.with_values(b="-7").judge(None).outcome.name == "HOLDS"  # type: ignore[arg-type]  # looks at no trials


def test_the_power_of_the_two_sided_window_is_that_of_the_package():
    size = 1e8
    probability = tail(inverse_tail(1 / size) - 1)
    expected = math.log(float(probability) * size) / math.log(math.log(size))
    assert b5_truncated_mean.window_power(math.log(size)) == pytest.approx(expected, rel=1e-3)


def test_the_course_of_a_schedule_starts_at_the_warm_start_and_follows_lemma_b2():
    course = schedule.course("-0.32", schedule.PRINTED)
    assert course.guaranteed[:2] == pytest.approx((-0.5, -0.185))
    assert course.needed[:2] == pytest.approx((-0.34, -0.36))
    assert course.output_cutoff[0] == pytest.approx(-0.168)


def test_the_figures_draw_and_their_tables_hold_what_is_drawn():
    printed, repaired = schedule.course("-0.32", schedule.PRINTED), schedule.course("-0.49", schedule.REPAIRED)
    drawing = draw_alternation(printed, repaired)
    rows = list(csv.DictReader(io.StringIO(drawing.table)))
    assert [float(row["guaranteed"]) for row in rows if row["schedule"] == "repaired"] == list(repaired.guaranteed)
    assert "first in stage 2" in drawing.description
    assert "in 0 of 12 stages" in drawing.description
    assert "<svg" in to_svg(drawing.figure, name="alternation", description=drawing.description)


def test_a_course_that_never_fails_is_drawn_whole():
    level = Course((-0.3,) * 3, (-0.5,) * 3, (-0.6,) * 3, (-0.7,) * 3)
    lines = draw_alternation(level, level).figure.axes[0].get_lines()
    assert max(len(line.get_xdata()) for line in lines) == 3


def test_the_gain_as_printed_is_5_thousandths_from_the_warm_start():
    drawing = reinforcement.draw_exponents()
    assert isinstance(drawing, Drawing)
    row = next(row for row in csv.DictReader(io.StringIO(drawing.table)) if float(row["before"]) == -0.5)
    assert float(row["as printed"]) == pytest.approx(-0.005)


def test_errata_that_refute_are_those_of_repaired_statements():
    for statement in STATEMENTS:
        refuted = any(erratum.refutes for erratum in statement.errata)
        assert refuted == (statement.expected is Verdict.REPAIRED)
