"""Turn what files, environments and command lines hold into the type a schema asks for."""

from __future__ import annotations

import types
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from st.core.errors import ConfigError
from st.core.nearest import did_you_mean

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def convert(value: object, target: Any, where: str) -> Any:
    """`value` as a `target`: a class, `Literal`, union, `list[...]`, `tuple[..., ...]` or enum.

    >>> convert("3", int, "nn.workers")
    3
    >>> convert("a, b", list[str], "nn.names")
    ['a', 'b']

    Raises:
        ConfigError: When it is not one and cannot be read as one; `where` begins the message.
    """
    if target is Any or target is object:
        return value
    origin, arguments = get_origin(target), get_args(target)
    if origin is Literal:
        return _choice(value, {str(option): option for option in arguments}, where)
    if origin in (Union, types.UnionType):
        return _first_of(value, arguments, where)
    if origin in (list, tuple):
        return origin(_items(value, arguments[0], where))
    if isinstance(target, type) and issubclass(target, Enum):
        if isinstance(value, target):
            return value
        return _choice(value, {str(option.value): option for option in target}, where)
    converted = _scalar(value, target)
    if converted is None:
        raise ConfigError(f"{where}: expected {_name(target)}, got {value!r}")
    return converted


def _scalar(value: object, target: Any) -> Any:
    if isinstance(value, bool) and target in (int, float):
        return None
    if isinstance(value, target):
        return value
    if target is float and isinstance(value, int):
        return float(value)
    if not isinstance(value, str):
        return None
    if target is bool:
        folded = value.strip().casefold()
        return True if folded in _TRUE else False if folded in _FALSE else None
    if target in (int, float, Path):
        try:
            return target(value)
        except ValueError:
            return None
    return None


def _items(value: object, item: Any, where: str) -> list[Any]:
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise ConfigError(f"{where}: expected a list of {_name(item)}, got {value!r}")
    return [convert(part, item, f"{where}[{i}]") for i, part in enumerate(parts)]


def _first_of(value: object, options: tuple[Any, ...], where: str) -> Any:
    if value is None and type(None) in options:
        return None
    for option in options:
        if option is type(None):
            continue
        try:
            return convert(value, option, where)
        except ConfigError:
            continue
    names = " or ".join(_name(option) for option in options)
    raise ConfigError(f"{where}: expected {names}, got {value!r}")


def _choice(value: object, options: dict[str, Any], where: str) -> Any:
    if str(value) in options:
        return options[str(value)]
    near = did_you_mean(str(value), options)
    raise ConfigError(f"{where}: expected one of {', '.join(options)}, got {value!r}{near}")


def _name(target: Any) -> str:
    return "None" if target is type(None) else getattr(target, "__name__", str(target))
