"""Whether a language model sees what it is to tell, asked before it is trained for hours."""

from __future__ import annotations

from typing import Final

import numpy as np

from st.nn.data import Dataset
from st.nn.faults import Fault
from st.nn.predictor import Predictor
from st.nn.train import Trainer

_TOLERANCE: Final = 1e-6
"""Of the largest score; what is computed from the same numbers differs by less, if at all."""


def causality_faults(trainer: Trainer, data: Dataset) -> tuple[Fault, ...]:
    """Return the fault of a model whose scores depend on characters that come later.

    Such a model learns to copy the answer, its loss goes to nothing, and it tells nothing. Two
    windows that differ in their last character alone are shown to the model as it begins.

    Args:
        trainer: Prepared for `data`.
        data: Other data than text has no fault.
    """
    if not data.is_text or len(data.classes) < 2:
        return ()
    windows = np.repeat(data.x[:1], 2, axis=0)
    windows[1, -1] = (int(windows[0, -1]) + 1) % len(data.classes)
    step = trainer.step
    first, second = Predictor(step.model, step.parameters(), trainer.backend)(windows)[:, :-1]
    if np.abs(first - second).max(initial=0.0) <= _TOLERANCE * np.abs(first).max(initial=0.0):
        return ()
    expected = "a model that tells each character from those before it"
    given = "one that sees the characters after it; set causal = true where a module has it"
    return (Fault(("model",), expected, given),)
