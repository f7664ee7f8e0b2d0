"""Configuration in layers, typed by the schema of the plugin it belongs to."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, get_type_hints

from st.core.errors import ConfigError, UnknownKeyError
from st.core.events import ConfigChanged, Event
from st.core.nearest import did_you_mean

if TYPE_CHECKING:
    from dataclasses import Field

Layer: TypeAlias = dict[tuple[str, str], tuple[object, str]]

_MISSING: Final[Any] = object()
_MASK: Final = "••••••"


class Config:
    """Values by plugin id and key; the id "" holds what concerns all.

    Layers, later ones winning: schema defaults, `set` (what plugins write), files, environment
    (`ST_<ID>__<KEY>`, read when asked), `override` (`--set`). With a schema, unknown keys are
    refused and values converted to the field's type; without, values stay as they are.

    >>> config = Config(environ={"ST_NN__WORKERS": "4"})
    >>> put_back = config.set("nn", "workers", 2)
    >>> config.get("nn", "workers")
    '4'

    Args:
        announce: Told when the value somebody would read changes.
        environ: The environment; the process's unless given.
    """

    def __init__(
        self,
        announce: Callable[[Event], object] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._announce = announce
        self._environ = os.environ if environ is None else environ
        self._lock = threading.RLock()
        # Values, and where they come from, by plugin id and key.
        self._written: Layer = {}
        self._files: Layer = {}
        self._overrides: Layer = {}
        self._schemas: dict[str, dict[str, tuple[Field[Any], Any]]] = {}

    # --- reading --------------------------------------------------------------------------------

    def get(self, plugin_id: str, key: str, default: object = None) -> Any:
        """The value that wins, `default` when no layer has one.

        Raises:
            UnknownKeyError: When the plugin has a schema without that key.
            ConfigError: When the value does not convert to the schema's type.
        """
        field = self._field(plugin_id, key)
        value, source = self._winner(plugin_id, key)
        if value is _MISSING:
            return default if field is None else _default(field[0], default)
        return self._converted(plugin_id, key, value, f" (from {source})")

    def list(self, prefix: str = "") -> dict[str, object]:
        """Every value that is set or has a default, by "id.key"; secrets are masked."""
        with self._lock:
            places = self._places()
            places |= {(owner, key) for owner, schema in self._schemas.items() for key in schema}
        return {
            _path(*place): _MASK if self._is_secret(*place) else self.get(*place)
            for place in sorted(places)
            if _path(*place).startswith(prefix)
        }

    def _places(self) -> set[tuple[str, str]]:
        """The plugin ids and keys that have a value in some layer."""
        variables = map(self._from_variable, self._environ)
        return {*self._written, *self._files, *self._overrides, *filter(None, variables)}

    def _winner(self, plugin_id: str, key: str) -> tuple[object, str]:
        place, variable = (plugin_id, key), _variable(plugin_id, key)
        if place not in self._overrides and variable in self._environ:
            return self._environ[variable], variable
        for layer in (self._overrides, self._files, self._written):
            if place in layer:
                return layer[place]
        return _MISSING, ""

    # --- writing --------------------------------------------------------------------------------

    def set(self, plugin_id: str, key: str, value: object) -> Callable[[], None]:
        """Write to the layer just above the defaults; files, environment and overrides win.

        Returns:
            What puts back the value written before.
        """
        before = self._written.get((plugin_id, key))
        self._write(self._written, plugin_id, key, (value, "set_config"))
        return lambda: self._write(self._written, plugin_id, key, before)

    def unset(self, plugin_id: str, key: str) -> None:
        """Take back what `set` wrote."""
        self._write(self._written, plugin_id, key, None)

    def clear(self, prefix: str = "") -> tuple[str, ...]:
        """Take back everything `set` wrote below a prefix of "id.key"; what that was."""
        with self._lock:
            cleared = [place for place in self._written if _path(*place).startswith(prefix)]
        for plugin_id, key in cleared:
            self.unset(plugin_id, key)
        return tuple(sorted(_path(*place) for place in cleared))

    def override(self, assignment: str) -> None:
        """Take one `id.key=value` of a command line; wins over everything else.

        Raises:
            ConfigError: When it is not of that form.
        """
        path, equals, text = assignment.partition("=")
        plugin_id, _, key = path.strip().rpartition(".")
        if not equals or not key:
            raise ConfigError(f"{assignment!r} is not of the form id.key=value")
        self._write(self._overrides, plugin_id, key, (text.strip(), "--set"))

    def load_file(self, path: str | os.PathLike[str]) -> None:
        """Read a TOML file: `[id]` tables, and keys outside a table for all.

        Raises:
            ConfigError: When it cannot be read; nothing of it is taken then.
        """
        import tomllib

        try:
            with open(path, "rb") as file:
                tables = tomllib.load(file)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{path}: {error}") from error
        found: Layer = {}
        for name, value in tables.items():
            own = value if isinstance(value, dict) else {name: value}
            owner = name if isinstance(value, dict) else ""
            found |= {(owner, key): (item, str(path)) for key, item in own.items()}
        for (plugin_id, key), (item, _) in found.items():
            self._converted(plugin_id, key, item, f" (from {path})")
        for (plugin_id, key), entry in found.items():
            self._write(self._files, plugin_id, key, entry)

    def _write(
        self, layer: Layer, plugin_id: str, key: str, entry: tuple[object, str] | None
    ) -> None:
        """Put an entry into a layer, or take it out (None); tell when that changes the winner."""
        if entry is not None:
            self._converted(plugin_id, key, entry[0])
        with self._lock:
            before, _ = self._winner(plugin_id, key)
            if entry is None:
                layer.pop((plugin_id, key), None)
            else:
                layer[plugin_id, key] = entry
            after, _ = self._winner(plugin_id, key)
        if self._announce is not None and (before is _MISSING or before != after):
            shown = _MASK if self._is_secret(plugin_id, key) else self.get(plugin_id, key)
            self._announce(ConfigChanged(plugin_id, key, shown))

    # --- schemas --------------------------------------------------------------------------------

    def define(self, plugin_id: str, schema: type[Any] | None) -> None:
        """Give a plugin's keys types and defaults: the fields of a dataclass. None takes them back.

        `field(metadata={"secret": True})` marks a value that is never shown.

        Raises:
            ConfigError: When it is no dataclass, or a value already there does not fit it.
        """
        if schema is None:
            self._schemas.pop(plugin_id, None)
            return
        from dataclasses import fields, is_dataclass  # 6 ms, and who has a schema has paid them

        if not is_dataclass(schema):
            raise ConfigError(f"{plugin_id}: config_schema is {schema!r}, expected a dataclass")
        hints = get_type_hints(schema)
        before = self._schemas.get(plugin_id)
        with self._lock:
            places = self._places()
            self._schemas[plugin_id] = {
                field.name: (field, hints[field.name]) for field in fields(schema)
            }
        try:
            for owner, key in places | self._places():  # variables are read as the schema spells
                if owner == plugin_id:
                    self.get(owner, key)
        except ConfigError:
            self._schemas.pop(plugin_id)
            if before is not None:
                self._schemas[plugin_id] = before
            raise

    def _field(self, plugin_id: str, key: str) -> tuple[Field[Any], Any] | None:
        schema = self._schemas.get(plugin_id)
        if schema is None:
            return None
        if key not in schema:
            raise UnknownKeyError(
                f"{plugin_id} has no configuration key {key!r}{did_you_mean(key, schema)} "
                f"(known: {', '.join(schema)})"
            )
        return schema[key]

    def _converted(self, plugin_id: str, key: str, value: object, source: str = "") -> Any:
        """A value as the schema wants it, as it is where there is none."""
        field = self._field(plugin_id, key)
        if field is None:
            return value
        from st.core.convert import convert  # imports pathlib: 7 ms

        where = f"{_path(plugin_id, key)}{source}"
        try:
            return convert(value, field[1], where)
        except ConfigError:
            if self._is_secret(plugin_id, key):
                raise ConfigError(f"{where}: this secret is not of the type expected") from None
            raise

    def _is_secret(self, plugin_id: str, key: str) -> bool:
        field = self._schemas.get(plugin_id, {}).get(key)
        return field is not None and bool(field[0].metadata.get("secret"))

    def _from_variable(self, variable: str) -> tuple[str, str] | None:
        if not variable.startswith("ST_") or "__" not in variable:
            return None
        owner, _, key = variable.removeprefix("ST_").partition("__")
        known = {_upper(plugin_id): plugin_id for plugin_id in self._schemas}
        return known.get(owner, owner.lower()), key.lower()


def config_path(environ: Mapping[str, str] = os.environ) -> str:
    """The user's configuration file, there or not: `$ST_CONFIG`, else the usual place."""
    home = environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return environ.get("ST_CONFIG") or os.path.join(home, "st", "config.toml")


def _path(plugin_id: str, key: str) -> str:
    return f"{plugin_id}.{key}" if plugin_id else key


def _upper(name: str) -> str:
    return name.upper().replace("-", "_")


def _variable(plugin_id: str, key: str) -> str:
    return f"ST_{_upper(plugin_id)}__{_upper(key)}"


def _default(field: Field[Any], fallback: object) -> object:
    from dataclasses import MISSING

    if field.default is not MISSING:
        return field.default
    if field.default_factory is not MISSING:
        return field.default_factory()
    return fallback
