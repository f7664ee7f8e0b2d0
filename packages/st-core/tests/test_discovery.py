import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from st.core import (
    DependencyError,
    LoadError,
    Plugin,
    PluginCapability,
    PluginMetadata,
    PluginState,
    Registry,
    ServiceNotFoundError,
    entry_points,
)
from st.core.testing import FakeDistribution, importable

BOMB = "raise SystemExit('imported')"
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


def test_a_manifest_says_everything_and_nothing_is_imported(registry: Registry, site: Path) -> None:
    greeter(modules={"fake_greeter": BOMB}).write(site)

    (handle,) = registry.discover(path=[str(site)])

    assert (handle.id, handle.version, handle.origin) == ("greeter", "1.0", "st-greeter")
    assert handle.metadata.summary == "Says hello."
    assert handle.metadata.author == "Nobody"
    assert registry.find_by_capability(PluginCapability.LANGUAGE) == (handle,)
    assert registry.contributions("st.commands")[0].table == {"greet": "Say hello."}
    assert "fake_greeter" not in sys.modules


def test_asking_for_a_declared_service_loads_its_plugin(registry: Registry, site: Path) -> None:
    greeter().write(site)
    registry.discover(path=[str(site)])

    assert registry.get_service("greeting") == "hello"
    assert registry.get("greeter").state is PluginState.ACTIVE


def test_a_provider_that_fails_is_named_and_not_tried_again(registry: Registry, site: Path) -> None:
    greeter(modules={"fake_greeter": BOMB}).write(site)
    registry.discover(path=[str(site)])

    with pytest.raises(ServiceNotFoundError, match="greeter: greeter failed to load: SystemExit"):
        registry.get_service("greeting")
    assert registry.get("greeter").state is PluginState.FAILED
    assert registry.find_by_capability("Language") == ()
    assert [handle.reason for handle in registry.find_by_capability("Language", all=True)] == [
        "greeter failed to load: SystemExit: imported"
    ]


def test_the_next_provider_is_taken_when_the_first_fails(registry: Registry, site: Path) -> None:
    greeter(modules={"fake_greeter": BOMB}).write(site)
    FakeDistribution(
        "st-other",
        {"other": "fake_other:Greeter"},
        manifest='[other]\nprovides = ["greeting"]',
        modules={"fake_other": GREETER},
    ).write(site)
    registry.discover(path=[str(site)])

    assert registry.get_service("greeting") == "hello"
    assert registry.get("other").state is PluginState.ACTIVE


def test_an_unloaded_plugin_stays_known_and_loads_only_by_name(
    registry: Registry, site: Path
) -> None:
    greeter().write(site)
    registry.discover(path=[str(site)])
    registry.load("greeter")
    registry.unregister("greeter")

    assert registry.get_service("greeting", default=None) is None
    assert registry.find_by_capability("Language", activate=True) == ()
    registry.load("greeter")
    assert registry.get_service("greeting") == "hello"


@pytest.mark.parametrize(
    ("target", "message"),
    [("fake_greeter:Absent", "has no attribute 'Absent'"), ("no_such:X", "No module named")],
)
def test_an_entry_point_to_nowhere_is_a_load_error(
    registry: Registry, site: Path, target: str, message: str
) -> None:
    greeter(plugins={"greeter": target}).write(site)
    registry.discover(path=[str(site)])

    with pytest.raises(LoadError, match=message):
        registry.load("greeter")


def test_one_id_of_two_distributions_is_given_to_neither(registry: Registry, site: Path) -> None:
    greeter().write(site)
    greeter(name="st-impostor").write(site)

    registry.discover(path=[str(site)])

    handle = registry.get("greeter")
    assert handle.state is PluginState.CONFLICTING
    assert "both st-greeter and st-impostor provide" in handle.reason
    assert registry.find_by_capability("Language") == ()


def test_blocking_one_of_two_gives_the_id_to_the_other(site: Path) -> None:
    greeter().write(site)
    greeter(name="st-impostor").write(site)

    with Registry(environ={}, block=["ST_Greeter"]) as registry:
        registry.discover(path=[str(site)])
        assert registry.get("greeter").origin == "st-impostor"


@pytest.mark.parametrize(
    ("lists", "reason"),
    [({"block": ["st-greeter"]}, "is blocked"), ({"allow": ["st-other"]}, "is not allowed")],
    ids=["block", "allow"],
)
def test_distributions_can_be_kept_out(site: Path, lists: dict, reason: str) -> None:
    greeter().write(site)

    with Registry(environ={}, **lists) as registry:
        registry.discover(path=[str(site)])
        assert registry.get("greeter").state is PluginState.BLOCKED
        assert registry.find_by_capability("Language") == ()
        with pytest.raises(LoadError, match=reason):
            registry.load("greeter")


def test_discovering_again_finds_only_what_is_new(registry: Registry, site: Path) -> None:
    greeter().write(site)

    assert len(registry.discover(path=[str(site)])) == 1
    assert registry.discover(path=[str(site)]) == ()


