"""Exact numbers as people write and read them: "0.495", "1/3"; a float is never taken for one."""

from fractions import Fraction

Exact = int | str | Fraction  # a rational number, given exactly
LONGEST_DECIMAL = 12


def exact(value: Exact) -> Fraction:
    """The rational number that ``value`` stands for.

    Raises:
        ValueError: a float (0.1 is not a tenth), an infinity, or text that is no number.
    """
    if isinstance(value, float) or not isinstance(value, int | str | Fraction):
        raise ValueError(f"an exact number must be an int, a Fraction or text such as '0.1', got {value!r}")
    try:
        return Fraction(value)
    except ValueError:
        raise ValueError(f"an exact number must be like '0.495', '1/3' or '1e-3', got {value!r}") from None


def exact_text(value: Fraction) -> str:
    """``value`` as a short decimal where it is one (-0.505), else as a fraction (1/3)."""
    rest = value.denominator
    places = dict.fromkeys((2, 5), 0)
    for prime in places:
        while rest % prime == 0:
            rest //= prime
            places[prime] += 1
    digits = max(places.values())
    if rest != 1 or digits > LONGEST_DECIMAL:
        return str(value)
    shifted = f"{abs(value.numerator) * 10**digits // value.denominator:0{digits + 1}d}"
    whole, part = shifted[: len(shifted) - digits], shifted[len(shifted) - digits :]
    return ("-" if value < 0 else "") + whole + (f".{part}" if part else "")


def point_text(value: Fraction) -> str:
    """``value`` exactly where that is short, else to nine digits behind an approximation sign."""
    text = exact_text(value)
    return text if len(text) <= LONGEST_DECIMAL else f"≈ {float(value):.9g}"
