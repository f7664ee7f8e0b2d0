"""What it costs to watch every operation of a training step, ours beside the peers'.

Processor time of the whole process (publisher and draining thread together), in blocks of steps
whose order is shuffled every round; the figure is the 15th percentile over the rounds against
that of "nobody listens". Two variants of "nobody listens" show the noise floor.

The peers are optional: pip install prometheus_client opentelemetry-sdk tensorboard tensorboardX
torch.
"""

from __future__ import annotations

import gc
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parent))

import monitor_peers as peers
from monitor_step import Step, plain, publishing, telling

from st.core import Registry, RunFinished, RunStarted, TensorOp
from st.monitor import MonitorPlugin

NAME = "monitor"
ROUNDS = 16
STEPS = 48
OUR_STEPS = 400
PEER_STEPS = 6
OFF, AGAIN = "nobody listens", "nobody listens, again (noise)"


class Watched:
    """A registry whose monitor records a run in a mode; `drain` empties the tape."""

    def __init__(self, mode: str) -> None:
        self.registry = Registry()
        self.registry.config.set("monitor", "mode", mode)
        self.registry.register(MonitorPlugin)
        self.topic: Any = self.registry.bus.topic(TensorOp)
        self.drain = self.registry.get_service("monitor").drain
        self.directory = tempfile.mkdtemp()

    def start(self) -> None:
        """Begin a run."""
        self.registry.bus.publish(RunStarted("bench", self.directory, {}, {}, 7))

    def stop(self) -> None:
        """End it."""
        self.registry.bus.publish(RunFinished("bench", "finished", {}))

    def account(self) -> Any:
        """Give what became of the operations so far."""
        return self.drain.account()


def run(bench: Any) -> None:
    """Run everything; about three minutes. BLAS has one thread, as its others would count."""
    with threadpool_limits(1):
        per_operation(bench)
        automatic(bench)
    sustained(bench)
    overload(bench)
    import_time(bench)


def per_operation(bench: Any) -> None:
    """Watch all operations of a step, in every way."""
    step = Step()
    silent = Registry()
    quiet = publishing(silent.bus.topic(TensorOp))
    watched = {f"st-monitor, {mode}": Watched(mode) for mode in ("count", "full")}
    blocks: dict[str, Callable[[], float]] = {
        OFF: lambda: block(step, quiet),
        AGAIN: lambda: block(step, quiet),
        "uninstrumented": lambda: block(step, plain),
    }
    for name, ours in watched.items():
        blocks[name] = lambda ours=ours: ours_block(step, ours)  # type: ignore[misc]
    for name, make in peers.MAKERS.items():
        try:
            op = telling(make())
        except ImportError as error:
            print(f"left out: {name} ({error})")
            continue
        blocks[name] = lambda op=op: block(step, op, PEER_STEPS)  # type: ignore[misc]
    times: dict[str, list[float]] = {name: [] for name in blocks}
    for name in blocks:
        blocks[name]()
    chosen = random.Random(0)
    for _ in range(ROUNDS):
        for name in chosen.sample(list(blocks), len(blocks)):
            times[name].append(blocks[name]())
    low = {name: float(np.quantile(values, 0.15)) for name, values in times.items()}
    base = low[OFF]
    count = Step.n_operations
    bench.record("the step, nobody listens", {"processor time": base / 1e3}, "µs")
    bench.record(
        "watching every operation of that step",
        {name: 100 * (value / base - 1) for name, value in low.items() if name != OFF},
        "% of the step",
    )
    ours_and_peers = {n: (v - base) / count for n, v in low.items() if n not in (OFF, AGAIN)}
    bench.record("watching one operation, all in", ours_and_peers, "ns")
    try:
        bench.record("torch.profiler on a PyTorch step", peers.torch_profiler(7), "as named")
    except ImportError as error:
        print(f"left out: torch.profiler ({error})")


def block(step: Step, op: Any, n_steps: int = STEPS) -> float:
    """Give the processor time of a step in nanoseconds."""
    gc.collect()
    start = time.process_time_ns()
    for _ in range(n_steps):
        step(op)
    return (time.process_time_ns() - start) / n_steps


def ours_block(step: Step, ours: Watched) -> float:
    """The same with a run recorded meanwhile, the last drain and write included."""
    ours.start()
    op = publishing(ours.topic)
    gc.collect()
    start = time.process_time_ns()
    # More steps, for what a run costs once is not what is asked here.
    for _ in range(OUR_STEPS):
        step(op)
    ours.drain.turn()
    taken = (time.process_time_ns() - start) / OUR_STEPS
    ours.stop()
    return taken


