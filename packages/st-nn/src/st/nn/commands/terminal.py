"""Printing to people: in colour on a terminal that wants it, plain text everywhere else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.style import Style
from rich.text import Text

Image = NDArray[np.float32]

_SHADES = " .:-=+*#%@"
_GAP = 3


def make_console() -> Console:
    """Return a console that prints text as it is, in lines as long as they are."""
    return Console(markup=False, highlight=False, emoji=False, soft_wrap=True)


def has_colour(console: Console) -> bool:
    """Whether colours are shown: not in a pipe or a file, and not with ``NO_COLOR``."""
    return console.color_system is not None and not console.no_color


def side_by_side(
    images: Sequence[Image], captions: Sequence[str], *, in_colour: bool
) -> list[Text]:
    """Return lines that show grey images next to each other, each above its caption.

    Args:
        images: Values 0 (dark) to 1 (bright), all of one shape `(height, width)`.
        captions: One for each image.
        in_colour: Half blocks, two pixels in a character; otherwise two characters for a pixel.
    """
    if not images:
        return []
    draw = _half_blocks if in_colour else _shades
    drawn = [draw(image) for image in images]
    width = max(drawn[0][0].cell_len, *(len(caption) for caption in captions))
    rows = [*zip(*drawn, strict=True), [Text(caption, "bold") for caption in captions]]
    lines = []
    for row in rows:
        line = Text()
        for cell in row:
            line += Text(" " * _GAP) + cell + Text(" " * (width - cell.cell_len))
        line.rstrip()
        lines.append(line)
    return lines


def _half_blocks(image: Image) -> list[Text]:
    """Draw two pixels, one above the other, in each character."""
    levels = np.rint(image * 255).astype(int)
    if len(levels) % 2:
        levels = np.vstack([levels, np.zeros_like(levels[:1])])
    lines = []
    for upper, lower in zip(levels[::2], levels[1::2], strict=True):
        line = Text()
        for above, below in zip(upper.tolist(), lower.tolist(), strict=True):
            line.append("▀", Style(color=_grey(above), bgcolor=_grey(below)))
        lines.append(line)
    return lines


def _shades(image: Image) -> list[Text]:
    levels = np.minimum((image * len(_SHADES)).astype(int), len(_SHADES) - 1)
    return [Text("".join(_SHADES[level] * 2 for level in row)) for row in levels.tolist()]


def _grey(level: int) -> str:
    return f"#{level:02x}{level:02x}{level:02x}"


def bar(share: float, width: int) -> str:
    """Return a bar that is filled to `share`, 0 to 1, of `width` characters."""
    return ("━" * round(share * width)).ljust(width)
