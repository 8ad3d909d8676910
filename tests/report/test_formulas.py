import re

import pytest

from fsrcheck.registry import installed
from fsrcheck.report.formulas import (
    FormulaError,
    formula_errors,
    statement_formula_errors,
    to_html,
    to_mathml,
)
from tests.example import PAPER


@pytest.mark.parametrize("statement", [*installed().statements, *PAPER.statements], ids=lambda statement: statement.id)
def test_every_formula_of_every_installed_statement_converts(statement):
    assert statement_formula_errors(statement) == []


BARE_FORMULA = re.compile(r"[\^_\\]|[<>]=|\s[=<>]\s|\(x\)")


@pytest.mark.parametrize("statement", installed().statements, ids=lambda statement: statement.id)
def test_every_formula_of_a_counterexample_converts(statement):
    for erratum in statement.errata:
        if erratum.counterexample is not None:
            assert formula_errors(erratum.counterexample().point) == []


@pytest.mark.parametrize("statement", installed().statements, ids=lambda statement: statement.id)
def test_formulas_of_errata_stand_between_dollar_signs(statement):
    for erratum in statement.errata:
        point = erratum.counterexample().point if erratum.counterexample else ""
        for text in (point, erratum.problem, erratum.proof_step, erratum.repaired_form, erratum.corrected_in):
            assert not BARE_FORMULA.search(re.sub(r"\$[^$]*\$", "", text)), text


def test_text_around_a_formula_is_escaped():
    assert to_html("<b> & $a < b$ & `x < y`") == (
        "&lt;b&gt; &amp; <math><mi>a</mi><mo>&lt;</mo><mi>b</mi></math> &amp; <code>x &lt; y</code>"
    )


def test_a_formula_cannot_smuggle_in_html():
    html = to_mathml(r"\text{<script>alert(1)</script>} \href{http://example.org}{x} \style{color:red}{y}")
    assert "<script" not in html
    assert "href" not in html
    assert "style" not in html


@pytest.mark.parametrize(
    "formula", [r"\frac{1}", r"\left( x", "{x", "x}", r"\nosuchcommand x", "a^b^c", "a & b", "", r"\sqrt"]
)
def test_a_broken_formula_is_an_error_and_shown_as_its_source(formula):
    with pytest.raises(FormulaError):
        to_mathml(formula)
    assert formula_errors(f"so ${formula}$") != []
    assert '<code class="formula-source">' in to_html(f"so ${formula}$")


def test_an_odd_number_of_dollar_signs_is_an_error():
    assert formula_errors("costs $5") == ["an odd number of dollar signs"]


def test_a_formula_alone_is_a_display():
    assert 'display="block"' in to_html("$x$")
    assert 'display="block"' not in to_html("let $x$")


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"\mathrm{ReLU}(z)", "<mi>ReLU</mi>"),
        (r"\operatorname{ReLU}(z)", "<mi>ReLU</mi>"),
        (r"\mathbb{1}_{a \ge b}", "<mn>𝟙</mn>"),
        ("a <= b", "<mo>≤</mo>"),
        (r"a \pm b", "<mo>±</mo>"),
        ("f'", '<mi>f</mi><mo lspace="0" rspace="0">′</mo>'),
        (r"\alpha'_r", '<msub><mrow><mi>α</mi><mo lspace="0" rspace="0">′</mo></mrow><mi>r</mi></msub>'),
        ("v = -w", '<mo>=</mo><mo form="prefix">−</mo><mi>w</mi>'),
        (r"\sigma_{\min}^{{2}}", "<msubsup><mi>σ</mi><mi>min</mi><mn>2</mn></msubsup>"),
        ("x^{+}", "<msup><mi>x</mi><mrow><mo>+</mo></mrow></msup>"),  # a bare operator would be set as a postfix
        ("x^{-1}", "<msup><mi>x</mi><mrow><mo>−</mo><mn>1</mn></mrow></msup>"),
        ("a - b", "<mi>a</mi><mo>−</mo><mi>b</mi>"),
        (r"m \ln m", '<mi>m</mi><mspace width="0.167em" /><mi>ln</mi><mspace width="0.167em" /><mi>m</mi>'),
        (r"\begin{cases} 0 & z < 0 \\ z & z \ge 0 \end{cases}", "<mtable>"),
    ],
)
def test_what_papers_write_comes_out_as_meant(formula, expected):
    assert expected in to_mathml(formula)


def test_a_long_formula_may_break_after_its_operators_and_a_short_one_not():
    terms = " + ".join(rf"\beta_{{{i},j}} W_{i} \otimes W_j" for i in range(4))
    parts = to_mathml(f"J = {terms}").split("<wbr />")
    assert len(parts) > 4
    assert all(part.startswith("<math") and part.endswith("</math>") for part in parts)
    assert "<wbr" not in to_mathml(r"J = \beta W")
