"""The disk fills up while a run is saved: one error, a model that loads, and it can go on."""

import sys
from pathlib import Path

import pytest

import st.nn
from st.core import EpochEnd, Registry
from st.nn.experiment import train_experiment
from st.nn.run import RunDirectoryError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no limit for the size of files")

WEIGHTS = "model/weights.safetensors"


@pytest.mark.parametrize("n_bytes", [0, 100, 700])
@pytest.mark.parametrize("last", [1, 2])
def test_run_on_a_full_disk_keeps_what_was_saved_and_can_be_resumed(
    experiment: Path, registry: Registry, n_bytes: int, last: int
) -> None:
    import resource  # not on Windows

    text = experiment.read_text("utf-8")
    experiment.write_text("checkpoint = { every_s = 0, keep = 2 }\n" + text, encoding="utf-8")
    whole = Path("whole.toml")
    whole.write_text('output = "whole"\n' + experiment.read_text("utf-8"), encoding="utf-8")
    expected = (train_experiment(whole, registry).directory.path / WEIGHTS).read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(event: EpochEnd) -> None:
        if event.epoch == last + 1:
            resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))

    try:
        with (
            registry.bus.subscribe(EpochEnd, fill),
            pytest.raises(RunDirectoryError, match=r"cannot save the model in .*: File too large"),
        ):
            train_experiment(experiment, registry)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    run = Path("runs/points-1")
    assert st.nn.load(run, registry=registry).config.epoch == last
    assert [path for path in run.rglob("*") if path.name.endswith((".new", ".previous"))] == []
    with Registry(environ={}, allow=["st-nn"]) as later:
        later.discover()
        train_experiment(experiment, later, resume=True)
    assert (run / WEIGHTS).read_bytes() == expected
