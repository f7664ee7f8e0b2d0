"""See that a manifest says what the code does."""

from __future__ import annotations

from collections.abc import Sequence

from st.core.errors import PluginError, PluginUnavailable
from st.core.metadata import split_contract
from st.core.registry import Registry


def manifest_problems(distribution: str, *, path: Sequence[str] | None = None) -> list[str]:
    """What the manifest of an installed distribution says that its plugins do not keep.

    Every plugin of the distribution is loaded; one that is unavailable on this machine is left
    out. `assert manifest_problems("st-swish") == []` is a whole test.

    Args:
        distribution: Its name.
        path: Where to look for it; `sys.path` unless given.
    """
    problems: list[str] = []
    with Registry() as registry:
        registry.discover(path=path)
        handles = [handle for handle in registry if handle.distribution == distribution]
        if not handles:
            return [f"{distribution} is not installed, or has no plugins"]
        for handle in handles:
            if handle.is_opaque:
                problems.append(handle.reason or f"{handle.id} has no table in st_plugin.toml")
                continue
            try:
                registry.load(handle.id)
            except PluginUnavailable:
                continue
            except PluginError as error:
                problems.append(str(error))
                continue
            problems += [
                f"{handle.id} declares the service {text!r} and does not register it"
                for text in handle.metadata.provides
                if not _is_offered_by(registry, handle.id, text)
            ]
    return problems


def _is_offered_by(registry: Registry, plugin_id: str, text: str) -> bool:
    references = registry.services.references(split_contract(text)[0])
    return any(reference.plugin_id == plugin_id for reference in references)
