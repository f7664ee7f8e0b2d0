"""The runtime against a simple model: any order of calls leaves both in the same state."""

from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from st.core import (
    DependencyError,
    EpochStart,
    Plugin,
    PluginContext,
    PluginMetadata,
    Registry,
    ServiceNotFoundError,
)

IDS = ("a", "b", "c", "d")
# Who requires whom: c needs a, d needs c and b.
REQUIRES = {"a": (), "b": (), "c": ("a",), "d": ("b", "c")}


def dependents(plugin_id: str, active: dict[str, int]) -> set[str]:
    """Active plugins that need this one, directly or through others."""
    direct = {other for other in active if plugin_id in REQUIRES[other]}
    return direct.union(*(dependents(other, active) for other in direct))


class Modelled(Plugin):
    """Counts what it hears, offers itself by its rank, hands its count over."""

    log: ClassVar[list[str]] = []

    def __init__(self, plugin_id: str, rank: int) -> None:
        requires = dict.fromkeys(REQUIRES[plugin_id], "")
        self.metadata = PluginMetadata(plugin_id, rank=rank, requires=requires)
        self.n_heard = 0

    def on_load(self, ctx: PluginContext) -> None:
        ctx.subscribe(EpochStart, self.listen, rank=self.metadata.rank)
        ctx.register_service("modelled", self, rank=self.metadata.rank)

    def listen(self, _: EpochStart) -> None:
        self.n_heard += 1
        Modelled.log.append(self.metadata.id)

    def export_state(self) -> int:
        return self.n_heard

    def import_state(self, state: int) -> None:
        self.n_heard = state


def modelled_class(plugin_id: str, rank: int) -> type[Modelled]:
    """A class for one id and rank, so that reload can make the plugin anew."""

    class Made(Modelled):
        metadata = PluginMetadata(plugin_id)

        def __init__(self) -> None:
            super().__init__(plugin_id, rank)

    Made.metadata = Modelled(plugin_id, rank).metadata
    return Made


class Runtime(RuleBasedStateMachine):
    """The model: active ids with rank in order of loading, how much each heard, listeners."""

    @initialize()
    def begin(self) -> None:
        self.registry = Registry(environ={})
        self.active: dict[str, int] = {}  # id: rank, in the order they came up
        self.heard: dict[str, int] = {}
        self.listeners: list[object] = []
        self.n_extra = 0

    @rule(plugin_id=st.sampled_from(IDS), rank=st.integers(-1, 1))
    def register(self, plugin_id: str, rank: int) -> None:
        missing = [other for other in REQUIRES[plugin_id] if other not in self.active]
        if plugin_id in self.active:
            return
        try:
            self.registry.register(modelled_class(plugin_id, rank))
        except DependencyError:
            assert missing
        else:
            assert not missing
            self.active[plugin_id] = rank
            self.heard[plugin_id] = 0

    @precondition(lambda self: self.active)
    @rule(data=st.data(), how=st.sampled_from(("refuse", "cascade")))
    def unregister(self, data: st.DataObject, how: str) -> None:
        plugin_id = data.draw(st.sampled_from(sorted(self.active)))
        needed_by = dependents(plugin_id, self.active)
        try:
            gone = self.registry.unregister(plugin_id, how)
        except DependencyError:
            assert needed_by
            assert how == "refuse"
        else:
            assert set(gone) == needed_by | {plugin_id}
            for each in gone:
                del self.active[each]

    @precondition(lambda self: self.active)
    @rule(data=st.data())
    def reload(self, data: st.DataObject) -> None:
        plugin_id = data.draw(st.sampled_from(sorted(self.active)))
        self.registry.reload(plugin_id)
        moved = {plugin_id} | dependents(plugin_id, self.active)
        order = [each for each in self.active if each not in moved]
        order += [plugin_id, *(each for each in self.active if each in moved - {plugin_id})]
        self.active = {each: self.active[each] for each in order}

    @rule()
    def subscribe(self) -> None:
        self.listeners.append(self.registry.bus.subscribe("*", self.count))

    def count(self, event: object) -> None:
        self.n_extra += isinstance(event, EpochStart)

    @precondition(lambda self: self.listeners)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(self.listeners) - 1))
        assert self.listeners.pop(at).close()

    @rule()
    def publish(self) -> None:
        Modelled.log.clear()
        before = self.n_extra
        self.registry.bus.publish(EpochStart(1))

        expected = sorted(self.active, key=lambda each: -self.active[each])
        assert Modelled.log == expected
        assert self.n_extra == before + len(self.listeners)
        for each in self.active:
            self.heard[each] += 1

    @invariant()
    def the_best_service_is_the_models(self) -> None:
        if not hasattr(self, "registry"):
            return
        best = sorted(self.active, key=lambda each: -self.active[each])
        try:
            found = self.registry.get_service("modelled").metadata.id
        except ServiceNotFoundError:
            assert not best
        else:
            assert found == best[0]

    @invariant()
    def the_plugins_are_the_models(self) -> None:
        if not hasattr(self, "registry"):
            return
        assert {handle.id for handle in self.registry} == set(self.active)
        for handle in self.registry:
            assert handle.plugin.n_heard == self.heard[handle.id]
        assert len(self.registry.bus.subscriptions()) == len(self.active) + len(self.listeners)

    def teardown(self) -> None:
        if hasattr(self, "registry"):
            for listener in self.listeners:
                listener.close()
            self.registry.shutdown()
            assert self.registry.bus.subscriptions() == ()
            assert self.registry.services.names() == ()


TestRuntime = Runtime.TestCase
TestRuntime.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
