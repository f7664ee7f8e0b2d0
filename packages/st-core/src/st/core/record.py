"""Facts as frozen objects: what a frozen dataclass is, without importing `dataclasses`.

That import takes 6 ms (inspect, ast, dis) and each class 0.5 ms, where one here takes 0.02: a
third of the time it took to find the installed plugins.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, Self, dataclass_transform


class _DataclassFields:
    """Has `dataclasses.replace` and `fields` work on records; made when one of them asks."""

    def __get__(self, record: object, cls: Any) -> Any:
        from dataclasses import make_dataclass

        made: Any = make_dataclass(cls.__name__, cls.__match_args__)
        return made.__dataclass_fields__


@dataclass_transform(frozen_default=True)
class Record:
    """Its annotated names are its fields; it is equal, hashed and shown by them.

    Building one takes 2 µs, six times what a dataclass takes: not for what is made by the
    thousand. `__post_init__` is called in the end, as there.

    >>> class Point(Record):
    ...     x: int
    ...     y: int = 0
    >>> Point(3)
    Point(x=3, y=0)
    """

    __match_args__: ClassVar[tuple[str, ...]] = ()
    __dataclass_fields__ = _DataclassFields()
    _defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        own = cls.__annotations__
        names = (*cls.__match_args__, *own)
        cls.__match_args__ = names  # type: ignore[misc]  # mypy says a dataclass has it already
        cls._defaults = cls._defaults | {key: vars(cls)[key] for key in own if key in vars(cls)}

    def __init__(self, *values: Any, **named: Any) -> None:
        names = self.__match_args__
        given = dict(zip(names, values, strict=False)) | named
        fields = self._defaults | given
        if len(given) < len(values) + len(named) or fields.keys() != {*names}:
            what = f"{len(values)} values and the names {', '.join(named) or 'none'}"
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(names)}; got {what}")
        vars(self).update(fields)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the fields; `vars(self)` can still be changed."""

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple([getattr(self, name) for name in self.__match_args__]))

    def __repr__(self) -> str:
        fields = [f"{name}={getattr(self, name)!r}" for name in self.__match_args__]
        return f"{type(self).__qualname__}({', '.join(fields)})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} does not change: {name!r} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} does not change: {name!r} cannot be deleted")

    def __replace__(self, **changes: Any) -> Self:
        """The same with other values; `copy.replace` calls this from Python 3.13 on."""
        return type(self)(**vars(self) | changes)
