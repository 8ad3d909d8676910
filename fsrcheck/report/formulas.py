"""Text as HTML: LaTeX between dollar signs as MathML, what is between back-quotes as code, the rest escaped.

A formula that cannot be converted is shown as its source, so that one slip does not cost the report;
``formula_errors`` says what is wrong with it, and a test asks it about every text of every statement.
"""

import html
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from xml.etree.ElementTree import Element, tostring

from latex2mathml.converter import convert_to_element
from markupsafe import Markup

from fsrcheck.statement import Statement

PART = re.compile(r"\$(?P<formula>[^$]*)\$|`(?P<code>[^`]+)`")
REPLACED = (
    (re.compile(r"\\(mathbb|mathbbm|mathds) ?(1|\{1\})"), "𝟙"),
    (re.compile(r"\\arg(?![A-Za-z])"), r"\\operatorname{arg}"),
    (re.compile(r"<="), r"\\le "),
    (re.compile(r">="), r"\\ge "),
)
KEPT_ATTRIBUTES = {
    *("accent", "columnalign", "form", "linethickness", "mathvariant", "maxsize", "minsize"),
    *("displaystyle", "movablelimits", "scriptlevel", "stretchy", "width"),
}
CHILDREN = {
    **dict.fromkeys(("mfrac", "msub", "msup", "munder", "mover", "mroot"), 2),
    **dict.fromkeys(("msubsup", "munderover"), 3),
}
NOT_UNDERSTOOD = re.compile(r"\\[A-Za-z]|^&$")
ORDINARY = ("∞", "∂", "∇", "⊤", "⊥")
BREAK_AFTER = ("=", "≤", "≥", "<", ">", "≠", "≈", "∈", "∉", "→", ",", ";", "+", "⊗")
PRIMES, SIGNS = ("′", "″", "‴"), ("−", "+", "±")
LONG = 14  # signs in a formula that may be broken
THIN_SPACE = "0.167em"


class FormulaError(ValueError):
    """A formula that cannot be shown as it is meant."""


def to_html(text: str) -> Markup:
    """The text as safe HTML; a text that is one formula and nothing else is set as a display."""
    pieces, end = [], 0
    whole = PART.fullmatch(text.strip())
    for part in PART.finditer(text):
        pieces += [html.escape(text[end : part.start()]), _part_to_html(part, display=whole is not None)]
        end = part.end()
    return Markup("".join([*pieces, html.escape(text[end:])]))


def _part_to_html(part: re.Match[str], *, display: bool) -> str:
    if part["code"] is not None:
        return f"<code>{html.escape(part['code'])}</code>"
    try:
        return to_mathml(part["formula"], display=display)
    except FormulaError:
        return f'<code class="formula-source">{html.escape(part[0])}</code>'


@cache
def to_mathml(formula: str, *, display: bool = False) -> str:
    """One formula as MathML: one element, or several between which a line may break if it is long.

    Raises:
        FormulaError: unbalanced braces, an unknown command, a missing argument, whatever is refused.
    """
    _require_balance(formula)
    written = formula
    for command, replacement in REPLACED:
        written = command.sub(replacement, written)
    try:
        math = convert_to_element(written, display="block" if display else "inline")
    except Exception as error:  # the converter has a dozen unrelated exceptions and documents none
        raise FormulaError(f"{type(error).__name__} in ${formula}$") from None
    for element in math.iter():
        _tidy(element, formula)
    _join_upright_letters(math)
    _space_functions(math)
    _lower_primes(math)
    _close_signs(math)
    return "<wbr />".join(tostring(part, encoding="unicode") for part in _parts(math, display=display))


def _parts(math: Element, *, display: bool) -> list[Element]:
    """Split a long formula after its outermost operators: browsers break no lines inside one element."""
    row = math[0]
    breaks = [i for i, child in enumerate(row) if child.text in BREAK_AFTER and 0 < i < len(row) - 1]
    long = sum(1 for element in math.iter() if (element.text or "").strip()) > LONG
    parts = []
    for start, end in pairwise([0, *([i + 1 for i in breaks] if long else []), len(row)]):
        part = Element("math", {"display": "block"} if display else {})
        part[:] = row[start:end]
        if end < len(row):
            part[-1].set("form", "infix")  # at the end of its element it would be set as a postfix
        _unnest(part)
        parts.append(part)
    return parts


def _unnest(element: Element) -> None:
    """Take rows of one away; an operator keeps its own, which settles the space around it."""
    for index, child in enumerate(element):
        _unnest(child)
        if child.tag == "mrow" and len(child) == 1 and child[0].tag != "mo":
            element[index] = child[0]


