"""The typed fields of a class as the schema of its description."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from st.core.nearest import nearest
from st.nn.faults import Fault, Path, shown

S = TypeVar("S", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Field:
    """What a description may say about one field.

    Attributes:
        name: The key.
        expected: The type and range in words.
        is_required: Whether a description must give it.
        default: What it is otherwise.
        summary: What it means, or empty.
    """

    name: str
    expected: str
    is_required: bool
    default: Any
    summary: str


def fields_of(of: type[msgspec.Struct]) -> tuple[Field, ...]:
    """Return the fields of a struct class, in their order."""
    described = inspect.type_info(of)
    assert isinstance(described, inspect.StructType)
    return tuple(
        Field(
            field.encode_name,
            _in_words(field.type),
            field.required,
            _default(field),
            _summary(field.type),
        )
        for field in described.fields
    )


def convert_fields(
    of: type[S], config: Mapping[str, Any], path: Path = ()
) -> tuple[S | None, tuple[Fault, ...]]:
    """Make an `of` from plain values, or tell everything that is wrong with them.

    Strings are converted to numbers and truth values where the field asks for those.

    Args:
        of: A struct class.
        config: Values by field name.
        path: Where `config` stands in the whole description; faults begin with it.

    Returns:
        The object and no faults, or None and at least one fault.
    """
    known = of.__struct_encode_fields__
    # A misspelt key is one fault, not two: the key it was meant to be is not missing as well.
    meant = {name: nearest(name, known) or "" for name in config if name not in known}
    faults = [
        Fault((*path, name), f"one of {', '.join(known) or 'no fields'}", shown(name), close)
        for name, close in meant.items()
    ]
    expected = {field.name: field.expected for field in fields_of(of)}
    for field in msgspec.structs.fields(of):
        name = field.encode_name
        if name in config:
            if not _fits(config[name], field.type):
                faults.append(Fault((*path, name), expected[name], shown(config[name])))
        elif field.required and name not in meant.values():
            faults.append(Fault((*path, name), expected[name], "nothing"))
    if faults:
        return None, tuple(faults)
    try:
        return msgspec.convert(dict(config), of, strict=False), ()
    except msgspec.ValidationError as error:
        return None, (Fault(path, f"a {of.__name__} whose fields fit together", str(error)),)


def _fits(value: Any, wanted: Any) -> bool:
    if isinstance(value, float) and not math.isfinite(value):
        return False
    try:
        msgspec.convert(value, wanted, strict=False)
    except msgspec.ValidationError:
        return False
    return True


def _default(field: inspect.Field) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None if field.required else field.default


def _summary(of: inspect.Type) -> str:
    if isinstance(of, inspect.Metadata):
        return str((of.extra_json_schema or {}).get("description", "")) or _summary(of.type)
    return ""


def _in_words(of: inspect.Type) -> str:
    """Return a type and its range in words: ``a whole number, at least 1``."""
    match of:
        case inspect.Metadata():
            return _in_words(of.type)
        case inspect.UnionType():
            return " or ".join(
                _in_words(kind) for kind in of.types if not isinstance(kind, inspect.NoneType)
            )
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number" + _range(of)
        case inspect.FloatType():
            return "a number" + _range(of)
        case inspect.StrType(pattern=str(pattern)):
            return f"text of the form {pattern}"
        case inspect.StrType():
            return "text"
        case inspect.LiteralType(values=values):
            return " or ".join(shown(value) for value in values)
        case inspect.ListType() | inspect.VarTupleType():
            return f"a list, each {_in_words(of.item_type)}"
        case inspect.TupleType():
            return f"a list of {' and '.join(_in_words(item) for item in of.item_types)}"
        case inspect.DictType() | inspect.StructType():
            return "a table"
        case _:
            return "a value"


def _range(of: inspect.IntType | inspect.FloatType) -> str:
    limits = (("at least", of.ge), ("above", of.gt), ("at most", of.le), ("below", of.lt))
    words = [f"{word} {limit:g}" for word, limit in limits if limit is not None]
    return ", " + " and ".join(words) if words else ""
