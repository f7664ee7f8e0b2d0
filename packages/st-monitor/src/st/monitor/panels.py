"""Report panels of other plugins, from the types of `st.core.panels` to JSON data.

Numbers may come as NumPy arrays. What is stored is what the report draws, so that a report made
years later from the directory shows what the first one showed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from st.core import StError
from st.core.panels import Images, Matrix, Panel, Series, Table
from st.monitor.plain import Json, plain

__all__ = ["PanelError", "StoredPanel", "stored"]

StoredPanel = dict[str, Json]

# 400 images of 64 by 64; more than a page can show.
MAX_ITEMS = 2_000_000

_KINDS = {Table: "table", Matrix: "matrix", Images: "images", Series: "series"}


class PanelError(StError, TypeError):
    """Something that is no panel was given to the report."""


def stored(panel: Panel) -> StoredPanel:
    """Return a panel as JSON data.

    Raises:
        PanelError: It is not a `Panel`, or its body is none of the panel types.
    """
    if not isinstance(panel, Panel):
        raise PanelError(f"expected a st.core.panels.Panel, got {type(panel).__name__}")
    kind = _KINDS.get(type(panel.body))
    if kind is None:
        raise PanelError(
            f"panel '{panel.title}': a body is a Table, Matrix, Images or Series, "
            f"not {type(panel.body).__name__}"
        )
    facts: dict[str, Any] = {"title": panel.title, "note": panel.note, "kind": kind}
    for name in panel.body.__dataclass_fields__:
        facts[name] = _listed(getattr(panel.body, name))
    reduced = plain(facts, max_items=MAX_ITEMS)
    return reduced if isinstance(reduced, dict) else {}


def _listed(value: Any) -> Any:
    """Return `value` with every NumPy array in it as nested lists."""
    if type(value).__module__ == "numpy" and getattr(value, "shape", ()) != ():
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [_listed(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _listed(item) for key, item in value.items()}
    return value
