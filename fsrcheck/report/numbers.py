"""Numbers as people read them; what is not a number is never shown as one."""

import math
from collections.abc import Iterable
from typing import Any

from fsrcheck.evidence.claim import Interval

NOTHING = "–"
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def number(value: float | None, digits: int = 4) -> str:
    """``value`` to ``digits`` significant digits: 0.6, 1024, 1.5×10⁻⁹, ∞; NaN is "undefined", None a dash."""
    if value is None:
        return NOTHING
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if float(value).is_integer() and abs(value) < 10**6:
        return str(int(value)).replace("-", "−")
    mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
    mantissa = mantissa.replace("-", "−")
    if not exponent:
        return mantissa
    power = "10" + str(int(exponent)).translate(SUPERSCRIPTS)
    return mantissa.replace("1", power) if mantissa in ("1", "−1") else f"{mantissa}×{power}"


def interval(found: Interval | None, digits: int = 3) -> str:
    """An estimate with its limits: ``−0.499 [−0.524, −0.475]``."""
    if found is None:
        return NOTHING
    return f"{number(found.value, digits)} [{number(found.low, digits)}, {number(found.high, digits)}]"


def plain(value: Any) -> Any:
    """The same value with every infinity and NaN inside it as a string, since JSON has neither."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def words(values: Iterable[Any]) -> str:
    """Values in a row, numbers as ``number`` shows them."""
    return ", ".join(dict.fromkeys(word(value) for value in values))


def word(value: Any) -> str:
    """Anything in one line: numbers, truth values, text, lists and small tables."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value).replace("-", "−")
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return ", ".join(f"{key} = {word(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return words(value)
    return str(value)
