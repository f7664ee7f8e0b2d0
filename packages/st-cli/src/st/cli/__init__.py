"""The `st` command: sub-commands that any distribution contributes, and a look at what is there.

>>> from st.cli import main
>>> main(["new", "swish", "--kind", "nonsense"])
2
"""

from st.cli.main import main, st

__all__ = ["main", "st"]
