"""What manifests say about modules, read without importing any of them, nor NumPy.

>>> from st.core import Registry
>>> from st.nn.index import ModuleIndex
>>> with Registry(allow=["st-nn"]) as registry:
...     _ = registry.discover()
...     ModuleIndex(registry).get_metadata("linear").target
'st.nn.modules:Linear'
"""

from __future__ import annotations

from st.core import Registry
from st.core.catalog import provider_of
from st.core.nearest import nearest
from st.nn.faults import Fault, Path, shown
from st.nn.metadata import (
    ModuleCategory,
    ModuleMetadata,
    UnknownModuleError,
    metadata_from_manifest,
)

POINT = "st.nn.modules"
"""The contribution point: module name → ``{ class = "pkg.mod:Class", category, description }``."""


class ModuleIndex:
    """Every module that the manifests of plugins name. Nothing here imports or loads a plugin."""

    def __init__(self, registry: Registry | None = None) -> None:
        """Read what plugins contribute to `registry`; without one there is nothing."""
        self._registry = registry

    def get_metadata(self, module_type: str) -> ModuleMetadata:
        """Return what is known about a module. Imports nothing.

        Raises:
            UnknownModuleError: Nobody offers it.
        """
        found = self._all().get(module_type)
        if found is not None:
            return found
        fault = self.unknown(module_type)
        hints = f"; nearest: {fault.nearest}" if fault.nearest else ""
        hints += f"; install it with: {fault.install}" if fault.install else ""
        raise UnknownModuleError(f"no plugin offers module {fault.given}{hints}")

    def unknown(self, module_type: str, path: Path = ()) -> Fault:
        """Describe that nobody offers `module_type`: nearest name, and what would install it."""
        provider = provider_of("modules", module_type)
        return Fault(
            path,
            "the name of a module",
            shown(module_type),
            nearest(module_type, self.list_modules()) or "",
            provider.install if provider is not None else "",
        )

    def list_modules(self) -> tuple[str, ...]:
        """Return every name, sorted. Imports nothing."""
        return tuple(sorted(self._all()))

    def find_by_category(self, category: ModuleCategory) -> tuple[ModuleMetadata, ...]:
        """Return the modules of a category, sorted by name. Imports nothing."""
        known = self._all()
        return tuple(known[name] for name in sorted(known) if known[name].category is category)

    def search(self, word: str) -> tuple[ModuleMetadata, ...]:
        """Return the modules whose name, description or category contains `word`, sorted by name.

        Upper and lower case are the same. Imports nothing.
        """
        known, wanted = self._all(), word.casefold()
        return tuple(known[name] for name in sorted(known) if wanted in known[name].searched_text)

    def refused(self) -> tuple[ModuleMetadata, ...]:
        """Return what plugins contribute under a name that is not theirs to give.

        A name in the manifest of this distribution stays its own; a name that two other plugins
        claim belongs to neither until one of them is removed.
        """
        return self._contributed()[1]

    def _all(self) -> dict[str, ModuleMetadata]:
        return self._contributed()[0]

    def _contributed(self) -> tuple[dict[str, ModuleMetadata], tuple[ModuleMetadata, ...]]:
        claims: dict[str, list[ModuleMetadata]] = {}
        for contribution in self._registry.contributions(POINT) if self._registry else ():
            for name, entry in contribution.table.items():
                claims.setdefault(name, []).append(
                    metadata_from_manifest(
                        name, entry, contribution.plugin_id, contribution.distribution
                    )
                )
        known: dict[str, ModuleMetadata] = {}
        refused: list[ModuleMetadata] = []
        for name, claimants in claims.items():
            own = [claimant for claimant in claimants if claimant.plugin_id == "nn"]
            winners = own or claimants
            if len(winners) == 1:
                known[name] = winners[0]
            refused += [claimant for claimant in claimants if claimant is not known.get(name)]
        return known, tuple(refused)
