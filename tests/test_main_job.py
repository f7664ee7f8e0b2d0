"""The main job on the real digits: it learns, it can be stopped, others can listen."""

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

RunSt = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 60.0

LISTENER = '''\
"""Says when an epoch ends and when the system shuts down."""

from pathlib import Path

from st.core import EpochEnd, Plugin, SystemShutdown


class Listener(Plugin):
    def on_load(self, ctx):
        ctx.subscribe(EpochEnd, lambda event: print(f"ended {event.epoch}", flush=True))
        ctx.subscribe(SystemShutdown, lambda event: Path("shut_down").touch())
'''


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give a directory with the examples in `docs/examples`, as in the repository."""
    shutil.copytree(ROOT / "docs/examples", tmp_path / "docs/examples")
    return tmp_path


def with_changes(place: Path, **changes: object) -> Path:
    """Write a variant of digits.toml in which some top-level keys have other values."""
    text = (place / "docs/examples/digits.toml").read_text(encoding="utf-8")
    for key, value in changes.items():
        text, n_found = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
        assert n_found == 1, key
    file = place / "docs/examples/variant.toml"
    file.write_text(text, encoding="utf-8")
    return file


def summary(run: Path) -> dict[str, Any]:
    lines = (run / "monitor/events.jsonl").read_text(encoding="utf-8").splitlines()
    (finished,) = [e for e in map(json.loads, lines) if e["event"] == "RunFinished"]
    found: dict[str, Any] = finished["fields"]["summary"]
    return found


def test_three_seeds_learn_the_digits(st: RunSt, place: Path) -> None:
    for seed in (1, 2, 3):
        came = st("train", with_changes(place, seed=seed), cwd=place)
        assert came.returncode == 0, came.stderr

    shares = [summary(place / f"runs/variant-{n}")["held_out_accuracy"] for n in (1, 2, 3)]
    assert mean(shares) >= 0.97


def test_opencl_learns_the_digits_as_well(st: RunSt, place: Path) -> None:
    came = st("train", "docs/examples/digits.toml", "--backend", "opencl", cwd=place)

    assert came.returncode == 0, came.stderr
    assert summary(place / "runs/digits-1")["held_out_accuracy"] >= 0.96


def test_same_seed_gives_the_same_weights(st: RunSt, place: Path) -> None:
    file = with_changes(place, epochs=2)
    for _ in range(2):
        assert st("train", file, "--backend", "numpy", cwd=place).returncode == 0

    first, second = (
        (place / f"runs/variant-{n}/model/weights.safetensors").read_bytes() for n in (1, 2)
    )
    assert first == second


def test_plugin_in_one_file_is_heard(st: RunSt, place: Path) -> None:
    came = st(
        *("train", with_changes(place, epochs=2), "--plugin", "docs/examples/louder.py"), cwd=place
    )

    assert came.returncode == 0, came.stderr
    assert "EPOCH" in came.stdout.upper()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_interrupted_run_leaves_the_model_of_its_last_epoch(
    st_command: Path, st_environment: dict[str, str], st: RunSt, place: Path
) -> None:
    (place / "listener.py").write_text(LISTENER, encoding="utf-8")
    process = subprocess.Popen(
        [st_command, "train", with_changes(place, epochs=100000), "--plugin", "listener.py"],
        cwd=place,
        env=st_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ended 2"):
            break
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=TIMEOUT_S)
    predicted = st("predict", "runs/variant-1", "--row", "3", cwd=place)

    assert process.returncode == 130, complaint
    assert "Traceback" not in complaint
    assert (place / "shut_down").exists()
    assert predicted.returncode == 0, predicted.stderr
