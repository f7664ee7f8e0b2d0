"""What a Z-space sequencer did, stage by stage: summaries, never tensors.

Works with any sequencer that calls `on_stage(event)` of its plugins with the stage and a payload
of fields, whoever made it: nothing of it is imported, its fields are looked at as they come. ::

    trace = ZSpaceTrace()
    registry.register(trace)      # found by the capability Custom("ZSpaceSequencer")
    sequencer.add_plugin(trace)   # or given to one sequencer
"""

from __future__ import annotations

import dataclasses
import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from st.core import (
    Plugin,
    PluginCapability,
    PluginContext,
    PluginMetadata,
    RunFinished,
    RunStarted,
)
from st.core.panels import PANELS, Matrix, Panel, Series, Table
from st.monitor.plain import Json, plain
from st.monitor.store.files import written_beside

__all__ = ["ZSpaceTrace"]

# The measures of single channels: what a heat map can show is kept whole, all else in summary.
MEASURES: Final = ("weights", "energy", "curvature", "grad_norms")
MAX_MEASURED: Final = 256
COLUMNS: Final = ("stage", "times", "what", "shape", "mean", "lowest", "highest")


class ZSpaceTrace(Plugin):
    """Keeps the summaries of the latest `limit` stages, and shows them in the run's report.

    Attributes:
        name: By which a sequencer knows its plugins.
        stages: Which ones it wants to hear of; none named means all.
        n_seen: How many stages it heard of.
    """

    metadata: ClassVar[PluginMetadata] = PluginMetadata(
        "zspace_sequencer_trace",
        capabilities=(PluginCapability.Custom("ZSpaceSequencer"),),
        provides=("zspace_sequencer_trace",),
    )
    name = "trace"
    stages: tuple[str, ...] = ()

    def __init__(self, limit: int = 1024) -> None:
        self.n_seen = 0
        self._kept: deque[dict[str, Json]] = deque(maxlen=limit)
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def on_load(self, ctx: PluginContext) -> None:
        """Offer the trace as a service, and add to the report of each run that ends."""
        ctx.register_service("zspace_sequencer_trace", self)
        ctx.subscribe(RunStarted, lambda _: self.clear())

        def add(event: RunFinished) -> None:
            reports = ctx.get_service(PANELS, default=None)
            if reports is not None:
                for panel in self.panels():
                    reports.add(event.run_id, panel)

        ctx.subscribe(RunFinished, add)

    def on_stage(self, event: Any) -> None:
        """Summarise one stage; its arrays are read now and not kept."""
        facts = dict(_fields(event))
        stage = str(getattr(facts.pop("stage", None), "value", None) or event.stage)
        payload = facts.pop("payload", None)
        summary: dict[str, Json] = {
            name: _summary(name, value) for name, value in (*facts.items(), *_fields(payload))
        }
        with self._lock:
            self.n_seen += 1
            self._counts[stage] = self._counts.get(stage, 0) + 1
            self._kept.append({"step": self.n_seen, "stage": stage, **summary})

    def clear(self) -> None:
        """Forget every stage."""
        with self._lock:
            self.n_seen = 0
            self._kept.clear()
            self._counts.clear()

    def summaries(self) -> tuple[dict[str, Json], ...]:
        """Return what is kept, oldest first: `step`, `stage`, and a summary for each field."""
        with self._lock:
            return tuple(self._kept)

    def write_jsonl(self, path: Path) -> None:
        """Write what is kept, one stage a line.

        Raises:
            OSError: The file cannot be written; what was there before is still there.
        """
        with written_beside(path) as file:
            file.writelines(json.dumps(kept, allow_nan=False) + "\n" for kept in self.summaries())

    # --- the view -------------------------------------------------------------------------------

    def panels(self) -> tuple[Panel, ...]:
        """Return what the report shows: the stages, the weights of channels, the curvature."""
        kept = self.summaries()
        if not kept:
            return ()
        made = [Panel("Z-space stages", Table(COLUMNS, list(self._rows(kept))), _note(kept))]
        weights = _last_measured(kept, "weights")
        if weights is not None:
            made.append(_weights_panel(weights, _last_measured(kept, "energy")))
        curvature = [
            (summary["step"], np.asarray(values))
            for summary in kept
            if (values := _measured(summary.get("curvature"))) is not None
        ]
        if len(curvature) > 1:
            made.append(_curvature_panel(curvature))
        return tuple(made)

    def _rows(self, kept: tuple[dict[str, Json], ...]) -> Iterator[tuple[object, ...]]:
        latest = {str(summary["stage"]): summary for summary in kept}
        for stage, summary in latest.items():
            times = self._counts.get(stage, 0)
            for name, value in summary.items():
                if isinstance(value, dict) and "shape" in value:
                    shape = " by ".join(map(str, value["shape"])) or "scalar"  # type: ignore[arg-type]
                    figures = (value.get("mean"), value.get("low"), value.get("high"))
                    yield (stage, times, name, shape, *figures)


