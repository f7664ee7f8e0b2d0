"""Killed while the report of a run is written: the model is there, and the run can go on."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from st.core import Registry
from st.nn import load

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no signal ends a process there")

RunSt = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).resolve().parent.parent

# Ends the process, as `kill -9` does, when a file of a given name is about to be written.
KILLER = """\
import os, signal, sys

from st.core import Plugin, PluginMetadata


def kill(event, arguments):
    if event in ("open", "os.rename") and "report.html" in str(arguments[0]):
        os.kill(os.getpid(), signal.SIGKILL)


class Killer(Plugin):
    metadata = PluginMetadata("killer", "1.0")

    def on_load(self, ctx):
        sys.addaudithook(kill)
"""


def test_run_killed_while_its_report_is_written_is_whole(st: RunSt, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs/examples", tmp_path / "docs/examples")
    (tmp_path / "killer.py").write_text(KILLER, encoding="utf-8")
    train = ("train", "docs/examples/digits.toml", "--set", "epochs=2", "--backend", "numpy")

    killed = st(*train, "--plugin", "killer.py", cwd=tmp_path)
    run = tmp_path / "runs/digits-1"
    written = (run / "model/weights.safetensors").read_bytes()
    resumed = st(*train, "--resume", cwd=tmp_path)

    assert killed.returncode == -9
    with Registry(environ={}, allow=["st-nn"]) as registry:
        registry.discover()
        assert load(run, registry=registry).config.epoch == 2
    assert resumed.returncode == 0, resumed.stderr
    assert (run / "model/weights.safetensors").read_bytes() == written
    assert (run / "monitor/report.html").is_file()
