"""Every public name and how it is called, as text: tests/public_api.txt.

    python tools/public_api.py            says what differs from the file; any difference is failure
    python tools/public_api.py --write    writes the file

Public is what stands in the `__all__` of a package. A difference is either a mistake or a change
that users notice: write the file again, and a fragment into changelog.d/ beside it.
"""

from __future__ import annotations

import argparse
import difflib
import inspect
import sys
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Annotated, get_args, get_origin

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "tests/public_api.txt"


def packages() -> list[str]:
    """Return the import name of every package of ours, sorted."""
    return sorted(
        ".".join(init.parent.relative_to(source).parts)
        for source in ROOT.glob("packages/*/src")
        for init in source.rglob("__init__.py")
    )


def public(name: str, value: object, classes: set[type]) -> Iterator[str]:
    """Yield a line for a public name, and one for everything that a class offers."""
    if not inspect.isclass(value):
        kind = f": {type(value).__name__}"
        yield f"{name}{signature(value) if inspect.isfunction(value) else kind}"
    elif value.__name__ != name.rpartition(".")[2]:
        yield f"{name} = {value.__name__}"
    else:
        bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
        yield f"class {name}{bases and f'[{bases}]'}{signature(value)}"
        yield from (f"{name}.{line}" for line in members(value, classes - {value}))


def members(of: type, elsewhere: set[type]) -> Iterator[str]:
    """Yield methods, properties and members of enums; not what a base has that is told `elsewhere`.

    Fields stand in the signature of their class.
    """
    found: dict[str, object] = {}
    for base in reversed(of.__mro__):
        if base.__module__.partition(".")[0] == "st" and base not in elsewhere:
            found.update(vars(base))
    for name, value in sorted(found.items()):
        if name.startswith("_"):
            continue
        if isinstance(value, (staticmethod, classmethod)):
            yield f"{name}{signature(value.__func__)}"
        elif inspect.isfunction(value):
            yield f"{name}{signature(value)}"
        elif isinstance(value, property):
            yield f"{name}: property"
        elif issubclass(of, Enum) and isinstance(value, of):
            yield f"{name}: member"


def signature(of: object) -> str:
    """Return how a class or function is called; nothing for classes that Python alone can call."""
    try:
        made = inspect.signature(of)  # type: ignore[arg-type]  # callable, as its callers know
    except ValueError:
        return ""
    parameters = [
        parameter.replace(
            annotation=parameter.annotation
            if parameter.annotation is parameter.empty
            else Shown(annotation(parameter.annotation)),
            default=parameter.default
            if parameter.default is parameter.empty
            else Shown(default(parameter.default)),
        )
        for parameter in made.parameters.values()
    ]
    returns = made.return_annotation
    if returns is not made.empty:
        returns = Shown(annotation(returns))
    return str(made.replace(parameters=parameters, return_annotation=returns))


class Shown:
    """Text that `inspect` shows as it is."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def annotation(of: object) -> str:
    """Return an annotation as it is written; of what is annotated further, the type."""
    if isinstance(of, str):
        return of
    if get_origin(of) is Annotated:
        return annotation(get_args(of)[0])
    return (
        of.__name__ if inspect.isclass(of) and not get_args(of) else str(of).replace("typing.", "")
    )


def default(value: object) -> str:
    """Return a default as it is written, "..." for what no one line can say."""
    if isinstance(value, Enum):
        return str(value)
    plain = isinstance(value, (bool, int, float, str, bytes, type(None)))
    return repr(value) if plain or value == () else "..."


def lines() -> list[str]:
    """Return the lines of the file as it should be."""
    found = {
        f"{package}.{name}": getattr(module, name)
        for package in packages()
        for module in [import_module(package)]
        for name in getattr(module, "__all__", ())
    }
    classes = {value for value in found.values() if inspect.isclass(value)}
    return [line for name in sorted(found) for line in public(name, found[name], classes)]


def main() -> int:
    """Compare, or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {FILE.name}")
    now = lines()
    if parser.parse_args().write:
        FILE.write_text("\n".join(now) + "\n", encoding="utf-8")
        print(f"wrote {len(now)} names")
        return 0
    before = FILE.read_text(encoding="utf-8").splitlines()
    changed = [
        line
        for line in difflib.unified_diff(before, now, lineterm="", n=0)
        if line[0] in "+-" and not line.startswith(("+++", "---"))
    ]
    for line in changed:
        print(line)
    if changed:
        print(
            f"\n{len(changed)} lines differ from {FILE.relative_to(ROOT)}. If that is meant: "
            "python tools/public_api.py --write, and a fragment in changelog.d/"
        )
    return int(bool(changed))


if __name__ == "__main__":
    sys.exit(main())
