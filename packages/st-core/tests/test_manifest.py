from collections.abc import Iterator
from pathlib import Path

import pytest

from st.core import LoadError, PluginState, Registry
from st.core.testing import FakeDistribution, importable

GREETER = """
from st.core import Plugin
class Greeter(Plugin):
    def on_load(self, ctx):
        ctx.register_service("greeting", "hello")
"""
MANIFEST = """
[greeter]
summary = "Says hello."
capabilities = ["Language", "Custom(Greeting)"]
provides = ["greeting>=1.0"]
rank = 3
[greeter.contributes."st.commands"]
greet = "Say hello."
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    with importable(tmp_path):
        yield tmp_path


def greeter(**changes: object) -> FakeDistribution:
    facts = {
        "name": "st-greeter",
        "plugins": {"greeter": "fake_greeter:Greeter"},
        "manifest": MANIFEST,
        "modules": {"fake_greeter": GREETER},
    }
    return FakeDistribution(**{**facts, **changes})


def test_a_plugin_without_manifest_works_and_is_shown_as_opaque(
    registry: Registry, site: Path
) -> None:
    source = GREETER.replace(
        "(Plugin):",
        "(Plugin):\n    from st.core import PluginMetadata, PluginCapability\n"
        "    metadata = PluginMetadata('greeter').with_capability(PluginCapability.VISION)",
    )
    greeter(manifest="", modules={"fake_greeter": source}).write(site)
    (handle,) = registry.discover(path=[str(site)])
    was_opaque = handle.is_opaque

    registry.load("greeter")

    assert (was_opaque, handle.is_opaque) == (True, False)
    assert handle.version == "1.0"
    assert registry.find_by_capability("Vision") == (handle,)


def test_a_class_that_differs_from_its_manifest_is_a_load_error(
    registry: Registry, site: Path
) -> None:
    source = GREETER.replace(
        "(Plugin):",
        "(Plugin):\n    from st.core import PluginMetadata\n"
        "    metadata = PluginMetadata('greeter', rank=9)",
    )
    greeter(modules={"fake_greeter": source}).write(site)
    registry.discover(path=[str(site)])

    with pytest.raises(LoadError, match="rank is 9 in the class, 3 in the manifest"):
        registry.load("greeter")


@pytest.mark.parametrize(
    ("manifest", "problem"),
    [
        ("[greeter", "st_plugin.toml"),
        ("[greeter]\nranks = 3", "unknown key 'ranks'; did you mean 'rank'"),
        ("[greeter]\nrank = 'high'", "rank is 'high', expected int"),
        ("[greeter]\nrank = true", "rank is True, expected int"),
        ("[greeter]\ncapabilities = ['Optimisers']", "did you mean 'Optimizers'"),
        ("[greeter]\nrequires = {greeter = ''}", "names the plugin itself"),
        ("greeter = 3", "is 3, expected a table"),
    ],
    ids=["no-toml", "unknown-key", "wrong-type", "truth", "capability", "itself", "no-table"],
)
def test_a_broken_manifest_is_told_and_hides_no_other(
    registry: Registry, site: Path, manifest: str, problem: str
) -> None:
    greeter(manifest=manifest).write(site)
    FakeDistribution("st-fine", {"fine": "x:y"}, manifest="[fine]").write(site)

    registry.discover(path=[str(site)])

    assert registry.get("greeter").state is PluginState.BROKEN
    assert problem in registry.get("greeter").reason
    assert registry.get("fine").state is PluginState.DISCOVERED
    with pytest.raises(LoadError, match="greeter is broken"):
        registry.load("greeter")


def test_an_id_of_a_wrong_form_is_told(registry: Registry, site: Path) -> None:
    FakeDistribution("st-odd", {"Odd.Name": "x:y"}).write(site)

    (handle,) = registry.discover(path=[str(site)])

    assert handle.state is PluginState.BROKEN
    assert "plugin id 'Odd.Name'" in handle.reason
