import pytest

from st.core import (
    DependencyError,
    Plugin,
    PluginContext,
    PluginMetadata,
    PluginState,
    PluginUnloaded,
    Registry,
)


def make(plugin_id: str, version: str = "1.0", **facts: object) -> type[Plugin]:
    """A plugin class that provides a service of its own name."""

    class Made(Plugin):
        metadata = PluginMetadata(plugin_id, version, **facts)

        def on_load(self, ctx: PluginContext) -> None:
            ctx.register_service(f"of.{plugin_id}", self)

    return Made


@pytest.mark.parametrize(
    ("versions", "message"),
    [(">=2", "requires base >=2, but 1.0 is installed"), ("<1", "but 1.0 is installed")],
)
def test_a_requirement_on_a_version_is_evaluated(
    registry: Registry, versions: str, message: str
) -> None:
    registry.register(make("base"))

    with pytest.raises(DependencyError, match=message):
        registry.register(make("user", requires={"base": versions}))
    assert "user" not in registry
    registry.register(make("user", requires={"base": ">=1,<2"}))


def test_a_missing_requirement_says_what_to_install(registry: Registry) -> None:
    with pytest.raises(DependencyError, match="requires nn, which is not installed; pip install"):
        registry.register(make("user", requires={"nn": ""}))


def test_a_required_service_must_be_offered_in_the_right_version(registry: Registry) -> None:
    with pytest.raises(
        DependencyError, match=r"requires service of.base>=1: no plugin provides it"
    ):
        registry.register(make("user", requires_services=("of.base>=1",)))

    registry.register(make("base"))
    with pytest.raises(DependencyError):
        registry.register(make("user", requires_services=("of.base>=1",)))
    registry.register(make("user", requires_services=("of.base",)))


@pytest.mark.parametrize("who", ["newcomer", "present"])
def test_conflicting_plugins_do_not_run_together(registry: Registry, who: str) -> None:
    conflict = {"present": ">=1"} if who == "newcomer" else {"newcomer": ""}
    registry.register(make("present", conflicts=conflict if who == "present" else {}))

    with pytest.raises(DependencyError, match=r"conflicts with present 1.0, which is active"):
        registry.register(make("newcomer", conflicts=conflict if who == "newcomer" else {}))


def test_a_conflict_with_other_versions_is_none(registry: Registry) -> None:
    registry.register(make("present"))

    registry.register(make("newcomer", conflicts={"present": ">=2"}))


def test_unloading_what_others_need_is_refused_or_takes_them_along(registry: Registry) -> None:
    for plugin_id, needs in (("a", {}), ("b", {"a": ""}), ("c", {"b": ""}), ("d", {})):
        registry.register(make(plugin_id, requires=needs))

    with pytest.raises(DependencyError, match="a is needed by b, c"):
        registry.unregister("a")
    assert registry.unregister("a", dependents="cascade") == ("c", "b", "a")
    assert [handle.id for handle in registry] == ["d"]


def test_a_plain_user_is_started_again_without_its_provider(registry: Registry) -> None:
    found: list[object] = []

    class User(Plugin):
        metadata = PluginMetadata("user")

        def on_load(self, ctx: PluginContext) -> None:
            found.append(ctx.get_service("of.base", default=None))

    base = registry.register(make("base")).plugin
    registry.register(User)

    with pytest.raises(DependencyError, match="needed by user"):
        registry.unregister("base")
    assert registry.unregister("base", dependents="cascade") == ("base",)
    assert found == [base, None]
    assert registry.get("user").state is PluginState.ACTIVE


def test_who_requires_a_service_goes_with_its_last_provider(registry: Registry) -> None:
    registry.register(make("base"))
    registry.register(make("user", requires_services=("of.base",)))

    assert registry.unregister("base", dependents="cascade") == ("user", "base")


def test_a_dependent_that_comes_back_during_a_cascade_is_taken_down_again(
    registry: Registry,
) -> None:
    came_back: list[str] = []

    def bring_back(item: PluginUnloaded) -> None:
        if item.plugin_id == "top" and not came_back:
            came_back.append(registry.load("top").id)

    for plugin_id, needs in (("base", {}), ("mid", {"base": ""}), ("top", {"mid": ""})):
        registry.register(make(plugin_id, requires=needs))
    registry.bus.subscribe(PluginUnloaded, bring_back)
    registry.unregister("base", dependents="cascade")

    assert came_back == ["top"]
    assert registry.list() == ()