def _require_balance(formula: str) -> None:
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", formula.replace(r"\\", "")):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            break
    if depth:
        raise FormulaError(f"braces must balance in ${formula}$")


def _tidy(element: Element, formula: str) -> None:
    """Resolve character references, drop what could load or style anything, and check the arguments."""
    element.text = html.unescape(element.text or "")
    element.attrib = {name: value for name, value in element.attrib.items() if name in KEPT_ATTRIBUTES}
    if element.tag != "mtext" and NOT_UNDERSTOOD.search(element.text):
        raise FormulaError(f"{element.text!r} is not understood in ${formula}$")
    if element.tag in CHILDREN and len(element) != CHILDREN[element.tag]:
        raise FormulaError(f"an argument is missing in ${formula}$")
    if element.get("width", "").startswith("negative"):
        element.set("width", f"-{THIN_SPACE}")
    _settle_kind(element)


def _settle_kind(element: Element) -> None:
    """Correct what is taken for an operator or for an identifier: that decides the space around it."""
    text = element.text or ""
    if element.tag == "mo" and (text.isalpha() or text in ORDINARY):
        element.tag = "mi"  # as an operator, ReLU would be set with a space before its argument
    elif element.tag == "mi" and text in ("⟨", "⟩"):
        element.tag = "mo"
        element.set("stretchy", "false")
    elif element.tag == "mi" and text not in ORDINARY and {*map(unicodedata.category, text)} == {"Sm"}:
        element.tag = "mo"
    if element.text in ("|", "‖"):
        element.set("lspace", "0")
        element.set("rspace", "0")


def _join_upright_letters(math: Element) -> None:
    r"""Make one identifier of the letters of ``\mathrm{ReLU}``; one of several letters is upright anyway."""
    for row in math.iter("mrow"):
        if len(row) > 1 and all(child.get("mathvariant") == "normal" for child in row):
            word = Element("mi")
            word.text = "".join(child.text or "" for child in row)
            row[:] = [word]


def _space_functions(math: Element) -> None:
    """Set ``m ln m`` with the thin spaces that the converter leaves out."""
    for row in list(math.iter("mrow")):
        children = list(row)
        for left, right in pairwise(children):
            functions = _is_function(left), _is_function(right)
            if any(functions) and not any(child.tag in ("mo", "mspace") for child in (left, right)):
                row.insert(list(row).index(right), Element("mspace", {"width": THIN_SPACE}))


def _lower_primes(math: Element) -> None:
    """Set primes beside their letter: they are raised already, and as exponents too small and too high."""
    for element in math.iter():
        if element.tag in ("msup", "msubsup") and element[-1].text in PRIMES:
            base, prime = element[0], element[-1]
            prime.tag, prime.attrib = "mo", {"lspace": "0", "rspace": "0"}
            pair = Element("mrow")
            pair[:] = [base, prime]
            element[:] = [pair, *element[1:-1]]
            element.tag = "mrow" if len(element) == 1 else "msub"


def _close_signs(math: Element) -> None:
    """Set a sign close to what it belongs to, as in v = -w, where it follows a relation or a comma."""
    for row in math.iter("mrow"):
        for left, right in pairwise(row):
            if left.tag == right.tag == "mo" and left.text in BREAK_AFTER and right.text in SIGNS:
                right.set("form", "prefix")


def _is_function(element: Element) -> bool:
    base = element[0] if element.tag in CHILDREN and len(element) else element
    return base.tag == "mi" and len(base.text or "") > 1 and (base.text or "").isalpha()


def formula_errors(text: str) -> list[str]:
    """What is wrong with the formulas of a text; empty if nothing is."""
    errors = []
    for part in PART.finditer(text):
        if part["formula"] is not None:
            try:
                to_mathml(part["formula"])
            except FormulaError as error:
                errors.append(str(error))
    return [*errors, *(["an odd number of dollar signs"] if text.count("$") % 2 else [])]


def statement_texts(statement: Statement) -> Iterator[str]:
    """Every text of a statement in which formulas are allowed."""
    yield from (statement.title, statement.printed, statement.checkable, statement.evidence, statement.reason)
    yield from statement.departures
    yield from (claim.text for claim in statement.claims)
    yield from (constant.note for constant in statement.constants)
    yield from (control.breaks for control in statement.controls)
    for erratum in statement.errata:
        yield from (erratum.problem, erratum.proof_step, erratum.repaired_form, erratum.corrected_in)


def statement_formula_errors(statement: Statement) -> list[str]:
    """What is wrong with the formulas of a statement, each with the statement's id; empty if nothing is."""
    errors = [error for text in statement_texts(statement) for error in formula_errors(text)]
    return [f"{statement.id}: {error}" for error in errors]
