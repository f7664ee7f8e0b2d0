"""The catalogue of what can be installed says what the manifests of this repository say."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from st.core.catalog import provider_of

ROOT = Path(__file__).resolve().parent.parent
MANIFESTS = [*ROOT.glob("packages/*/st_plugin.toml"), *ROOT.glob("docs/examples/plugins/*/*.toml")]
POINTS = {"st.nn.modules": "modules", "st.commands": "commands"}


def offers() -> Iterator[tuple[str, str, str]]:
    """Give (kind, name, distribution) of everything a manifest here offers."""
    for file in sorted(MANIFESTS):
        if file.name != "st_plugin.toml":
            continue
        for plugin_id, plugin in tomllib.loads(file.read_text(encoding="utf-8")).items():
            yield "plugins", plugin_id, file.parent.name
            for capability in plugin.get("capabilities", ()):
                yield "capabilities", capability, file.parent.name
            for service in plugin.get("provides", ()):
                yield "services", service.partition(">")[0], file.parent.name
            for point, table in plugin.get("contributes", {}).items():
                for name in table if point in POINTS else ():
                    yield POINTS[point], name, file.parent.name


@pytest.mark.parametrize(("kind", "name", "distribution"), list(offers()))
def test_what_a_manifest_offers_is_in_the_catalogue(
    kind: str, name: str, distribution: str
) -> None:
    provider = provider_of(kind, name)

    assert provider is not None
    assert provider.distribution == distribution
    assert provider.install.startswith("pip install ")
