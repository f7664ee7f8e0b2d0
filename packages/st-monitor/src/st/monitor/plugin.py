"""The plugin: what of st.core the monitor listens to, and what it offers."""

from __future__ import annotations

import atexit
import dataclasses
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
from st.monitor.drain import CAPACITY, FIELDS
from st.monitor.metrics import Metrics
from st.monitor.monitor import Monitor, MonitorConfig
from st.monitor.tape import Tape

__all__ = ["MonitorPlugin"]

# The record is written before anybody reacts to an event, so that its order is that of
# publication; the report after everybody has, so that their panels are in it.
FIRST, LAST = 1_000_000, -1_000_000


class MonitorPlugin(Plugin):
    """Records runs. Services: "metrics", "monitor" and "report.panels"."""

    config_schema = MonitorConfig
    metadata: ClassVar[PluginMetadata] = PluginMetadata(
        "monitor",
        capabilities=(PluginCapability.TELEMETRY, PluginCapability.VISUALIZATION),
        provides=("metrics", "monitor", "report.panels"),
        activate="startup",
    )

    def on_load(self, ctx: PluginContext) -> None:
        """Offer the services and listen to every event.

        Single operations have a tape of their own, which listens when the monitor says so: a
        listener makes every backend time each of its calls, which costs several percent of a
        small training step (41 operators in 0.26 ms: 4 % for nothing but keeping them).
        """
        metrics, tape = Metrics(), Tape(len(FIELDS), CAPACITY)
        operations = ctx.subscribe(TensorOp, tape.record, raw=True)
        operations.close()

        def listen(wanted: bool) -> None:
            if not wanted:
                operations.close()
            elif not operations.is_open:
                ctx.registry.bus.change(add=(operations,))

        config = MonitorConfig(
            *(ctx.get_config(field.name) for field in dataclasses.fields(MonitorConfig))
        )
        monitor = Monitor(
            metrics,
            tape,
            ctx.registry.list,
            ctx.registry.bus.subscriptions,
            ctx.log.warning,
            listen,
            ctx.spawn,
            config,
        )
        # A program that ends without unloading anything still closes its record.
        atexit.register(monitor.close)
        ctx.callback(atexit.unregister, monitor.close)
        ctx.callback(monitor.close)
        ctx.register_service("metrics", metrics)
        ctx.register_service("monitor", monitor)
        ctx.register_service(PANELS, monitor)
        ctx.subscribe("*", monitor.receive, rank=FIRST, exclude=(TensorOp,))
        ctx.subscribe(RunFinished, monitor.finish, rank=LAST)
