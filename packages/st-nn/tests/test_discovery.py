import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from st.core import LoadError, Registry
from st.nn.discovery import (
    MODULE_REGISTRY,
    ModuleDiscoveryRegistry,
    ModuleRegistered,
    ModuleReplaced,
)
from st.nn.faults import DescriptionError
from st.nn.metadata import (
    DuplicateModuleError,
    ModuleCategory,
    ModuleMetadata,
    UnknownModuleError,
)
from st.nn.modules import Linear


class Scale(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    by: float = 1.0


@pytest.fixture
def modules(registry: Registry) -> ModuleDiscoveryRegistry:
    return registry.get_service(MODULE_REGISTRY)


def _install(folder: Path, plugin_id: str, manifest: str, code: str = "") -> None:
    """Put a distribution with one plugin on disk, as pip would."""
    info = folder / f"st_{plugin_id}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: st-{plugin_id}\nVersion: 1.0\n")
    entry = f"[st.plugins]\n{plugin_id} = {plugin_id}_code:Made\n"
    (info / "entry_points.txt").write_text(entry)
    (info / "extra_metadata").mkdir()
    (info / "extra_metadata/st_plugin.toml").write_text(manifest)
    (folder / f"{plugin_id}_code.py").write_text(code)


def _manifest(plugin_id: str, name: str, target: str) -> str:
    return (
        f'[{plugin_id}]\nsummary = "x"\n[{plugin_id}.contributes."st.nn.modules"]\n'
        f'{name} = {{ class = "{target}", category = "Activation", description = "Bends." }}\n'
    )


def test_registered_module_is_created_from_its_fields(modules: ModuleDiscoveryRegistry) -> None:
    modules.register(ModuleMetadata("scale"), Scale)

    assert modules.create("scale", {"by": "2"}) == Scale(by=2.0)


def test_plain_function_is_a_factory_as_well(modules: ModuleDiscoveryRegistry) -> None:
    metadata = ModuleMetadata("custom_conv", parameters={"in_channels": "how many come in"})
    modules.register(metadata, lambda config: ("conv", config.get("in_channels", 3)))

    assert modules.create("custom_conv") == ("conv", 3)
    assert modules.create("custom_conv", {"in_channels": 5}) == ("conv", 5)


def test_function_is_not_called_with_a_parameter_it_does_not_have(
    modules: ModuleDiscoveryRegistry,
) -> None:
    metadata = ModuleMetadata("conv", parameters={"channels": "how many"})
    modules.register(metadata, lambda config: pytest.fail("called"))

    with pytest.raises(DescriptionError, match="nearest: channels"):
        modules.create("conv", {"chanels": 1})


def test_undo_takes_a_registered_module_away(modules: ModuleDiscoveryRegistry) -> None:
    before = modules.list_modules()
    undo = modules.register(ModuleMetadata("scale"), Scale)
    assert "scale" in modules.list_modules()

    undo()
    undo()

    assert modules.list_modules() == before


def test_undo_leaves_a_later_module_of_that_name_alone(modules: ModuleDiscoveryRegistry) -> None:
    undo = modules.register(ModuleMetadata("scale"), Scale)
    modules.unregister("scale")
    modules.register(ModuleMetadata("scale", description="another"), Scale)

    undo()

    assert modules.get_metadata("scale").description == "another"


def test_unregister_undoes_register_and_nothing_else(modules: ModuleDiscoveryRegistry) -> None:
    modules.register(ModuleMetadata("scale"), Scale)

    modules.unregister("scale")

    assert "scale" not in modules.list_modules()
    with pytest.raises(UnknownModuleError, match="'linear' was not registered here"):
        modules.unregister("linear")


@pytest.mark.parametrize("name", ["linear", "mine"])
def test_taken_name_is_refused(modules: ModuleDiscoveryRegistry, name: str) -> None:
    modules.register(ModuleMetadata("mine"), Scale)

    with pytest.raises(DuplicateModuleError, match=f"{name!r} is already offered"):
        modules.register(ModuleMetadata(name), Scale)


