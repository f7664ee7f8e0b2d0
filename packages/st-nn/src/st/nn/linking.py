"""Names in a list of described modules: who is called what, and who is fed by whom."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from st.core.nearest import nearest
from st.nn.faults import Fault, Path, shown
from st.nn.modules.chain import INPUT

RESERVED = ("type", "name", "inputs")
"""What every entry may say beside the fields of its module."""

NAME = "a name: a letter, then letters, digits and _, 60 at most"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")


def link_faults(entries: Sequence[Mapping[str, Any]], path: Path) -> list[Fault]:
    """Return what is wrong with ``name`` and ``inputs`` of entries that stand in one list.

    A name is given once; ``inputs`` name modules before their own, or what enters the list.

    Args:
        entries: The entries as described.
        path: Where the list stands.
    """
    faults: list[Fault] = []
    known = [INPUT]
    for number, entry in enumerate(entries):
        here = (*path, number)
        if "inputs" in entry:
            faults += _input_faults(entry["inputs"], known, (*here, "inputs"))
        name = entry.get("name")
        if "name" in entry and not (isinstance(name, str) and _NAME.fullmatch(name)):
            faults.append(Fault((*here, "name"), NAME, shown(name)))
        elif name in known:
            expected = "a name that nothing before it in the list has"
            faults.append(Fault((*here, "name"), expected, shown(name)))
        if isinstance(name, str):
            known.append(name)
    return faults


def _input_faults(inputs: Any, known: Sequence[str], path: Path) -> list[Fault]:
    expected = f"a list of names before this one: {', '.join(known)}"
    if not isinstance(inputs, list | tuple) or not inputs:
        return [Fault(path, expected, shown(inputs))]
    return [
        Fault((*path, index), expected, shown(name), _near(name, known))
        for index, name in enumerate(inputs)
        if not isinstance(name, str) or name not in known
    ]


def _near(name: object, known: Sequence[str]) -> str:
    return nearest(name, known) or "" if isinstance(name, str) else ""
