"""Which distributions of the family are installed, and whether their requirements are met."""

from __future__ import annotations

import json
from importlib.metadata import Distribution, PackageNotFoundError, distribution, entry_points

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from st.cli.doctor.finding import Finding
from st.core.catalog import names_of, provider_of

KINDS = ("plugins", "capabilities", "services", "modules", "commands")
"""The kinds of things whose providers the catalogue knows."""


def check_distributions() -> list[Finding]:
    """Return what is installed of the family, plugins of others included, and what could be."""
    present = participants()
    findings = [
        finding for name in sorted(present) for finding in check_distribution(present[name])
    ]
    for name, (install, offers) in sorted(known_offers().items()):
        if name not in present:
            detail = f"not installed; it would offer {', '.join(offers)}"
            findings.append(Finding(name, "note", detail, install))
    return findings


def participants() -> dict[str, Distribution]:
    """Return the installed distributions that take part, by normalised name."""
    points = [*entry_points(group="st.plugins"), *entry_points(group="st.commands")]
    found = [point.dist for point in points if point.dist]
    found += [distribution(name) for name in ("st-core", "st-cli")]
    return {canonicalize_name(one.name): one for one in found}


def known_offers() -> dict[str, tuple[str, list[str]]]:
    """Return what the catalogue knows: distribution → install command and what it offers."""
    known: dict[str, tuple[str, list[str]]] = {}
    for kind in KINDS:
        for name in names_of(kind):
            provider = provider_of(kind, name)
            if provider is not None:
                offers = known.setdefault(provider.distribution, (provider.install, []))[1]
                if name not in offers:
                    offers.append(name)
    return known


def install_command(name: str) -> str:
    """Return what installs the distribution `name`, or nothing where the catalogue has none."""
    return known_offers().get(name, ("", []))[0]


def check_distribution(installed: Distribution) -> list[Finding]:
    """Look at one installed distribution: where it is, and what it needs but does not find."""
    unmet = [
        finding
        for text in installed.requires or ()
        for finding in check_requirement(installed, Requirement(text))
    ]
    return unmet or [Finding(installed.name, "ok", f"{installed.version}{place(installed)}")]


def check_requirement(installed: Distribution, requirement: Requirement) -> list[Finding]:
    """Return what is wrong with one requirement of an installed distribution, if anything."""
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
        return []
    needs = f"{installed.version} needs {requirement.name}{requirement.specifier}"
    try:
        version = distribution(requirement.name).version
    except PackageNotFoundError:
        install = install_command(requirement.name) or f'pip install "{requirement}"'
        return [Finding(installed.name, "broken", f"{needs}, which is not installed", install)]
    if requirement.specifier.contains(version, prereleases=True):
        return []
    remedy = (
        f"install releases of {installed.name} and {requirement.name} that fit each other"
        if canonicalize_name(requirement.name) in participants()
        else f'pip install "{requirement}"'
    )
    return [Finding(installed.name, "broken", f"{needs}; installed is {version}", remedy)]


def place(installed: Distribution) -> str:
    """Return where an editable installation has its source, or nothing for an ordinary one."""
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    if not origin.get("dir_info", {}).get("editable"):
        return ""
    return f", editable from {str(origin.get('url', '')).removeprefix('file://')}"
