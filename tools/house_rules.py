"""Check the rules of the house that no linter knows.

    python tools/house_rules.py

Prints one line per breach, `path:line: what is wrong`, and ends with exit code 1 if there is one.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 400
# A plugin's or listener's failure is caught in this module and in no other.
ISOLATION_POINT = "packages/st-core/src/st/core/isolation.py"
OPEN_NAMESPACES = ("src/st/__init__.py", "src/st/backend/__init__.py")
VAGUE_NAMES = {"utils", "helpers", "common", "manager", "misc"}
FORBIDDEN_IMPORTS = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
FORBIDDEN_CALLS = {"eval", "exec"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def breaches(path: str, text: str) -> Iterator[tuple[int, str]]:
    """Give the breaches of the tracked file at `path` (relative, with `/`) as (line, message)."""
    posix = PurePosixPath(path)
    if path.endswith(OPEN_NAMESPACES):
        yield 1, "makes the namespace a regular package and hides every other distribution"
    if posix.suffix != ".py":
        return
    n_lines = text.count("\n")
    if n_lines > MAX_LINES:
        yield n_lines, f"{n_lines} lines, at most {MAX_LINES}: split the module"
    if posix.stem in VAGUE_NAMES:
        yield 1, f"'{posix.stem}' says nothing of what is inside"
    for number, line in enumerate(text.splitlines(), 1):
        if path != "tools/house_rules.py" and UNFINISHED.search(line):
            yield number, "unfinished work is filed, not left in the source"
    if "src" in posix.parts:
        for node in ast.walk(ast.parse(text, path)):
            yield from node_breaches(path, node)


def node_breaches(path: str, node: ast.AST) -> Iterator[tuple[int, str]]:
    """Give the breaches of one syntax node of shipped source."""
    match node:
        case ast.ExceptHandler() if path != ISOLATION_POINT and swallows_all(node):
            yield node.lineno, "catches every exception; name the ones expected here"
        case ast.Import(names=names):
            for alias in names:
                if alias.name.partition(".")[0] in FORBIDDEN_IMPORTS:
                    yield node.lineno, f"imports {alias.name}: data must never run code"
        case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in FORBIDDEN_IMPORTS:
            yield node.lineno, f"imports {module}: data must never run code"
        case ast.Call(func=ast.Name(id=name)) if name in FORBIDDEN_CALLS:
            yield node.lineno, f"calls {name}: data must never run code"


def swallows_all(handler: ast.ExceptHandler) -> bool:
    """Say whether `handler` takes errors nobody foresaw and does not end by raising them again."""
    caught = handler.type
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    takes_all = any(
        name is None or (isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"})
        for name in names
    )
    return takes_all and not isinstance(handler.body[-1], ast.Raise)


def main() -> int:
    """Check every tracked file; return the exit code."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    n_breaches = 0
    for path in sorted(filter(None, listing.stdout.split("\0"))):
        file = ROOT / path
        if file.suffix != ".py" or not file.is_file():
            continue
        for line, message in breaches(path, file.read_text(encoding="utf-8")):
            print(f"{path}:{line}: {message}")
            n_breaches += 1
    return 1 if n_breaches else 0


if __name__ == "__main__":
    sys.exit(main())
