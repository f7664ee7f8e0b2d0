"""Facts as frozen objects: what a frozen dataclass is, without importing `dataclasses`.

That import takes 6 ms (inspect, ast, dis) and each class 0.5 ms, where one here takes 0.03: it
would be half of the time it takes to find the installed plugins.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self, TypeVar, dataclass_transform


class _DataclassFields:
    """Has `dataclasses.replace` and `fields` work on records; made when one of them asks."""

    def __get__(self, record: object, cls: Any) -> Any:
        from dataclasses import make_dataclass

        made: Any = make_dataclass(cls.__name__, cls.__match_args__)
        return made.__dataclass_fields__


class _Signature:
    """Has `help` and `inspect.signature` show the fields."""

    def __get__(self, record: object, cls: Any) -> Any:
        from inspect import Parameter, Signature

        kinds = {key: kind for base in reversed(cls.__mro__) for key, kind in _annotations(base)}
        return Signature(
            [
                Parameter(
                    name,
                    Parameter.POSITIONAL_OR_KEYWORD,
                    default=cls._defaults.get(name, Parameter.empty),
                    annotation=kinds[name],
                )
                for name in cls.__match_args__
            ]
        )


class Record:
    """Base of classes declared with `@record`: equal, hashed and shown by their fields.

    The values are one tuple, each field a property that reads its place in it.
    """

    __slots__ = ("_values",)
    __match_args__: ClassVar[tuple[str, ...]] = ()
    __dataclass_fields__ = _DataclassFields()
    __signature__ = _Signature()
    _defaults: ClassVar[dict[str, Any]] = {}

    def __init__(self, *values: Any, **named: Any) -> None:
        self._values = self._completed(values, named)
        self.__post_init__()

    def _completed(self, values: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """All values in order, those at their default as well."""
        names = self.__match_args__
        if len(values) == len(names) and not named:
            return values
        given = dict(zip(names, values, strict=False)) | named
        fields = self._defaults | given
        if len(given) < len(values) + len(named) or fields.keys() != {*names}:
            known = ", ".join(names) or "none: declare it with @event or @record"
            got = f"{len(values)} values and the names {', '.join(named) or 'none'}"
            raise TypeError(f"{type(self).__name__} has the fields {known}; got {got}")
        return tuple([fields[name] for name in names])

    def __post_init__(self) -> None:
        """Check the fields, which are set by then."""

    def __eq__(self, other: object) -> bool:
        same = type(other) is type(self)
        return self._values == other._values if same else NotImplemented  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self._values)

    def __repr__(self) -> str:
        fields = zip(self.__match_args__, self._values, strict=True)
        shown = ", ".join([f"{name}={value!r}" for name, value in fields])
        return f"{type(self).__qualname__}({shown})"

    def __replace__(self, **changes: Any) -> Self:
        """The same with other values; `copy.replace` calls this from Python 3.13 on."""
        return type(self)(**dict(zip(self.__match_args__, self._values, strict=True)) | changes)


# Bound to the class itself: a bound in quotes is compiled, and the first one takes 0.9 ms.
R = TypeVar("R", bound=Record)


@dataclass_transform(frozen_default=True)
def record(cls: type[R]) -> type[R]:
    """Make the annotated names of a class its fields, after those it inherits.

    >>> @record
    ... class Point(Record):
    ...     x: int
    ...     y: int = 0
    >>> Point(3)
    Point(x=3, y=0)
    """
    own = [name for name, _ in _annotations(cls)]
    cls._defaults = cls._defaults | {name: vars(cls)[name] for name in own if name in vars(cls)}
    for place, name in enumerate(own, start=len(cls.__match_args__)):
        setattr(cls, name, _field(place))
    cls.__match_args__ = (*cls.__match_args__, *own)  # type: ignore[misc]  # mypy's dataclass
    return cls


def _annotations(cls: type[Any]) -> list[tuple[str, Any]]:
    own = getattr(cls, "__annotations__", {}) if issubclass(cls, Record) else {}
    return [(name, kind) for name, kind in own.items() if "ClassVar" not in str(kind)]


def _field(place: int) -> property:
    return property(lambda record: record._values[place])
