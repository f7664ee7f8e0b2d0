import pytest
from hypothesis import given, settings
from hypothesis import strategies as draw

from st.core import Registry
from st.nn.discovery import MODULE_REGISTRY, ModuleDiscoveryRegistry
from st.nn.faults import DescriptionError
from st.nn.modules import Flatten, Linear, Module, Relu
from st.nn.pipeline import ModulePipelineBuilder


@pytest.fixture
def modules(registry: Registry) -> ModuleDiscoveryRegistry:
    return registry.get_service(MODULE_REGISTRY)


def test_modules_by_name_make_a_model(modules: ModuleDiscoveryRegistry) -> None:
    model = (
        ModulePipelineBuilder(modules)
        .with_name("small")
        .input(2, 3)
        .add_module("flatten")
        .add_module("linear", {"out_features": "4"})
        .add_module("relu")
        .build()
    )

    assert model.name == "small"
    assert [layer.module_type for layer in model.layers] == ["flatten", "linear", "relu"]
    assert [layer.output_shape for layer in model.layers] == [(6,), (4,), (4,)]
    assert set(model.parameters) == {"1.weight", "1.bias"}


def test_module_objects_need_no_registry() -> None:
    builder = ModulePipelineBuilder().input(6).add(Linear(out_features=4)).add(Relu())

    assert builder.build().output.shape == (4,)


def test_all_faults_are_told_at_once_and_in_order(modules: ModuleDiscoveryRegistry) -> None:
    builder = (
        ModulePipelineBuilder(modules)
        .input(8, 8)
        .add_module("flaten")
        .add_module("linear", {"out_features": "three"})
        .add_module("swish")
        .add_module("linear", {"in_features": 64, "out_features": 32})
        .add_module("linear", {"in_features": 23, "out_features": 10})
    )

    faults = builder.check()

    assert [fault.path for fault in faults] == [
        ("model", 0, "type"),
        ("model", 1, "out_features"),
        ("model", 2, "type"),
        ("model", 4),
    ]
    assert faults[0].nearest == "flatten"
    assert "st-swish" in faults[2].install
    assert (faults[3].expected, faults[3].given) == ("an input of shape (b,23)", "(b,32)")
    with pytest.raises(DescriptionError) as info:
        builder.build()
    assert info.value.faults == faults


def test_check_goes_on_after_a_clash(modules: ModuleDiscoveryRegistry) -> None:
    builder = ModulePipelineBuilder(modules).input(5)
    for n_in, n_out in ((4, 3), (3, 2), (9, 1)):
        builder.add_module("linear", {"in_features": n_in, "out_features": n_out})

    assert [fault.path for fault in builder.check()] == [("model", 0), ("model", 2)]


def test_check_goes_on_after_a_module_that_states_no_input() -> None:
    class Picky(Module):
        def forward(self, x, scope):  # type: ignore[no-untyped-def]
            return Linear(out_features=1, in_features=9).forward(x, scope)

    builder = (
        ModulePipelineBuilder()
        .input(5)
        .add(Picky())
        .add(Relu())
        .add(Linear(in_features=4, out_features=3))
        .add(Linear(in_features=2, out_features=3))
    )

    first, second = builder.check()
    assert first.path == ("model", 0)
    assert first.given.startswith("(b,5): input has 5 features, expected 9")
    assert second.path == ("model", 3)


def test_loss_is_no_part_of_a_pipeline(modules: ModuleDiscoveryRegistry) -> None:
    builder = ModulePipelineBuilder(modules).input(5).add_module("cross_entropy")

    assert builder.check()[0].given == '"cross_entropy", which is of category Loss'


def test_what_is_missing_is_a_fault() -> None:
    assert [fault.path for fault in ModulePipelineBuilder().check()] == [("model",), ("input",)]


@pytest.mark.parametrize(
    ("entry", "given"),
    [
        pytest.param({}, "nothing", id="no type"),
        pytest.param({"type": 3}, "3", id="no text"),
    ],
)
def test_entry_without_a_name_is_a_fault(
    modules: ModuleDiscoveryRegistry, entry: dict[str, object], given: str
) -> None:
    builder = ModulePipelineBuilder(modules).input(5).add_entry(entry)

    assert [(f.path, f.given) for f in builder.check()] == [(("model", 0, "type"), given)]


def test_summary_shows_shapes_and_parameters(modules: ModuleDiscoveryRegistry) -> None:
    builder = (
        ModulePipelineBuilder(modules).input(8, 8).add(Flatten()).add(Linear(out_features=128))
    )

    assert builder.summary().splitlines() == [
        "#  module   output   parameters",
        "1  flatten  (b,64)",
        "2  linear   (b,128)  8,320",
    ]


entries = draw.one_of(
    draw.builds(
        lambda size, bias: {"type": "linear", "out_features": size, "bias": bias},
        draw.integers(1, 50),
        draw.booleans(),
    ),
    draw.just({"type": "relu"}),
    draw.just({"type": "flatten"}),
)


@settings(max_examples=50)
@given(draw.text(max_size=9), draw.lists(draw.integers(1, 9), min_size=1, max_size=3), draw.data())
def test_description_survives_the_way_there_and_back(
    name: str, shape: list[int], data: draw.DataObject
) -> None:
    described = data.draw(draw.lists(entries, min_size=1, max_size=5))
    with Registry(environ={}, allow=["st-nn"]) as registry:
        registry.discover()
        modules = registry.get_service(MODULE_REGISTRY)
        builder = ModulePipelineBuilder(modules).with_name(name).input(*shape)
        for entry in described:
            builder.add_entry(entry)

        config = builder.to_config()
        again = ModulePipelineBuilder.from_config(config, modules)

        assert again.to_config() == config
        assert [layer.output_shape for layer in again.build().layers] == [
            layer.output_shape for layer in builder.build().layers
        ]


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({}, id="empty"),
        pytest.param({"name": "a", "input": "x", "model": []}, id="input is no list"),
        pytest.param({"name": "a", "input": [1], "model": [3]}, id="entry is no table"),
    ],
)
def test_config_of_another_form_is_refused(
    modules: ModuleDiscoveryRegistry, config: dict[str, object]
) -> None:
    with pytest.raises(DescriptionError, match="expected name, input and model"):
        ModulePipelineBuilder.from_config(config, modules)
