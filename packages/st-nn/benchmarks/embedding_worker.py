"""One system that answers one image at a time, in a process of its own.

`suite_embedding` starts it:

    python embedding_worker.py SYSTEM RUN

Loads the model of RUN, a multilayer perceptron, and asks it one image at a time: first from one
thread, then from eight at once. Writes one line of JSON: for each, the nanoseconds of every call,
and of the whole; and how many nanoseconds loading took and the largest difference to the
handwritten answers.
"""

import gc
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

N_CALLS = 4000
"""In one thread; of several, each makes as many of them as leaves the sum the same."""

WARM_UP = 200
Ask = Callable[[NDArray[np.float32]], NDArray[Any]]


def ours(run: Path) -> Ask:
    """As README says: load, then call."""
    import st.nn

    return st.nn.load(run)


def by_hand(run: Path) -> Ask:
    """Two matrix products in NumPy, as one would write them down."""
    w1, b1, w2, b2 = layers(run)

    def ask(x: NDArray[np.float32]) -> NDArray[Any]:
        scores: NDArray[Any] = np.maximum(x @ w1 + b1, 0) @ w2 + b2
        return scores

    return ask


def pytorch(run: Path) -> Ask:
    """The same modules in PyTorch, in inference mode, on one thread of its own."""
    import torch

    torch.set_num_threads(1)
    w1, b1, w2, b2 = (torch.from_numpy(layer.copy()) for layer in layers(run))
    hidden, last = torch.nn.Linear(*w1.shape), torch.nn.Linear(*w2.shape)
    model = torch.nn.Sequential(hidden, torch.nn.ReLU(), last).eval()
    with torch.no_grad():
        hidden.weight.copy_(w1.T)
        hidden.bias.copy_(b1)
        last.weight.copy_(w2.T)
        last.bias.copy_(b2)

    def ask(x: NDArray[np.float32]) -> NDArray[Any]:
        with torch.inference_mode():
            scores: NDArray[Any] = model(torch.from_numpy(x)).numpy()
        return scores

    return ask


SYSTEMS: dict[str, Callable[[Path], Ask]] = {
    "st.nn.load": ours,
    "PyTorch": pytorch,
    "NumPy by hand": by_hand,
}


def layers(run: Path) -> list[NDArray[np.float32]]:
    """Return the two weights and biases; the file is one of this project's own."""
    arrays = load_file(run / "model/weights.safetensors")
    return [arrays[name] for name in ("1.weight", "1.bias", "3.weight", "3.bias")]


def asked(ask: Ask, images: NDArray[np.float32], n_threads: int) -> dict[str, Any]:
    """Ask from several threads at once; give the time of every call, and of all."""
    taken: list[list[int]] = [[] for _ in range(n_threads)]
    barrier = threading.Barrier(n_threads + 1)

    def work(number: int) -> None:
        mine, clock = taken[number], time.perf_counter_ns
        barrier.wait()
        for n in range(N_CALLS // n_threads):
            image = images[n % len(images)]
            start = clock()
            ask(image)
            mine.append(clock() - start)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(n_threads)]
    for thread in threads:
        thread.start()
    gc.collect()
    barrier.wait()
    start = time.perf_counter_ns()
    for thread in threads:
        thread.join()
    whole = time.perf_counter_ns() - start
    return {"calls": [each for mine in taken for each in mine], "whole": whole}


def main() -> None:
    """Load, compare, and time."""
    run = Path(sys.argv[2])
    images = np.random.default_rng(7).random((64, 1, 64), dtype=np.float32)
    start = time.perf_counter_ns()
    ask = SYSTEMS[sys.argv[1]](run)
    loaded = time.perf_counter_ns() - start
    exact = by_hand(run)
    # What a model of ours takes is as the file has it; it scales by itself.
    scale = json.loads((run / "model/config.json").read_text("utf-8"))["scale"]
    asks = images / np.float32(scale) if sys.argv[1] == "st.nn.load" else images
    apart = max(float(np.abs(ask(a) - exact(b)).max()) for a, b in zip(asks, images, strict=True))
    for n in range(WARM_UP):
        ask(asks[n % len(asks)])
    told = {f"{n}": asked(ask, asks, n) for n in (1, 8)}
    print(json.dumps({"loaded": loaded, "apart": apart, **told}))


if __name__ == "__main__":
    main()
