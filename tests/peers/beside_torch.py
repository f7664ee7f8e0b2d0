"""Every module and every loss beside PyTorch, live: random shapes, random weights, all gradients.

    tox -e peers

PyTorch computes in float64 from float32 numbers; ours, in float32, is to be within 1e-5 of the
largest element of each result. Not collected with the other tests, which need no PyTorch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from st.core import Registry
from st.core.backend import spec
from st.nn import modules as m
from st.nn import ops
from st.nn.discovery import MODULE_REGISTRY
from st.nn.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SmoothL1,
)
from st.nn.metadata import ModuleCategory
from st.nn.model import Model
from st.nn.numpy_backend import NumPyBackend
from st.nn.scope import TapeScope
from st.nn.tape import Tape, Tensor, gradients
from st.nn.variables import Variables

f = torch.nn.functional

N_SEEDS = 5
Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """A module, the shape of its input, and the same in PyTorch on our layouts."""

    module: m.Module
    shape: tuple[int, ...]
    forward: Callable[[Any, Parameters], Any]
    training: bool = True


def rows(rng: np.random.Generator) -> tuple[int, int, int]:
    """Return batch, rows and width; the width is even."""
    n, length, half = (int(k) for k in rng.integers(1, 7, 3))
    return n + 1, length + 1, 2 * half


def image(rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Return batch, height, width and channels, of which there is an even number."""
    n, height, width, half = (int(k) for k in rng.integers((1, 7, 7, 1), (4, 12, 12, 4)))
    return n, height, width, 2 * half


def wide(rng: np.random.Generator) -> tuple[int, int, int]:
    """Return rows for a norm: two numbers that are nearly equal leave nothing of seven digits."""
    n, length, width = rows(rng)
    return n, length, width + 6


def linear(x: Any, p: Parameters, name: str = "") -> Any:
    """Apply our linear module's parameters."""
    return x @ p[f"{name}weight"] + p[f"{name}bias"]


def pointwise(module: m.Module, function: Callable[[Any], Any]) -> Callable[..., Case]:
    """Return the case of a module without parameters, on rows."""
    return lambda rng: Case(module, rows(rng), lambda x, p: function(x))


def convolution(rng: np.random.Generator) -> Case:
    """Draw every option of a convolution of images."""
    shape, groups = image(rng), int(rng.integers(1, 3))
    options = {name: int(rng.integers(1, 3)) for name in ("stride", "dilation")}
    options["padding"] = int(rng.integers(0, 3))
    kernel = int(rng.integers(1, 4))
    module = m.Conv2d(out_channels=4, kernel=kernel, groups=groups, **options)

    def forward(x: Any, p: Parameters) -> Any:
        weight = p["weight"].permute(3, 2, 0, 1)
        y = f.conv2d(x.movedim(3, 1), weight, p["bias"], groups=groups, **options)
        return y.movedim(1, 3)

    return Case(module, shape, forward)


def convolution_of_rows(rng: np.random.Generator) -> Case:
    """Draw every option of a convolution of rows."""
    n, _, channels = rows(rng)
    groups = int(rng.integers(1, 3))
    options = {name: int(rng.integers(1, 3)) for name in ("stride", "dilation")}
    options["padding"] = int(rng.integers(0, 3))
    kernel = int(rng.integers(1, 4))
    module = m.Conv1d(out_channels=4, kernel=kernel, groups=groups, **options)

    def forward(x: Any, p: Parameters) -> Any:
        weight = p["weight"].permute(2, 1, 0)
        return f.conv1d(x.mT, weight, p["bias"], groups=groups, **options).mT

    return Case(module, (n, int(rng.integers(7, 15)), channels), forward)


