"""A model as a table, for a terminal and for a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import prod

from st.core.backend import DTYPES
from st.nn.faults import printable
from st.nn.model import LayerInfo, Model

Row = tuple[str, ...]
TITLES = ("#", "module", "output", "parameters", "operations", "memory")


def shown_shape(shape: tuple[int, ...]) -> str:
    """Return a shape with its batch axis: ``(b,64)``."""
    return f"({','.join(['b', *map(str, shape)])})"


def layer_rows(model: Model) -> list[tuple[str, str, str, str]]:
    """Return number, module, output shape (``b`` is the batch) and parameter count, as text.

    Modules inside others follow them, numbered ``2.1``.
    """
    rows = []
    numbers: list[int] = []
    for part in model.parts:
        numbers[part.depth :] = [(numbers[part.depth] if part.depth < len(numbers) else 0) + 1]
        number = ".".join(map(str, numbers))
        rows.append((number, _called(part), shown_shape(part.output_shape), _count(part)))
    return rows


def summary_text(model: Model) -> str:
    """Return the modules, what they give and cost, and the sums, as lines with aligned columns."""
    rows = [TITLES, *_rows(model)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(TITLES))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, total(model)])


def summary_html(model: Model) -> str:
    """Return the same as an HTML table; names are escaped."""
    return (
        f"<table><caption>{escape(printable(model.name))}: {escape(total(model))}</caption>"
        f"<thead>{_html_row(TITLES, 'th')}</thead>"
        f"<tbody>{''.join(_html_row(row, 'td') for row in _rows(model))}</tbody></table>"
    )


def total(model: Model) -> str:
    """Return what the whole model has and costs, in one line."""
    n_parameters = sum(prod(p.shape) for p in model.parameters.values())
    leaves = sum(part.n_bytes for part in _leaves(model.parts))
    operations = sum(layer.n_flops for layer in model.layers)
    return (
        f"{n_parameters:,} parameters in {_bytes(n_parameters * DTYPES[model.dtype])}; "
        f"one example: {operations:,} operations, {_bytes(leaves)}"
    )


def _rows(model: Model) -> list[Row]:
    return [
        (*row, f"{part.n_flops:,}" if part.n_flops else "", _bytes(part.n_bytes))
        for row, part in zip(layer_rows(model), model.parts, strict=True)
    ]


def _leaves(parts: Sequence[LayerInfo]) -> list[LayerInfo]:
    """Return the parts with none inside them; what a container gives, its last part gives."""
    followers = [*parts[1:], None]
    return [
        part
        for part, follower in zip(parts, followers, strict=True)
        if follower is None or follower.depth <= part.depth
    ]


def _called(part: LayerInfo) -> str:
    name = part.path.rpartition(".")[2]
    is_plain = name.isdecimal() or name == part.module_type
    return part.module_type if is_plain else f"{part.module_type} {printable(name)}"


def _count(part: LayerInfo) -> str:
    return f"{part.n_parameters:,}" if part.n_parameters else ""


def _bytes(n_bytes: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            return f"{n_bytes / size:,.1f} {unit}"
    return f"{n_bytes} B"


def _html_row(cells: Row, tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
