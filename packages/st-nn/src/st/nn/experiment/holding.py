"""A run holds the plugins it was recorded with, as a plugin that requires them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from st.core import Plugin, PluginContext, PluginMetadata, Registry

_NOT_IN_AN_ID = re.compile(r"[^a-z0-9_-]+")


class RunHold(Plugin):
    """Stands for a run among the plugins. What it requires cannot be unloaded unasked.

    When one of them is reloaded the registry starts this again, which is how the run hears of it;
    both may happen on any thread.
    """

    def __init__(self, changed: Callable[[], object], gone: Callable[[], object]) -> None:
        """Prepare.

        Args:
            changed: Called when a plugin it requires has been exchanged.
            gone: Called when one is taken away, also before an exchange.
        """
        self._changed = changed
        self._gone = gone
        self._is_known = False

    def on_load(self, ctx: PluginContext) -> None:
        """Tell that something changed, but for the first time."""
        if self._is_known:
            self._changed()
        self._is_known = True

    def on_unload(self, ctx: PluginContext) -> None:
        """Tell that something is gone."""
        self._gone()


@contextmanager
def held(
    registry: Registry,
    run_id: str,
    plugin_ids: Iterable[str],
    changed: Callable[[], object],
    gone: Callable[[], object],
) -> Iterator[None]:
    """Hold plugins while the context lasts; see `RunHold`.

    Args:
        registry: Where they are.
        run_id: What the hold is named after, so that a refusal tells which run it is.
        plugin_ids: What the run was recorded with.
        changed: See `RunHold`.
        gone: See `RunHold`.
    """
    name = f"run-{_NOT_IN_AN_ID.sub('-', run_id.lower())}"
    while name in registry:  # a run of that name in another directory
        name = f"{name}-"
    required = dict.fromkeys(plugin_ids, "")
    metadata = PluginMetadata(name, summary="A training run.", requires=required)
    registry.register(RunHold(changed, gone), metadata=metadata)
    try:
        yield
    finally:
        if name in registry:
            registry.unregister(name)
