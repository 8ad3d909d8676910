"""Slim pictures: the same elements, styles and places, to two decimals."""

import re
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsrcheck.report.figures import new_figure
from fsrcheck.report.scaling_plot import standard_drawings
from fsrcheck.report.slim_svg import _packed, slim
from fsrcheck.report.svg import to_svg

HALF = 0.005 + 1e-9  # what rounding to two decimals may change
SIZES = {"M": 2, "L": 2, "C": 6, "Q": 4, "z": 0}
numbers = st.floats(-2000, 2000, allow_nan=False).map(lambda value: float(f"{value:.6f}"))
segments = st.sampled_from("MLCQz").flatmap(
    lambda command: st.tuples(st.just(command), st.lists(numbers, min_size=SIZES[command], max_size=SIZES[command]))
)


def written(path):
    """A path as matplotlib writes it."""
    return " \n".join(f"{command} {' '.join(f'{number:.6f}' for number in found)}" for command, found in path)


def read(text):
    """The segments of a path by the rules of SVG: numbers alone repeat the command, after M as L."""
    found, command = [], ""
    tokens = re.findall(r"[A-Za-z]|-?[\d.]+", text)
    while tokens:
        if tokens[0].isalpha():
            command = tokens.pop(0)
        elif command == "M":
            command = "L"
        size = SIZES[command]
        found.append((command, [float(token) for token in tokens[:size]]))
        del tokens[:size]
    return found


@settings(deadline=None)
@given(st.lists(segments, min_size=1))
def test_a_packed_path_is_read_as_the_same_path(path):
    assert read(_packed(written(path))) == path


@settings(deadline=None)
@given(st.lists(segments, min_size=1), numbers, numbers)
def test_nothing_moves_by_more_than_half_a_hundredth_of_a_point(path, x, y):
    drawn = fromstring(slim(f'<svg><path d="{written(path)}"/><use href="#a" x="{x:.6f}" y="{y:.6f}"/></svg>'))
    _, line, use = drawn
    found = read(line.get("d"))
    assert [command for command, _ in found] == [command for command, _ in path]
    for (_, rounded), (_, exact) in zip(found, path, strict=True):
        assert rounded == pytest.approx(exact, abs=HALF)
    assert float(use.get("x")) == pytest.approx(x, abs=HALF)
    assert float(use.get("y")) == pytest.approx(y, abs=HALF)


def test_bare_groups_go_and_groups_that_say_something_stay():
    text = slim('<svg><g><g clip-path="url(#a)"><g><path d="M 0 0"/></g></g><defs/></g><g id="b"/></svg>')
    assert text == '<svg><style/><g clip-path="url(#a)"><path d="M0 0"/></g></svg>'


def test_a_scale_keeps_its_decimals_and_no_turn_is_left_out():
    text = slim(
        '<svg><g transform="scale(0.001234 -0.1)"><text transform="rotate(-0 1.234567 2)">a</text>'
        '<text transform="rotate(-90 1.234567 2)"> b </text></g></svg>'
    )
    assert '<g transform="scale(0.001234 -0.1)"><text>a</text><text transform="rotate(-90 1.23 2)"> b </text>' in text


def styles(svg):
    """The tag and style of every element that has one, in order."""
    root = fromstring(svg)
    sheet = next((e.text or "" for e in root.iter("style")), "")
    rules = dict(re.findall(r"\.(\w+)\{([^}]*)\}", sheet))
    found = [(e.tag, e.get("style") or rules.get(e.get("class", ""), "")) for e in root.iter() if e.tag != "style"]
    return [(tag, re.sub(r"([:;]) ", r"\1", style)) for tag, style in found if style]


@pytest.fixture
def picture(results, monkeypatch):
    """A figure as it was before and as it is after."""
    drawing = standard_drawings(results[0])[0]
    slender = to_svg(drawing.figure, name="x", description="a < b")
    monkeypatch.setattr("fsrcheck.report.svg.slim", lambda text: text)
    return str(to_svg(drawing.figure, name="x", description="a < b")), str(slender)


def test_every_mark_keeps_its_style_and_its_words(picture):
    before, after = picture
    assert len(styles(before)) > 50
    assert styles(before) == styles(after)
    for tag in ("path", "use", "text", "clipPath", "rect"):
        assert len(list(fromstring(before).iter(tag))) == len(list(fromstring(after).iter(tag)))
    assert [e.text for e in fromstring(before).iter("text")] == [e.text for e in fromstring(after).iter("text")]


def test_a_picture_is_less_than_half_as_large(picture):
    before, after = picture
    assert len(after) < 0.5 * len(before)


def test_letters_are_those_of_the_page():
    figure = new_figure()
    figure.subplots().set_xlabel("size")
    svg = to_svg(figure, name="x", description="")
    assert "DejaVu" not in svg
    assert "var(--sans, sans-serif)" in svg
