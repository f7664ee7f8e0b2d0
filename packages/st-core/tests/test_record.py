from __future__ import annotations

import dataclasses
import inspect

import pytest

from st.core.record import Record, record


@record
class Point(Record):
    x: int
    y: int = 0


@record
class Named(Point):
    name: str = ""


def test_fields_are_set_by_place_and_by_name() -> None:
    point = Point(1, y=2)

    assert (point.x, point.y) == (1, 2)


def test_inherited_fields_come_first() -> None:
    assert Named.__match_args__ == ("x", "y", "name")
    assert Named(1, 2, "a") == Named(name="a", y=2, x=1)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        pytest.param((), {}, id="missing"),
        pytest.param((1, 2, 3), {}, id="too-many"),
        pytest.param((1,), {"z": 2}, id="unknown"),
        pytest.param((1,), {"x": 2}, id="twice"),
    ],
)
def test_fields_that_do_not_fit_are_refused(values: tuple[int, ...], named: dict[str, int]) -> None:
    with pytest.raises(TypeError, match="Point has the fields x, y; got"):
        Point(*values, **named)


def test_records_of_one_class_are_equal_and_hashed_by_their_fields() -> None:
    assert Point(1) == Point(1, 0) != Point(1, 1)
    assert hash(Point(1)) == hash(Point(1, 0))


def test_records_of_two_classes_differ() -> None:
    assert Point(1) != Named(1)


def test_a_record_is_shown_by_its_fields() -> None:
    assert repr(Named(1, name="a")) == "Named(x=1, y=0, name='a')"


def test_a_field_cannot_be_set_or_deleted() -> None:
    point = Point(1)

    with pytest.raises(AttributeError, match="has no setter"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="has no deleter"):
        del point.x


def test_dataclasses_replace_makes_another_one() -> None:
    point = Point(1, 2)

    assert dataclasses.replace(point, y=3) == point.__replace__(y=3) == Point(1, 3)
    assert point == Point(1, 2)


def test_help_shows_the_fields() -> None:
    assert str(inspect.signature(Named)) == "(x: 'int', y: 'int' = 0, name: 'str' = '')"
