"""Markup that cannot be broken out of: every string is escaped unless it is markup already.

The only way text becomes part of a page is through :func:`element`, :func:`text` or
:func:`join`, which escape whatever is not :class:`Markup`. Characters that HTML cannot carry
(lone surrogates) or that could mislead a reader (terminal escapes, other control characters,
bidirectional overrides) are replaced by visible stand-ins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

__all__ = ["Markup", "element", "join", "text", "visible"]

_VOID = frozenset({"br", "img", "link", "meta"})
# C0 controls except tab and newline, DEL and C1, bidirectional controls, lone surrogates, and
# the two characters no XML or HTML text may hold.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


class Markup(str):
    """A string that is finished HTML and is inserted as it stands."""

    __slots__ = ()


def visible(value: str) -> str:
    r"""Return `value` with every character that must not reach a page replaced by a symbol.

    Control characters become their pictures (U+2400 block), the rest U+FFFD.

    >>> visible("red \x1b[31m alert")
    'red ␛[31m alert'
    """
    return _UNSAFE.sub(_stand_in, value)


def _stand_in(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def text(value: object) -> Markup:
    """Return `value` as escaped text; markup passes through unchanged.

    >>> text("<script>")
    '&lt;script&gt;'
    """
    return value if isinstance(value, Markup) else Markup(escape(visible(str(value))))


def join(parts: Iterable[object]) -> Markup:
    """Return the parts one after the other, each escaped as :func:`text` does."""
    return Markup("".join(text(part) for part in parts))


def element(tag: str, *children: object, **attributes: object) -> Markup:
    """Return one element; children and attribute values are escaped.

    An attribute that is None or False is left out, one that is True stands without value, a
    trailing underscore is dropped (``class_``) and other underscores become hyphens.

    >>> element("p", "5 < 7", class_="note")
    '<p class="note">5 &lt; 7</p>'
    """
    pieces = [f"<{tag}"]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        name = key.rstrip("_").replace("_", "-")
        pieces.append(f" {name}" if value is True else f' {name}="{escape(visible(str(value)))}"')
    pieces.append(">")
    if tag not in _VOID:
        pieces.extend(text(child) for child in children if child is not None)
        pieces.append(f"</{tag}>")
    return Markup("".join(pieces))
