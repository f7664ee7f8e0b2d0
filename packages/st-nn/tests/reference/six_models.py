"""The six tasks as this project's models: modules, and first values under their names."""

from typing import Any

import numpy as np
import six_tasks
from numpy.typing import NDArray
from six_tasks import Task

from st.core.backend import Backend, spec
from st.nn import (
    Adam,
    Conv2d,
    CrossEntropy,
    Embedding,
    Flatten,
    LayerNorm,
    Linear,
    MaxPool2d,
    Model,
    Module,
    Relu,
    Scope,
    Tensor,
    TrainingStep,
    TransformerBlock,
)
from st.nn.init import Normal

Arrays = dict[str, NDArray[Any]]


class Places(Module, frozen=True):
    """Adds a learned vector for each place of a row."""

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        return x + scope.parameter("weight", x.shape[1:], Normal(0.02))


def model_of(task: Task) -> Model:
    """Return the model of a task."""
    if task.kind == "mlp":
        sizes, _ = six_tasks.MLPS[task.name]
        modules: list[tuple[str, Module]] = []
        for n, size in enumerate(sizes[1:]):
            modules += [(f"linear{n}", Linear(out_features=size)), (f"relu{n}", Relu())]
        return Model(modules[:-1], spec(sizes[:1], "float32"))
    if task.kind == "cnn":
        first, second = six_tasks.N_FILTERS
        side, _ = six_tasks.CNNS[task.name]
        layers: list[tuple[str, Module]] = [
            ("conv0", Conv2d(out_channels=first, padding=1)),
            ("relu0", Relu()),
            ("conv1", Conv2d(out_channels=second, padding=1)),
            ("relu1", Relu()),
            ("pool", MaxPool2d()),
            ("flatten", Flatten()),
            ("dense", Linear(out_features=six_tasks.N_CLASSES)),
        ]
        return Model(layers, spec((side, side, 1), "float32"))
    table = Embedding(n_rows=six_tasks.CHARACTERS, width=six_tasks.EMBEDDED)
    block = TransformerBlock(heads=six_tasks.HEADS, causal=True, approximate="tanh")
    chain: list[tuple[str, Module]] = [
        ("table", table),
        ("up", Linear(out_features=six_tasks.WIDTH, bias=False)),
        ("places", Places()),
        *((f"block{n}", block) for n in range(six_tasks.BLOCKS)),
        ("norm", LayerNorm()),
        ("head", Linear(out_features=six_tasks.CHARACTERS)),
    ]
    return Model(chain, spec((six_tasks.PLACES,), "int64"))


def weights_of(task: Task) -> Arrays:
    """Return the first values of the model's parameters."""
    w = task.weights
    if task.kind == "mlp":
        n_layers = len(w) // 2
        made: Arrays = {f"linear{n}.weight": w[f"w{n}"] for n in range(n_layers)}
        return made | {f"linear{n}.bias": w[f"b{n}"] for n in range(n_layers)}
    if task.kind == "cnn":
        filters, half = six_tasks.N_FILTERS[1], six_tasks.CNNS[task.name][0] // 2
        # Channels come last here, so the dense layer sees the pixels in another order.
        dense = w["w"].reshape(filters, half, half, -1).transpose(1, 2, 0, 3)
        return {
            "conv0.weight": w["k0"].transpose(2, 3, 1, 0),
            "conv0.bias": w["c0"],
            "conv1.weight": w["k1"].transpose(2, 3, 1, 0),
            "conv1.bias": w["c1"],
            "dense.weight": dense.reshape(w["w"].shape),
            "dense.bias": w["b"],
        }
    made = {"table.weight": w["table"], "up.weight": w["up"], "places.weight": w["places"]}
    for n in range(six_tasks.BLOCKS):
        made |= _block(w, n)
    made |= {"norm.scale": w["scale"], "norm.shift": w["shift"]}
    return made | {"head.weight": w["head"], "head.bias": w["head_bias"]}


def _block(w: Arrays, n: int) -> Arrays:
    made: Arrays = {}
    for name, weight, bias in zip(
        ("query", "key", "value"),
        np.split(w[f"{n}.qkv"], 3, 1),
        np.split(w[f"{n}.qkv_bias"], 3),
        strict=True,
    ):
        made |= {f"attention.{name}.weight": weight, f"attention.{name}.bias": bias}
    parts = {"attention.output": "output", "wide": "wide", "narrow": "narrow"}
    for name, source in parts.items():
        made |= {f"{name}.weight": w[f"{n}.{source}"], f"{name}.bias": w[f"{n}.{source}_bias"]}
    for name, number in (("first_norm", 1), ("second_norm", 2)):
        made |= {
            f"{name}.scale": w[f"{n}.scale{number}"],
            f"{name}.shift": w[f"{n}.shift{number}"],
        }
    return {f"block{n}.{name}": values for name, values in made.items()}


def input_of(task: Task, x: NDArray[Any]) -> NDArray[Any]:
    """Return images with their channels last; anything else as it is."""
    return np.ascontiguousarray(np.moveaxis(x, 1, -1)) if task.kind == "cnn" else x


def step_of(task: Task, backend: Backend) -> TrainingStep:
    """Return the training step of a task, with its first weights."""
    optimizer = Adam(
        lr=six_tasks.LR,
        beta1=six_tasks.BETA1,
        beta2=six_tasks.BETA2,
        epsilon=six_tasks.EPSILON,
    )
    n_rows = len(task.batches[0][0])
    return TrainingStep(
        model_of(task), CrossEntropy(), optimizer, backend, n_rows, weights_of(task)
    )


def first_losses(task: Task, backend: Backend) -> list[float]:
    """Return the loss before the first step, and after each of the first steps."""
    step = step_of(task, backend)
    found = []
    for n in range(six_tasks.N_STEPS_COMPARED + 1):
        x, y = task.batches[n % len(task.batches)]
        step.run(input_of(task, x), y)
        found.append(step.read_loss())
    return found
