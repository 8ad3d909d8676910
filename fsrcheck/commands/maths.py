"""The LaTeX of statements as readable Unicode on a terminal."""

import re
from functools import cache
from unicodedata import normalize

from pylatexenc import latexwalker, macrospec
from pylatexenc.latex2text import LatexNodes2Text, MacroTextSpec, get_default_latex_context_db

INLINE = re.compile(r"\$([^$]+)\$")
RELATION = re.compile(r"\s*([≤≥≠≈≡∈⊆⟹⟺])\s*")
FUNCTION = re.compile(r"\\(min|max|sup|inf|ln|log|exp|det|dim|Pr) (?=\\)")  # its space would be lost
SCRIPT = re.compile(r"([\^_])(\{[^{}]*\}|[^\s{}])")
SUPERSCRIPTS = dict(zip("0123456789+-−=()ni⊤", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱᵀ", strict=True))
SUBSCRIPTS = dict(zip("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))

# Private characters stand for marks that must not be taken for scripts (again) or for braces of a group.
STAND_INS = str.maketrans({"\ue000": "^", "\ue001": "_", "\ue002": "{", "\ue003": "}", "{": "", "}": ""})

# What the library's own tables lack: macro, its arguments, its text.
MACROS = (
    ("Pr", "", "Pr"),
    ("ne", "", "≠"),
    ("det", "", "det"),
    ("dim", "", "dim"),
    ("sign", "", "sign"),
    ("iff", "", "⟺"),
    ("implies", "", "⟹"),
    ("{", "", "\ue002"),
    ("}", "", "\ue003"),
    ("|", "", "‖"),
    ("ell", "", "ℓ"),
    ("top", "", "⊤"),
    ("poly", "", "poly"),
    ("polylog", "", "polylog"),
    ("widetilde", "{", "%s\N{COMBINING TILDE}"),
    ("widehat", "{", "%s\N{COMBINING CIRCUMFLEX ACCENT}"),
    ("operatorname", "{", "%s"),
    ("tfrac", "{{", "%s/%s"),
    ("dfrac", "{{", "%s/%s"),
    ("binom", "{{", "binom(%s, %s)"),
)


def readable(text: str) -> str:
    """Return ``text`` with every formula between dollar signs turned into Unicode."""
    return INLINE.sub(lambda match: formula(match.group(1)), text)


def formula(latex: str) -> str:
    """One formula in Unicode: scripts as raised and lowered characters, or in brackets where there are none.

    >>> formula(r"m^{-1} \\le \\sqrt{k}_{p,q}")
    'm⁻¹ ≤ √(k)_(p,q)'
    """
    walker_context, converter = _converter()
    latex = FUNCTION.sub(r"\\\1\\ ", latex.replace("'", "′"))  # two primes would be read as closing quotes
    text, before = converter.latex_to_text(f"${latex}$", latex_context=walker_context), ""
    while text != before:  # innermost scripts first
        before, text = text, SCRIPT.sub(_script, text)
    text = RELATION.sub(r" \1 ", text.translate(STAND_INS))
    return normalize("NFC", " ".join(text.split()).replace("⟨ ", "⟨").replace(" ⟩", "⟩"))


def _script(match: re.Match[str]) -> str:
    mark, content = match.group(1), match.group(2).removeprefix("{").removesuffix("}").strip()
    table = SUPERSCRIPTS if mark == "^" else SUBSCRIPTS
    if content and all(character in table for character in content):
        return "".join(table[character] for character in content)
    seen = "\ue000" if mark == "^" else "\ue001"
    return f"{seen}({content})" if len(content) > 1 else seen + content


@cache
def _converter() -> tuple[macrospec.LatexContextDb, LatexNodes2Text]:
    """The parser's and the writer's tables with our macros added."""
    parsing, writing = latexwalker.get_default_latex_context_db(), get_default_latex_context_db()
    shapes = [macrospec.MacroSpec(name, arguments) for name, arguments, _ in MACROS]
    texts = [MacroTextSpec(name, simplify_repl=text) for name, _, text in MACROS]
    parsing.add_context_category("fsrcheck", macros=shapes, prepend=True)
    writing.add_context_category("fsrcheck", macros=texts, prepend=True)
    return parsing, LatexNodes2Text(
        latex_context=writing,
        keep_braced_groups=True,
        keep_braced_groups_minlen=2,
        strict_latex_spaces="macros",
    )
