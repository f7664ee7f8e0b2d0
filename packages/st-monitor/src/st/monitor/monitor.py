"""The service "monitor": records every run that goes on and reports on it at its end."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from st.core import Event, PluginHandle, RunFinished, RunStarted, SystemShutdown, Telemetry
from st.core.panels import Panel
from st.monitor.journal import Entry, Journal, entry_of
from st.monitor.metrics import MetricKindError, Metrics
from st.monitor.panels import StoredPanel, stored
from st.monitor.plain import Json, as_number
from st.monitor.store import RunFiles, read_run, write_json, write_text

__all__ = ["Monitor", "write_report"]

# What happened before a run (plugins loading, for the most part) opens its record.
MAX_PRELUDE = 1000
MAX_FAULTS = 20


@dataclass(slots=True)
class OpenRun:
    """One run as it is being recorded."""

    run_id: str
    files: RunFiles
    journal: Journal
    panels: dict[str, StoredPanel] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


class Monitor:
    """Follows runs: :meth:`receive` every event, :meth:`finish` at the end of each.

    A file that cannot be written never disturbs the publisher: what is lost is counted, the
    first fault of a run is told to `warn`, and all are in its report. Safe to call from any
    thread.

    Args:
        metrics: Figures that go into each run's summary.
        plugins: Gives the plugins there are.
        warn: Called with one sentence.
    """

    def __init__(
        self,
        metrics: Metrics,
        plugins: Callable[[], Iterable[PluginHandle]],
        warn: Callable[[str], None],
    ) -> None:
        self.metrics = metrics
        self._plugins = plugins
        self._warn = warn
        self._lock = threading.RLock()
        self._runs: tuple[OpenRun, ...] = ()
        self._last: OpenRun | None = None
        self._prelude: deque[Entry] = deque(maxlen=MAX_PRELUDE)

    @property
    def runs(self) -> tuple[str, ...]:
        """Ids of the runs that are being recorded."""
        return tuple(run.run_id for run in self._runs)

    def report(self, run: Path, output: Path | None = None) -> Path:
        """Make the report of a run anew from its directory; see :func:`write_report`."""
        return write_report(run, output)

    # --- events ---------------------------------------------------------------------------------

    def receive(self, event: Event) -> None:
        """Record an event in every run that goes on, or keep it for the next one."""
        entry = entry_of(event)
        if isinstance(event, RunStarted):
            self._start(event, entry)
        runs = self._runs
        if not runs:
            self._prelude.append(entry)
            if isinstance(event, SystemShutdown):
                self._end(entry)
        for run in runs:
            run.journal.write(entry)
            if run.journal.fault:
                self._fault(run, run.journal.fault)
        if isinstance(event, Telemetry):
            self._measure(entry)

    def finish(self, event: RunFinished) -> None:
        """Close the record of a run and write its report."""
        self._close([run for run in self._runs if run.run_id == event.run_id])

    def close(self) -> None:
        """Close the record of every run that still goes on, as it is."""
        self._close(self._runs)

    def _start(self, event: RunStarted, entry: Entry) -> None:
        files = RunFiles(Path(event.directory).absolute())
        # A run that starts under the id of one that never ended has taken its place.
        self._close([run for run in self._runs if run.run_id == event.run_id])
        with self._lock:
            if self._last is not None and not self._runs:
                self.metrics.clear()
                self._last = None
            fault = _make_directory(files.directory)
            run = OpenRun(event.run_id, files, Journal(files.events, entry.elapsed_s))
            self._runs = (*self._runs, run)
        if fault:
            self._fault(run, fault)
        while self._prelude:
            run.journal.write(self._prelude.popleft())
        # Already now, for a run that is killed leaves no other list of its plugins.
        self._write(run, files.summary, self._summary(run))

    def _close(self, runs: Iterable[OpenRun]) -> None:
        for run in tuple(runs):
            with self._lock:
                if run not in self._runs:
                    continue
                self._runs = tuple(other for other in self._runs if other is not run)
                self._last = run
            self._conclude(run)

    def _end(self, entry: Entry) -> None:
        """Let the end of the program close the record of the run that was the last to finish.

        A record that was moved or deleted since is left alone.
        """
        run = self._last
        if run is not None and run.files.events.is_file():
            run.journal.open()
            run.journal.write(entry)
            self._conclude(run)

    def _conclude(self, run: OpenRun) -> None:
        """Close the journal of a run, and write its accounts and its report."""
        run.journal.close()
        if run.journal.fault:
            self._fault(run, run.journal.fault)
        self._write(run, run.files.summary, self._summary(run))
        self._report(run)

    def _measure(self, entry: Entry) -> None:
        data = entry.fields.get("data")
        for name, value in data.items() if isinstance(data, dict) else ():
            number = as_number(value)
            if number is not None:
                try:
                    self.metrics.series(name)(number)
                except MetricKindError:
                    # Some other figure has the name; the event itself is recorded all the same.
                    continue

    # --- panels ---------------------------------------------------------------------------------

    def add(self, run_id: str, panel: Panel) -> None:
        """Show `panel` in the report of a run; one of the same title takes its place.

        After the end of a run its report is written anew; a panel for a run that is not known
        (because it started before the monitor) is not kept, and a warning says so.

        Raises:
            PanelError: `panel` is not one of the types in `st.core.panels`.
        """
        made = stored(panel)
        with self._lock:
            known = [*self._runs, *([self._last] if self._last else [])]
            run = next((run for run in known if run.run_id == run_id), None)
            if run is None:
                self._warn(f"panel '{panel.title}' is for run '{run_id}', which is not recorded")
                return
            run.panels[str(made.get("title"))] = made
            self._write(run, run.files.panels, {"panels": list(run.panels.values())})
            if run is self._last:
                self._report(run)

    # --- files ----------------------------------------------------------------------------------

    def _summary(self, run: OpenRun) -> dict[str, Json]:
        journal = run.journal
        return {
            "journal": {
                "n_published": journal.n_recorded + journal.n_lost,
                "n_recorded": journal.n_recorded,
                "n_lost": journal.n_lost,
                "faults": list(run.faults),
            },
            "plugins": [_facts(handle) for handle in self._plugins()],
            "metrics": self.metrics.to_json(),
        }

    def _write(self, run: OpenRun, path: Path, facts: dict[str, Json]) -> None:
        try:
            write_json(path, facts)
        except OSError as error:
            self._fault(run, f"{path.name} could not be written: {error.strerror or error}")

    def _report(self, run: OpenRun) -> None:
        try:
            write_report(run.files.run)
        except OSError as error:
            self._fault(run, f"report.html could not be written: {error.strerror or error}")

    def _fault(self, run: OpenRun, message: str) -> None:
        if message not in run.faults and len(run.faults) < MAX_FAULTS:
            run.faults.append(message)
            # One warning a run: what made the first file fail makes the others fail as well.
            if len(run.faults) == 1:
                self._warn(f"run '{run.run_id}': {message}")


def write_report(run: Path, output: Path | None = None) -> Path:
    """Write the report of a run from what is in its directory, and return where it is.

    Args:
        run: The run directory.
        output: Where the report goes, by default `<run>/monitor/report.html`.

    Raises:
        NoRecordError: There is no record of a run in the directory.
        OSError: The report cannot be written; one that was there before still is.
    """
    # The views are not needed while a run goes on.
    from st.monitor.views.report import report

    path = output if output is not None else RunFiles(run).report
    write_text(path, report(read_run(run)))
    return path


def _make_directory(path: Path) -> str:
    """Make the monitor's own directory in a run's; return what went wrong, or ""."""
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        return f"{path} could not be made: {error.strerror or error}"
    return ""


def _facts(handle: PluginHandle) -> dict[str, Json]:
    return {
        "id": handle.id,
        "version": handle.version,
        "state": str(handle.state),
        "reason": handle.reason,
        "capabilities": [str(capability) for capability in handle.metadata.capabilities],
        "origin": handle.origin,
    }
