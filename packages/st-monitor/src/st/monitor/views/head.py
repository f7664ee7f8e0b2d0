"""The head of our pages: title, style, and the policy that lets in nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from st.monitor.views.html import Markup, element

__all__ = ["head", "style_policy"]


def head(title: str, policy: str = "") -> Markup:
    """Return the head of a page; with `policy` it carries its Content-Security-Policy itself."""
    return element(
        "head",
        element("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">')
        if policy
        else None,
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("link", rel="icon", href="data:,"),
        Markup(f"<style>{_style()}</style>"),
    )


def style_policy() -> str:
    """Return the part of a policy that lets in our style and no other."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"style-src 'sha256-{digest}'"


@cache
def _style() -> str:
    return files("st.monitor.views").joinpath("report.css").read_text(encoding="utf-8")
