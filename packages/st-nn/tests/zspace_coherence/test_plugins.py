"""Plugins that hear stages: registered, found, told, and none of them a danger to the others."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from st.core import (
    DuplicatePluginError,
    Plugin,
    PluginCapability,
    PluginMetadata,
    Registry,
    Telemetry,
)
from st.core.backend import spec
from st.nn.model import Model
from st.nn.numpy_backend import NumPyBackend
from st.nn.predictor import Predictor
from st.nn.zspace_coherence import (
    StagePluginError,
    ZSpaceObserver,
    ZSpacePluginRegistry,
    ZSpaceSequencer,
)

SEQUENCER = ZSpaceSequencer(heads=2, bands=3)
MODEL = Model([("mixer", SEQUENCER)], spec((20, 8), "float32"))
PARAMETERS = MODEL.initialise(1)
X = np.random.default_rng(0).normal(size=(2, 20, 8)).astype(np.float32)


class Listener:
    """Keeps what it hears."""

    def __init__(self, name: str, *stages: str) -> None:
        self.name, self.stages = name, stages
        self.heard: list[Any] = []

    def on_stage(self, event: Any) -> None:
        self.heard.append(event)


class Failing(Listener):
    def on_stage(self, event: Any) -> None:
        raise ZeroDivisionError("not today")


class Own(Plugin):
    """Hears stages and is a plugin itself, without the adapter."""

    metadata = PluginMetadata(
        "own", "1.0", capabilities=(PluginCapability.Custom("ZSpaceSequencer"),)
    )
    name, stages = "own", ()

    def on_stage(self, event: Any) -> None:
        pass


@pytest.fixture
def plugins() -> Iterator[Registry]:
    with Registry(environ={}, allow=[]) as made:
        yield made


@pytest.fixture
def observe(plugins: Registry) -> Iterator[Callable[[], NDArray[Any]]]:
    with ZSpaceObserver(SEQUENCER, NumPyBackend(), plugins) as observer:
        yield lambda: observer.read(X, PARAMETERS, "mixer")


def test_registered_plugins_are_found_by_capability_name_and_service(plugins: Registry) -> None:
    first, second = Listener("first"), Listener("second")
    handle = ZSpacePluginRegistry.register(first, registry=plugins)
    metadata = PluginMetadata("spectator", "2.1")
    ZSpacePluginRegistry.register_with_metadata(second, metadata, registry=plugins)
    own = plugins.register(Own).plugin

    assert (handle.id, handle.version) == ("zspace_sequencer_first", "1.0.0")
    assert ZSpacePluginRegistry.find_all_sequencers(plugins) == [first, second, own]
    assert ZSpacePluginRegistry.get_sequencer("second", plugins) is second
    assert ZSpacePluginRegistry.get_sequencer("third", plugins) is None
    assert plugins.get_service("zspace_sequencer_first") is first
    assert plugins.get_service("spectator") is second


def test_unregistering_takes_plugin_and_service_away(plugins: Registry) -> None:
    ZSpacePluginRegistry.register(Listener("first"), registry=plugins)

    plugins.unregister("zspace_sequencer_first")

    assert ZSpacePluginRegistry.find_all_sequencers(plugins) == []
    assert plugins.get_service("zspace_sequencer_first", default=None) is None


def test_name_that_is_taken_is_refused(plugins: Registry) -> None:
    ZSpacePluginRegistry.register(Listener("first"), registry=plugins)

    with pytest.raises(DuplicatePluginError):
        ZSpacePluginRegistry.register(Listener("first"), registry=plugins)


def test_stages_come_in_order_with_what_was_computed(
    plugins: Registry, observe: Callable[[], NDArray[Any]]
) -> None:
    listener = Listener("all")
    ZSpacePluginRegistry.register(listener, registry=plugins)

    y = observe()

    configured, projected, measured, aggregated = listener.heard
    assert configured.config is SEQUENCER
    np.testing.assert_array_equal(projected.input, X)
    assert projected.points.shape == aggregated.midpoint.shape == (2, 2, 20, 4)
    np.testing.assert_allclose(projected.curvature, 1.0, rtol=1e-6)
    assert measured.locking.shape == (2, 2, 3)
    assert ((measured.locking >= 0) & (measured.locking <= 1)).all()
    assert measured.energy.shape == (2, 3)
    assert measured.weights.sum() == pytest.approx(1.0)
    assert (aggregated.evidence > 0).all()
    np.testing.assert_array_equal(aggregated.output, y)
    lengths = np.linalg.norm(aggregated.midpoint, axis=-1).max()
    assert lengths <= np.linalg.norm(projected.points, axis=-1).max()
    expected = Predictor(MODEL, PARAMETERS, NumPyBackend())(X)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)


def test_payloads_cannot_be_written_to(
    plugins: Registry, observe: Callable[[], NDArray[Any]]
) -> None:
    listener = Listener("all", "projected", "coherence_measured", "aggregated")
    ZSpacePluginRegistry.register(listener, registry=plugins)
    observe()

    for event in listener.heard:
        for name in event.__slots__[:-1]:
            with pytest.raises(ValueError, match="read-only"):
                getattr(event, name)[...] = 0


def test_plugin_hears_what_it_names_from_its_registration_to_its_end(
    plugins: Registry, observe: Callable[[], NDArray[Any]]
) -> None:
    observe()
    listener = Listener("late", "aggregated")
    ZSpacePluginRegistry.register(listener, registry=plugins)
    observe()
    plugins.unregister("zspace_sequencer_late")
    observe()

    assert [event.stage for event in listener.heard] == ["aggregated"]


def test_added_plugin_is_told_until_it_is_removed() -> None:
    listener = Listener("added", "configured")
    with ZSpaceObserver(SEQUENCER, NumPyBackend()) as observer:
        remove = observer.stages.add_plugin(listener)
        observer.read(X, PARAMETERS, "mixer")
        remove()
        remove()
        observer.read(X, PARAMETERS, "mixer")

    assert len(listener.heard) == 1


def test_nothing_is_made_for_a_stage_nobody_hears() -> None:
    made: list[str] = []
    with ZSpaceObserver(SEQUENCER, NumPyBackend()) as observer:
        observer.stages.add_plugin(Listener("one", "projected"))
        observer.stages.tell("aggregated", lambda: made.append("aggregated"))
        observer.stages.tell("projected", lambda: made.append("projected"))

    assert made == ["projected"]


def test_raising_plugin_is_counted_and_reported_and_stops_nobody(
    plugins: Registry, observe: Callable[[], NDArray[Any]]
) -> None:
    reports: list[Telemetry] = []
    plugins.bus.subscribe(Telemetry, reports.append)
    ZSpacePluginRegistry.register(Failing("failing", "projected"), registry=plugins)
    after = Listener("after", "projected")
    ZSpacePluginRegistry.register(after, registry=plugins)

    observe()
    observe()

    assert len(after.heard) == 2
    assert [dict(report.data) for report in reports] == [
        {"zspace.failures.failing": 1},
        {"zspace.failures.failing": 2},
    ]


def test_strict_observer_raises_what_a_plugin_raised_once_all_were_told() -> None:
    after = Listener("after")
    with ZSpaceObserver(SEQUENCER, NumPyBackend(), strict=True) as observer:
        observer.stages.add_plugin(Failing("failing", "configured"))
        observer.stages.add_plugin(after)
        with pytest.raises(StagePluginError, match="'failing' raised in stage 'configured'") as of:
            observer.read(X, PARAMETERS, "mixer")

    assert isinstance(of.value.__cause__, ZeroDivisionError)
    assert [event.stage for event in after.heard] == ["configured"]
