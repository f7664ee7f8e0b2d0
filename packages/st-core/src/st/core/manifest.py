"""`st_plugin.toml`: what a distribution's plugins offer, readable without importing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from st.core.capability import PluginCapability
from st.core.errors import MetadataError
from st.core.metadata import PluginMetadata, split_contract
from st.core.nearest import did_you_mean

# What each key of a plugin's table holds, and of what.
_KINDS: Final[Mapping[str, tuple[type[Any], type[Any] | None]]] = {
    **dict.fromkeys(("name", "summary", "author", "activate", "reload"), (str, None)),
    **dict.fromkeys(("capabilities", "provides", "requires_services"), (list, str)),
    **dict.fromkeys(("requires", "optional", "conflicts", "extra"), (dict, str)),
    "rank": (int, None),
    "contributes": (dict, dict),
}


def parse_manifest(text: str) -> dict[str, Any]:
    """The tables of a manifest, one per plugin id.

    Raises:
        MetadataError: When it is not TOML.
    """
    import tomllib  # 4 ms, only paid when there is a manifest to read

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MetadataError(f"st_plugin.toml: {error}") from error


def read_plugin(
    plugin_id: str, table: object, facts: Mapping[str, str]
) -> tuple[PluginMetadata, Mapping[str, Mapping[str, Any]]]:
    """A plugin's metadata and its contributions, from its table.

    Args:
        plugin_id: The key of its entry point, and of the table.
        table: The table.
        facts: What its distribution says; the table adds to it.

    Raises:
        MetadataError: When a key is unknown or a value of the wrong type.
        CapabilityError: When a capability is none of the thirteen.
    """
    where = f"st_plugin.toml: [{plugin_id}]"
    if not isinstance(table, dict):
        raise MetadataError(f"{where} is {table!r}, expected a table")
    for key, value in table.items():
        if key not in _KINDS:
            raise MetadataError(f"{where} has an unknown key {key!r}{did_you_mean(key, _KINDS)}")
        kind, of = _KINDS[key]
        _check(f"{where} {key}", value, kind)
        items = value.items() if kind is dict else enumerate(value) if kind is list else ()
        for name, item in items:
            _check(f"{where} {key}[{name!r}]", item, of or kind)
    known: dict[str, Any] = {**facts, **table}
    contributes = known.pop("contributes", {})
    known["capabilities"] = tuple(map(PluginCapability.parse, known.get("capabilities", ())))
    for key in ("provides", "requires_services"):
        known[key] = tuple(known.get(key, ()))
        for name in known[key]:
            split_contract(name)
    return PluginMetadata(plugin_id, **known), contributes


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


def _check(where: str, value: object, kind: type[Any]) -> None:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise MetadataError(f"{where} is {value!r}, expected {kind.__name__}")
