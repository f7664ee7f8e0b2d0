"""The six tasks that training is measured on, against the losses that PyTorch gave for them."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from st.nn.numpy_backend import NumPyBackend

REFERENCE = Path(__file__).parent / "reference"
TORCH = json.loads((REFERENCE / "six_losses.json").read_text(encoding="utf-8"))
TASKS = [name for name in TORCH if name != "torch"]


@pytest.fixture
def six_models(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give the module of the six models, which lies beside its reference."""
    monkeypatch.syspath_prepend(REFERENCE)
    return import_module("six_models")


@pytest.mark.parametrize("name", TASKS)
def test_losses_of_five_adam_steps_are_those_of_pytorch(six_models: Any, name: str) -> None:
    task = six_models.six_tasks.load(name)

    losses = six_models.first_losses(task, NumPyBackend())

    assert losses == pytest.approx(TORCH[name], rel=0, abs=5e-4)
