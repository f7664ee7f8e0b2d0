"""The errors of the plugin runtime, each named for the state it found.

Every error is a `StError` and, where one fits, the nearest builtin, so callers may catch either.
"""

from __future__ import annotations

from collections.abc import Iterable


class StError(Exception):
    """Anything this project raises on purpose."""


class CapabilityError(StError, ValueError):
    """A capability is written in a form nobody can mean."""


class MetadataError(StError, ValueError):
    """A plugin's metadata or manifest is not well formed."""


class CatalogError(StError, ValueError):
    """The catalogue of distributions was asked for a kind of thing it does not list."""


# --- plugins ------------------------------------------------------------------------------------


class PluginError(StError):
    """Something about one plugin; `plugin_id` says which."""

    def __init__(self, plugin_id: str, message: str) -> None:
        self.plugin_id = plugin_id
        super().__init__(message)


class PluginNotFoundError(PluginError, LookupError):
    """No plugin of that id is known to the registry."""


class DuplicatePluginError(PluginError, ValueError):
    """A plugin of that id is already there."""


class DependencyError(PluginError, RuntimeError):
    """A requirement is not met, or dependents are in the way."""


class LoadError(PluginError, RuntimeError):
    """A plugin failed while loading; everything it had added is gone again."""


class ReloadError(PluginError, RuntimeError):
    """A reload failed; the message says what is running now."""


class PluginUnavailable(PluginError, RuntimeError):  # noqa: N818 - a state, not a fault
    """Raised by `on_load` when the plugin cannot work on this machine.

    Args:
        reason: Why, as a sentence: "no OpenCL device found".
        hint: What to do about it: "pip install pocl-binary-distribution".
    """

    def __init__(self, reason: str, hint: str = "", *, plugin_id: str = "") -> None:
        self.reason = reason
        self.hint = hint
        super().__init__(plugin_id, f"{reason}: {hint}" if hint else reason)


class TransitionTimeoutError(PluginError, TimeoutError):
    """Another thread kept a plugin in transition for longer than one waits."""


class ActivationCycleError(PluginError, RuntimeError):
    """Plugins, or threads loading them, wait for one another in a circle."""


class ClosedContextError(PluginError, RuntimeError):
    """A plugin used its context after it was unloaded, or registered something while unloading."""


# --- events -------------------------------------------------------------------------------------


class EventError(StError, ValueError):
    """An event or a subscription is not well formed."""


class EventNameError(EventError):
    """A second owner claims the name of an event."""


class EventDepthError(StError, RecursionError):
    """Listeners publish what makes them publish again, until the stack is full."""


# --- services and configuration -----------------------------------------------------------------


class ServiceError(StError):
    """Something about a service."""


class ServiceNotFoundError(ServiceError, LookupError):
    """Nobody offers a service, or nobody offers the contract version asked for."""


class ServiceTypeError(ServiceError, TypeError):
    """A service is there, but it is not what its contract says."""


class ConfigError(StError, ValueError):
    """A configuration value or file cannot be used."""


class UnknownKeyError(ConfigError, LookupError):
    """A configuration key is not in the plugin's schema."""


def listed(names: Iterable[str]) -> str:
    """The names as a readable list, "none" when there are none.

    >>> listed(["opencl", "numpy"])
    'opencl, numpy'
    """
    return ", ".join(names) or "none"
