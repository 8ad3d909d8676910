import json
import math

import pytest

from fsrcheck.evidence.claim import Interval
from fsrcheck.report.numbers import interval, number, plain, word


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (math.nan, "undefined"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (0.0, "0"),
        (1024, "1024"),
        (-0.5, "−0.5"),
        (0.123456, "0.1235"),
        (1e-6, "10⁻⁶"),
        (-1e-6, "−10⁻⁶"),
        (1.5e-9, "1.5×10⁻⁹"),
        (1.234567e12, "1.235×10¹²"),
    ],
)
def test_a_number_reads_as_people_write_it(value, text):
    assert number(value) == text


def test_an_interval_shows_its_limits():
    assert interval(Interval(-0.5, -0.52, -0.48)) == "−0.5 [−0.52, −0.48]"


def test_json_gets_words_for_what_json_lacks():
    assert plain({"a": [math.nan, (math.inf, 1.0)]}) == {"a": ["nan", ["inf", 1.0]]}
    json.dumps(plain({"a": math.nan}), allow_nan=False)


def test_anything_fits_in_one_line():
    assert word({"seeds": [1, 2], "ok": True, "rate": 0.5, "none": None}) == (
        "seeds = 1, 2, ok = yes, rate = 0.5, none = –"
    )
