import pytest

from st.core import (
    Plugin,
    PluginCapability,
    PluginContext,
    PluginMetadata,
    PluginUnavailable,
    Registry,
)
from st.nn.backends import (
    BackendNotFoundError,
    BackendUnusableError,
    backend_names,
    choose_backend,
)


class Device:
    """As much of a backend as choosing looks at."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


def _plugin(name: str, kind: str, failure: str = "") -> type[Plugin]:
    class Offer(Plugin):
        metadata = PluginMetadata(
            name.lower(),
            "1.0",
            capabilities=(PluginCapability.Backend(name),),
            provides=(f"backend.{name.lower()}",),
        )

        def on_load(self, ctx: PluginContext) -> None:
            if failure:
                raise PluginUnavailable(failure, "plug one in")
            ctx.register_service(f"backend.{name.lower()}", Device(kind))

    return Offer


def _with(registry: Registry, *offers: type[Plugin]) -> None:
    for offer in offers:
        try:
            registry.register(offer)
        except PluginUnavailable:
            continue


def test_without_a_gpu_numpy_is_chosen_and_the_reason_told(registry: Registry) -> None:
    _with(registry, _plugin("Other", "cpu"), _plugin("Broken", "gpu", "no device"))

    choice = choose_backend(registry)

    assert (choice.name, choice.plugin_id) == ("NumPy", "numpy")
    assert choice.backend.kind == "cpu"
    assert "Other has no GPU; Broken: no device: plug one in" in choice.reason


def test_gpu_is_chosen_before_numpy(registry: Registry) -> None:
    _with(registry, _plugin("Cl", "gpu"))

    choice = choose_backend(registry, "auto")

    assert (choice.name, choice.reason) == ("Cl", "Cl offers a GPU")


def test_plugin_loaded_only_to_look_is_unloaded_again(registry: Registry) -> None:
    _with(registry, _plugin("Cl", "gpu"))
    assert str(registry.get("numpy").state) == "discovered"  # type: ignore[union-attr]

    choose_backend(registry)

    assert str(registry.get("numpy").state) == "unloaded"  # type: ignore[union-attr]


def test_plugin_that_was_active_before_stays(registry: Registry) -> None:
    _with(registry, _plugin("Other", "cpu"))

    choose_backend(registry)

    assert str(registry.get("other").state) == "active"  # type: ignore[union-attr]


def test_cpu_of_another_plugin_does_where_numpy_is_not(registry: Registry) -> None:
    with Registry(environ={}) as bare:
        _with(bare, _plugin("Other", "cpu"))

        assert choose_backend(bare).name == "Other"


@pytest.mark.parametrize("name", ["numpy", "NumPy", "NUMPY"])
def test_backend_is_found_by_name_in_any_case(registry: Registry, name: str) -> None:
    assert choose_backend(registry, name).plugin_id == "numpy"


def test_unknown_backend_is_told_with_what_is_installed(registry: Registry) -> None:
    with pytest.raises(BackendNotFoundError, match="no plugin offers backend 'nmpy'; did you mean"):
        choose_backend(registry, "nmpy")
    assert "numpy" in backend_names(registry)


@pytest.mark.parametrize("name", ["", "a(b)", "x\x1b"], ids=["empty", "brackets", "control"])
def test_name_no_backend_can_have_is_unknown_as_well(registry: Registry, name: str) -> None:
    with pytest.raises(BackendNotFoundError):
        choose_backend(registry, name)


def test_backend_that_could_be_installed_names_the_command() -> None:
    with Registry(environ={}) as bare:
        _with(bare, _plugin("Other", "cpu"))

        with pytest.raises(BackendNotFoundError, match=r"install it with: pip install .*opencl"):
            choose_backend(bare, "opencl")


def test_named_backend_that_cannot_run_says_why(registry: Registry) -> None:
    _with(registry, _plugin("Cl", "gpu", "no device"))

    with pytest.raises(BackendUnusableError, match=r"backend 'cl' cannot run here: .*no device"):
        choose_backend(registry, "cl")


def test_no_backend_at_all_is_an_error_and_no_guess() -> None:
    with (
        Registry(environ={}) as bare,
        pytest.raises(BackendUnusableError, match="no plugin offers"),
    ):
        choose_backend(bare)
