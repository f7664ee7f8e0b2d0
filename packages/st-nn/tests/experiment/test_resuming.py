import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from st.core import EpochStart, Registry
from st.nn.checkpoint import CheckpointError, load_checkpoint
from st.nn.experiment import ResumeError, train_experiment
from st.nn.train import BatchesDone

WEIGHTS = "model/weights.safetensors"

# Trains, or goes on training, and says when it begins to; in a process of its own, to be killed.
PROGRAM = """\
import sys
from st.core import EpochStart, Registry
from st.nn.experiment import train_experiment
with Registry(environ={}, allow=["st-nn"]) as registry:
    registry.discover()
    registry.bus.subscribe(EpochStart, lambda event: print(event.epoch, flush=True), once=True)
    train_experiment(sys.argv[1], registry, resume=True)
"""


@pytest.fixture
def busy(experiment: Path) -> Path:
    """Give an experiment with 48 steps an epoch that saves whenever it can.

    Its model keeps running state and draws random numbers.
    """
    text = experiment.read_text("utf-8").replace("batch_size = 8", "batch_size = 1")
    text = text.replace('{ type = "flatten" }', '{ type = "batch_norm" }, { type = "flatten" }')
    text = text.replace('{ type = "relu" }', '{ type = "relu" }, { type = "dropout", rate = 0.25 }')
    text = text.replace("epochs = 4", "epochs = 5\ncheckpoint = { every_s = 0, keep = 2 }")
    experiment.write_text(text, encoding="utf-8")
    return experiment


@pytest.fixture
def another_registry() -> Iterator[Callable[[], Registry]]:
    """Give a function that makes registries as `registry` is one, as another process would."""
    with ExitStack() as stack:

        def make() -> Registry:
            made = stack.enter_context(Registry(environ={}, allow=["st-nn"]))
            made.discover()
            return made

        yield make


def _whole(file: Path, registry: Registry) -> bytes:
    """Return the weights of an uninterrupted run of the same experiment, made elsewhere."""
    other = file.with_name("whole.toml")
    other.write_text('output = "whole"\n' + file.read_text("utf-8"), encoding="utf-8")
    return (train_experiment(other, registry).directory.path / WEIGHTS).read_bytes()


def _interrupt(registry: Registry, event: type, n: int) -> None:
    heard: list[object] = []

    def stop(event: object) -> None:
        heard.append(event)
        if len(heard) == n:
            raise KeyboardInterrupt

    registry.bus.subscribe(event, stop)


@pytest.mark.parametrize(
    ("event", "n"),
    [
        pytest.param(EpochStart, 1, id="before the first step"),
        pytest.param(BatchesDone, 1, id="inside the first epoch"),
        pytest.param(EpochStart, 3, id="between epochs"),
        pytest.param(BatchesDone, 4, id="inside the fourth epoch"),
    ],
)
def test_resumed_run_has_the_bits_of_an_uninterrupted_one(
    busy: Path,
    registry: Registry,
    another_registry: Callable[[], Registry],
    event: type,
    n: int,
) -> None:
    expected = _whole(busy, registry)
    _interrupt(registry, event, n)
    with pytest.raises(KeyboardInterrupt):
        train_experiment(busy, registry)

    result = train_experiment(busy, another_registry(), resume=True)

    assert (result.directory.path / WEIGHTS).read_bytes() == expected
    assert [path.name for path in Path("runs").iterdir()] == ["points-1"]
    assert sorted(path.name for path in Path("runs/points-1/checkpoints").iterdir()) == [
        "epoch-4",
        "epoch-5",
    ]


def test_weights_hold_running_state_that_the_batches_left(busy: Path, registry: Registry) -> None:
    run = train_experiment(busy, registry).directory

    weights = load_checkpoint(run.model).weights

    # Of 240 batches with two numbers in each channel, each weighing a tenth.
    assert list(weights["0.mean"]) != [0, 0]
    assert list(weights["0.variance"]) != [1, 1]
    assert np.isfinite(weights["0.variance"]).all()


def test_run_directory_can_be_resumed_without_its_file(
    busy: Path, registry: Registry, another_registry: Callable[[], Registry]
) -> None:
    expected = _whole(busy, registry)
    _interrupt(registry, BatchesDone, 3)
    with pytest.raises(KeyboardInterrupt):
        train_experiment(busy, registry)
    busy.unlink()

    result = train_experiment("runs/points-1", another_registry(), resume=True)

    assert (result.directory.path / WEIGHTS).read_bytes() == expected
    config = result.directory.read_config()
    assert [each["epoch"] for each in config["resumed"]] == [2]


def test_finished_run_is_trained_on_when_more_epochs_are_asked_for(
    busy: Path, registry: Registry, another_registry: Callable[[], Registry]
) -> None:
    expected = _whole(busy, registry)
    text = busy.read_text("utf-8")
    busy.write_text(text.replace("epochs = 5", "epochs = 3"), encoding="utf-8")
    train_experiment(busy, registry)
    busy.write_text(text, encoding="utf-8")

    result = train_experiment(busy, another_registry(), resume=True)

    assert (result.directory.path / WEIGHTS).read_bytes() == expected


