import pytest

from st.core import Registry
from st.nn.discovery import MODULE_REGISTRY
from st.nn.examples import ExampleError, run_examples
from st.nn.faults import DescriptionError
from st.nn.metadata import Example, ModuleCategory, ModuleMetadata, metadata_from_manifest
from st.nn.modules import Relu


def test_every_module_has_examples_that_do_what_they_say(registry: Registry) -> None:
    modules = registry.get_service(MODULE_REGISTRY)

    assert [name for name in modules.list_modules() if not run_examples(name, registry)] == []


def _offer(registry: Registry, example: Example) -> None:
    metadata = ModuleMetadata("mine", category=ModuleCategory.ACTIVATION, examples=(example,))
    registry.get_service(MODULE_REGISTRY).register(metadata, Relu)


def test_example_that_gives_another_shape_is_an_error(registry: Registry) -> None:
    _offer(registry, Example({}, (3,), (4,)))

    with pytest.raises(ExampleError, match=r"turns \(3,\) into \(3,\), not into \(4,\)"):
        run_examples("mine", registry)


def test_example_with_a_wrong_value_is_an_error(registry: Registry) -> None:
    _offer(registry, Example({"slope": 1}, (3,), (3,)))

    with pytest.raises(DescriptionError):
        run_examples("mine", registry)


def test_examples_of_another_form_are_left_out() -> None:
    entry = {
        "version": "two",
        "examples": ["x", {"config": 3}, {"input": ["x"]}, {"input": [3], "output": [4]}],
    }

    metadata = metadata_from_manifest("mine", entry, "plugin", "distribution")

    assert (metadata.version, metadata.examples) == (1, (Example({}, (3,), (4,)),))


def test_shapes_of_a_manifest_are_known_without_an_import() -> None:
    entry = {"class": "no_such:Module", "input_shape": [3, 224, 224], "output_shape": "many"}

    metadata = metadata_from_manifest("mine", entry, "plugin", "distribution")

    assert (metadata.input_shape, metadata.output_shape) == ((3, 224, 224), None)
