"""Which distribution provides a thing that is not installed, and how to install it.

>>> provider_of("modules", "swish")
Provider(distribution='st-swish', install='pip install ./docs/examples/plugins/st-swish')
"""

from __future__ import annotations

from functools import cache
from typing import Any

from st.core.capability import PluginCapability
from st.core.errors import CatalogError
from st.core.nearest import did_you_mean
from st.core.record import Record, record


@record
class Provider(Record):
    """A distribution, and the command that installs it."""

    distribution: str
    install: str


def provider_of(kind: str, name: str) -> Provider | None:
    """Who provides a thing, None when the catalogue does not know it.

    Args:
        kind: "plugins", "capabilities", "services", "modules" or "commands".
        name: The thing's name; a capability as text, `Backend(...)` in any case.

    Raises:
        CatalogError: For another kind.
    """
    catalog = _catalog()
    if kind not in catalog:
        known = [key for key in catalog if key != "distributions"]
        raise CatalogError(
            f"the catalogue lists no {kind!r}{did_you_mean(kind, known)} "
            f"(it lists {', '.join(known)})"
        )
    found = catalog[kind]
    distribution = found.get(name)
    if kind == "capabilities":
        wanted = PluginCapability.parse(name)
        distribution = {PluginCapability.parse(key): to for key, to in found.items()}.get(wanted)
    if distribution is None:
        return None
    return Provider(distribution, catalog["distributions"][distribution]["install"])


def install_hint(kind: str, name: str) -> str:
    """The end of an error message that says how to get a thing, or ""."""
    provider = provider_of(kind, name)
    return f"; {provider.install} provides it" if provider else ""


def names_of(kind: str) -> tuple[str, ...]:
    """Every name of a kind that the catalogue lists, for finding the nearest."""
    return tuple(_catalog()[kind])


@cache
def _catalog() -> dict[str, dict[str, Any]]:
    import tomllib
    from pathlib import Path

    return tomllib.loads(Path(__file__).with_name("catalog.toml").read_text(encoding="utf-8"))