def test_module_is_replaced_when_its_name_is_said_and_is_there_again_after(
    registry: Registry, modules: ModuleDiscoveryRegistry
) -> None:
    heard: list[ModuleReplaced] = []
    registry.bus.subscribe(ModuleReplaced, heard.append)
    mine = ModuleMetadata("linear", plugin_id="mine")

    undo = modules.register(mine, Scale, replace="linear")
    again = modules.register(ModuleMetadata("linear"), Linear, replace="linear")
    undo()

    assert modules.create("linear", {"out_features": 3}) == Linear(out_features=3)
    assert modules.get_metadata("linear").plugin_id == ""
    again()
    again()
    assert modules.get_metadata("linear").plugin_id == "nn"
    assert heard == [
        ModuleReplaced("linear", "mine", "nn"),
        ModuleReplaced("linear", "", "mine"),
        ModuleReplaced("linear", "nn", ""),
    ]


def test_replacing_another_name_than_the_own_is_refused(modules: ModuleDiscoveryRegistry) -> None:
    with pytest.raises(DuplicateModuleError, match="register it with replace='linear'"):
        modules.register(ModuleMetadata("linear"), Scale, replace="relu")


def test_class_passed_on_by_a_package_is_known_by_its_name(
    modules: ModuleDiscoveryRegistry,
) -> None:
    assert modules.name_of(Linear(out_features=3)) == "linear"
    assert modules.name_of(Scale()) is None


@pytest.mark.parametrize("name", ["", "  ", "a\x1b"], ids=["empty", "blank", "control character"])
def test_name_nobody_can_read_is_refused(name: str) -> None:
    with pytest.raises(UnknownModuleError, match="needs a printable name"):
        ModuleMetadata(name)


def test_registration_is_published(registry: Registry, modules: ModuleDiscoveryRegistry) -> None:
    heard: list[ModuleRegistered] = []
    registry.bus.subscribe(ModuleRegistered, heard.append)

    modules.register(ModuleMetadata("scale", plugin_id="mine"), Scale)

    assert heard == [ModuleRegistered("scale", "mine")]


def test_listener_and_factory_may_call_back(
    registry: Registry, modules: ModuleDiscoveryRegistry
) -> None:
    heard: list[tuple[str, ...]] = []
    registry.bus.subscribe(ModuleRegistered, lambda event: heard.append(modules.list_modules()))

    def factory(config: Mapping[str, Any]) -> object:
        return modules.create("linear", {"out_features": 3})

    modules.register(ModuleMetadata("nested"), factory)

    assert "nested" in heard[0]
    assert modules.create("nested") == Linear(out_features=3)


def test_failing_factory_is_an_error_that_names_the_module(
    modules: ModuleDiscoveryRegistry,
) -> None:
    modules.register(ModuleMetadata("bad", plugin_id="mine"), lambda config: 1 / 0)

    with pytest.raises(LoadError, match="factory of module 'bad' failed: ZeroDivisionError"):
        modules.create("bad")


def test_unknown_module_names_the_nearest(modules: ModuleDiscoveryRegistry) -> None:
    with pytest.raises(
        UnknownModuleError, match='no plugin offers module "liner"; nearest: linear'
    ):
        modules.create("liner")


def test_module_of_a_known_distribution_names_the_command_that_installs_it(
    modules: ModuleDiscoveryRegistry,
) -> None:
    with pytest.raises(UnknownModuleError, match=r"install it with: pip install .*st-swish"):
        modules.create("swish")


def test_categories_and_words_find_modules_sorted_by_name(
    modules: ModuleDiscoveryRegistry,
) -> None:
    optimizers = [m.module_type for m in modules.find_by_category(ModuleCategory.OPTIMIZER)]
    found = [m.module_type for m in modules.search("MATRIX")]

    assert optimizers == ["adam", "adamw", "sgd"]
    assert found == ["linear"]
    assert modules.list_modules() == tuple(sorted(modules.list_modules()))


