import pytest

from fsrcheck.errors import InputError
from fsrcheck.runs.tolerances import Tolerances, parse_tolerances


def test_what_is_not_named_keeps_its_default() -> None:
    assert parse_tolerances("slack:20%, exponent:0.1") == Tolerances(slack=0.2, exponent=0.1)


def test_a_share_may_be_given_either_way() -> None:
    assert parse_tolerances("counts:0.25") == parse_tolerances("counts:25%")


def test_what_is_written_can_be_read() -> None:
    assert parse_tolerances(str(Tolerances())) == Tolerances()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "name:value"),
        ("slack", "name:value"),
        ("slack=10%", "name:value"),
        ("slack:10%,", "name:value"),
        ("speed:10%", "'speed'"),
        ("slack:10%,slack:5%", "twice"),
        ("slack:", "'slack'"),
        ("slack:ten", "'ten'"),
        ("slack:-1%", "'-1%'"),
        ("slack:nan", "'nan'"),
        ("slack:inf", "'inf'"),
        ("slack:10%%", "'10%%'"),
        ("slack:10%0", "'10%0'"),
        ("exponent:5%", "plain number"),
    ],
)
def test_bad_syntax_is_named(text: str, named: str) -> None:
    with pytest.raises(InputError, match="tolerance") as error:
        parse_tolerances(text)
    assert named in str(error.value)
