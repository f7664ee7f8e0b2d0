"""Checkpoints that mean harm: one error that names file and fault, and nothing is changed.

Each is tried with everything that reads one: `load`, ``st predict``, ``st evaluate``,
``st generate`` and ``st train --resume``.
"""

import json
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click import Command
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import DataObject, binary, integers, sampled_from
from hypothesis.strategies import data as st_data

import st.nn
from st.core import Registry, StError
from st.nn.commands import evaluate, generate, predict, train
from st.nn.experiment import train_experiment
from st.nn.experiment.run_data import data_of
from st.nn.keeper import last_checkpoint
from st.nn.run import RunDirectory

Entry = tuple[str, list[Any], bytes]
Attack = Callable[[Path], object]
Reader = Callable[[], None]
RUN = Path("runs/points-1")
WEIGHTS, STATE, CONFIG = (
    "model/weights.safetensors",
    "model/state.safetensors",
    "model/config.json",
)
HUGE = 2**62
DEEP = 100_000
NAN, INFINITE = b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f"


def parsed(path: Path) -> dict[str, Entry]:
    """Take a safetensors file apart, without the library that wrote it."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header, data = json.loads(raw[8 : 8 + length]), raw[8 + length :]
    return {
        name: (of["dtype"], of["shape"], data[slice(*of["data_offsets"])])
        for name, of in header.items()
    }


def written(arrays: dict[str, Entry], header: Callable[[Any], Any] = lambda made: made) -> bytes:
    """Put one together, however wrong."""
    described: dict[str, Any] = {}
    data = b""
    for name, (dtype, shape, values) in arrays.items():
        offsets = [len(data), len(data) + len(values)]
        described[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        data += values
    text = json.dumps(header(described)).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(name: str, dtype: str, shape: list[Any], values: bytes, file: str = WEIGHTS) -> Attack:
    """Put an array in, or in the place of one."""

    def change(run: Path) -> None:
        arrays = parsed(run / file) | {name: (dtype, shape, values)}
        (run / file).write_bytes(written(arrays))

    return change


def offsets(of: Callable[[list[int]], list[int]], file: str = WEIGHTS) -> Attack:
    """Change where every array is said to lie."""

    def header(made: dict[str, Any]) -> dict[str, Any]:
        return {k: {**v, "data_offsets": of(v["data_offsets"])} for k, v in made.items()}

    return lambda run: (run / file).write_bytes(written(parsed(run / file), header))


def raw(data: bytes, file: str = WEIGHTS) -> Attack:
    return lambda run: (run / file).write_bytes(data)


def header(text: bytes, data: bytes = b"", file: str = WEIGHTS) -> Attack:
    return raw(struct.pack("<Q", len(text)) + text + data, file)


def cut(n_bytes: int, file: str = WEIGHTS) -> Attack:
    return lambda run: (run / file).write_bytes((run / file).read_bytes()[:n_bytes])


def config(file: str = CONFIG, **changes: Any) -> Attack:
    def change(run: Path) -> None:
        told = json.loads((run / file).read_text("utf-8")) | changes
        (run / file).write_text(json.dumps(told), encoding="utf-8")

    return change


def link(to: str, file: str = WEIGHTS) -> Attack:
    def change(run: Path) -> None:
        (run / file).unlink()
        (run / file).symlink_to(to)

    return change


def pipe(run: Path) -> None:
    (run / WEIGHTS).unlink()
    os.mkfifo(run / WEIGHTS)


def folder(run: Path) -> None:
    (run / WEIGHTS).unlink()
    (run / WEIGHTS).mkdir()


def sparse(file: str) -> Attack:
    """Make it a terabyte long, which takes no place on disk and more than any memory."""
    return lambda run: os.truncate(run / file, 2**40)


def nested(run: Path) -> None:
    text = (run / CONFIG).read_text("utf-8")
    inside = '{"type": "sequential", "modules": [' * DEEP + '{"type": "relu"}' + "]}" * DEEP
    (run / CONFIG).write_text(text.replace('"model": [', f'"model": [{inside},'), "utf-8")


EXPERIMENT: dict[str, Any] = {
    "name": "points",
    "seed": 3,
    "epochs": 1,
    "backend": "numpy",
    "optimizer": {"type": "adam", "lr": 0.05},
    "model": [
        {"type": "flatten"},
        {"type": "linear", "out_features": 6},
        {"type": "relu"},
        {"type": "linear", "out_features": 2},
    ],
}
ONE = struct.pack("<f", 1)
TWICE = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],'
LINEAR: dict[str, Any] = {"type": "linear", "out_features": 2}
FLAT: dict[str, Any] = {"type": "flatten"}

# Of these every reader must say no.
ATTACKS: dict[str, Attack] = {
    "offsets overlap": offsets(lambda of: [0, of[1] - of[0]]),
    "offsets past the end": offsets(lambda of: [at + HUGE for at in of]),
    "offsets backwards": offsets(lambda of: of[::-1]),
    "offsets negative": offsets(lambda of: [-at for at in of]),
    "state with offsets that overlap": offsets(lambda of: [0, of[1] - of[0]], STATE),
    "header said to be huge": raw(struct.pack("<Q", 2**63) + b"{}"),
    "header said to be 99 MB": raw(struct.pack("<Q", 99_999_999) + b"{}"),
    "header of spaces": header(b"{" + b" " * 1_000_000 + b"}"),
    "header without end": header(b'{"a":' * DEEP),
    "header that is a list": header(b"[]"),
    "name twice": header(TWICE + b'"data_offsets":[4,8]}}', ONE * 2),
    "name twice, one place": header(TWICE + b'"data_offsets":[0,4]}}', ONE),
    "nothing in it": raw(b""),
    "seven bytes": raw(b"1234567"),
    "cut in the header": cut(20),
    "cut in the last number": cut(-1),
    "state cut": cut(-1, STATE),
    "configuration cut": cut(50, CONFIG),
    "NaN": entry("1.weight", "F32", [4, 6], NAN * 24),
    "infinite": entry("1.weight", "F32", [4, 6], INFINITE * 24),
    "NaN in the state": entry(
        "trainer.loss_sum", "F64", [], struct.pack("<d", float("nan")), STATE
    ),
    "turned round": entry("1.weight", "F32", [6, 4], ONE * 24),
    "one axis": entry("1.weight", "F32", [24], ONE * 24),
    "whole numbers": entry("1.weight", "I32", [4, 6], ONE * 24),
    "numbers of twice the size": entry("1.weight", "F64", [4, 6], ONE * 48),
    "numbers that NumPy lacks": entry("1.weight", "BF16", [4, 6], ONE * 12),
    "complex numbers": entry("1.weight", "C64", [4, 6], ONE * 48),
    "type nobody has": entry("1.weight", "X7", [4, 6], ONE * 24),
    "one more array": entry("2.weight", "F32", [1], ONE),
    "name with path parts": entry("../../../owned", "F32", [1], ONE),
    "name with escapes": entry("\x1b]0;owned\x07\n", "F32", [1], ONE),
    "very long name": entry("x" * DEEP, "F32", [1], ONE),
    "nothing of huge shape": entry("x", "F32", [0, HUGE, HUGE], b""),
    "sixty-five axes": entry("x", "F32", [1] * 65, ONE),
    "negative axis": entry("x", "F32", [-1], ONE),
    "link to a device": link(os.devnull),
    "link to a device without end": link("/dev/zero"),
    "link to itself": link("weights.safetensors"),
    "link to nothing": link("nowhere"),
    "configuration on a device": link("/dev/zero", CONFIG),
    "pipe": pipe,
    "folder": folder,
    "terabyte of weights": sparse(WEIGHTS),
    "terabyte of configuration": sparse(CONFIG),
    "configuration without end": raw(b"[" * DEEP, CONFIG),
    "modules in modules": nested,
    "configuration of another format": config(format=2),
    "configuration that is noise": raw(b"\xff\xfe\x00", CONFIG),
}

# These say wrong things of the model; a run that is gone on with does not ask them.
DESCRIPTIONS: dict[str, Attack] = {
    "module that is not installed": config(model=[{"type": "swish"}]),
    "import string": config(model=[{"type": "os:system"}]),
    "module that is none": config(model=[{"type": "adam", "lr": 1.0}]),
    "no modules": config(model=[]),
    "modules that are none": config(model=[3]),
    "huge layer": config(model=[FLAT, {"type": "linear", "out_features": 10**12}]),
    "larger than any number": config(model=[FLAT, {"type": "linear", "out_features": HUGE}]),
    "huge input": config(input=[10**5, 10**5]),
    "input larger than any number": config(input=[HUGE, HUGE]),
    "negative input": config(input=[-2, -2]),
    "input of nothing": config(input=[0]),
    "input of half numbers": config(input=[2.5]),
    "scale of nothing": config(scale=0),
    "scale that is no number": config(scale=float("nan")),
    "endless scale": config(scale=float("inf")),
    "classes of another number": config(classes=["a"]),
    "text model that is none": config(is_text=True),
    "name that is a number": config(name=3),
}

# These matter to who goes on.
PLACES: dict[str, Attack] = {
    "no steps": entry("n_steps", "I64", [0], b"", STATE),
    "steps before the first": entry("n_steps", "I64", [], struct.pack("<q", -5), STATE),
    "half a step": entry("n_steps", "F64", [], struct.pack("<d", 1.5), STATE),
    "batch that is none": entry("trainer.n_batches", "I64", [], struct.pack("<q", 10**9), STATE),
    "endless rate": entry("trainer.learning_rate", "F64", [], struct.pack("<d", 1e999), STATE),
    "one more in the state": entry("\x1b[31m", "F32", [1], ONE, STATE),
    "very long name in the state": entry("x" * DEEP, "F32", [1], ONE, STATE),
    "other numbers in the state": entry("optimizer.sum", "F64", [64], ONE * 128, STATE),
    "no figures": config(metrics={}),
    "figures that are none": config(metrics={"loss": "low"}),
    "best that is none": config(best={"loss": 3}),
    "run without a past": config("config.json", started=None),
    "run gone on with by a number": config("config.json", resumed=3),
    "experiment with path parts": config("config.json", experiment={"name": "../../owned"}),
    "run of another format": config("config.json", format=[1]),
    "run on a device": link("/dev/zero", "config.json"),
}


@contextmanager
def fresh() -> Iterator[Registry]:
    """Give a registry that knows this distribution alone; commands shut theirs down."""
    with Registry(environ={}, allow=["st-nn"]) as registry:
        registry.discover()
        yield registry


def load() -> None:
    with fresh() as registry:
        st.nn.load(RUN, registry=registry)


def command(of: Command, *arguments: str) -> Reader:
    def run() -> None:
        with fresh() as registry, registry.as_global():
            came = CliRunner().invoke(of, [str(RUN), *arguments], catch_exceptions=False)
        assert "\x1b" not in came.output

    return run


READERS: dict[str, Reader] = {
    "load": load,
    "predict": command(predict),
    "evaluate": command(evaluate),
    "generate": command(generate, "--prompt", "a"),
    "resume": command(train, "--resume"),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory with a sound run in it; it is not to be changed."""
    place = tmp_path_factory.mktemp("trained")
    x = np.random.default_rng(3).normal(size=(20, 2, 2)).astype(np.float32)
    np.savez(place / "points.npz", x=x, y=np.where(x[:, 0, 0] > 0, "over", "under"))
    described = EXPERIMENT | {"output": str(place / "runs")}
    described["data"] = {"source": "npz", "path": str(place / "points.npz")}
    with fresh() as registry:
        train_experiment(described, registry)
    return place


