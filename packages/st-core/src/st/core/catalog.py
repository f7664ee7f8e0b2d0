"""Which distribution provides a thing that is not installed, and how to install it.

>>> provider_of("modules", "swish")
Provider(distribution='st-swish', install='pip install ./docs/examples/plugins/st-swish')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from st.core.capability import PluginCapability
from st.core.errors import CatalogError
from st.core.nearest import did_you_mean


@dataclass(frozen=True, slots=True)
class Provider:
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
    distribution = catalog[kind].get(name)
    if distribution is None and kind == "capabilities":
        wanted = PluginCapability.parse(name)
        distribution = next(
            (
                found
                for key, found in catalog[kind].items()
                if PluginCapability.parse(key) == wanted
            ),
            None,
        )
    if distribution is None:
        return None
    return Provider(distribution, catalog["distributions"][distribution]["install"])


def names_of(kind: str) -> tuple[str, ...]:
    """Every name of a kind that the catalogue lists, for finding the nearest."""
    return tuple(_catalog()[kind])


@cache
def _catalog() -> Mapping[str, Mapping[str, Any]]:
    import tomllib

    text = Path(__file__).with_name("catalog.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))
