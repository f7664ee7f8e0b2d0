"""Whether model, loss and data mean the same by a target, asked before anything is allocated."""

from __future__ import annotations

from st.core.backend import spec
from st.nn.data import Dataset
from st.nn.faults import Fault, shown
from st.nn.losses import Loss
from st.nn.model import N_TRIAL, Model
from st.nn.modules import Embedding
from st.nn.pipeline import shown_shape
from st.nn.tape import ShapeError


def target_faults(model: Model, loss: Loss | None, name: str, data: Dataset) -> tuple[Fault, ...]:
    """Return the fault of a model or a loss that does not fit the targets of `data`.

    Args:
        model: The whole model.
        loss: What training makes small, or None where that has faults of its own.
        name: What the experiment calls the loss.
        data: What is learned from.
    """
    given, wanted = model.output.shape, data.output_shape
    first = model.layers[0].module
    if data.is_text and isinstance(first, Embedding) and first.n_rows < len(data.classes):
        # It would take the last rows for one character, and nobody would hear of it.
        expected = f"a row for each of the {len(data.classes)} characters"
        return (Fault(("model", 0, "n_rows"), expected, f"{first.n_rows}"),)
    if given != wanted:
        each = "class" if data.classes else "target"
        if data.is_text:
            each = f"of the {len(data.classes)} characters at each place"
        expected = f"an output of shape {shown_shape(wanted)}, one number for each {each}"
        return (Fault(("model", len(model.layers) - 1), expected, shown_shape(given)),)
    if loss is None:
        return ()
    try:
        takes = loss.target(spec((N_TRIAL, *given), model.output.dtype))
    except ShapeError as error:
        return (Fault(("loss", "type"), "a loss for what the model gives", str(error)),)
    takes_classes = takes.dtype == "int64"
    if takes_classes == bool(data.classes):
        return ()
    expected = "a loss for classes" if data.classes else "a loss for numbers, such as mse"
    return (Fault(("loss", "type"), expected, shown(name)),)
