"""The six tasks that training is measured on: data and first weights, the same for every system.

Everything is drawn by one NumPy generator, so each system starts from the same weights and sees the
same batches, and the losses after a few steps can be compared. Nothing is downloaded or stored.

| task | model | batch |
|---|---|---|
| mlp32, mlp256 | 64-128-128-10, relu | 32, 256 |
| cnn8, cnn28 | conv 3x3 of 16, relu, conv 3x3 of 32, relu, max pool, dense; 8x8, 28x28 | 64 |
| characters | transformer: 2 blocks of width 128 with 4 heads, 128 places, 128 characters | 16 |
| mlp1024 | 784-1024-1024-10, relu | 256 |
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

LR, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
N_STEPS_COMPARED = 5
N_CLASSES = 10
N_FILTERS = (16, 32)
CHARACTERS, PLACES, EMBEDDED, WIDTH, HEADS, BLOCKS = 128, 128, 64, 128, 4, 2
MLPS = {
    "mlp32": ((64, 128, 128, N_CLASSES), 32),
    "mlp256": ((64, 128, 128, N_CLASSES), 256),
    "mlp1024": ((784, 1024, 1024, N_CLASSES), 256),
}
CNNS = {"cnn8": (8, 64), "cnn28": (28, 64)}
TASKS = ("mlp32", "mlp256", "cnn8", "cnn28", "characters", "mlp1024")

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Task:
    """One task.

    Attributes:
        name: One of `TASKS`.
        kind: "mlp", "cnn" or "characters".
        weights: First values by name, in PyTorch's order of axes for convolutions
            `(filters, channels, 3, 3)`, `(inputs, outputs)` for dense layers.
        batches: Pairs x, y: images are `(batch, channels, height, width)`, characters and labels
            are int64.
    """

    name: str
    kind: str
    weights: dict[str, Floats]
    batches: list[tuple[NDArray[np.generic], NDArray[np.int64]]]


def load(name: str, n_batches: int = 8) -> Task:
    """Return a task with `n_batches` batches; fewer are the first of more."""
    if name in MLPS:
        sizes, batch = MLPS[name]
        return Task(name, "mlp", _dense_weights(sizes), _patterns((sizes[0],), batch, n_batches))
    if name in CNNS:
        side, batch = CNNS[name]
        return Task(name, "cnn", _cnn_weights(side), _patterns((1, side, side), batch, n_batches))
    return Task(name, "characters", _character_weights(), _sentences(16, n_batches))


def _patterns(
    shape: tuple[int, ...], batch: int, n_batches: int
) -> list[tuple[NDArray[np.generic], NDArray[np.int64]]]:
    """Return noisy copies of one pattern for each class."""
    random = np.random.default_rng(1)
    patterns = random.random((N_CLASSES, *shape), np.float32)
    made: list[tuple[NDArray[np.generic], NDArray[np.int64]]] = []
    for _ in range(n_batches):
        y = random.integers(0, N_CLASSES, batch)
        noise = random.random((batch, *shape), np.float32)
        made.append((np.float32(0.6) * patterns[y] + np.float32(0.4) * noise, y))
    return made


def _sentences(batch: int, n_batches: int) -> list[tuple[NDArray[np.generic], NDArray[np.int64]]]:
    """Return texts of made-up words and, for each character, the one that follows."""
    random = np.random.default_rng(1)
    words = [bytes(random.integers(97, 123, n)) for n in random.integers(1, 9, 200)]
    chosen = random.integers(0, len(words), 20_000)
    text = np.frombuffer(b" ".join(words[n] for n in chosen), np.uint8)
    made: list[tuple[NDArray[np.generic], NDArray[np.int64]]] = []
    for _ in range(n_batches):
        starts = random.integers(0, len(text) - PLACES - 1, batch)
        rows = np.stack([text[start : start + PLACES + 1] for start in starts]).astype(np.int64)
        made.append((rows[:, :-1].copy(), rows[:, 1:].copy()))
    return made


def _even(random: np.random.Generator, n_in: int, shape: tuple[int, ...]) -> Floats:
    bound = n_in**-0.5
    return random.uniform(-bound, bound, shape).astype(np.float32)


def _dense_weights(sizes: tuple[int, ...]) -> dict[str, Floats]:
    random = np.random.default_rng(0)
    made = {}
    for n, (n_in, n_out) in enumerate(pairwise(sizes)):
        made[f"w{n}"] = _even(random, n_in, (n_in, n_out))
        made[f"b{n}"] = np.zeros(n_out, np.float32)
    return made


def _cnn_weights(side: int) -> dict[str, Floats]:
    random = np.random.default_rng(0)
    first, second = N_FILTERS
    n_flat = second * (side // 2) ** 2
    return {
        "k0": _even(random, 9, (first, 1, 3, 3)),
        "c0": np.zeros(first, np.float32),
        "k1": _even(random, 9 * first, (second, first, 3, 3)),
        "c1": np.zeros(second, np.float32),
        "w": _even(random, n_flat, (n_flat, N_CLASSES)),
        "b": np.zeros(N_CLASSES, np.float32),
    }


def _character_weights() -> dict[str, Floats]:
    random = np.random.default_rng(0)

    def normal(*shape: int) -> Floats:
        return (random.standard_normal(shape) * 0.02).astype(np.float32)

    def zeros(n: int) -> Floats:
        return np.zeros(n, np.float32)

    def ones(n: int) -> Floats:
        return np.ones(n, np.float32)

    made = {
        "table": normal(CHARACTERS, EMBEDDED),
        "up": normal(EMBEDDED, WIDTH),
        "places": normal(PLACES, WIDTH),
    }
    for block in range(BLOCKS):
        made |= {
            f"{block}.scale1": ones(WIDTH),
            f"{block}.shift1": zeros(WIDTH),
            f"{block}.qkv": normal(WIDTH, 3 * WIDTH),
            f"{block}.qkv_bias": zeros(3 * WIDTH),
            f"{block}.output": normal(WIDTH, WIDTH),
            f"{block}.output_bias": zeros(WIDTH),
            f"{block}.scale2": ones(WIDTH),
            f"{block}.shift2": zeros(WIDTH),
            f"{block}.wide": normal(WIDTH, 4 * WIDTH),
            f"{block}.wide_bias": zeros(4 * WIDTH),
            f"{block}.narrow": normal(4 * WIDTH, WIDTH),
            f"{block}.narrow_bias": zeros(WIDTH),
        }
    return {
        **made,
        "scale": ones(WIDTH),
        "shift": zeros(WIDTH),
        "head": normal(WIDTH, CHARACTERS),
        "head_bias": zeros(CHARACTERS),
    }
