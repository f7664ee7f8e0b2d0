"""Telemetry: records what happens in a run and shows it, offline.

Installed beside st-core, the plugin `monitor` loads by itself. Each run that any program
publishes leaves its record and a report in `<run>/monitor/`:

>>> import tempfile
>>> from pathlib import Path
>>> from st.core import EpochEnd, EpochStart, Registry, RunFinished, RunStarted
>>> from st.monitor import MonitorPlugin, read_run
>>> run = Path(tempfile.mkdtemp())
>>> with Registry() as registry:
...     _ = registry.register(MonitorPlugin())
...     registry.bus.publish(RunStarted("demo", str(run), {}, {}, seed=7))
...     registry.bus.publish(EpochStart(1))
...     registry.bus.publish(EpochEnd(1, loss=0.25))
...     registry.bus.publish(RunFinished("demo", "finished", {"accuracy": 0.98}))
>>> sorted(path.name for path in (run / "monitor").iterdir())
['events.jsonl', 'report.html', 'run.db', 'summary.json']
>>> [entry.event for entry in read_run(run).entries][-4:]
['EpochStart', 'EpochEnd', 'RunFinished', 'SystemShutdown']
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from st.monitor.instruments import Counter, Gauge, Histogram
    from st.monitor.metrics import MetricKindError, Metrics, Span
    from st.monitor.monitor import Monitor, MonitorConfig
    from st.monitor.panels import PanelError
    from st.monitor.plugin import MonitorPlugin
    from st.monitor.series import Point, Series
    from st.monitor.store.recorded import NoRecordError, RecordedRun, read_run
    from st.monitor.views.report import write_report
    from st.monitor.zspace import ZSpaceTrace

_HOMES = {
    "Counter": "instruments",
    "Gauge": "instruments",
    "Histogram": "instruments",
    "MetricKindError": "metrics",
    "Metrics": "metrics",
    "Span": "metrics",
    "Monitor": "monitor",
    "MonitorConfig": "monitor",
    "write_report": "views.report",
    "ZSpaceTrace": "zspace",
    "PanelError": "panels",
    "MonitorPlugin": "plugin",
    "Point": "series",
    "Series": "series",
    "NoRecordError": "store.recorded",
    "RecordedRun": "store.recorded",
    "read_run": "store.recorded",
}

__all__ = [
    "Counter",
    "Gauge",
    "Histogram",
    "MetricKindError",
    "Metrics",
    "Monitor",
    "MonitorConfig",
    "MonitorPlugin",
    "NoRecordError",
    "PanelError",
    "Point",
    "RecordedRun",
    "Series",
    "Span",
    "ZSpaceTrace",
    "read_run",
    "write_report",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return __all__
