"""The plugin: what of st.core the monitor listens to, and what it offers."""

from __future__ import annotations

from typing import ClassVar

from st.core import (
    Plugin,
    PluginCapability,
    PluginContext,
    PluginMetadata,
    RunFinished,
    TensorOp,
)
from st.core.panels import PANELS
from st.monitor.metrics import Metrics
from st.monitor.monitor import Monitor

__all__ = ["MonitorPlugin"]

# The record is written before anybody reacts to an event, so that its order is that of
# publication; the report after everybody has, so that their panels are in it.
FIRST, LAST = 1_000_000, -1_000_000


class MonitorPlugin(Plugin):
    """Records runs. Services: "metrics", "monitor" and "report.panels"."""

    metadata: ClassVar[PluginMetadata] = PluginMetadata(
        "monitor",
        capabilities=(PluginCapability.TELEMETRY, PluginCapability.VISUALIZATION),
        provides=("metrics", "monitor", "report.panels"),
        activate="startup",
    )

    def on_load(self, ctx: PluginContext) -> None:
        """Offer the services and listen to everything but single operations.

        A listener for TensorOp makes every backend time each of its calls, which costs several
        percent of a small training step (41 operators in 0.26 ms: 4 % for appending, 7 % for
        counting), so the monitor leaves these out.
        """
        metrics = Metrics()
        monitor = Monitor(metrics, ctx.registry.list, ctx.log.warning)
        ctx.callback(monitor.close)
        ctx.register_service("metrics", metrics)
        ctx.register_service("monitor", monitor)
        ctx.register_service(PANELS, monitor)
        ctx.subscribe("*", monitor.receive, rank=FIRST, exclude=(TensorOp,))
        ctx.subscribe(RunFinished, monitor.finish, rank=LAST)
