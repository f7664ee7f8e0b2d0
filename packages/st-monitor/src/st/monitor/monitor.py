"""The service "monitor": records every run that goes on and reports on it at its end."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from st.core import (
    Event,
    PluginHandle,
    RunFinished,
    RunStarted,
    Subscription,
    SystemShutdown,
    Telemetry,
)
from st.core.panels import Panel
from st.monitor.drain import Account, Drain
from st.monitor.forks import watch_forks
from st.monitor.metrics import MetricKindError, Metrics
from st.monitor.panels import stored
from st.monitor.plain import Json, as_number
from st.monitor.process import ProcessSampler
from st.monitor.sampling import Mode, Sampling
from st.monitor.store.files import write_json
from st.monitor.store.journal import Entry, entry_of
from st.monitor.tape import Tape

if TYPE_CHECKING:
    from st.monitor.recording import Recording

__all__ = ["Monitor", "MonitorConfig"]

# What happened before a run (plugins loading, for the most part) opens its record.
MAX_PRELUDE = 1000


@dataclass
class MonitorConfig:
    """What can be configured under `monitor.`; the environment has `ST_MONITOR__MODE` and so on.

    Attributes:
        mode: How single operations are watched: "off", "count" (exactly, without times),
            "sample" (one sixteenth of the time), "full" (each one), or "auto" (as often as the
            budget allows).
        budget: Share of the process's time that watching may cost in the mode "auto".
        trace_mib: What the trace of a run may take of the disk, in MiB, and
        events_mib: what its events may; beyond that only its landmarks are written.
    """

    mode: Mode = "auto"
    budget: float = 0.01
    trace_mib: int = 64
    events_mib: int = 256


class Monitor:
    """Follows runs: :meth:`receive` every event, :meth:`finish` at the end of each.

    A file that cannot be written never disturbs the publisher: what is lost is counted, the
    first fault of a run is told to `warn`, and all are in its report. Safe to call from any
    thread. The child of a fork records only the runs that begin in it.

    Args:
        metrics: Figures that go into each run's summary.
        tape: Where single operations are recorded while they are listened to.
        plugins: Gives the plugins there are.
        subscriptions: Gives who listens to what.
        warn: Called with one sentence.
        listen: Switches on and off who hears of single operations.
        spawn: Runs a function in a thread until the event it is given is set.
        config: How to watch.
    """

    def __init__(
        self,
        metrics: Metrics,
        tape: Tape,
        plugins: Callable[[], Iterable[PluginHandle]],
        subscriptions: Callable[[], Iterable[Subscription]],
        warn: Callable[[str], None],
        listen: Callable[[bool], object],
        spawn: Callable[[Callable[[threading.Event], None]], threading.Thread],
        config: MonitorConfig,
    ) -> None:
        self.metrics = metrics
        self.config = config
        sampling = Sampling(config.mode, config.budget)
        self.drain = Drain(sampling, tape, metrics.spans, listen, self._measure_process)
        self._plugins = plugins
        self._subscriptions = subscriptions
        self._warn = warn
        self._spawn = spawn
        self._process = ProcessSampler(metrics)
        self._overhead = metrics.gauge("monitor.overhead", unit="of the time")
        self._begin()
        watch_forks(self)

    def _begin(self) -> None:
        self._lock = threading.RLock()
        self._runs: tuple[Recording, ...] = ()
        self._last: Recording | None = None
        self._prelude: deque[Entry] = deque(maxlen=MAX_PRELUDE)
        self._thread: threading.Thread | None = None

    def before_fork(self) -> None:
        """Take the locks that others must not hold when the process forks."""
        self._lock.acquire()
        self.drain.lock.acquire()

    def after_fork(self, *, is_child: bool) -> None:
        """Give them back; in the child, let go of all that is the parent's."""
        if not is_child:
            self.drain.lock.release()
            self._lock.release()
            return
        for run in self._runs:
            run.forget()
        self._begin()
        self.drain.reset()

    @property
    def runs(self) -> tuple[str, ...]:
        """Ids of the runs that are being recorded."""
        return tuple(run.run_id for run in self._runs)

    def report(self, run: Path, output: Path | None = None) -> Path:
        """Make the report of a run anew from its directory; see `st.monitor.write_report`."""
        return _write_report(run, output)

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
            run.write(entry)
        if isinstance(event, Telemetry):
            self._measure(entry)

    def finish(self, event: RunFinished) -> None:
        """Close the record of a run and write its report."""
        self._close([run for run in self._runs if run.run_id == event.run_id])

    def close(self) -> None:
        """Close the record of every run that still goes on, as it is."""
        self._close(self._runs)

    def _start(self, event: RunStarted, entry: Entry) -> None:
        # A run that starts under the id of one that never ended has taken its place.
        self._close([run for run in self._runs if run.run_id == event.run_id])
        # With it come NumPy and SQLite, 40 ms that a program without runs need not wait for.
        from st.monitor.recording import Recording

        with self._lock:
            if self._last is not None and not self._runs:
                self.metrics.clear()
                self._last = None
            run = Recording(
                event.run_id,
                Path(event.directory).absolute(),
                entry.elapsed_s,
                self.metrics,
                self._warn,
                self.config.mode,
                self.config.trace_mib << 20,
                self.config.events_mib << 20,
            )
            self._runs = (*self._runs, run)
        while self._prelude:
            run.write(self._prelude.popleft())
        # Already now, for a run that is killed leaves no other list of its plugins.
        self._write(run, run.files.summary, self._summary(run))
        self.drain.start(run)
        if self._thread is None or not self._thread.is_alive():
            self._thread = self._spawn(self.drain.run)

    def _close(self, runs: Iterable[Recording]) -> None:
        for run in tuple(runs):
            with self._lock:
                if run not in self._runs:
                    continue
                self._runs = tuple(other for other in self._runs if other is not run)
                self._last = run
            try:
                self.drain.stop(run)
            finally:
                self._conclude(run)

    def _end(self, entry: Entry) -> None:
        """Let the end of the program close the record of the run that was the last to finish.

        A record that was moved or deleted since is left alone.
        """
        run = self._last
        if run is not None and run.files.events.is_file():
            run.journal.open()
            run.write(entry)
            self._conclude(run)

    def _conclude(self, run: Recording) -> None:
        """Close the files of a run, and write its accounts and its report."""
        run.close()
        self._write(run, run.files.summary, {"concluded": True, **self._summary(run)})
        self._report(run)

    def _measure_process(self, account: Account) -> None:
        """Measure this process and the monitor itself; called by the drain once a second."""
        if account.busy_s > 0:
            self._overhead(account.cost_s / account.busy_s)
        self._process.sample(account.watched_s)

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

    def _summary(self, run: Recording) -> dict[str, Json]:
        journal = run.journal
        listens: dict[str, dict[str, None]] = {}
        for subscription in self._subscriptions():
            key = (
                subscription.key
                if isinstance(subscription.key, str)
                else subscription.key.event_name
            )
            listens.setdefault(subscription.plugin_id, {})[key] = None
        if run.mode != "off":
            # Its subscription is closed between two windows.
            listens.setdefault("monitor", {})["TensorOp"] = None
        return {
            "journal": {
                "n_published": journal.n_recorded + journal.n_lost,
                "n_recorded": journal.n_recorded,
                "n_lost": journal.n_lost,
                "faults": list(run.faults),
            },
            "operations": run.facts(),
            "plugins": [_facts(handle, listens) for handle in self._plugins()],
            "metrics": self.metrics.to_json(),
        }

    def _write(self, run: Recording, path: Path, facts: dict[str, Json]) -> None:
        try:
            write_json(path, facts)
        except OSError as error:
            run.fault(f"{path.name} could not be written: {error.strerror or error}")

    def _report(self, run: Recording) -> None:
        try:
            _write_report(run.files.run, None)
        except OSError as error:
            run.fault(f"report.html could not be written: {error.strerror or error}")


def _write_report(run: Path, output: Path | None) -> Path:
    # The views are not needed while a run goes on.
    from st.monitor.views.report import write_report

    return write_report(run, output)


def _facts(handle: PluginHandle, listens: Mapping[str, Iterable[str]]) -> dict[str, Json]:
    metadata = handle.metadata
    return {
        "id": handle.id,
        "version": handle.version,
        "state": str(handle.state),
        "reason": handle.reason,
        "capabilities": [str(capability) for capability in metadata.capabilities],
        "requires": [str(name) for name in metadata.requires],
        "requires_services": [name.split(">")[0] for name in metadata.requires_services],
        "provides": [name.split(">")[0] for name in metadata.provides],
        "listens": list(listens.get(handle.id, ())),
        "origin": handle.origin,
    }
