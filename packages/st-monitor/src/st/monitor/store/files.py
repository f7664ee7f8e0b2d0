"""The monitor's files in a run directory, `<run>/monitor/`, and how they are written.

===================  =========================================================================
events.jsonl         every event but single operations (:mod:`st.monitor.store.journal`)
run.db               operators, series and figures (:mod:`st.monitor.store.database`)
trace/WRITER-N.seg   single operations and spans (:mod:`st.monitor.store.trace`)
panels.json          report panels of other plugins
summary.json         plugins, metrics, and what became of the events
report.html          the page made of those above
===================  =========================================================================

JSON and HTML files are written beside their place and renamed: a reader sees the old or the new
one. Reading a run needs `events.jsonl` alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from st.monitor.plain import Json

__all__ = ["RunFiles", "write_json", "write_text", "written_beside"]

FORMAT = 1


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Where the monitor's files of a run are.

    Attributes:
        run: The run directory, owned by whoever started the run.
    """

    run: Path

    @property
    def directory(self) -> Path:
        """The monitor's own directory below the run's."""
        return self.run / "monitor"

    @property
    def events(self) -> Path:
        """The journal."""
        return self.directory / "events.jsonl"

    @property
    def database(self) -> Path:
        """Operators, series and figures."""
        return self.directory / "run.db"

    @property
    def trace(self) -> Path:
        """The directory of the segments."""
        return self.directory / "trace"

    def traces(self) -> dict[str, list[Path]]:
        """Return the segments by writer, each's in the order of writing."""
        found: dict[str, list[Path]] = {}
        for path in sorted(self.trace.glob("*-*.seg")):
            writer = path.stem.rpartition("-")[0]
            found.setdefault(writer, []).append(path)
        return found

    @property
    def panels(self) -> Path:
        """The report panels of other plugins."""
        return self.directory / "panels.json"

    @property
    def summary(self) -> Path:
        """Plugins, metrics and the accounts."""
        return self.directory / "summary.json"

    @property
    def report(self) -> Path:
        """The report, unless it is written elsewhere."""
        return self.directory / "report.html"


def write_json(path: Path, facts: dict[str, Json]) -> None:
    """Write facts with the number of their format.

    Raises:
        OSError: The file cannot be written; what was there before is still there.
    """
    write_text(path, json.dumps({"format": FORMAT, **facts}, allow_nan=False, indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write beside `path` and rename.

    Raises:
        OSError: The file cannot be written; what was there before is still there.
    """
    with written_beside(path) as file:
        file.write(text)


@contextmanager
def written_beside(path: Path) -> Iterator[IO[str]]:
    """Give a text file that takes the place of `path` when the block ends without an error.

    Raises:
        OSError: The file cannot be written; what was there before is still there.
    """
    # The process id keeps apart two processes that write the report of one run.
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
