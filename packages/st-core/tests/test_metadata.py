import pytest

from st.core import MetadataError, PluginCapability, PluginMetadata
from st.core.metadata import split_contract


def test_the_builder_adds_without_changing_the_original() -> None:
    plain = PluginMetadata("wgpu", "1.0.0")

    built = (
        plain.with_capability(PluginCapability.Backend("WGPU"))
        .with_dependency("nn", ">=1")
        .with_service("wgpu_device")
    )

    assert (plain.capabilities, dict(plain.requires), plain.provides) == ((), {}, ())
    assert built.capabilities == (PluginCapability.Backend("WGPU"),)
    assert built.requires == {"nn": ">=1"}
    assert built.provides == ("wgpu_device",)


@pytest.mark.parametrize("plugin_id", ["", "Upper", "1st", "a b", "a.b", "ä"])
def test_an_id_of_another_form_is_refused(plugin_id: str) -> None:
    with pytest.raises(MetadataError, match="is not of the form"):
        PluginMetadata(plugin_id)


@pytest.mark.parametrize("version", ["one", "", "1.", "1..2", ">=1"])
def test_a_version_that_is_none_is_refused(version: str) -> None:
    with pytest.raises(MetadataError, match="PEP 440"):
        PluginMetadata("a", version)


@pytest.mark.parametrize("version", ["0", "1.0", "1.2.3rc1", "2!1.0.post1.dev3+local.1", "v1.0-1"])
def test_versions_packaging_knows_are_taken(version: str) -> None:
    from packaging.version import Version

    Version(version)
    assert PluginMetadata("a", version).version == version


@pytest.mark.parametrize("relation", ["requires", "optional", "conflicts"])
def test_a_plugin_has_no_relation_to_itself(relation: str) -> None:
    with pytest.raises(MetadataError, match="names the plugin itself"):
        PluginMetadata("a", **{relation: {"a": ""}})


def test_relations_cannot_be_changed_from_outside() -> None:
    requires = {"b": ""}

    metadata = PluginMetadata("a", requires=requires)
    requires["c"] = ""

    assert dict(metadata.requires) == {"b": ""}


@pytest.mark.parametrize(("key", "value"), [("activate", "never"), ("reload", "twice")])
def test_choices_are_checked(key: str, value: str) -> None:
    with pytest.raises(MetadataError, match=value):
        PluginMetadata("a", **{key: value})


@pytest.mark.parametrize(
    ("text", "name", "versions"),
    [("metrics", "metrics", ""), ("a.b>=1.0", "a.b", ">=1.0"), (" a == 2", "a", "== 2")],
    ids=["bare", "with-version", "with-spaces"],
)
def test_a_service_is_split_from_its_version(text: str, name: str, versions: str) -> None:
    assert split_contract(text) == (name, versions)
