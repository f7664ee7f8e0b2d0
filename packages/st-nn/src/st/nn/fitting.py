"""Whether a model and data belong together, asked before anything is allocated."""

from __future__ import annotations

from collections.abc import Sequence

from st.core.backend import spec
from st.nn.data import Dataset
from st.nn.model import Model
from st.nn.modules import Module
from st.nn.tape import ShapeError


def model_for(described: Model | Sequence[Module], data: Dataset) -> Model:
    """Return the model that `described` is, or makes for examples of `data`.

    Raises:
        TypeError: There is something else than modules.
        OperandError: A module cannot take what comes before it.
        ShapeError: The model does not give one number for each class or target.
    """
    if isinstance(described, Model):
        model = described
    else:
        for number, module in enumerate(described):
            if not isinstance(module, Module):
                raise TypeError(
                    f"module {number}: expected a module such as Linear(out_features=10), "
                    f"given {module!r:.60}"
                )
        modules = [(str(number), module) for number, module in enumerate(described)]
        model = Model(modules, spec(data.input_shape, "float32"))
    if len(data) and model.output.shape != data.output_shape:
        each = "class" if data.classes else "target"
        raise ShapeError(
            f"the model gives {model.output.shape} for an example, expected {data.output_shape}: "
            f"one number for each {each}"
        )
    return model
