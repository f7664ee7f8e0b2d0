"""Installed plugins without installing: a folder that looks like `site-packages`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from st.core.discovery import MANIFEST


@dataclass(frozen=True)
class FakeDistribution:
    """A distribution to be written into a folder, for `registry.discover(path=[folder])`.

    Attributes:
        name: Its name.
        plugins: Entry points of the group: plugin id to "module:Class".
        version: Its version.
        manifest: The text of its `st_plugin.toml`; "" for none.
        modules: Source of its modules by name ("package/module" for one in a package).
        group: The entry-point group.
    """

    name: str
    plugins: Mapping[str, str]
    version: str = "1.0"
    manifest: str = ""
    modules: Mapping[str, str] = field(default_factory=dict)
    group: str = "st.plugins"

    def write(self, folder: Path) -> Path:
        """Write it into a folder; gives the folder."""
        info = folder / f"{self.name.replace('-', '_')}-{self.version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {self.name}\nVersion: {self.version}\n"
            "Summary: A fake.\nAuthor: Nobody\n",
            encoding="utf-8",
        )
        lines = [f"[{self.group}]", *(f"{key} = {to}" for key, to in self.plugins.items())]
        (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
        if self.manifest:
            path = info / MANIFEST
            path.parent.mkdir()
            path.write_text(self.manifest, encoding="utf-8")
        for module, source in self.modules.items():
            path = folder / f"{module}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")
        return folder


@contextmanager
def importable(folder: Path) -> Iterator[Path]:
    """Put a folder first on `sys.path`; what was imported from it is forgotten afterwards."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield folder
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            origin = getattr(sys.modules[name], "__file__", None) or ""
            if origin.startswith(str(folder)):
                del sys.modules[name]
        sys.path_importer_cache.pop(str(folder), None)
