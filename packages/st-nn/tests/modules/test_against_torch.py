"""Every module with a counterpart in PyTorch gives its outputs and gradients.

reference/make_torch_vectors.py stored them; it says in which layout.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from st.core import Registry
from st.nn import ops
from st.nn.discovery import MODULE_REGISTRY
from st.nn.modules import (
    Affine,
    AvgPool1d,
    AvgPool2d,
    Conv1d,
    Conv2d,
    Dropout,
    Embedding,
    Flatten,
    Gelu,
    GlobalAvgPool,
    Gru,
    LastStep,
    LayerNorm,
    LeakyRelu,
    LearnedPositions,
    Linear,
    Lstm,
    MaxPool1d,
    MaxPool2d,
    Merge,
    Module,
    MultiHeadAttention,
    Parallel,
    Positions,
    Relu,
    Reshape,
    Residual,
    RmsNorm,
    Sequential,
    Sigmoid,
    Silu,
    Softmax,
    Softplus,
    Tanh,
    TransformerBlock,
)
from st.nn.numpy_backend import NumPyBackend
from st.nn.scope import TapeScope
from st.nn.tape import Tape, gradients
from st.nn.variables import Variables

MODULES: dict[str, Module] = {
    "linear": Linear(out_features=3),
    "flatten": Flatten(),
    "reshape": Reshape(shape=(2, -1)),
    "affine": Affine(factor=2.5, offset=-0.5),
    "merge": Merge(),
    "dropout": Dropout(rate=0.0),
    "sequential": Sequential(modules=(Linear(out_features=4), Tanh())),
    "positions": Positions(),
    "relu": Relu(),
    "tanh": Tanh(),
    "sigmoid": Sigmoid(),
    "gelu": Gelu(),
    "gelu-tanh": Gelu(approximate="tanh"),
    "silu": Silu(),
    "softplus": Softplus(),
    "leaky_relu": LeakyRelu(slope=0.1),
    "softmax": Softmax(),
    "layer_norm": LayerNorm(),
    "rms_norm": RmsNorm(),
    "embedding": Embedding(n_rows=7, width=3),
    "conv2d": Conv2d(out_channels=4),
    "conv2d-grey": Conv2d(out_channels=4),
    "conv2d-options": Conv2d(out_channels=6, stride=2, padding=2, dilation=2, groups=2, bias=False),
    "maxpool": MaxPool2d(),
    "maxpool-overlapping": MaxPool2d(size=3, stride=2),
    "avgpool": AvgPool2d(),
    "avgpool-overlapping": AvgPool2d(size=3, stride=1),
    "maxpool-padded": MaxPool2d(size=3, stride=2, padding=1),
    "avgpool-padded": AvgPool2d(size=3, stride=2, padding=1),
    "maxpool1d-padded": MaxPool1d(size=3, stride=2, padding=1),
    "avgpool1d-padded": AvgPool1d(size=3, stride=2, padding=1),
    "conv1d": Conv1d(out_channels=4),
    "conv1d-options": Conv1d(out_channels=6, stride=2, padding=2, dilation=2, groups=2, bias=False),
    "maxpool1d": MaxPool1d(),
    "maxpool1d-overlapping": MaxPool1d(size=3, stride=2),
    "avgpool1d": AvgPool1d(),
    "avgpool1d-overlapping": AvgPool1d(size=3, stride=1),
    "global_avgpool": GlobalAvgPool(),
    "global_avgpool-images": GlobalAvgPool(),
    "last_step": LastStep(),
    "lstm": Lstm(hidden=4),
    "gru": Gru(hidden=4),
    "learned_positions": LearnedPositions(),
    "attention": MultiHeadAttention(heads=2),
    "attention-causal": MultiHeadAttention(heads=2, causal=True),
    "transformer_block": TransformerBlock(heads=2, expansion=2, causal=True),
    "residual": Residual(modules=(Linear(out_features=6), Tanh())),
    "parallel": Parallel(modules=(Linear(out_features=2, bias=False), Tanh())),
}
TORCH = np.load(Path(__file__).parents[1] / "reference/torch_vectors.npz")


def assert_near(made: NDArray[Any], expected: NDArray[Any], terms: float = 0.0) -> None:
    """Compare within 1e-5 of the largest element: float32 loses that much in sums that cancel.

    A gradient that is 0 whatever comes in, as that of a key's bias, is compared with the size of
    the `terms` that cancel in it.
    """
    assert made.dtype == np.float32
    largest = float(np.abs(expected).max())
    tolerance = 1e-5 * (largest if largest > 1e-12 else terms)
    np.testing.assert_allclose(made, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", MODULES)
def test_outputs_and_gradients_are_pytorchs(name: str) -> None:
    start = f"{name}/value."
    values = {key.removeprefix(start): TORCH[key] for key in TORCH if key.startswith(start)}
    tape = Tape(NumPyBackend())
    x = tape.input(TORCH[f"{name}/x"])
    given = {f"module.{key}": tape.input(value).view for key, value in values.items()}
    scope = TapeScope(tape, Variables("float32", given), "", True)

    y = scope.apply("module", MODULES[name], x)
    used = scope.variables.parameters
    found = gradients(ops.sum(y * tape.input(TORCH[f"{name}/dy"])), [x, *used.values()])

    assert_near(y.numpy(), TORCH[f"{name}/y"])
    assert {key.removeprefix("module.") for key in used} == set(values)
    expected = {"dx": TORCH.get(f"{name}/dx")}
    expected |= {key: TORCH[f"{name}/gradient.{key.removeprefix('module.')}"] for key in used}
    terms = max(float(np.abs(wanted).max()) for wanted in expected.values() if wanted is not None)
    for dy, wanted in zip(found, expected.values(), strict=True):
        assert (dy is None) == (wanted is None)
        if dy is not None:
            assert_near(dy.numpy(), wanted, terms)


def test_every_module_is_compared(registry: Registry) -> None:
    known = registry.get_service(MODULE_REGISTRY)
    offered = [known.get_metadata(name) for name in known.list_modules()]

    compared = {name.partition("-")[0] for name in MODULES} | {"batch_norm", "zspace_coherence"}
    # Batch norm keeps running state; test_batch_norm.py compares it. PyTorch has no Z-space.
    assert compared == {
        metadata.module_type for metadata in offered if metadata.category.is_part_of_a_pipeline
    }
