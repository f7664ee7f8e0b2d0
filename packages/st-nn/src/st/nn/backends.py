"""Which backend computes, found by capability, and why that one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from st.core import (
    PluginCapability,
    PluginError,
    PluginHandle,
    PluginState,
    Registry,
    ServiceError,
    StError,
)
from st.core.backend import Backend, service_name
from st.core.catalog import provider_of
from st.core.nearest import did_you_mean

AUTO = "auto"
_PREFERRED_CPU = "numpy"


class BackendNotFoundError(StError, LookupError):
    """No plugin offers a backend of that name."""


class BackendUnusableError(StError, RuntimeError):
    """Plugins offer the backend, but none of them can work on this machine."""


@dataclass(frozen=True, slots=True)
class BackendChoice:
    """A backend that is ready, and why it was chosen.

    Attributes:
        backend: The loaded backend.
        name: Its name in its plugin's capability, such as ``NumPy``.
        plugin_id: The plugin that offers it.
        reason: Why it and no other.
    """

    backend: Backend
    name: str
    plugin_id: str
    reason: str


def choose_backend(registry: Registry, wanted: str = AUTO) -> BackendChoice:
    """Return the backend `wanted`, or for ``auto`` a GPU where one is offered, otherwise NumPy.

    Plugins that are loaded only to see what they offer are unloaded again.

    Raises:
        BackendNotFoundError: No plugin offers it; the message says what is installed, and how to
            install the one asked for where that is known.
        BackendUnusableError: It is offered but cannot run here; the message says why.
    """
    return _any(registry) if wanted.casefold() == AUTO else _named(registry, wanted)


def backend_names(registry: Registry) -> tuple[str, ...]:
    """Return the names of all backends that installed plugins offer, sorted, in lower case."""
    return tuple(sorted({name.casefold() for _, name in _offers(registry)}))


def _named(registry: Registry, wanted: str) -> BackendChoice:
    offers = [offer for offer in _offers(registry) if offer[1].casefold() == wanted.casefold()]
    if not offers:
        raise BackendNotFoundError(_not_found(registry, wanted))
    failures = []
    for handle, name in offers:
        try:
            backend = _load(registry, handle, name)
        except (PluginError, ServiceError) as error:
            failures.append(str(error))
        else:
            return BackendChoice(backend, name, handle.id, "asked for by name")
    raise BackendUnusableError(f"backend {wanted!r} cannot run here: {'; '.join(failures)}")


def _any(registry: Registry) -> BackendChoice:
    notes: list[str] = []
    cpus: list[BackendChoice] = []
    looked_at: list[str] = []
    chosen: BackendChoice | None = None
    for handle, name in _offers(registry):
        was_active = handle.state is PluginState.ACTIVE
        try:
            backend = _load(registry, handle, name)
        except (PluginError, ServiceError) as error:
            notes.append(f"{name}: {error}")
            continue
        if not was_active:
            looked_at.append(handle.id)
        if backend.kind == "gpu":
            chosen = BackendChoice(backend, name, handle.id, f"{name} offers a GPU")
            break
        cpus.append(BackendChoice(backend, name, handle.id, ""))
        if name.casefold() != _PREFERRED_CPU:
            notes.append(f"{name} has no GPU")
    if chosen is None:
        chosen = _best_cpu(cpus, notes)
    for plugin_id in looked_at:
        if plugin_id != chosen.plugin_id:
            registry.unregister(plugin_id)
    return chosen


def _best_cpu(cpus: list[BackendChoice], notes: list[str]) -> BackendChoice:
    if not cpus:
        why = "; ".join(notes) or "no plugin offers one"
        raise BackendUnusableError(f"no backend can run here: {why}")
    best = min(cpus, key=lambda choice: choice.name.casefold() != _PREFERRED_CPU)
    reason = "; ".join(notes) or "no other backend is installed"
    return BackendChoice(best.backend, best.name, best.plugin_id, reason)


def _offers(registry: Registry) -> Iterator[tuple[PluginHandle, str]]:
    """Yield every plugin that offers a backend, with the backend's name."""
    for handle in registry.list():
        for capability in handle.metadata.capabilities:
            if capability.kind == "Backend":
                yield handle, capability.name


def _load(registry: Registry, handle: PluginHandle, name: str) -> Backend:
    registry.load(handle.id)
    backend: Backend = registry.get_service(service_name(name))
    return backend


def backend_install(wanted: str) -> str:
    """Return the command that installs backend `wanted`, or an empty text."""
    try:
        provider = provider_of("capabilities", str(PluginCapability.Backend(wanted)))
    except StError:  # no capability can have such a name
        return ""
    return provider.install if provider is not None else ""


def _not_found(registry: Registry, wanted: str) -> str:
    names = backend_names(registry)
    text = (
        f"no plugin offers backend {wanted!r}{did_you_mean(wanted, names)}"
        f"; installed backends: {', '.join(names) or 'none'}"
    )
    install = backend_install(wanted)
    return f"{text}; install it with: {install}" if install else text
