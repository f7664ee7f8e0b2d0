"""The examples of a module, run: what a manifest shows is what happens."""

from __future__ import annotations

import numpy as np

from st.core import Registry, StError
from st.nn.backends import choose_backend
from st.nn.discovery import MODULE_REGISTRY
from st.nn.metadata import Example
from st.nn.pipeline import ModulePipelineBuilder
from st.nn.predictor import Predictor


class ExampleError(StError, ValueError):
    """An example of a module does not give what it says."""


def run_examples(module_type: str, registry: Registry) -> int:
    """Run every example of a module on NumPy and return how many there are.

    A module of a pipeline predicts for two examples, whose output must have the shape that is
    told; a loss or an optimizer is made.

    Raises:
        ExampleError: The shape is another one.
        DescriptionError: The values do not fit the module.
        UnknownModuleError: Nobody offers it.
    """
    metadata = registry.get_service(MODULE_REGISTRY).get_metadata(module_type)
    for example in metadata.examples:
        if not metadata.category.is_part_of_a_pipeline:
            registry.get_service(MODULE_REGISTRY).create(module_type, example.config)
        elif (came := _output_shape(module_type, example, registry)) != example.output:
            raise ExampleError(
                f"module {module_type!r}: the example {dict(example.config)} turns "
                f"{example.input} into {came}, not into {example.output}"
            )
    return len(metadata.examples)


def _output_shape(module_type: str, example: Example, registry: Registry) -> tuple[int, ...]:
    builder = ModulePipelineBuilder(registry.get_service(MODULE_REGISTRY)).input(*example.input)
    model = builder.add_module(module_type, example.config).build()
    backend = choose_backend(registry, "numpy").backend
    predictor = Predictor(model, model.initialise(seed=0), backend)
    return predictor(np.zeros((2, *example.input), np.float32)).shape[1:]