def _written(file: Path) -> tuple[int, int]:
    """Return which file it is and when it was written; when it was read is of no account."""
    return file.stat().st_ino, file.stat().st_mtime_ns


def test_finished_run_stays_as_it_is(
    experiment: Path, registry: Registry, another_registry: Callable[[], Registry]
) -> None:
    first = train_experiment(experiment, registry)
    before = _written(first.directory.path / WEIGHTS)

    again = train_experiment(experiment, another_registry(), resume=True)

    assert _written(first.directory.path / WEIGHTS) == before
    assert (again.accuracy, again.loss) == (first.accuracy, first.loss)


def test_resuming_without_a_run_begins_one(experiment: Path, registry: Registry) -> None:
    Path("runs/points-7").mkdir(parents=True)  # killed before its configuration was written

    assert train_experiment(experiment, registry, resume=True).directory.run_id == "points-8"


def _changed(old: str, new: str, file: str = "points.toml") -> Callable[[], object]:
    def change() -> None:
        text = Path(file).read_text("utf-8")
        assert old in text
        Path(file).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        pytest.param(
            _changed("0,0,0,0,under\n", "", "points.csv"),
            ["the data: rows 64 then, 63 now", "the data: sha256 "],
            id="row gone",
        ),
        pytest.param(
            _changed("0,0,0,0,under\n", "0,0,0,0,over\n", "points.csv"),
            ["the data: sha256 "],
            id="other value",
        ),
        pytest.param(
            _changed("lr = 0.05", "lr = 0.5"),
            ['optimizer {"type": "adam", "lr": 0.05} then, {"type": "adam", "lr": 0.5} now'],
            id="other rate",
        ),
        pytest.param(_changed("seed = 3", "seed = 4"), ["seed 3 then, 4 now"], id="other seed"),
        pytest.param(
            _changed("held_out = 0.25", "held_out = 0.5"),
            ["data → held_out 0.25 then, 0.5 now"],
            id="other split",
        ),
    ],
)
def test_run_that_would_be_another_is_refused_and_left_alone(
    experiment: Path,
    registry: Registry,
    another_registry: Callable[[], Registry],
    change: Callable[[], object],
    messages: list[str],
) -> None:
    train_experiment(experiment, registry)
    before = {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()}
    change()

    with pytest.raises(ResumeError) as caught:
        train_experiment(experiment, another_registry(), resume=True)

    for message in messages:
        assert message in str(caught.value)
    assert {p: p.read_bytes() for p in Path("runs").rglob("*") if p.is_file()} == before


def test_damaged_checkpoint_is_refused(
    experiment: Path, registry: Registry, another_registry: Callable[[], Registry]
) -> None:
    folder = train_experiment(experiment, registry).directory.model
    (folder / "state.safetensors").write_bytes((folder / "weights.safetensors").read_bytes())

    with pytest.raises(CheckpointError, match="n_steps"):
        train_experiment(experiment, another_registry(), resume=True)


def test_early_stopping_is_the_same_after_a_resume(
    experiment: Path, registry: Registry, another_registry: Callable[[], Registry]
) -> None:
    text = experiment.read_text("utf-8").replace(
        "epochs = 4", "epochs = 60\nearly_stopping = { patience = 3 }\ncheckpoint = { every_s = 0 }"
    )
    experiment.write_text(text, encoding="utf-8")
    expected = _whole(experiment, registry)
    _interrupt(registry, EpochStart, 5)
    with pytest.raises(KeyboardInterrupt):
        train_experiment(experiment, registry)

    run = train_experiment(experiment, another_registry(), resume=True).directory

    assert (run.path / WEIGHTS).read_bytes() == expected
    config = json.loads((run.model / "config.json").read_text("utf-8"))
    assert config["epoch"] - config["best"]["held_out_accuracy"]["epoch"] == 3


def _start(file: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def _killed_after(file: Path, seconds: float) -> None:
    process = _start(file)
    time.sleep(seconds)  # the moment is what is drawn by chance; nothing is waited for
    process.kill()
    process.communicate()


@pytest.mark.parametrize(
    "seed",
    [pytest.param(n, marks=[pytest.mark.slow] if n > 1 else [], id=f"{n}") for n in range(20)],
)
def test_run_killed_at_a_random_moment_ends_with_the_same_bits(
    busy: Path, registry: Registry, seed: int
) -> None:
    started = time.perf_counter()
    expected = _whole(busy, registry)
    seconds = time.perf_counter() - started
    chance = random.Random(seed)

    _killed_after(busy, chance.uniform(0, seconds))
    _killed_after(busy, chance.uniform(0, seconds / 2))
    last = _start(busy)
    _, complaint = last.communicate(timeout=60)

    assert last.returncode == 0, complaint
    assert (Path("runs/points-1") / WEIGHTS).read_bytes() == expected
