"""The monitor's trace hears the Z-space sequencers of a run, though neither knows the other."""

from pathlib import Path

import pytest

from st.core import Registry
from st.monitor import ZSpaceTrace
from st.nn.experiment import train_experiment

EXPERIMENT = """\
seed = 3
epochs = 3
batch_size = 8
backend = "numpy"
optimizer = { type = "adam", lr = 0.01 }
model = [
  { type = "reshape", shape = [2, 2] },
  { type = "zspace_coherence", heads = 1, taps = 2 },
  { type = "flatten" },
  { type = "linear", out_features = 2 },
]

[data]
source = "csv"
path = "points.csv"
target = "side"
"""


def test_trace_of_another_distribution_hears_every_stage_of_a_training_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{n % 5},{n % 3},{n % 2},{n % 7},{'over' if n % 2 else 'under'}" for n in range(40)]
    Path("points.csv").write_text("\n".join(["a,b,c,d,side", *rows]), encoding="utf-8")
    Path("points.toml").write_text(EXPERIMENT, encoding="utf-8")
    trace = ZSpaceTrace()

    with Registry(environ={}, allow=["st-nn"]) as registry:
        registry.discover()
        registry.register(trace)
        train_experiment(Path("points.toml"), registry)

    stages = ["configured", "projected", "coherence_measured", "aggregated"]
    assert [heard["stage"] for heard in trace.summaries()] == 3 * stages
    assert [panel.title for panel in trace.panels()] == [
        "Z-space stages",
        "Z-space weights",
        "Z-space curvature",
    ]