def test_contributed_module_is_listed_without_import_and_created_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> None:
    code = "import msgspec\nclass Bend(msgspec.Struct, frozen=True):\n    by: int = 1\n"
    code += "class Made:\n    def on_load(self, ctx): ctx.set_config('x', '1')\n"
    code += "    def on_unload(self, ctx): pass\n"
    _install(tmp_path, "bending", _manifest("bending", "bend", "bending_code:Bend"), code)
    monkeypatch.syspath_prepend(tmp_path)
    with Registry(environ={}) as other:
        other.discover(path=[str(tmp_path)])
        modules = ModuleDiscoveryRegistry(other)

        assert modules.get_metadata("bend").distribution == "st-bending"
        assert modules.search("bends")[0].category is ModuleCategory.ACTIVATION
        assert "bending_code" not in sys.modules
        bend = modules.create("bend", {"by": 2})
        assert bend.by == 2
        assert modules.name_of(bend) == "bend"
        assert str(other.get("bending").state) == "active"  # type: ignore[union-attr]
    del sys.modules["bending_code"]


def test_plugin_that_a_module_needs_is_loaded_before_the_module_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import msgspec\nclass Bend(msgspec.Struct, frozen=True):\n    by: int = 1\n"
    code += "class Made:\n    def on_load(self, ctx): pass\n    def on_unload(self, ctx): pass\n"
    manifest = _manifest("needing", "bend", "needing_code:Bend")
    manifest = manifest.replace("category", "needs_plugin = true, category")
    _install(tmp_path, "needing", manifest, code)
    monkeypatch.syspath_prepend(tmp_path)
    with Registry(environ={}) as other:
        other.discover(path=[str(tmp_path)])

        ModuleDiscoveryRegistry(other).check("bend", {})

        assert str(other.get("needing").state) == "active"  # type: ignore[union-attr]
    del sys.modules["needing_code"]


def test_code_that_cannot_be_imported_is_an_error_that_names_the_module(
    tmp_path: Path,
) -> None:
    _install(tmp_path, "gone", _manifest("gone", "bend", "no_such_code:Bend"))
    with Registry(environ={}) as other:
        other.discover(path=[str(tmp_path)])

        with pytest.raises(LoadError, match="code of module 'bend' failed: ModuleNotFoundError"):
            ModuleDiscoveryRegistry(other).fields("bend")


def test_name_two_plugins_claim_belongs_to_neither(tmp_path: Path) -> None:
    _install(tmp_path, "one", _manifest("one", "bend", "a:B"))
    _install(tmp_path, "two", _manifest("two", "bend", "c:D"))
    with Registry(environ={}) as other:
        other.discover(path=[str(tmp_path)])
        modules = ModuleDiscoveryRegistry(other)

        assert modules.list_modules() == ()
        assert {m.plugin_id for m in modules.refused()} == {"one", "two"}


def test_built_in_name_is_not_taken_over(tmp_path: Path, registry: Registry) -> None:
    _install(tmp_path, "thief", _manifest("thief", "linear", "a:B"))
    with Registry(environ={}, allow=["st-nn", "st-thief"]) as both:
        both.discover(path=[str(tmp_path), *sys.path])
        modules = ModuleDiscoveryRegistry(both)

        assert modules.get_metadata("linear").plugin_id == "nn"
        assert [m.plugin_id for m in modules.refused()] == ["thief"]


def test_unknown_category_of_a_newer_plugin_is_custom(tmp_path: Path) -> None:
    manifest = _manifest("new", "bend", "a:B").replace("Activation", "Quantum")
    _install(tmp_path, "new", manifest)
    with Registry(environ={}) as other:
        other.discover(path=[str(tmp_path)])

        found = ModuleDiscoveryRegistry(other).get_metadata("bend")
        assert found.category is ModuleCategory.CUSTOM


def test_every_built_in_module_can_be_imported_and_described(
    modules: ModuleDiscoveryRegistry,
) -> None:
    for name in modules.list_modules():
        assert modules.get_metadata(name).description.endswith(".")
        assert isinstance(modules.fields(name), tuple)