def automatic(bench: Any) -> None:
    """The mode "auto" over steps of three lengths: truth beside what it says of itself."""
    for batch, width in ((8, 32), (64, 128), (256, 192)):
        step, ours = Step(batch, width), Watched("auto")
        quiet = publishing(Registry().bus.topic(TensorOp))
        op = publishing(ours.topic)
        pairs, said = [], []
        ours.start()
        seconds(step, op, 1.0)
        for number in range(8):
            halves = {}
            for name in ("off", "auto") if number % 2 else ("auto", "off"):
                if name == "off":
                    # Its thread goes on; only the operations are not told of.
                    halves[name] = seconds(step, quiet, 0.6)
                else:
                    before = ours.account()
                    halves[name] = seconds(step, op, 0.6)
                    after = ours.account()
                    said.append(
                        100 * (after.cost_s - before.cost_s) / (after.busy_s - before.busy_s)
                    )
            pairs.append(100 * (halves["auto"] / halves["off"] - 1))
        ours.stop()
        length_us = min(seconds(step, quiet, 0.1), seconds(step, quiet, 0.1)) / 1e3
        bench.record(
            f"mode auto, budget 1 %, steps of {length_us:.0f} µs",
            {
                "measured, median of 8 pairs": float(np.median(pairs)),
                "measured, lowest": min(pairs),
                "measured, highest": max(pairs),
                "says of itself": float(np.mean(said)),
            },
            "%",
        )


def seconds(step: Step, op: Any, length_s: float) -> float:
    """Give the processor time of a step in nanoseconds, over so many seconds."""
    n = 0
    start, end = time.process_time_ns(), time.perf_counter() + length_s
    while time.perf_counter() < end:
        for _ in range(8):
            step(op)
        n += 8
    return (time.process_time_ns() - start) / n


def sustained(bench: Any) -> None:
    """Rates that nothing may be lost at: from one thread and from two."""
    for n_threads, rate in ((1, 300_000), (2, 100_000)):
        bench.record(
            f"{n_threads} x {rate:,} operations a second for 5 s",
            publish_at(n_threads, rate, 5.0),
            "as named",
        )


def overload(bench: Any) -> None:
    """Four threads as fast as they can."""
    bench.record("4 threads flat out for 3 s", publish_at(4, 0, 3.0), "as named")


def publish_at(n_threads: int, rate: int, length_s: float) -> dict[str, float]:
    """Publish from threads, at `rate` each or as fast as possible, and count what became of it."""
    ours = Watched("full")
    ours.start()
    published, bursts = [0] * n_threads, []

    def publish(number: int) -> None:
        fields = ("matmul", (), 1, 2000, "NumPy", "body")
        record = ours.topic.record
        due = time.perf_counter()
        end = due + length_s
        while time.perf_counter() < end:
            start = time.perf_counter_ns()
            for _ in range(50):
                record(fields)
            bursts.append(time.perf_counter_ns() - start)
            published[number] += 50
            if rate:
                due += 50 / rate
                time.sleep(max(0.0, due - time.perf_counter()))

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ours.drain.turn()
    account = ours.account()
    ours.stop()
    spread = np.array(bursts) / 1e3
    return {
        "published, million": sum(published) / 1e6,
        "dropped, million": account.n_dropped / 1e6,
        "published - recorded - dropped - pending": sum(published) - account.n_published,
        "burst of 50, p99.9 in µs": float(np.quantile(spread, 0.999)),
        "longest burst in ms": float(spread.max() / 1e3),
    }


def import_time(bench: Any) -> None:
    """What `import st.monitor` adds to NumPy and st.core, in fresh interpreters."""
    base = "import numpy, st.core, st.core.registry"
    more = f"{base}, st.monitor.plugin"
    times: dict[str, list[float]] = {base: [], more: []}
    for _ in range(9):
        for code in random.sample([base, more], 2):
            timed = f"import time; t = time.process_time(); {code}; print(time.process_time() - t)"
            told = subprocess.run(
                [sys.executable, "-c", timed], capture_output=True, text=True, check=True
            )
            times[code].append(float(told.stdout) * 1e3)
    added = float(np.median(times[more]) - np.median(times[base]))
    bench.record("import st.monitor, over NumPy and st.core", {"added": added}, "ms")
