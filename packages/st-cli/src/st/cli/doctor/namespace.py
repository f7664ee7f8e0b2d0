"""Whether the namespaces that our distributions share are open to all of them."""

from __future__ import annotations

from importlib.util import find_spec

from st.cli.doctor.finding import Finding

SHARED = ("st", "st.backend")
"""Packages that several distributions put parts into; none of them may have an `__init__.py`."""


def check_namespaces() -> list[Finding]:
    """Return one finding per shared namespace that is there.

    A regular package hides the portions of others. When it hides `st.cli` too, this code never
    runs, and the `st` script says so itself.
    """
    return [finding for name in SHARED for finding in check_namespace(name)]


def check_namespace(name: str) -> list[Finding]:
    """Look at the namespace `name`, if anything is installed in it."""
    spec = find_spec(name)
    if spec is None:
        return []
    if spec.origin is not None:
        return [
            Finding(
                f"namespace {name}",
                "broken",
                f"{spec.origin} makes it a regular package, which hides the parts of others",
                "uninstall the distribution that brought this file, or delete it",
            )
        ]
    places = list(spec.submodule_search_locations or ())
    return [Finding(f"namespace {name}", "ok", f"open; parts in {len(places)} directories")]
