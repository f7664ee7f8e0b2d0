"""Whether the installed plugins, backends and sub-commands can do what they offer."""

from __future__ import annotations

from st.cli.doctor.distributions import install_command
from st.cli.doctor.finding import Finding
from st.cli.subcommands import CommandLoadError, Subcommand, offers, subcommands
from st.core import PluginHandle, PluginUnavailable, Registry, StError
from st.core.backend import service_name
from st.core.handle import USABLE


def check_plugins(registry: Registry) -> list[Finding]:
    """Return how many plugins there are, and a finding for each that cannot be used."""
    handles = registry.list()
    findings = [finding for handle in handles for finding in check_plugin(handle)]
    if not findings:
        names = ", ".join(handle.id for handle in handles) or "none installed"
        findings.append(Finding("plugins", "ok", names))
    return findings


def check_plugin(handle: PluginHandle) -> list[Finding]:
    """Return why a plugin cannot be used, or nothing."""
    topic = f"plugin {handle.id}"
    if handle.state not in USABLE:
        return [Finding(topic, "broken", f"{handle.state}: {handle.reason} ({handle.origin})")]
    if handle.is_opaque:
        detail = f"{handle.origin} has no manifest: nobody finds it by what it can do"
        return [Finding(topic, "note", detail, "add an st_plugin.toml to that distribution")]
    return []


def check_backends(registry: Registry) -> list[Finding]:
    """Activate the plugins that offer backends, one by one, and return what each answered."""
    findings = [
        check_backend(registry, handle, capability.name)
        for handle in registry.list()
        for capability in handle.metadata.capabilities
        if capability.kind == "Backend" and handle.state in USABLE
    ]
    if findings and not any(finding.status == "ok" for finding in findings):
        findings.append(
            Finding("backends", "broken", "none of the installed ones can be used here")
        )
    return findings


def check_backend(registry: Registry, handle: PluginHandle, name: str) -> Finding:
    """Activate one plugin that offers the backend `name`; it is unloaded with the registry."""
    topic = f"backend {name}"
    try:
        registry.load(handle.id)
        backend = registry.get_service(service_name(name))
    except PluginUnavailable as error:
        return Finding(topic, "note", error.reason, error.hint)
    except StError as error:
        return Finding(topic, "broken", str(error))
    description = getattr(backend, "description", None)
    if not isinstance(description, str):
        detail = f"the service {service_name(name)} is {backend!r}, which does not describe itself"
        return Finding(topic, "broken", detail)
    return Finding(topic, "ok", description)


def check_commands() -> list[Finding]:
    """Import every sub-command that other distributions offer, and return what fails."""
    used = subcommands()
    findings = [finding for offer in offers() for finding in check_command(offer, used[offer.name])]
    return findings or [Finding("commands", "ok", ", ".join(used))]


def check_command(offer: Subcommand, used: Subcommand) -> list[Finding]:
    """Look at one offered sub-command; `used` is the one that its name runs."""
    topic = f"command {offer.name}"
    if offer != used:
        detail = f"{offer.distribution} offers it too, but {used.distribution} has the name"
        return [Finding(topic, "note", detail, f"pip uninstall {offer.distribution}")]
    try:
        offer.load()
    except CommandLoadError as error:
        remedy = install_command(offer.distribution) or f"reinstall {offer.distribution}"
        return [Finding(topic, "broken", str(error), remedy)]
    return []
