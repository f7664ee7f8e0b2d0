"""A run as a trace for Perfetto (ui.perfetto.dev) and chrome://tracing: the JSON trace format.

Operators of a backend are one lane, the spans of each thread another, events are marks. The file
is written piece by piece and ends, well-formed, before it exceeds its cap: viewers fail on files
of some hundred megabytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from st.monitor.plain import Json, as_number
from st.monitor.store.files import written_beside
from st.monitor.store.recorded import RecordedRun
from st.monitor.store.trace import Trace
from st.monitor.views.html import visible

__all__ = ["Written", "write_chrome"]

# Lanes of operators, beside the threads of spans, whose numbers are small as well.
FIRST_LANE: Final = 1 << 30
END: Final = "\n]}\n"


class Written(NamedTuple):
    """What an export wrote, and what its cap left out."""

    n_written: int
    n_left_out: int


def write_chrome(run: RecordedRun, path: Path, n_bytes_most: int) -> Written:
    """Write the trace of a run.

    Raises:
        OSError: The file cannot be written; what was there before is still there.
    """
    with written_beside(path) as file:
        return _write(run, file, n_bytes_most - len(END))


def _write(run: RecordedRun, file: IO[str], n_bytes_most: int) -> Written:
    n_bytes = file.write('{"displayTimeUnit": "ns", "traceEvents": [')
    n_written = n_left_out = 0
    for event in _events(run):
        text = ("\n" if n_written == 0 else ",\n") + json.dumps(event, separators=(",", ":"))
        # The text is ASCII, so characters are bytes.
        if n_bytes + len(text) > n_bytes_most:
            n_left_out += 1
            continue
        n_bytes += file.write(text)
        n_written += 1
    file.write(END)
    return Written(n_written, n_left_out)


def _events(run: RecordedRun) -> Iterator[dict[str, Any]]:
    for pid, trace in enumerate(run.traces, 1):
        yield _named("process_name", pid, 0, f"{trace.info.get('run_id')} {trace.info.get('pid')}")
        yield from _records(pid, trace)
    for entry in run.entries:
        if math.isfinite(entry.elapsed_s):
            yield {
                "ph": "i",
                "s": "g",
                "pid": 1,
                "tid": 0,
                "ts": round(entry.elapsed_s * 1e6, 3),
                "name": visible(entry.event),
                "args": _args(entry.fields),
            }


def _records(pid: int, trace: Trace) -> Iterator[dict[str, Any]]:
    origin_ns = int(as_number(trace.info.get("origin_ns")) or 0)
    lanes: dict[str, int] = {}
    for record in trace.records():
        lane = record.thread
        if not record.is_span:
            lane = lanes.get(record.backend, 0)
            if not lane:
                lane = lanes[record.backend] = FIRST_LANE + len(lanes)
                yield _named("thread_name", pid, lane, f"operators on {record.backend}")
        yield {
            "ph": "X",
            "pid": pid,
            "tid": lane,
            "ts": (record.start_ns - origin_ns) / 1000,
            "dur": record.duration_ns / 1000,
            "name": visible(record.name),
            "cat": "span" if record.is_span else "operator",
            **({"args": {"where": visible(record.where)}} if record.where else {}),
        }


def _named(kind: str, pid: int, tid: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "pid": pid, "tid": tid, "name": kind, "args": {"name": visible(name)}}


def _args(fields: dict[str, Json]) -> dict[str, str]:
    return {visible(name): visible(str(value))[:200] for name, value in fields.items()}