@pytest.fixture
def run(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of the run, in the working directory."""
    shutil.copytree(trained / "runs", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    return RUN


def state_of(run: Path) -> dict[str, tuple[int, ...]]:
    """Return what tells whether anything in the run, or beside it, was touched."""
    found = {}
    for path in sorted(run.parent.rglob("*")):
        status = path.lstat()
        found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino)
    return found


def refused(run: Path, read: Reader) -> str:
    """Read an attacked run; return what was told, in one printable line that names the run."""
    before = state_of(run)

    with pytest.raises(StError) as caught:
        read()

    told = str(caught.value)
    assert told.isprintable()
    assert "points-1" in told
    assert len(told) < 1000
    assert state_of(run) == before
    return told


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_every_reader_refuses(run: Path, attack: Attack) -> None:
    attack(run)

    for read in READERS.values():
        refused(run, read)


@pytest.mark.parametrize("attack", DESCRIPTIONS.values(), ids=DESCRIPTIONS)
def test_every_reader_of_the_model_refuses(run: Path, attack: Attack) -> None:
    attack(run)

    for name in ("load", "predict", "evaluate", "generate"):
        assert "points-1/model/" in refused(run, READERS[name])


@pytest.mark.parametrize("attack", PLACES.values(), ids=PLACES)
def test_who_goes_on_refuses(run: Path, attack: Attack) -> None:
    attack(run)

    refused(run, READERS["resume"])


def test_sound_run_is_read_by_all(run: Path) -> None:
    for name in ("load", "predict", "evaluate", "resume"):
        READERS[name]()


def test_model_that_is_a_file_is_not_replaced(run: Path) -> None:
    shutil.rmtree(run / "model")
    (run / "model").write_text("mine", encoding="utf-8")

    assert "model is no directory" in refused(run, READERS["resume"])


def test_escapes_in_the_name_of_a_class_are_shown_and_not_sent(run: Path) -> None:
    config(classes=["\x1b]0;owned\x07", "un\nder"])(run)

    READERS["predict"]()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st_data())
def test_any_bytes_are_read_or_refused(run: Path, registry: Registry, data: DataObject) -> None:
    file = data.draw(sampled_from([WEIGHTS, STATE, CONFIG, "config.json"]))
    sound = (run / file).read_bytes()
    start = data.draw(integers(0, len(sound)))
    end = data.draw(integers(start, min(len(sound), start + 16)))
    changed = sound[:start] + data.draw(binary(max_size=16)) + sound[end:]
    (run / file).write_bytes(changed)

    # Whatever else they raise fails the test.
    with suppress(StError):
        st.nn.load(run, registry=registry)
    with suppress(StError):
        data_of(RunDirectory(run), registry)
    with suppress(StError):
        last_checkpoint(RunDirectory(run))

    (run / file).write_bytes(sound)
