"""`st_plugin.toml`: what a distribution's plugins offer, readable without importing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from st.core.capability import PluginCapability
from st.core.errors import MetadataError
from st.core.metadata import PluginMetadata, split_contract
from st.core.nearest import did_you_mean

_TEXT: Final = ("name", "summary", "author", "activate", "reload")
_NAMES: Final = ("provides", "requires_services")
_RELATIONS: Final = ("requires", "optional", "conflicts")
_KEYS: Final = (*_TEXT, "capabilities", *_NAMES, *_RELATIONS, "rank", "contributes", "extra")


def parse_manifest(text: str, origin: str) -> dict[str, Any]:
    """The tables of a manifest, one per plugin id.

    Raises:
        MetadataError: When it is not TOML.
    """
    import tomllib  # 15 ms, only paid when there is a manifest to read

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MetadataError(f"{origin}: st_plugin.toml: {error}") from error


def read_plugin(
    plugin_id: str, table: object, *, version: str, author: str = "", summary: str = ""
) -> tuple[PluginMetadata, Mapping[str, Mapping[str, Any]]]:
    """A plugin's metadata and its contributions, from its table.

    Args:
        plugin_id: The key of its entry point, and of the table.
        table: The table.
        version: That of its distribution.
        author: That of its distribution, unless the table says another.
        summary: That of its distribution, unless the table says another.

    Raises:
        MetadataError: When a key is unknown or a value of the wrong type.
    """
    if not isinstance(table, dict):
        raise MetadataError(f"[{plugin_id}] is {table!r}, expected a table")
    for key in table:
        if key not in _KEYS:
            raise MetadataError(
                f"[{plugin_id}] has an unknown key {key!r}{did_you_mean(key, _KEYS)}"
            )
    known: dict[str, Any] = {"summary": summary, "author": author}
    for key in _TEXT:
        if key in table:
            known[key] = _checked(plugin_id, key, table[key], str)
    for key in _NAMES:
        known[key] = tuple(_texts(plugin_id, key, table))
        for name in known[key]:
            split_contract(name)
    for key in (*_RELATIONS, "extra"):
        known[key] = _mapping(plugin_id, key, table)
    texts = _texts(plugin_id, "capabilities", table)
    known["capabilities"] = tuple([PluginCapability.parse(text) for text in texts])
    known["rank"] = _checked(plugin_id, "rank", table.get("rank", 0), int)
    contributes = _checked(plugin_id, "contributes", table.get("contributes", {}), dict)
    for point, contribution in contributes.items():
        _checked(plugin_id, f'contributes."{point}"', contribution, dict)
    return PluginMetadata(plugin_id, version, **known), contributes


def differences(manifest: PluginMetadata, declared: PluginMetadata) -> list[str]:
    """The fields a class declares differently from its manifest, as "name: theirs, not ours".

    Fields the class leaves at their default do not count, nor does the version, which is the
    distribution's.
    """
    default = PluginMetadata(declared.id)
    found: list[str] = []
    for name in PluginMetadata.__match_args__:
        ours, theirs = getattr(manifest, name), getattr(declared, name)
        is_silent = name == "version" or theirs == getattr(default, name)
        if ours != theirs and (name == "id" or not is_silent):
            found.append(f"{name} is {theirs!r} in the class, {ours!r} in the manifest")
    return found


def _checked(plugin_id: str, key: str, value: object, kind: type[Any]) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise MetadataError(f"[{plugin_id}] {key} is {value!r}, expected {kind.__name__}")
    return value


def _texts(plugin_id: str, key: str, table: Mapping[str, Any]) -> list[str]:
    values = _checked(plugin_id, key, table.get(key, []), list)
    return [_checked(plugin_id, f"{key}[{i}]", value, str) for i, value in enumerate(values)]


def _mapping(plugin_id: str, key: str, table: Mapping[str, Any]) -> dict[str, str]:
    values = _checked(plugin_id, key, table.get(key, {}), dict)
    return {name: _checked(plugin_id, f"{key}.{name}", text, str) for name, text in values.items()}
