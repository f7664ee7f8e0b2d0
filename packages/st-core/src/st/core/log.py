"""Loggers below `st`, silent unless somebody configures `logging`."""

from __future__ import annotations

import logging
from logging import Logger

# Without any handler `logging` would write warnings, tracebacks included, to standard error.
logging.getLogger("st").addHandler(logging.NullHandler())


def logger(name: str) -> Logger:
    """The logger `st.<name>`.

    >>> logger("plugin.louder").name
    'st.plugin.louder'
    """
    return logging.getLogger(f"st.{name}")
