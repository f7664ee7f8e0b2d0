"""Plain values as TOML, in the form in which experiment files are written."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(values: Mapping[str, Any]) -> str:
    r"""Return `values` as TOML, a key on each line, and an entry of a list of tables on each.

    Args:
        values: Texts, numbers, truth values, and lists and mappings of these.

    Raises:
        TypeError: There is a value that TOML has no form for, such as None.

    Example:
        >>> print(to_toml({"seed": 7, "model": [{"type": "relu"}]}))
        seed = 7
        model = [
          { type = "relu" },
        ]
    """
    return "\n".join(f"{_key(key)} = {_top_value(value)}" for key, value in values.items())


def _top_value(value: Any) -> str:
    is_of_tables = isinstance(value, list | tuple) and any(isinstance(v, Mapping) for v in value)
    if not is_of_tables:
        return _value(value)
    return "\n".join(["[", *(f"  {_value(item)}," for item in value), "]"])


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return repr(value) if math.isfinite(value) else str(value)
        case str():
            return _text(value)
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case Mapping():
            pairs = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case _:
            raise TypeError(f"TOML has no form for {value!r}")


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _text(key)


def _text(text: str) -> str:
    # JSON writes texts as TOML does, but for the one control character that it allows as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