def test_the_first_of_two_versions_on_the_path_counts(registry: Registry, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    greeter(version="2.0").write(first)
    greeter(version="1.0").write(second)

    (handle,) = registry.discover(path=[str(first), str(second)])

    assert handle.version == "2.0"


def test_plugins_in_zip_files_are_found_too(registry: Registry, tmp_path: Path) -> None:
    greeter().write(tmp_path / "site")
    archive = tmp_path / "plugins.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for file in (tmp_path / "site").rglob("*"):
            zipped.write(file, file.relative_to(tmp_path / "site"))

    (handle,) = registry.discover(path=[str(archive)])

    assert handle.metadata.summary == "Says hello."


def test_requirements_among_the_installed_are_worked_out_without_import(
    registry: Registry, site: Path
) -> None:
    manifest = """
[base]
[user]
requires = { base = ">=1" }
capabilities = ["Vision"]
[newer]
requires = { base = ">=2" }
capabilities = ["Vision"]
[deeper]
requires = { newer = "" }
capabilities = ["Vision"]
[left]
requires = { right = "" }
[right]
requires = { left = "" }
[wanting]
requires_services = ["nothing"]
"""
    ids = ("base", "user", "newer", "deeper", "left", "right", "wanting")
    FakeDistribution("st-many", dict.fromkeys(ids, "x:y"), manifest=manifest).write(site)

    registry.discover(path=[str(site)])

    assert [handle.id for handle in registry.find_by_capability("Vision")] == ["user"]
    reasons = {handle.id: handle.reason for handle in registry if handle.reason}
    assert reasons.keys() == {"newer", "deeper", "left", "right", "wanting"}
    assert reasons["newer"] == "requires base >=2, but 1.0 is installed"
    assert "requires newer: requires base >=2" in reasons["deeper"]
    assert "circle" in reasons["left"]
    assert reasons["wanting"] == "requires service nothing, which no plugin provides"
    assert len(registry.validate()) == 5
    with pytest.raises(DependencyError):
        registry.load("deeper")


def test_startup_plugins_load_in_order_and_a_failing_one_stops_no_other(
    registry: Registry, site: Path
) -> None:
    manifest = """
[a]
activate = "startup"
requires = { b = "" }
[b]
activate = "startup"
[bad]
activate = "startup"
[lazy]
"""
    source = (
        GREETER + "\nclass Bad(Plugin):\n    def on_load(self, ctx):\n        raise OSError('no')"
    )
    targets = {"a": "Greeter", "b": "Greeter", "bad": "Bad", "lazy": "Greeter"}
    FakeDistribution(
        "st-start",
        {key: f"fake_start:{name}" for key, name in targets.items()},
        manifest=manifest,
        modules={"fake_start": source},
    ).write(site)
    registry.discover(path=[str(site)])

    active = registry.initialize_all()

    assert [handle.id for handle in active] == ["b", "a"]
    assert registry.get("bad").state is PluginState.FAILED
    assert registry.get("lazy").state is PluginState.DISCOVERED


def test_entry_points_of_any_group_can_be_read(tmp_path: Path) -> None:
    FakeDistribution("st-tool", {"go": "tool.commands:go [extra]"}, group="st.commands").write(
        tmp_path
    )

    (entry,) = entry_points("st.commands", path=[str(tmp_path)])

    assert (entry.name, entry.target, entry.distribution.name) == (
        "go",
        "tool.commands:go",
        "st-tool",
    )


def test_paths_that_are_not_there_are_passed_over(registry: Registry, tmp_path: Path) -> None:
    assert registry.discover(path=[str(tmp_path / "absent"), ""]) == ()


def test_a_state_that_changes_changes_what_is_found(registry: Registry, site: Path) -> None:
    greeter().write(site)
    registry.discover(path=[str(site)])
    found = [registry.find_by_capability("Language")]
    registry.load("greeter")
    found.append(registry.find_by_capability("Language"))
    registry.unregister("greeter")
    found.append(registry.find_by_capability("Language"))

    assert [len(handles) for handles in found] == [1, 1, 0]


def test_a_distribution_found_twice_gives_its_entry_points_once(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    greeter(version="2.0").write(first)
    greeter(version="1.0").write(second)

    found = entry_points("st.plugins", path=[str(first), str(second)])

    assert [entry.distribution.version for entry in found] == ["2.0"]


def test_an_id_at_work_is_not_taken_away_by_what_is_installed(
    registry: Registry, site: Path
) -> None:
    class Present(Plugin):
        metadata = PluginMetadata("greeter")

    registry.register(Present)
    greeter().write(site)
    registry.discover(path=[str(site)])

    assert registry.get("greeter").state is PluginState.ACTIVE


def test_a_blocked_distribution_takes_no_id_from_another(site: Path) -> None:
    greeter().write(site)
    greeter(name="st-impostor").write(site)

    with Registry(environ={}, block=["st-impostor"]) as registry:
        registry.discover(path=[str(site)])
        assert registry.get("greeter").state is PluginState.DISCOVERED


def test_a_service_in_too_old_a_version_does_not_resolve(registry: Registry, site: Path) -> None:
    manifest = """
[base]
provides = ["of.base>=1.0"]
[user]
requires_services = ["of.base>=2"]
[other]
requires_services = ["of.base>=0.5"]
"""
    FakeDistribution(
        "st-v", dict.fromkeys(("base", "user", "other"), "x:y"), manifest=manifest
    ).write(site)
    registry.discover(path=[str(site)])

    assert registry.get("user").reason == "requires service of.base>=2, which no plugin provides"
    assert registry.get("other").state is PluginState.DISCOVERED


def test_after_shutdown_nothing_loads_by_itself_until_the_system_starts_again(
    site: Path,
) -> None:
    greeter().write(site)
    registry = Registry(environ={})
    registry.discover(path=[str(site)])
    registry.shutdown()

    assert registry.find_by_capability("Language", activate=True) == ()
    assert registry.get_service("greeting", default=None) is None
    registry.initialize_all()
    assert registry.get_service("greeting") == "hello"
    registry.shutdown()
