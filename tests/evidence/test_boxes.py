"""The minimum over a box is never overestimated, and what stays open is said."""

from fractions import Fraction

import flint
import pytest
from flint import arb, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from fsrcheck.evidence.boxes import Cell, Search, by_series, make_box, slope_along

small = st.fractions(-2, 2, max_denominator=50)


def saddle(x, y):
    return x * x - x * y + y * y * y


@given(small, small, small, small, small, small)
@settings(deadline=None)
def test_a_polynomial_is_nowhere_below_its_certified_minimum(a, b, x1, x2, y1, y2):
    box = make_box({"x": (min(x1, x2), max(x1, x2)), "y": (min(y1, y2), max(y1, y2))})

    def margin(x, y):
        return saddle(x - fmpq(a.numerator, a.denominator), y) + fmpq(b.numerator, b.denominator) + 20

    for gradient in (None, by_series(margin)):
        found = Search(margin, gradient).minimum(box)
        assert found.is_positive
        for t in (Fraction(0), Fraction(1, 3), Fraction(4, 7), Fraction(1)):
            x, y = (low + t * (high - low) for low, high in zip(box.low, box.high, strict=True))
            assert not arb(fmpq(*(saddle(x - a, y) + b + 20).as_integer_ratio())) < found.certified


def test_the_least_value_found_is_close_to_what_is_certified():
    found = Search(lambda x: (x - 1) ** 2 + 1, by_series(lambda x: (x - 1) ** 2 + 1)).minimum(make_box({"x": (-3, 7)}))
    assert 0.95 <= float(found.certified) <= 1 <= float(found.found)


def test_slopes_bring_a_minimum_at_an_end_down_to_one_cell():
    def margin(x):
        return x.exp() - x

    box = make_box({"x": ("1e-6", 1)})
    with_slopes = Search(margin, by_series(margin)).minimum(box)
    assert with_slopes.is_positive
    assert with_slopes.cells == 1
    assert Search(margin).minimum(box).cells > 1


def test_a_negative_value_is_found_with_its_point():
    found = Search(lambda x: (x - fmpq(1, 3)) ** 2 - arb("1e-6")).minimum(make_box({"x": (0, 1)}))
    assert found.is_negative_somewhere
    assert (found.at[0] - Fraction(1, 3)) ** 2 < Fraction(1, 10**6)


def test_zero_attained_inside_stays_open_and_names_its_cell():
    found = Search(lambda x: (x - fmpq(1, 3)) ** 2, max_cells=99).minimum(make_box({"x": (0, 1)}))
    assert not found.is_positive
    assert not found.is_negative_somewhere
    assert found.cells == 99
    assert found.undecided is not None
    assert abs(found.undecided.middle[0] - Fraction(1, 3)) < Fraction(1, 1000)


@pytest.mark.parametrize("margin", [lambda x: arb("nan"), lambda x: 1 / (x - x), lambda x: x.sqrt() + 1])
def test_a_margin_without_a_value_decides_nothing(margin):
    found = Search(margin, max_cells=50).minimum(make_box({"x": (-1, 1)}))
    assert not found.is_positive
    assert not found.is_negative_somewhere


def test_a_wrong_gradient_is_noticed():
    with pytest.raises(ValueError, match="gradient"):
        Search(lambda x: x + 5, lambda x: [arb(-7)]).minimum(make_box({"x": (0, 1)}))


def test_a_margin_that_ignores_a_variable_has_slope_zero_in_it():
    with flint.ctx.workprec(64):
        slopes = by_series(lambda x, y: x * x)(arb(3), arb(4))
    assert [float(slope) for slope in slopes] == [6, 0]


def test_an_axis_of_no_width_is_never_cut():
    found = Search(lambda x, y: x * x + y - 1).minimum(make_box({"x": (-1, 1), "y": ("1.01", "1.01")}))
    assert found.is_positive
    assert found.cells > 1


@pytest.mark.parametrize("sides", [{}, {"x": (1, 0)}, {"x": (0, "inf")}, {"x": (0, 0.5)}])
def test_a_box_without_exact_ends_in_order_is_refused(sides):
    with pytest.raises(ValueError, match="must"):
        make_box(sides)