def pool(of: type[Any], function: Callable[..., Any], n_axes: int) -> Callable[..., Case]:
    """Return the case of a pool with a random window."""

    def case(rng: np.random.Generator) -> Case:
        size, stride = int(rng.integers(1, 4)), int(rng.integers(1, 4))
        padding = int(rng.integers(0, size // 2 + 1))
        shape = image(rng) if n_axes == 2 else (2, int(rng.integers(4, 9)), 3)

        def forward(x: Any, p: Parameters) -> Any:
            return function(x.movedim(-1, 1), size, stride, padding).movedim(1, -1)

        return Case(of(size=size, stride=stride, padding=padding), shape, forward)

    return case


def recurrent(of: type[Any], cell: type[Any]) -> Callable[..., Case]:
    """Return the case of an LSTM or a GRU."""

    def case(rng: np.random.Generator) -> Case:
        shape, hidden = rows(rng), int(rng.integers(1, 7))

        def forward(x: Any, p: Parameters) -> Any:
            layer = cell(shape[2], hidden, batch_first=True, dtype=x.dtype)
            given = {
                "weight_ih_l0": p["input_weight"].T,
                "weight_hh_l0": p["hidden_weight"].T,
                "bias_ih_l0": p["input_bias"],
                "bias_hh_l0": p["hidden_bias"],
            }
            return torch.func.functional_call(layer, given, x)[0]

        return Case(of(hidden=hidden), shape, forward)

    return case


def attended(x: Any, p: Parameters, causal: bool, prefix: str = "") -> Any:
    """Apply our attention's parameters, two heads."""
    q, k, v = (
        linear(x, p, f"{prefix}{name}.").unflatten(-1, (2, -1)).transpose(1, 2)
        for name in ("query", "key", "value")
    )
    y = f.scaled_dot_product_attention(q, k, v, is_causal=causal)
    return linear(y.transpose(1, 2).flatten(2), p, f"{prefix}output.")


def attention(rng: np.random.Generator) -> Case:
    """Draw whether it is causal."""
    causal = bool(rng.integers(2))
    module = m.MultiHeadAttention(heads=2, causal=causal)
    return Case(module, rows(rng), lambda x, p: attended(x, p, causal))


def block(rng: np.random.Generator) -> Case:
    """Draw whether it is causal, and how its gelu is computed."""
    causal, approximate = bool(rng.integers(2)), ("none", "tanh")[rng.integers(2)]
    module = m.TransformerBlock(heads=2, expansion=2, causal=causal, approximate=approximate)

    def forward(x: Any, p: Parameters) -> Any:
        def norm(name: str, x: Any) -> Any:
            return f.layer_norm(x, x.shape[-1:], p[f"{name}.scale"], p[f"{name}.shift"])

        x = x + attended(norm("first_norm", x), p, causal, "attention.")
        y = f.gelu(linear(norm("second_norm", x), p, "wide."), approximate=approximate)
        return x + linear(y, p, "narrow.")

    return Case(module, wide(rng), forward)


def layer_norm(rng: np.random.Generator) -> Case:
    """Normalise rows."""
    return Case(
        m.LayerNorm(), wide(rng), lambda x, p: f.layer_norm(x, x.shape[-1:], p["scale"], p["shift"])
    )


def batch_norm(rng: np.random.Generator) -> Case:
    """Normalise a batch, or by its running state."""
    training = bool(rng.integers(2))

    def forward(x: Any, p: Parameters) -> Any:
        running = p["mean"].detach().clone(), p["variance"].detach().clone()
        flat = x.flatten(0, -2)
        y = f.batch_norm(flat, *running, p["scale"], p["shift"], training=training)
        return y.reshape(x.shape)

    return Case(m.BatchNorm(), image(rng), forward, training)


def embedding(rng: np.random.Generator) -> Case:
    """Look up rows of a table; the input is drawn as numbers from -1.5 to 1.5."""
    return Case(
        m.Embedding(n_rows=5, width=3),
        rows(rng)[:2],
        lambda x, p: f.embedding(x.detach().abs().long(), p["weight"]),
    )


def waves(x: Any, p: Parameters) -> Any:
    """Add the waves of the paper, written element by element."""
    length, width = x.shape[1:]
    made = torch.zeros(length, width, dtype=x.dtype)
    for place in range(length):
        for i in range(0, width, 2):
            angle = torch.tensor(place / 10000 ** (i / width), dtype=x.dtype)
            made[place, i], made[place, i + 1] = angle.sin(), angle.cos()
    return x + made


def container(of: Callable[[Any, Parameters], Any], module: m.Module) -> Callable[..., Case]:
    """Return the case of modules in a module, on rows."""
    return lambda rng: Case(module, rows(rng), of)


TWO = (m.Linear(out_features=4), m.Tanh())
CASES: dict[str, Callable[[np.random.Generator], Case]] = {
    "affine": pointwise(m.Affine(factor=2.5, offset=-0.5), lambda x: x * 2.5 - 0.5),
    "linear": lambda rng: Case(m.Linear(out_features=int(rng.integers(1, 9))), rows(rng), linear),
    "flatten": pointwise(m.Flatten(), lambda x: x.flatten(1)),
    "reshape": pointwise(m.Reshape(shape=(2, -1)), lambda x: x.reshape(x.shape[0], 2, -1)),
    "sequential": container(lambda x, p: torch.tanh(linear(x, p, "0.")), m.Sequential(modules=TWO)),
    "residual": container(lambda x, p: x + torch.tanh(x), m.Residual(modules=(m.Tanh(),))),
    "parallel": container(
        lambda x, p: torch.cat([linear(x, p, "0."), torch.tanh(x)], -1), m.Parallel(modules=TWO)
    ),
    "merge": pointwise(m.Merge(), lambda x: x),
    "relu": pointwise(m.Relu(), f.relu),
    "tanh": pointwise(m.Tanh(), torch.tanh),
    "sigmoid": pointwise(m.Sigmoid(), torch.sigmoid),
    "gelu": pointwise(m.Gelu(), f.gelu),
    "gelu-tanh": pointwise(m.Gelu(approximate="tanh"), lambda x: f.gelu(x, approximate="tanh")),
    "silu": pointwise(m.Silu(), f.silu),
    "softplus": pointwise(m.Softplus(), f.softplus),
    "leaky_relu": pointwise(m.LeakyRelu(slope=0.2), lambda x: f.leaky_relu(x, 0.2)),
    "softmax": pointwise(m.Softmax(), lambda x: f.softmax(x, -1)),
    "layer_norm": layer_norm,
    "rms_norm": lambda rng: Case(
        m.RmsNorm(), rows(rng), lambda x, p: f.rms_norm(x, x.shape[-1:], p["scale"], 1e-5)
    ),
    "batch_norm": batch_norm,
    "dropout": lambda rng: Case(m.Dropout(), rows(rng), lambda x, p: x * 1.0, training=False),
    "embedding": embedding,
    "conv1d": convolution_of_rows,
    "conv2d": convolution,
    "maxpool": pool(m.MaxPool2d, f.max_pool2d, 2),
    "avgpool": pool(m.AvgPool2d, f.avg_pool2d, 2),
    "maxpool1d": pool(m.MaxPool1d, f.max_pool1d, 1),
    "avgpool1d": pool(m.AvgPool1d, f.avg_pool1d, 1),
    "global_avgpool": pointwise(m.GlobalAvgPool(), lambda x: x.mean(1)),
    "last_step": pointwise(m.LastStep(), lambda x: x[:, -1]),
    "lstm": recurrent(m.Lstm, torch.nn.LSTM),
    "gru": recurrent(m.Gru, torch.nn.GRU),
    "attention": attention,
    "positions": container(waves, m.Positions()),
    "learned_positions": container(lambda x, p: x + p["weight"], m.LearnedPositions()),
    "transformer_block": block,
}
BESIDE = {"gelu-tanh"}
"""Cases of modules that have one under their own name."""


def drawn(rng: np.random.Generator, shape: tuple[int, ...], scale: float) -> NDArray[np.float32]:
    """Return normal numbers that float32 holds exactly."""
    return rng.normal(0, scale, shape).astype(np.float32)


def weights(rng: np.random.Generator, key: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return numbers as large as those of trained models; a variance is positive."""
    if key.endswith("variance"):
        return np.abs(drawn(rng, shape, 0.5)) + np.float32(0.1)
    fan_in = int(np.prod(shape[:-1])) if len(shape) > 1 else 4
    return drawn(rng, shape, fan_in**-0.5)


def assert_near(name: str, made: NDArray[Any], expected: Any, size: float = 0.0) -> None:
    """Compare within 1e-5 of the largest element, or of `size`, which terms that cancel have."""
    wanted = expected.detach().numpy()
    largest = max(float(np.abs(wanted).max(initial=0)), size)
    np.testing.assert_allclose(made, wanted, rtol=0, atol=1e-5 * largest, err_msg=name)


@pytest.mark.parametrize("seed", range(N_SEEDS))
@pytest.mark.parametrize("name", CASES)
def test_module_gives_what_pytorch_gives(name: str, seed: int) -> None:
    rng = np.random.default_rng([seed, *name.encode()])
    case = CASES[name](rng)
    outline = Model([("0", case.module)], spec(case.shape[1:], "float32"))
    values = {
        key: weights(rng, key, info.shape)
        for key, info in (outline.parameters | outline.states).items()
    }
    x, tape = drawn(rng, case.shape, 1.5), Tape(NumPyBackend())
    if name == "embedding":
        x = np.abs(x).astype(np.int64).clip(0, 4).astype(np.float32)
    given = tape.input(x)
    views = {key: tape.input(value).view for key, value in values.items()}
    variables = Variables("float32", views)
    theirs_x = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    theirs = {
        key.removeprefix("0."): torch.tensor(
            value, dtype=torch.float64, requires_grad=key in outline.parameters
        )
        for key, value in values.items()
    }

    y = TapeScope(tape, variables, "", case.training).apply("0", case.module, given)
    expected = case.forward(theirs_x, theirs)
    weight = drawn(rng, y.shape, 1.0)
    used = variables.parameters
    found = gradients(ops.sum(y * tape.input(weight)), [given, *used.values()])
    expected.backward(torch.tensor(weight, dtype=torch.float64))

    assert y.dtype == "float32"
    assert_near("output", y.numpy(), expected)
    wanted = [theirs_x.grad, *(theirs[key.removeprefix("0.")].grad for key in used)]
    size = max(float(dx.abs().max()) for dx in wanted if dx is not None)
    for key, ours, dx in zip(["x", *used], found, wanted, strict=True):
        assert (ours is None) == (dx is None), key
        if ours is not None:
            # A gradient that is 0 whatever comes in, such as that of a key's bias, is what is left
            # of terms as large as the others.
            assert_near(key, ours.numpy(), dx, size if float(dx.abs().max()) < 1e-12 else 0.0)


LOSSES: dict[str, list[tuple[Loss, Callable[[Any, Any], Any]]]] = {
    "cross_entropy": [
        (CrossEntropy(), f.cross_entropy),
        (
            CrossEntropy(label_smoothing=0.3),
            lambda x, y: f.cross_entropy(x, y, label_smoothing=0.3),
        ),
        (CrossEntropy(ignore_index=1), lambda x, y: f.cross_entropy(x, y, ignore_index=1)),
    ],
    "mse": [(MeanSquaredError(), f.mse_loss)],
    "l1": [(MeanAbsoluteError(), f.l1_loss)],
    "huber": [(Huber(delta=0.6), lambda x, y: f.huber_loss(x, y, delta=0.6))],
    "smooth_l1": [(SmoothL1(beta=0.6), lambda x, y: f.smooth_l1_loss(x, y, beta=0.6))],
    "binary_cross_entropy": [(BinaryCrossEntropy(), f.binary_cross_entropy_with_logits)],
}


@pytest.mark.parametrize("seed", range(N_SEEDS))
@pytest.mark.parametrize("name", LOSSES)
def test_loss_gives_what_pytorch_gives(name: str, seed: int) -> None:
    rng = np.random.default_rng([seed, *name.encode()])
    n, _, n_classes = rows(rng)
    x = drawn(rng, (n + 2, n_classes), 2.0)
    for loss, theirs in LOSSES[name]:
        target: NDArray[Any] = rng.uniform(0, 1, x.shape).astype(np.float32)
        if name == "cross_entropy":
            target = np.concatenate([[0, 1], rng.integers(0, n_classes, n)])
        tape = Tape(NumPyBackend())
        given: Tensor = tape.input(x)
        wanted = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        of = torch.tensor(target) if name == "cross_entropy" else torch.tensor(target).double()

        value = loss.forward(given, tape.input(target))
        (gradient,) = gradients(value, [given])
        expected = theirs(wanted, of)
        expected.backward()

        assert gradient is not None
        assert value.item() == pytest.approx(expected.item(), rel=1e-5)
        assert_near("gradient", gradient.numpy(), wanted.grad)


def test_every_module_and_loss_is_compared() -> None:
    with Registry(environ={}, allow=["st-nn"]) as registry:
        registry.discover()
        known = registry.get_service(MODULE_REGISTRY)
        offered = {name: known.get_metadata(name).category for name in known.list_modules()}

    modules = {name for name, category in offered.items() if category.is_part_of_a_pipeline}
    losses = {name for name, category in offered.items() if category is ModuleCategory.LOSS}
    assert set(CASES) - BESIDE == modules - {"zspace_coherence"}  # PyTorch has no Z-space
    assert set(LOSSES) == losses
