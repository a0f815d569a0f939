"""Finding what a person names: one way to write each thing, and one sentence where it is not there."""

import pytest

from postroom.actions.errors import InvalidInput
from postroom.actions.lookups import parse_id, valid_name

LARGEST = 2**63 - 1


@pytest.mark.parametrize("number", [1, 10, 3652397000001790004, LARGEST])
def test_an_id_is_written_in_digits(number: int) -> None:
    assert parse_id(str(number)) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "007",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1\n",
        "1_000",
        "1.0",
        "1e3",
        "0x1",
        "１",
        "²",
        "abc",
        str(LARGEST + 1),
        "1" * 5000,
    ],
)
def test_and_in_no_other_way(text: str) -> None:
    assert parse_id(text) is None


def test_a_name_is_one_line_without_space_around() -> None:
    assert valid_name("  Größe & Söhne 李 ", "name") == "Größe & Söhne 李"
    assert valid_name("x" * 5, "name", longest=5) == "x" * 5


@pytest.mark.parametrize("text", ["", " \n", "two\nlines", "a\tb", "\x1b[2J", "a\u202eb", "\ud800", "x" * 6])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(InvalidInput, match="host: expected one line of 1 to 5 characters"):
        valid_name(text, "host", longest=5)
