"""The facts about a plugin that others may rely on without running it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Literal

from st.core.capability import PluginCapability
from st.core.errors import MetadataError
from st.core.record import Record, record

_SMALL: Final = frozenset("abcdefghijklmnopqrstuvwxyz")
_IN_IDS: Final = _SMALL.union("0123456789_-")
# Regular expressions are compiled, in 0.4 ms each, when they are first needed.
# PEP 440 in the forms people write; `packaging`, which knows them all, costs 17 ms to import.
_VERSION: Final = (
    r"(?i)v?(\d+!)?\d+(\.\d+)*([-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?\d*)?"
    r"([-_.]?(post|rev|r)[-_.]?\d*|-\d+)?([-_.]?dev[-_.]?\d*)?(\+[a-z0-9]+([-_.][a-z0-9]+)*)?"
)
_CONTRACT: Final = r"\s*([^\s<>=!~]+)\s*((?:[<>=!~].*)?)"

_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


@record
class PluginMetadata(Record):
    """Who a plugin is, what it offers, what it needs.

    >>> wgpu = PluginMetadata("wgpu", "1.0.0").with_capability(PluginCapability.Backend("WGPU"))
    >>> wgpu.with_dependency("nn", ">=1").requires
    mappingproxy({'nn': '>=1'})

    Attributes:
        id: `[a-z][a-z0-9_-]*`; the key of its entry point.
        version: PEP 440.
        summary: What it does, one sentence.
        capabilities: What others find it by, in the order declared.
        provides: Names of the services it registers, optionally "name>=1.0" with the version of
            the contract; one of these asked for loads the plugin.
        requires: Plugins that must be active first, with the versions that will do.
        requires_services: Services somebody must offer first, "name" or "name>=1.0".
        optional: Plugins that are loaded first when they are there.
        conflicts: Plugins it cannot run beside.
        rank: Higher is preferred among plugins with the same capability or service.
        activate: Load when somebody asks ("demand"), or in `initialize_all` ("startup").
        reload: Stop the old version before the new one starts ("restart"), or stage the new one
            beside it ("beside").
        extra: Anything else worth knowing, as text.
    """

    id: str
    version: str = "0"
    name: str = ""
    summary: str = ""
    author: str = ""
    capabilities: tuple[PluginCapability, ...] = ()
    provides: tuple[str, ...] = ()
    requires: Mapping[str, str] = _EMPTY
    requires_services: tuple[str, ...] = ()
    optional: Mapping[str, str] = _EMPTY
    conflicts: Mapping[str, str] = _EMPTY
    rank: int = 0
    activate: Literal["demand", "startup"] = "demand"
    reload: Literal["restart", "beside"] = "restart"
    extra: Mapping[str, str] = _EMPTY

    def _completed(self, values: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        completed = super()._completed(values, named)
        # Copies: who wrote the mappings may go on to change them.
        return tuple([MappingProxyType({**v}) if isinstance(v, dict) else v for v in completed])

    def __post_init__(self) -> None:
        if self.id[:1] not in _SMALL or not _IN_IDS.issuperset(self.id):
            raise MetadataError(
                f"plugin id {self.id!r} is not of the form [a-z][a-z0-9_-]*: "
                "start with a small letter, then small letters, digits, '_' or '-'"
            )
        if not _is_version(self.version):
            raise MetadataError(f"{self.id}: version {self.version!r} is not a PEP 440 version")
        if self.activate not in ("demand", "startup"):
            raise MetadataError(f"{self.id}: activate is {self.activate!r}, not demand or startup")
        if self.reload not in ("restart", "beside"):
            raise MetadataError(f"{self.id}: reload is {self.reload!r}, not restart or beside")
        for relation in ("requires", "optional", "conflicts"):
            if self.id in getattr(self, relation):
                raise MetadataError(f"{self.id}: {relation} names the plugin itself")
        #: What a registry finds it by: capabilities, names of services, ids it conflicts with.
        self.offers: tuple[object, ...] = (
            *self.capabilities,
            *[split_contract(text)[0] for text in self.provides],
            *[("against", plugin_id) for plugin_id in self.conflicts],
        )
        #: Whether it requires or would use anything.
        self.has_needs = bool(self.requires or self.requires_services or self.optional)

    def with_capability(self, capability: PluginCapability) -> PluginMetadata:
        """The same plugin with one more capability."""
        return self.__replace__(capabilities=(*self.capabilities, capability))

    def with_dependency(self, plugin_id: str, versions: str = "") -> PluginMetadata:
        """The same plugin, requiring another (`versions`: PEP 440, such as ">=1.2,<2")."""
        return self.__replace__(requires={**self.requires, plugin_id: versions})

    def with_service(self, name: str) -> PluginMetadata:
        """The same plugin, declaring one more service that it offers."""
        return self.__replace__(provides=(*self.provides, name))


def _is_version(text: str) -> bool:
    is_plain = text.isascii() and all(part.isdecimal() for part in text.split("."))
    return is_plain or re.fullmatch(_VERSION, text) is not None


def split_contract(text: str) -> tuple[str, str]:
    """A service as manifests write it, apart: its name and its version specifier.

    >>> split_contract("opencl.device>=1.0")
    ('opencl.device', '>=1.0')
    >>> split_contract("metrics")
    ('metrics', '')

    Raises:
        MetadataError: When there is no name in it.
    """
    match = re.fullmatch(_CONTRACT, text)
    if match is None:
        raise MetadataError(f"{text!r} is not a service; expected a form like name or name>=1.0")
    name, versions = match.groups()
    return name, versions


@lru_cache(maxsize=1024)
def satisfies(version: str, specifier: str) -> bool:
    """Whether a version is within a specifier; "" admits all.

    >>> satisfies("1.4", ">=1.2,<2")
    True

    Raises:
        MetadataError: When either is not PEP 440.
    """
    if not specifier:
        return True
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion

    try:
        return SpecifierSet(specifier, prereleases=True).contains(version)
    except InvalidSpecifier as error:
        raise MetadataError(f"{specifier!r} is not a version specifier like '>=1.2,<2'") from error
    except InvalidVersion as error:
        raise MetadataError(f"{version!r} is not a version like '1.2'") from error
