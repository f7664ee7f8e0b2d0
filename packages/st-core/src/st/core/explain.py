"""Why plugins are what they are: the graph of requirements, its faults, and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from st.core.handle import USABLE, PluginHandle, PluginState

# States that are as they should be.
_SOUND = (*USABLE, PluginState.UNLOADED, PluginState.UNLOADING)


def graph(handles: Iterable[PluginHandle]) -> dict[str, tuple[str, ...]]:
    """What each plugin requires, by id; ids that nobody has may occur among the values."""
    return {handle.id: tuple(sorted(handle.metadata.requires)) for handle in handles}


def validate(handles: Iterable[PluginHandle]) -> tuple[str, ...]:
    """One sentence for every plugin that cannot be used, sorted by id."""
    return tuple(
        f"{handle.id} is {handle.state}: {handle.reason}"
        for handle in sorted(handles, key=lambda handle: handle.id)
        if handle.state not in _SOUND
    )


def explain(handle: PluginHandle, handles: Iterable[PluginHandle], users: Iterable[str]) -> str:
    """A plugin's state and all that has to do with it, as sentences."""
    metadata = handle.metadata
    lines = [f"{handle.id} {handle.version} from {handle.origin} is {handle.state}."]
    if metadata.summary:
        lines.append(metadata.summary)
    if handle.reason:
        lines.append(f"Why: {handle.reason}.")
    if handle.is_opaque and handle.state is not PluginState.ACTIVE:
        lines.append("It has no manifest: what it offers is known only once it is loaded.")
    needed_by = [other.id for other in handles if handle.id in other.metadata.requires]
    facts: Mapping[str, Iterable[str]] = {
        "It can": [str(capability) for capability in metadata.capabilities],
        "It provides": metadata.provides,
        "It requires": [f"{name} {spec}".rstrip() for name, spec in metadata.requires.items()],
        "It requires the services": metadata.requires_services,
        "It uses, when they are there,": metadata.optional,
        "It cannot run beside": metadata.conflicts,
        "It is required by": sorted(needed_by),
        "Its services are held by": sorted(users),
    }
    lines += [f"{what} {', '.join(names)}." for what, names in facts.items() if [*names]]
    return "\n".join(lines)


def to_mermaid(handles: Iterable[PluginHandle]) -> str:
    """The graph as a Mermaid flowchart; plugins that are missing have dashed outlines."""
    lines = ["flowchart LR"]
    nodes, edges, missing = _drawn(handles)
    lines += [f'  {_word(name)}["{name}"]' for name in [*nodes, *missing]]
    lines += [f"  {_word(one)} --> {_word(two)}" for one, two in edges]
    lines += [f"  style {_word(name)} stroke-dasharray: 4" for name in missing]
    return "\n".join(lines) + "\n"


def to_dot(handles: Iterable[PluginHandle]) -> str:
    """The graph for Graphviz; plugins that are missing have dashed outlines."""
    nodes, edges, missing = _drawn(handles)
    lines = [f'  "{name}";' for name in nodes]
    lines += [f'  "{name}" [style=dashed];' for name in missing]
    lines += [f'  "{one}" -> "{two}";' for one, two in edges]
    return "\n".join(["digraph plugins {", "  rankdir=LR;", *lines, "}"]) + "\n"


def _drawn(
    handles: Iterable[PluginHandle],
) -> tuple[list[str], list[tuple[str, str]], list[str]]:
    found = graph(handles)
    edges = [(one, two) for one in sorted(found) for two in found[one]]
    return sorted(found), edges, sorted({two for _, two in edges} - found.keys())


def _word(plugin_id: str) -> str:
    """An id as Mermaid takes node names: it reads "-" as the beginning of an arrow."""
    return plugin_id.replace("-", "_")
