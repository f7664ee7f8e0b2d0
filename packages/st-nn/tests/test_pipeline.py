import pytest

from st.core import Registry
from st.nn.discovery import MODULE_REGISTRY, ModuleDiscoveryRegistry
from st.nn.faults import DescriptionError
from st.nn.modules import (
    Flatten,
    Linear,
    Module,
    Relu,
    Residual,
)
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


def test_summary_shows_shapes_parameters_operations_and_memory(
    modules: ModuleDiscoveryRegistry,
) -> None:
    builder = (
        ModulePipelineBuilder(modules)
        .input(8, 8)
        .add(Flatten())
        .add(Residual(modules=(Linear(out_features=64), Relu())))
        .add(Linear(out_features=128), name="wide")
    )

    # A product of 64 by n takes 2 * 64 * n operations, a bias and a sum one for each number.
    assert builder.summary().splitlines() == [
        "#    module       output   parameters  operations  memory",
        "1    flatten      (b,64)                           256 B",
        "2    residual     (b,64)   4,160       8,384       256 B",
        "2.1  linear       (b,64)   4,160       8,256       256 B",
        "2.2  relu         (b,64)               64          256 B",
        "3    linear wide  (b,128)  8,320       16,512      512 B",
        "12,480 parameters in 49.9 kB; one example: 24,896 operations, 1.3 kB",
    ]


def test_notebook_shows_the_summary_or_the_faults(modules: ModuleDiscoveryRegistry) -> None:
    builder = ModulePipelineBuilder(modules).with_name("<b>").input(3).add_module("relu")

    html = builder._repr_html_()
    assert html.count("<tr>") == 2
    assert "<caption>&lt;b&gt;: 0 parameters" in html

    assert "expected" in builder.add_module("<i>")._repr_html_()
    assert "<i>" not in builder._repr_html_()


def test_faults_of_nested_modules_carry_their_path(modules: ModuleDiscoveryRegistry) -> None:
    inner = [
        {"type": "linear", "out_features": 4},
        {"type": "linear", "in_features": 5, "out_features": 3},
        {"type": "linear", "in_features": 3, "out_features": 9},
        {"type": "linear", "in_features": 8, "out_features": 3},
    ]
    builder = (
        ModulePipelineBuilder(modules)
        .input(3)
        .add_module("residual", {"modules": [{"type": "rleu"}, {"type": "linear"}]})
        .add_module("sequential", {"modules": inner})
        .add_module("residual", {"modules": [{"type": "linear", "out_features": 2}]})
    )

    assert [(fault.path, fault.given) for fault in builder.check()] == [
        (("model", 0, "modules", 0, "type"), '"rleu"'),
        (("model", 0, "modules", 1, "out_features"), "nothing"),
    ]

    sound = ModulePipelineBuilder(modules).input(3).add_module("sequential", {"modules": inner})
    assert [(fault.path, fault.expected, fault.given) for fault in sound.check()] == [
        (("model", 0, "modules", 1), "an input of shape (b,5)", "(b,4)"),
        (("model", 0, "modules", 3), "an input of shape (b,8)", "(b,9)"),
    ]


def test_shortcut_that_changes_the_shape_is_a_fault(modules: ModuleDiscoveryRegistry) -> None:
    builder = ModulePipelineBuilder(modules).input(3)
    builder.add(Residual(modules=(Linear(out_features=2),)))

    (fault,) = builder.check()

    assert fault.path == ("model", 0)
    assert "turn (b,3) into (b,2)" in fault.given


def test_modules_are_fed_by_name(modules: ModuleDiscoveryRegistry) -> None:
    builder = (
        ModulePipelineBuilder(modules)
        .input(3)
        .add_module("linear", {"out_features": 4}, name="left")
        .add_module("linear", {"out_features": 5}, name="right", inputs=["input"])
        .add_module("merge", inputs=["left", "right", "input"])
    )

    model = builder.build()

    assert model.output.shape == (12,)
    assert set(model.parameters) == {"left.weight", "left.bias", "right.weight", "right.bias"}


@pytest.mark.parametrize(
    ("entry", "path", "given", "nearest"),
    [
        ({"inputs": ["lefd"]}, ("inputs", 0), '"lefd"', "left"),
        ({"inputs": ["later"]}, ("inputs", 0), '"later"', ""),
        ({"inputs": ["0"]}, ("inputs", 0), '"0"', ""),
        ({"inputs": "left"}, ("inputs",), '"left"', ""),
        ({"inputs": []}, ("inputs",), "[]", ""),
        ({"name": "left"}, ("name",), '"left"', ""),
        ({"name": "input"}, ("name",), '"input"', ""),
        ({"name": "a.b"}, ("name",), '"a.b"', ""),
        ({"name": "3"}, ("name",), '"3"', ""),
        ({"name": 3}, ("name",), "3", ""),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_wrong_link_is_a_fault(
    modules: ModuleDiscoveryRegistry,
    entry: dict[str, object],
    path: tuple[str | int, ...],
    given: str,
    nearest: str,
) -> None:
    entries = [{"type": "relu", "name": "left"}, {"type": "relu", **entry}]
    builder = ModulePipelineBuilder(modules).input(3)
    nested = (
        ModulePipelineBuilder(modules)
        .input(3)
        .add_entry({"type": "sequential", "modules": entries})
    )
    for described in entries:
        builder.add_entry(described)

    (fault,) = builder.check()
    (inside,) = nested.check()

    assert (fault.path, fault.given, fault.nearest) == (("model", 1, *path), given, nearest)
    assert inside.path == ("model", 0, "modules", 1, *path)


def test_many_faults_need_no_deep_stack(modules: ModuleDiscoveryRegistry) -> None:
    builder = ModulePipelineBuilder(modules).input(3)
    for _ in range(3000):
        builder.add_module("linear", {"in_features": 4, "out_features": 3})

    assert len(builder.check()) == 3000


def test_pipelines_that_differ_are_not_equal(modules: ModuleDiscoveryRegistry) -> None:
    def made(name: str) -> ModulePipelineBuilder:
        return ModulePipelineBuilder(modules).input(3).add_module("relu", name=name)

    assert made("a") == made("a")
    assert made("a") != made("b")
    assert made("a") != "a"


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000], ids=["empty", "cut", "deep"])
def test_text_of_another_form_is_refused(modules: ModuleDiscoveryRegistry, text: str) -> None:
    with pytest.raises(DescriptionError):
        ModulePipelineBuilder.from_json(text, modules)
    with pytest.raises(DescriptionError):
        ModulePipelineBuilder.from_toml(text, modules)


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