def test_a_cell_names_its_sides():
    assert Cell((Fraction(0), Fraction(1)), (Fraction(1, 2), Fraction(1))).text(["x", "y"]) == "x in [0, 0.5], y = 1"


def test_a_slope_that_cannot_be_enclosed_on_a_wide_cell_is_only_not_used():
    def margin(x):
        return 1 / (x - x * x + arb("0.1")) - arb("0.5")

    found = Search(margin, by_series(margin)).minimum(make_box({"x": (0, 1)}))
    assert found.is_positive


def hazy(x):
    """1 everywhere, but enclosed by a ball that is 0.9 of the side too wide."""
    return 1 + arb("0.9") * (x - x)


@pytest.mark.parametrize("polish", [0, 1, 2, 3, 7])
def test_a_positive_margin_is_sharpened_by_as_many_cuts_as_allowed(polish):
    found = Search(hazy, polish=polish).minimum(make_box({"x": (0, 1)}))
    assert found.is_positive
    assert found.cells == 1 + 2 * polish


def test_a_margin_known_to_be_positive_stays_so_when_the_cells_run_out():
    found = Search(hazy, max_cells=1, polish=5).minimum(make_box({"x": (0, 1)}))
    assert found.is_positive
    assert (found.cells, found.undecided) == (1, None)


def test_cutting_stops_once_the_bound_is_tight():
    found = Search(hazy, polish=1000).minimum(make_box({"x": (0, 1)}))
    assert 0.95 <= float(found.certified) <= 1
    assert found.cells < 100


def test_a_point_that_stays_open_is_not_cut():
    found = Search(lambda x: x - 1).minimum(make_box({"x": (1, 1)}))
    assert found.cells == 1
    assert found.undecided == make_box({"x": (1, 1)})


def test_without_a_gradient_the_widest_side_is_measured_by_that_of_the_box():
    """Only y matters; measured absolutely, x would be cut a thousand times first."""
    box = make_box({"x": (0, 1000), "y": (0, 1)})
    assert Search(lambda x, y: 1 + arb("1.5") * (y - y), polish=0).minimum(box).cells < 20


def test_the_plain_enclosure_is_kept_where_the_mean_value_form_is_worse():
    """Of x * x on [-4, 4] the plain enclosure is [-16, 16], the mean-value form [-32, 32]."""

    def margin(x):
        return 17 + x * x

    found = Search(margin, by_series(margin), max_cells=1, polish=0).minimum(make_box({"x": (-4, 4)}))
    assert float(found.certified) == pytest.approx(1, abs=1e-6)


def test_the_mean_value_form_is_kept_where_it_is_better():
    """Of 1 + x * x - x around 1/2 the plain enclosure is 0.04 wide, the mean-value form 0.0004."""

    def margin(x):
        return 1 + x * x - x

    box = make_box({"x": ("0.49", "0.51")})
    assert 0.7495 < float(Search(margin, by_series(margin), max_cells=1, polish=0).minimum(box).certified) <= 0.75


def test_a_gradient_that_is_no_number_leaves_the_plain_enclosure():
    found = Search(lambda x: 2 + x, lambda x: [arb("nan")], max_cells=1).minimum(make_box({"x": (0, 1)}))
    assert float(found.certified) == pytest.approx(2, abs=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_slope_of_one_sign_leaves_one_end(sign):
    """1 + x / 2 on [0, 1], or its mirror image, written so that the plain enclosure is too wide."""

    def margin(x):
        y = x if sign > 0 else 1 - x
        return 1 + y - y / 2

    found = Search(margin, by_series(margin), max_cells=1, polish=0).minimum(make_box({"x": (0, 1)}))
    assert float(found.certified) == pytest.approx(1, abs=1e-9)


def test_what_has_no_slope_is_not_a_number_and_a_constant_has_slope_0():
    def undefined(x):
        raise ZeroDivisionError

    assert slope_along(undefined, 0)(arb(1)).is_nan()
    assert slope_along(lambda x: arb(5), 0)(arb(1)) == 0
