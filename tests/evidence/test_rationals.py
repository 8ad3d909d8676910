"""Exact numbers in, exact numbers out."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsrcheck.evidence.rationals import exact, exact_text, point_text


@given(st.fractions())
def test_the_text_of_a_number_reads_back_as_that_number(value):
    assert exact(exact_text(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [("0.495", "0.495"), ("-101/200", "-0.505"), (3, "3"), ("1/3", "1/3"), ("-0.02", "-0.02"), ("1e-3", "0.001")],
)
def test_short_decimals_are_decimals(value, text):
    assert exact_text(exact(value)) == text


@pytest.mark.parametrize("value", [0.1, float("inf"), "inf", "one", None, 1j])
def test_what_is_not_exact_is_refused(value):
    with pytest.raises(ValueError, match="an exact number must be"):
        exact(value)


def test_a_long_point_is_shown_as_an_approximation():
    assert point_text(Fraction(1, 3)) == "1/3"
    assert point_text(Fraction(2**61 + 1, 2**61)) == "≈ 1"


def test_twelve_characters_are_still_written_out():
    assert point_text(Fraction("0.1234567891")) == "0.1234567891"
    assert point_text(Fraction("0.12345678912")) == "≈ 0.123456789"
    assert point_text(Fraction("-0.12345678")) == "-0.12345678"
    assert exact_text(Fraction(1, 2**12)) == "0.000244140625"
    assert exact_text(Fraction(1, 2**13)) == "1/8192"
