"""Values of an experiment that are set beside its file: ``optimizer.lr=0.01``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from st.core import StError
from st.nn.experiment.document import Document
from st.nn.experiment.toml_lines import Position
from st.nn.faults import Path, shown

_NOWHERE = Position(0, 0)


class SettingError(StError, ValueError):
    """A setting is not of the form ``key.key=value``, or leads nowhere."""


def with_settings(document: Document, settings: Iterable[str]) -> Document:
    """Return `document` with other values; whether they can be is checked with all the rest.

    Args:
        document: Not modified.
        settings: Each ``key=value``. Keys of tables are joined by dots, elements of arrays are
            counted from 1: ``model.2.out_features=64``. A value is written as in TOML; what is no
            TOML is text, so that ``backend=numpy`` needs no quotes.

    Raises:
        SettingError: A setting cannot be read.
    """
    values: dict[str, Any] = deepcopy(dict(document.values))
    positions = dict(document.positions)
    for setting in settings:
        key, equals, text = setting.partition("=")
        keys = [part.strip() for part in key.split(".")]
        if not equals or not all(keys):
            raise SettingError(f"cannot set {shown(setting)}: expected KEY=VALUE or KEY.KEY=VALUE")
        path = _set(values, keys, _value(text.strip()), setting)
        # Faults of the value are not to be looked for in the file.
        positions[path] = _NOWHERE
    return replace(document, values=values, positions=positions)


def _set(values: dict[str, Any], keys: list[str], value: Any, setting: str) -> Path:
    path: Path = ()
    place: Any = values
    for number, key in enumerate(keys, 1):
        at: Any = _index(place, key) if isinstance(place, list) else key
        if not isinstance(place, list | dict) or at is None:
            before = ".".join(keys[: number - 1])
            what = f"has {len(place)} elements" if isinstance(place, list) else "is no table"
            raise SettingError(f"cannot set {shown(setting)}: {before} {what}")
        path = (*path, at)
        if number == len(keys):
            place[at] = value
        else:
            place = place[at] if isinstance(place, list) else place.setdefault(at, {})
    return path


def _index(elements: list[Any], key: str) -> int | None:
    number = int(key) if key.isdecimal() else 0
    return number - 1 if 1 <= number <= len(elements) else None


def _value(text: str) -> Any:
    try:
        (value,) = tomllib.loads(f"value = {text}").values()
    except ValueError:
        return text
    return value
