"""The monitor's files in a run directory, `<run>/monitor/`, and how they are read back.

==============  ==============================================================================
events.jsonl    every event, one a line (:mod:`st.monitor.journal`)
panels.json     report panels of other plugins
summary.json    plugins, metrics, and how many events were published, recorded and lost
report.html     the page made of the three above
==============  ==============================================================================

Files but the first are written beside their place and renamed: a reader sees the old or the new
one. Reading needs `events.jsonl` alone; what else is missing or damaged is left out and named.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from st.core import StError
from st.monitor.journal import Entry, read_journal
from st.monitor.panels import StoredPanel
from st.monitor.plain import Json

__all__ = ["NoRecordError", "RecordedRun", "RunFiles", "read_run", "write_text"]

FORMAT = 1


class NoRecordError(StError, FileNotFoundError):
    """There is no monitor's record in a directory."""


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


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """What a run left behind.

    Attributes:
        directory: The run directory.
        entries: The journal's entries in order.
        panels: Report panels in the order they were added.
        summary: Content of summary.json, empty when there is none.
        faults: What could not be read, a sentence each.
    """

    directory: Path
    entries: tuple[Entry, ...]
    panels: tuple[StoredPanel, ...]
    summary: dict[str, Json]
    faults: tuple[str, ...]


def read_run(run: Path) -> RecordedRun:
    """Read the record of a run.

    Raises:
        NoRecordError: There is no `monitor/events.jsonl` in `run`, or it cannot be read.
    """
    files = RunFiles(run)
    try:
        lines = list(read_journal(files.events))
    except OSError as error:
        raise NoRecordError(
            f"no record of a run in {run}: expected {files.events} ({error.strerror or error}); "
            "st-monitor writes it while a run goes on, if it is installed"
        ) from error
    entries = tuple(entry for entry in lines if entry is not None)
    faults = []
    if len(entries) < len(lines):
        n_unreadable = len(lines) - len(entries)
        faults.append(f"{n_unreadable} of {len(lines)} lines of events.jsonl are unreadable")
    summary = _read_json(files.summary, faults)
    stored = _read_json(files.panels, faults).get("panels")
    panels = tuple(p for p in stored if isinstance(p, dict)) if isinstance(stored, list) else ()
    return RecordedRun(run, entries, panels, summary, tuple(faults))


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
    # The process id keeps apart two processes that write the report of one run.
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _read_json(path: Path, faults: list[str]) -> dict[str, Json]:
    try:
        facts = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        faults.append(f"{path.name} is unreadable: {error}")
        return {}
    return facts if isinstance(facts, dict) else {}
