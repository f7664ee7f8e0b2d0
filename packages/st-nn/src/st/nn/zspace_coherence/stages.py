"""The stages of a sequencer, in the order they come, and who is told of them.

Payloads are read-only copies of what was computed: keep them if you like.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from st.core import PluginLoaded, PluginUnloaded, Registry, Subscription, Telemetry
from st.core.errors import StError
from st.core.isolation import attempt
from st.nn.zspace_coherence.config import ZSpaceConfig
from st.nn.zspace_coherence.plugins import ZSpaceSequencerPlugin, hearing

Array = NDArray[np.generic]

CONFIGURED: Final = "configured"
PROJECTED: Final = "projected"
COHERENCE_MEASURED: Final = "coherence_measured"
AGGREGATED: Final = "aggregated"
STAGES: Final = (CONFIGURED, PROJECTED, COHERENCE_MEASURED, AGGREGATED)


@dataclass(frozen=True, slots=True, eq=False)
class Configured:
    """What reads is made with `config`."""

    config: ZSpaceConfig
    stage: str = CONFIGURED


@dataclass(frozen=True, slots=True, eq=False)
class Projected:
    """Rows became points of Z-space.

    Attributes:
        input: `(batch, rows, width)`.
        points: Vectors from the origin, as long as the points are far, `(batch, heads, rows, n)`.
        curvature: c of every head, `(heads,)`.
    """

    input: Array
    points: Array
    curvature: Array
    stage: str = PROJECTED


@dataclass(frozen=True, slots=True, eq=False)
class CoherenceMeasured:
    """How much pulses agree.

    Attributes:
        locking: How much what is remembered at the end has one phase, 0 to 1,
            `(batch, heads, bands)`: the length of the sum over the sum of lengths.
        energy: Mean squared length of pulses, `(heads, bands)`.
        weights: Shares of the energy, `(heads * bands,)`; their sum is 1.
    """

    locking: Array
    energy: Array
    weights: Array
    stage: str = COHERENCE_MEASURED


@dataclass(frozen=True, slots=True, eq=False)
class Aggregated:
    """Points became midpoints, and these the output.

    Attributes:
        midpoint: Vectors from the origin, `(batch, heads, rows, n)`.
        evidence: Weight of the points in each midpoint, that of the origin left out,
            `(batch, heads, rows)`.
        output: `(batch, rows, width)`.
    """

    midpoint: Array
    evidence: Array
    output: Array
    stage: str = AGGREGATED


class StagePluginError(StError, RuntimeError):
    """A plugin raised in a stage, and somebody asked to be strict."""


class Stages:
    """Tells plugins of stages: those added here, and those of a registry as they come and go.

    A plugin that raises stops neither the others nor the sequencer: it is counted, and a
    `Telemetry` event says ``zspace.failures.NAME``. With `strict` it is raised once all were told.

    Attributes:
        n_failures: How often each plugin has raised, by name.
    """

    def __init__(self, registry: Registry | None = None, *, strict: bool = False) -> None:
        self.n_failures: dict[str, int] = {}
        self._strict = strict
        self._registry = registry
        self._own: tuple[ZSpaceSequencerPlugin, ...] = ()
        self._listeners: dict[str, tuple[ZSpaceSequencerPlugin, ...]] = {}
        self._subscriptions: tuple[Subscription, ...] = ()
        if registry is not None:
            self._subscriptions = (
                registry.bus.subscribe(PluginLoaded, lambda _: self._sort()),
                registry.bus.subscribe(PluginUnloaded, lambda _: self._sort()),
            )
        self._sort(activate=True)

    def add_plugin(self, plugin: ZSpaceSequencerPlugin) -> Callable[[], None]:
        """Tell `plugin` as well; what is returned undoes it, once or more often."""
        self._own += (plugin,)
        self._sort()

        def remove() -> None:
            self._own = tuple(other for other in self._own if other is not plugin)
            self._sort()

        return remove

    def close(self) -> None:
        """Follow the registry no longer, and tell nobody."""
        for subscription in self._subscriptions:
            subscription.close()
        self._registry, self._own, self._listeners = None, (), {}

    def is_heard(self, stage: str) -> bool:
        """Whether anybody listens to a stage."""
        return stage in self._listeners

    def tell(self, stage: str, make: Callable[[], Any]) -> None:
        """Tell of a stage; `make` is called for the event only where somebody listens.

        Raises:
            StagePluginError: A plugin raised, and `strict` was asked for.
        """
        listeners = self._listeners.get(stage)
        if not listeners:
            return
        event, first = make(), None
        for plugin in listeners:
            error = attempt(plugin.on_stage, event)
            if error is not None:
                n = self.n_failures[plugin.name] = self.n_failures.get(plugin.name, 0) + 1
                first = first or (plugin.name, error)
                if self._registry is not None:
                    self._registry.bus.publish(Telemetry({f"zspace.failures.{plugin.name}": n}))
        if first and self._strict:
            name, error = first
            raise StagePluginError(f"plugin {name!r} raised in stage {stage!r}: {error}") from error

    def _sort(self, *, activate: bool = False) -> None:
        """Note who listens to what, so that telling looks at one table."""
        found = [] if self._registry is None else hearing(self._registry, activate=activate)
        every = (*self._own, *found)
        self._listeners = {}
        for stage in STAGES:
            heard = tuple(of for of in every if not of.stages or stage in of.stages)
            if heard:
                self._listeners[stage] = heard
