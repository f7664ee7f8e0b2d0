"""Follow the files plugins come from, and reload what changes."""

from __future__ import annotations

import threading
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from st.core.errors import PluginError
from st.core.events import PluginFailed
from st.core.isolation import attempt
from st.core.paths import file_of

if TYPE_CHECKING:
    from st.core.registry import Registry

#: How often files are looked at where `watchfiles` is not installed.
INTERVAL_S: Final = 0.25


class Watcher:
    """Reloads plugins whose files change, until it is closed; get it from `Registry.watch`.

    What a reload raises is published as PluginFailed; the version before keeps running. A file
    that appears in a watched folder is loaded, one that disappears leaves its plugin running.
    """

    def __init__(self, registry: Registry, path: str | Path) -> None:
        self._registry = registry
        self._path = Path(path).expanduser().absolute()
        if not any(file_of(handle, self._path) for handle in registry):
            registry.load_path(self._path)
        self._seen = self._look()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch {path}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching. Idempotent."""
        self._stop.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def poll(self) -> tuple[str, ...]:
        """Look once, now; the ids reloaded or loaded."""
        seen = self._look()
        changed = [path for path, stamp in seen.items() if self._seen.get(path) != stamp]
        self._seen = seen
        return tuple([plugin_id for path in changed for plugin_id in self._take(path)])

    def _take(self, path: Path) -> list[str]:
        handles = [handle for handle in self._registry if file_of(handle, path)]
        if not handles:
            error = attempt(self._registry.load_path, path)
            self._report(path.stem, error)
            return [handle.id for handle in self._registry if file_of(handle, path)]
        done: list[str] = []
        for handle in handles:
            error = attempt(self._registry.reload, handle.id)
            self._report(handle.id, error)
            if error is None:
                done.append(handle.id)
        return done

    def _report(self, plugin_id: str, error: Exception | None) -> None:
        if error is not None:
            name = error.plugin_id if isinstance(error, PluginError) else plugin_id
            self._registry.bus.publish(PluginFailed(name, "active", str(error)))

    def _look(self) -> dict[Path, tuple[int, int]]:
        files = self._path.rglob("*.py") if self._path.is_dir() else [self._path]
        seen: dict[Path, tuple[int, int]] = {}
        for file in files:
            try:
                status = file.stat()
            except OSError:  # gone between listing and looking
                continue
            seen[file] = (status.st_mtime_ns, status.st_size)
        return seen

    def _run(self) -> None:
        try:
            watchfiles = import_module("watchfiles")
        except ImportError:
            while not self._stop.wait(INTERVAL_S):
                self.poll()
        else:
            changes = watchfiles.watch(
                self._path,
                stop_event=self._stop,
                raise_interrupt=False,
                debounce=100,
                # What changed before it began to watch shows at the next look.
                rust_timeout=1_000,
                yield_on_timeout=True,
            )
            for _ in changes:
                self.poll()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
