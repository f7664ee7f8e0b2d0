"""What of a value is written down."""

import json
import math
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.monitor.plain import HIDDEN, MAX_CHARACTERS, as_number, plain

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text()
VALUES = st.recursive(
    SCALARS | st.binary() | st.complex_numbers(),
    lambda inner: st.lists(inner) | st.dictionaries(SCALARS, inner) | st.sets(SCALARS),
    max_leaves=30,
)


@dataclass(frozen=True)
class Sizes:
    train: int
    test: int


class Colour(Enum):
    RED = 1


@given(VALUES)
def test_every_value_becomes_strict_json(value: Any) -> None:
    assert isinstance(json.dumps(plain(value), allow_nan=False), str)


@given(JSON | st.lists(JSON) | st.dictionaries(st.text(max_size=3), st.lists(JSON)))
def test_what_is_json_already_stays_as_it_is(value: Any) -> None:
    assert plain(value) == value


@given(st.floats())
def test_every_float_is_read_back_as_it_was(value: float) -> None:
    read = as_number(json.loads(json.dumps(plain(value))))

    assert read == value or (math.isnan(value) and read is not None and math.isnan(read))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(Sizes(3, 4), {"train": 3, "test": 4}, id="dataclass"),
        pytest.param(MappingProxyType({"a": (1, 2)}), {"a": [1, 2]}, id="mapping proxy"),
        pytest.param(PurePosixPath("a/b"), "a/b", id="path"),
        pytest.param(Colour.RED, "RED", id="enum"),
        pytest.param(ValueError("no such row"), "ValueError: no such row", id="exception"),
        pytest.param(np.float32(0.5), 0.5, id="numpy scalar"),
        pytest.param(np.int64(7), 7, id="numpy integer"),
        pytest.param(np.zeros((2, 3), np.float32), "<array 2 by 3 float32>", id="array"),
        pytest.param(int, "builtins.int", id="type"),
        pytest.param(object(), "<builtins.object>", id="object"),
        pytest.param(10**30, "integer of 100 bits", id="huge integer"),
    ],
)
def test_other_values_are_named_or_reduced(value: object, expected: object) -> None:
    assert plain(value) == expected


def test_list_that_contains_itself_ends() -> None:
    loop: list[object] = []
    loop.append(loop)

    assert "too deep to record" in json.dumps(plain(loop))


def test_ten_megabytes_of_text_are_cut() -> None:
    kept = plain("x" * 10_000_000)

    assert isinstance(kept, str)
    assert kept.endswith("more characters")
    assert len(kept) < MAX_CHARACTERS + 50


def test_million_items_are_cut_and_counted() -> None:
    kept = plain(list(range(1_000_000)))

    assert isinstance(kept, list)
    assert kept[-1] == "… 980000 more"


@pytest.mark.parametrize("key", ["password", "api_key", "hub.token", "AUTH_TOKEN"])
def test_text_under_a_key_that_names_a_secret_is_hidden(key: str) -> None:
    assert plain({"nested": {key: "abc"}}) == {"nested": {key: HIDDEN}}


def test_number_of_tokens_is_no_secret() -> None:
    assert plain({"token": 7, "tokens": "many"}) == {"token": 7, "tokens": "many"}


@pytest.mark.parametrize("value", [None, "three", [1], {}], ids=repr)
def test_what_is_no_number_is_read_as_none(value: object) -> None:
    assert as_number(value) is None


def test_integer_beyond_float_is_read_as_infinity() -> None:
    assert as_number(-(10**400)) == -math.inf
