"""Powers of m with exact rational exponents, and products of powers of named quantities that are such powers.

``delta**2 * m_to("0.495")`` is the product as a proof writes it; ``exponent({"delta": "-1/2"})`` is which power of m it
is when delta = m^(-1/2). A factor poly(k) = m^o(1) has exponent 0 and is left out: where one may not be lost, the
inequality it stands in is strict.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from fsrcheck.evidence.rationals import Exact, exact, exact_text

Exponents = Mapping[str, Fraction]


@dataclass(frozen=True)
class Monomial:
    """m to a power times named quantities to powers; immutable, hashable, equal when the powers are.

    Attributes:
        power: the exponent of m itself.
        factors: the exponents of the named quantities, sorted by name, none of them 0.
    """

    power: Fraction = Fraction(0)
    factors: tuple[tuple[str, Fraction], ...] = ()

    def __mul__(self, other: "Monomial") -> "Monomial":
        mine, theirs = dict(self.factors), dict(other.factors)
        sums = {name: mine.get(name, Fraction(0)) + theirs.get(name, Fraction(0)) for name in {*mine, *theirs}}
        return Monomial(self.power + other.power, tuple(sorted((name, e) for name, e in sums.items() if e)))

    def __truediv__(self, other: "Monomial") -> "Monomial":
        return self * other**-1

    def __pow__(self, exponent: Exact) -> "Monomial":
        times = exact(exponent)
        return Monomial(self.power * times, tuple((name, e * times) for name, e in self.factors if times))

    def exponent(self, values: Mapping[str, Exact]) -> Fraction:
        """The exponent of m, given those of the named quantities.

        Raises:
            ValueError: a quantity that has no value.
        """
        missing = [name for name, _ in self.factors if name not in values]
        if missing:
            raise ValueError(f"every quantity must have an exponent, got none for {', '.join(missing)}")
        return self.power + sum((e * exact(values[name]) for name, e in self.factors), Fraction(0))

    def degree(self, name: str) -> Fraction:
        """The exponent of one named quantity."""
        return dict(self.factors).get(name, Fraction(0))

    def text(self) -> str:
        """As LaTeX without dollar signs: ``\\delta^{2} m^{0.495}``; Greek names become commands, others stand as they are."""
        words = [_power_text(_symbol(name), e) for name, e in self.factors]
        words += [_power_text("m", self.power)] if self.power or not words else []
        return " ".join(words)


ONE = Monomial()


def m_to(exponent: Exact) -> Monomial:
    """m to the given power, as text ("0.495"), a Fraction or an int."""
    return Monomial(exact(exponent))


def quantity(name: str) -> Monomial:
    """A named power of m whose exponent is a variable."""
    return Monomial(factors=((name, Fraction(1)),))


def power_text(exponent: Fraction) -> str:
    """``m^{-0.505}`` as LaTeX without dollar signs."""
    return _power_text("m", exponent)


def _power_text(symbol: str, exponent: Fraction) -> str:
    if exponent == 0:
        return "1"
    return symbol if exponent == 1 else f"{symbol}^{{{exact_text(exponent)}}}"


GREEK = {"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "kappa", "lambda", "mu", "rho", "sigma", "tau"}


def _symbol(name: str) -> str:
    """The name as LaTeX: one with a backslash or a caret already is; Greek letters become commands."""
    if "\\" in name or "^" in name:
        return f"({name})" if "^" in name else name
    base, _, below = name.partition("_")
    letter = f"\\{base}" if base in GREEK else _upright(base)
    return f"{letter}_{{{_upright(below)}}}" if below else letter


def _upright(word: str) -> str:
    return word if len(word) == 1 else f"\\mathrm{{{word}}}"
