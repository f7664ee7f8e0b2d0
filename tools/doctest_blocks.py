"""Show the examples in docstrings as code: an extension of griffe, which makes the reference.

An example stands in the text as the interpreter shows it, from `>>>` to the next empty line; only
under a heading "Examples" would griffe take it for one.
"""

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^([ ]*)>>> .*(?:\n[ ]*\S.*)*", re.MULTILINE)


class DoctestBlocks(griffe.Extension):
    """Puts fences around every example."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of an object, if it has one."""
        if obj.docstring is not None:
            obj.docstring.value = EXAMPLE.sub(fenced, obj.docstring.value)


def fenced(example: re.Match[str]) -> str:
    """Return an example between fences, as far in as it was.

    >>> fenced(EXAMPLE.search("Adds.\\n\\n    >>> 1 + 1\\n    2\\n"))
    '    ```pycon\\n    >>> 1 + 1\\n    2\\n    ```'
    """
    indent = example.group(1)
    return f"{indent}```pycon\n{example.group()}\n{indent}```"
