"""Pattern 3: a plugin that watches everything through events.

    python docs/examples/ecosystem/monitor_plugin.py

prints

    BackendChanged 1
    EpochEnd 3
    PluginLoaded 1
    operations: 2, 350 ns
"""

from collections import Counter, deque
from typing import Any

from st.core import (
    BackendChanged,
    EpochEnd,
    Event,
    Plugin,
    PluginCapability,
    PluginContext,
    PluginMetadata,
    Registry,
    TensorOp,
)


class MonitorPlugin(Plugin):
    """Counts events by name, and keeps the operations without slowing them down."""

    metadata = PluginMetadata("monitor", "1.0").with_capability(PluginCapability.TELEMETRY)

    def on_load(self, ctx: PluginContext) -> None:
        """Listen to everything but operations; those are taken as bare tuples."""
        self.counts: Counter[str] = Counter()
        self.operations: deque[tuple[Any, ...]] = deque(maxlen=10_000)
        ctx.subscribe("*", self.count, exclude=(TensorOp,))
        # A C function as the only listener is called by the publisher directly.
        ctx.subscribe(TensorOp, self.operations.append, raw=True)

    def count(self, event: Event) -> None:
        """Take note of one event."""
        self.counts[event.event_name] += 1


def main() -> None:
    """Publish what a training run would, and print what the monitor saw."""
    with Registry() as registry:
        monitor = registry.register(MonitorPlugin).plugin
        bus = registry.bus
        bus.publish(BackendChanged("NumPy", "the only one"))
        for epoch in (1, 2, 3):
            bus.publish(EpochEnd(epoch, 1 / epoch))
        operations = bus.topic(TensorOp)
        for start_ns, end_ns in ((0, 100), (100, 350)):
            # Nobody listening costs one attribute test.
            if (record := operations.record) is not None:
                record(("matmul", ((2, 3), (3, 4)), start_ns, end_ns, "NumPy", "0"))
        for name, n in sorted(monitor.counts.items()):
            print(name, n)
        total_ns = sum(fields[3] - fields[2] for fields in monitor.operations)
        print(f"operations: {len(monitor.operations)}, {total_ns} ns")


if __name__ == "__main__":
    main()
