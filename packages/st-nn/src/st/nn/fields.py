"""The typed fields of a class as the schema of its description."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import msgspec
from msgspec import inspect

from st.core.nearest import nearest
from st.nn.faults import Fault, Path, shown
from st.nn.linking import link_faults
from st.nn.modules.base import Module

Make: TypeAlias = Callable[[Any, Path], tuple[Module | None, tuple[Fault, ...]]]
"""Makes a module from its entry in a description, or tells what is wrong with that."""

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
    return tuple(map(_field, _described(of)))


def _described(of: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    """Return what msgspec knows of the fields, which takes it a third of a millisecond."""
    described = inspect.type_info(of)
    assert isinstance(described, inspect.StructType)
    return described.fields


def _field(field: inspect.Field) -> Field:
    return Field(
        field.encode_name,
        _in_words(field.type),
        field.required,
        _default(field),
        _summary(field.type),
    )


def convert_fields(
    of: type[S], config: Mapping[str, Any], path: Path = (), make: Make | None = None
) -> tuple[S | None, tuple[Fault, ...]]:
    """Make an `of` from plain values, or tell everything that is wrong with them.

    Strings are converted to numbers and truth values where the field asks for those.

    Args:
        of: A struct class.
        config: Values by field name.
        path: Where `config` stands in the whole description; faults begin with it.
        make: Makes what fields that hold modules describe; needed where there are such fields.

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
    described = _described(of)
    types = {field.encode_name: field.type for field in described}
    expected = {name: _in_words(kind) for name, kind in types.items()}
    nesting = {} if make is None else _nested(described)
    tables = _lists_of_tables(described)
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(of):
        name = field.encode_name
        if name in config and make is not None and name in nesting:
            value, found = _made(config[name], (*path, name), make, nesting[name])
            values[field.name] = value
            faults += found
        elif name in config and name in tables and isinstance(config[name], list | tuple):
            values[field.name], found = _converted(tables[name], config[name], (*path, name))
            faults += found
        elif name in config:
            if _fits(config[name], field.type):
                values[field.name] = msgspec.convert(config[name], field.type, strict=False)
            else:
                value = config[name]
                close = nearest(value, _choices(types[name])) if isinstance(value, str) else None
                faults.append(Fault((*path, name), expected[name], shown(value), close or ""))
        elif field.required and name not in meant.values():
            faults.append(Fault((*path, name), expected[name], "nothing"))
    if faults:
        return None, tuple(faults)
    try:
        return of(**values), ()
    except (ValueError, TypeError) as error:
        return None, (Fault(path, f"fields of {of.__name__} that fit together", str(error)),)


def nested_fields(of: type[msgspec.Struct]) -> Mapping[str, bool]:
    """Return the fields of a struct class that hold modules: true for those that hold a list."""
    return _nested(_described(of))


def _nested(described: Iterable[inspect.Field]) -> Mapping[str, bool]:
    found = {field.encode_name: _holds(field.type) for field in described}
    return {name: is_list for name, is_list in found.items() if is_list is not None}


def _holds(of: inspect.Type) -> bool | None:
    """Whether a field holds a list of modules; None where it holds no module."""
    match of:
        case inspect.Metadata():
            return _holds(of.type)
        case inspect.UnionType():
            return next((held for held in map(_holds, of.types) if held is not None), None)
        case inspect.StructType():
            return False if of.cls is Module else None
        case inspect.VarTupleType() | inspect.ListType():
            return None if _holds(of.item_type) is None else True
        case _:
            return None


def _lists_of_tables(
    described: Iterable[inspect.Field],
) -> Mapping[str, type[msgspec.Struct]]:
    """Return the fields that hold a list of other structs, and of which; modules are no such."""
    found = {field.encode_name: _tables(field.type) for field in described}
    return {name: of for name, of in found.items() if of is not None}


def _tables(of: inspect.Type) -> type[msgspec.Struct] | None:
    """Return the struct of a list of structs; None for another type, and for modules."""
    match of:
        case inspect.Metadata():
            return _tables(of.type)
        case inspect.VarTupleType(item_type=inspect.StructType(cls=cls)) if cls is not Module:
            return cls
        case _:
            return None


def _converted(
    of: type[msgspec.Struct], tables: Sequence[Any], path: Path
) -> tuple[tuple[Any, ...], tuple[Fault, ...]]:
    """Make an `of` from each table of a list."""
    made: list[Any] = []
    faults: list[Fault] = []
    for number, table in enumerate(tables):
        if not isinstance(table, Mapping):
            faults.append(Fault((*path, number), "a table", shown(table)))
            continue
        value, found = convert_fields(of, table, (*path, number))
        made.append(value)
        faults += found
    return tuple(made), tuple(faults)


def _made(described: Any, path: Path, make: Make, is_list: bool) -> tuple[Any, tuple[Fault, ...]]:
    """Make the module or the modules that a field describes."""
    if not is_list:
        return make(described, path)
    if not isinstance(described, list | tuple) or not described:
        return None, (Fault(path, "a list of modules, each a table", shown(described)),)
    modules: list[Module | None] = []
    faults: list[Fault] = []
    for number, entry in enumerate(described):
        module, found = make(entry, (*path, number))
        modules.append(module)
        faults += found
    tables = [entry if isinstance(entry, Mapping) else {} for entry in described]
    return tuple(modules), (*faults, *link_faults(tables, path))


def _fits(value: Any, wanted: Any) -> bool:
    try:
        return _is_moderate(msgspec.convert(value, wanted, strict=False))
    except (msgspec.ValidationError, OverflowError, RecursionError):
        return False


def _is_moderate(value: Any) -> bool:
    """Whether numbers are finite and, where they are whole, within 64 bits, as TOML asks."""
    match value:
        case float():
            return math.isfinite(value)
        case int():
            return -(2**63) <= value < 2**63
        case list() | tuple():
            return all(map(_is_moderate, value))
        case Mapping():
            return all(map(_is_moderate, value.values()))
        case _:
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
            return "text that is not empty" if of.min_length else "text"
        case inspect.LiteralType(values=values):
            return " or ".join(shown(value) for value in values)
        case inspect.StructType() if of.cls is Module:
            return "a module, a table"
        case inspect.ListType() | inspect.VarTupleType() if _holds(of):
            return "a list of modules, each a table"
        case inspect.ListType() | inspect.VarTupleType():
            what = "a list that is not empty" if of.min_length else "a list"
            return f"{what}, each {_in_words(of.item_type)}"
        case inspect.TupleType():
            return f"a list of {' and '.join(_in_words(item) for item in of.item_types)}"
        case inspect.StructType(fields=fields) if fields:
            return f"a table of {', '.join(field.encode_name for field in fields)}"
        case inspect.DictType() | inspect.StructType():
            return "a table"
        case _:
            return "a value"


def _choices(of: inspect.Type) -> tuple[str, ...]:
    """Return the texts that a field may be, where it has to be one of some."""
    match of:
        case inspect.Metadata():
            return _choices(of.type)
        case inspect.UnionType():
            return tuple(choice for kind in of.types for choice in _choices(kind))
        case inspect.LiteralType(values=values):
            return tuple(value for value in values if isinstance(value, str))
        case _:
            return ()


def _range(of: inspect.IntType | inspect.FloatType) -> str:
    limits = (("at least", of.ge), ("above", of.gt), ("at most", of.le), ("below", of.lt))
    words = [f"{word} {limit:g}" for word, limit in limits if limit is not None]
    return ", " + " and ".join(words) if words else ""
