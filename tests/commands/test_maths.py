"""LaTeX as readable Unicode."""

import pytest

from fsrcheck.commands.maths import formula, readable
from fsrcheck.commands.tables import STYLES
from fsrcheck.evidence.outcome import Outcome, Verdict


class TestMaths:
    @pytest.mark.parametrize(
        ("latex", "text"),
        [
            (r"\Pr[|\bar X - \mu| \ge t] \le 2 e^{-2 n t^2}", "Pr[|X̅ - μ| ≥ t] ≤ 2 e^(-2 n t²)"),
            (
                r"\|W_{p}^{(0)} - W^\star_{1}\|_2 \leq \widetilde{O}(k/\sqrt{m})",
                "‖Wₚ⁽⁰⁾ - W^⋆₁‖₂ ≤ Õ(k/√(m))",
            ),
            (r"m^{-1/2} \ne k^{-2}, W^{\otimes 3}", "m^(-1/2) ≠ k⁻², W^(⊗ 3)"),
            (r"\sum_{p \ne q} \beta_{p,q} \in \{0, 1\}", "∑_(p ≠ q)β_(p,q) ∈ {0, 1}"),
            (r"f'' \le 10/\zeta, \alpha'_r, V_{j,j'}", "f′′ ≤ 10/ζ, α′ᵣ, V_(j,j′)"),
            (r"\langle v, X \rangle \ge \min \Pr, m \ln m, \max_{p} x_p", "⟨v, X⟩ ≥ min Pr, m ln m, maxₚ xₚ"),
        ],
    )
    def test_formula(self, latex: str, text: str) -> None:
        assert formula(latex) == text

    def test_only_what_stands_between_dollars_is_changed(self) -> None:
        assert readable(r"a\le b, $a \le b$; 5 % of {x}") == r"a\le b, a ≤ b; 5 % of {x}"


def test_every_outcome_and_verdict_has_a_style() -> None:
    assert {item.name for item in (*Outcome, *Verdict)} <= set(STYLES)