def _note(kept: tuple[dict[str, Json], ...]) -> str:
    return f"The latest {len(kept)} stages; figures are those of the last of each kind."


def _weights_panel(weights: NDArray[Any], energy: NDArray[Any] | None) -> Panel:
    """Return the weights by head and band: the shape of the energies tells which is which."""
    shape = energy.shape if energy is not None and energy.size == weights.size else weights.shape
    grid = weights.reshape(shape if len(shape) == 2 else (1, -1))
    heads = [str(i) for i in range(grid.shape[0])]
    bands = [str(i) for i in range(grid.shape[1])]
    body = Matrix(heads, bands, grid.tolist(), "head", "band")
    share = float(np.max(weights) / np.sum(weights)) if np.sum(weights) > 0 else 0.0
    return Panel("Z-space weights", body, f"The strongest channel has {100 * share:.3g} % of all.")


def _curvature_panel(curvature: list[tuple[Json, NDArray[Any]]]) -> Panel:
    heads = min(len(values.reshape(-1)) for _, values in curvature)
    lines = {
        f"head {head}": [float(values.reshape(-1)[head]) for _, values in curvature]
        for head in range(heads)
    }
    steps = [float(str(step)) for step, _ in curvature]
    return Panel("Z-space curvature", Series(steps, lines, "stage", "curvature"))


def _last_measured(kept: tuple[dict[str, Json], ...], name: str) -> NDArray[Any] | None:
    for summary in reversed(kept):
        values = _measured(summary.get(name))
        if values is not None:
            return np.asarray(values, np.float64)
    return None


def _measured(summary: Json) -> Json:
    return summary.get("values") if isinstance(summary, dict) else None


# --- summaries ----------------------------------------------------------------------------------


def _fields(value: object) -> Iterator[tuple[str, Any]]:
    """Give names and values of whatever form a payload has."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield field.name, getattr(value, field.name)
    elif isinstance(value, Mapping):
        yield from ((str(name), item) for name, item in value.items())
    elif value is not None:
        # An event that is a plain object: what it holds are its attributes.
        yield from vars(value).items()


def _summary(name: str, value: object) -> Json:
    if _is_array(value):
        return _array_summary(name, np.asarray(value))
    if isinstance(value, Mapping) and name in MEASURES:
        numbers = [float(item) for item in value.values()]
        return {"names": [str(key) for key in value], **_array_summary(name, np.array(numbers))}
    if callable(value):
        return "not computed"
    return plain(value, max_items=MAX_MEASURED)


def _is_array(value: object) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _array_summary(name: str, values: NDArray[Any]) -> dict[str, Json]:
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    summary: dict[str, Json] = {
        "shape": list(values.shape),
        "dtype": str(values.dtype),
        "n_not_finite": int(values.size - finite.size),
    }
    if finite.size and finite.dtype.kind in "biuf":
        summary["mean"] = float(np.mean(finite, dtype=np.float64))
        summary["low"], summary["high"] = float(np.min(finite)), float(np.max(finite))
    if name in MEASURES and 0 < values.size <= MAX_MEASURED and finite.size == values.size:
        summary["values"] = values.tolist()
    return summary
