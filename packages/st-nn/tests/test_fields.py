from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from st.nn.fields import convert_fields, fields_of


class Example(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    size: Annotated[int, Meta(ge=1, description="How many.")]
    rate: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    kind: Literal["a", "b"] = "a"
    is_fast: bool = False
    shape: tuple[Annotated[int, Meta(ge=1)], ...] | None = None
    names: list[str] = msgspec.field(default_factory=list)

    def __post_init__(self) -> None:
        if self.is_fast and self.size > 9:
            raise ValueError("fast ones have at most 9")


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    share: Annotated[float, Meta(ge=0)] = 1.0


class Whole(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    parts: tuple[Part, ...] = ()


def test_tables_of_a_list_are_converted_one_by_one() -> None:
    made, _ = convert_fields(Whole, {"parts": [{"name": "a", "share": "0.5"}, {"name": "b"}]})

    assert made == Whole(parts=(Part(name="a", share=0.5), Part(name="b")))


def test_choice_nearest_to_a_misspelt_one_is_told() -> None:
    class Choice(msgspec.Struct, frozen=True, kw_only=True):
        how: Annotated[Literal["concat", "add"] | None, Meta(description="How.")] = None

    _, (fault,) = convert_fields(Choice, {"how": "conct"})

    assert fault.nearest == "concat"


def test_words_for_a_list_of_tables_name_their_fields() -> None:
    assert [field.expected for field in fields_of(Whole)] == ["a list, each a table of name, share"]


def test_every_fault_inside_a_list_of_tables_is_told_where_it_is() -> None:
    entries = [{"name": "a", "shre": 1}, 7, {"share": -1}]

    _, faults = convert_fields(Whole, {"parts": entries}, ("optimizer",))

    assert [(fault.path, fault.expected, fault.given) for fault in faults] == [
        (("optimizer", "parts", 0, "shre"), "one of name, share", '"shre"'),
        (("optimizer", "parts", 1), "a table", "7"),
        (("optimizer", "parts", 2, "name"), "text", "nothing"),
        (("optimizer", "parts", 2, "share"), "a number, at least 0", "-1"),
    ]


def test_sound_values_make_the_object() -> None:
    made, faults = convert_fields(Example, {"size": 3, "shape": [2, 4]})

    assert made == Example(size=3, shape=(2, 4))
    assert faults == ()


def test_texts_are_converted_to_the_type_of_the_field() -> None:
    made, _ = convert_fields(Example, {"size": "3", "rate": "0.25", "is_fast": "true"})

    assert made == Example(size=3, rate=0.25, is_fast=True)


@pytest.mark.parametrize(
    ("config", "expected", "given"),
    [
        pytest.param({"size": "three"}, "a whole number, at least 1", '"three"', id="no number"),
        pytest.param({"size": 0}, "a whole number, at least 1", "0", id="too small"),
        pytest.param({"size": 1.5}, "a whole number, at least 1", "1.5", id="fraction"),
        pytest.param({"size": True}, "a whole number, at least 1", "true", id="truth value"),
        pytest.param({}, "a whole number, at least 1", "nothing", id="missing"),
        pytest.param({"size": 1, "rate": 1}, "a number, above 0 and below 1", "1", id="too large"),
        pytest.param(
            {"size": 1, "rate": float("nan")}, "a number, above 0 and below 1", "NaN", id="nan"
        ),
        pytest.param({"size": 1, "kind": "c"}, '"a" or "b"', '"c"', id="none of the choices"),
        pytest.param({"size": 1, "is_fast": "yes"}, "true or false", '"yes"', id="no truth value"),
        pytest.param(
            {"size": 1, "shape": [0]}, "a list, each a whole number, at least 1", "[0]", id="list"
        ),
        pytest.param({"size": 1, "names": "ab"}, "a list, each text", '"ab"', id="no list"),
    ],
)
def test_fault_of_a_value(config: dict[str, Any], expected: str, given: str) -> None:
    made, faults = convert_fields(Example, config, ("model", 0))

    assert made is None
    assert [(fault.expected, fault.given) for fault in faults] == [(expected, given)]
    assert faults[0].path[:2] == ("model", 0)


def test_all_faults_are_told_at_once() -> None:
    _, faults = convert_fields(Example, {"size": 0, "rate": 2, "colour": 1})

    assert [fault.path for fault in faults] == [("colour",), ("size",), ("rate",)]


def test_misspelt_key_is_one_fault_and_not_a_missing_key_as_well() -> None:
    _, faults = convert_fields(Example, {"sise": 3})

    assert [(fault.path, fault.nearest) for fault in faults] == [(("sise",), "size")]


def test_fields_that_do_not_fit_together_are_a_fault_of_the_whole() -> None:
    _, faults = convert_fields(Example, {"size": 10, "is_fast": True}, ("model", 4))

    assert faults[0].path == ("model", 4)
    assert faults[0].given == "fast ones have at most 9"


def test_fields_are_described_in_words() -> None:
    size, rate, *_, names = fields_of(Example)

    assert (size.name, size.expected, size.is_required, size.summary) == (
        "size",
        "a whole number, at least 1",
        True,
        "How many.",
    )
    assert (rate.is_required, rate.default, rate.summary) == (False, 0.5, "")
    assert names.default == []
