"""What plugins and `st.core` log while a command runs: one line each on standard error."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class OneLine(logging.Formatter):
    """Ends a line with the error that it is about, and shows no traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = f"warning: {record.getMessage()}"
        error = record.exc_info[1] if record.exc_info else None
        return line if error is None else f"{line}: {type(error).__name__}: {error}"


@contextmanager
def warnings_in_one_line(*, has_tracebacks: bool) -> Iterator[None]:
    """Write warnings of loggers below `st` to standard error while the block runs.

    Args:
        has_tracebacks: Let them be followed by the tracebacks of their errors.
    """
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("warning: %(message)s") if has_tracebacks else OneLine())
    logger = logging.getLogger("st")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
