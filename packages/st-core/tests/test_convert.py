from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.core import ConfigError
from st.core.convert import convert


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize(
    ("value", "target", "expected"),
    [
        ("3", int, 3),
        ("0.5", float, 0.5),
        (2, float, 2.0),
        ("yes", bool, True),
        ("OFF", bool, False),
        ("text", str, "text"),
        ("a/b", Path, Path("a/b")),
        ("2", Literal[1, 2], 2),
        ("red", Colour, Colour.RED),
        (Colour.BLUE, Colour, Colour.BLUE),
        ("1, 2", list[int], [1, 2]),
        ([1, "2"], tuple[int, ...], (1, 2)),
        ("7", int | None, 7),
        (None, int | None, None),
        (object, Any, object),
    ],
    ids=str,
)
def test_values_become_what_the_schema_says(value: object, target: Any, expected: object) -> None:
    converted = convert(value, target, "k")

    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("value", "target", "message"),
    [
        ("three", int, "k: expected int, got 'three'"),
        (True, int, "expected int, got True"),
        ("maybe", bool, "expected bool"),
        ("rde", Colour, "expected one of red, blue, got 'rde'; did you mean 'red'"),
        ("1,x", list[int], r"k\[1\]: expected int, got 'x'"),
        ("x", int | None, "expected int or None"),
        (3, list[int], "expected a list of int"),
    ],
    ids=str,
)
def test_what_cannot_be_converted_says_so(value: object, target: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        convert(value, target, "k")


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans()))
def test_text_of_a_number_gives_the_number_back(value: object) -> None:
    assert convert(str(value), type(value), "k") == value
