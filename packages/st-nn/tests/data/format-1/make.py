"""Made the model beside it, once, with version 0.1.0: python make.py.

Never run it again: that later versions load what the first one wrote is what the test of it is for.
"""

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

import st.nn
from st.core import Registry
from st.nn.experiment import train_experiment

HERE = Path(__file__).parent
ASKED = [[1, 2, 3, 4], [4, 3, 2, 1], [0, 0, 0, 0]]


def main() -> None:
    """Train, and keep the model, the run's configuration and what the model says."""
    with tempfile.TemporaryDirectory() as folder, Registry(allow=["st-nn"]) as registry:
        registry.discover()
        text = (HERE / "experiment.toml").read_text("utf-8")
        for name in ("experiment.toml", "points.csv"):
            shutil.copy(HERE / name, folder)
        (Path(folder) / "experiment.toml").write_text(
            text.replace('output = "runs"', f'output = "{folder}"'), encoding="utf-8"
        )
        run = train_experiment(Path(folder) / "experiment.toml", registry).directory
        shutil.copytree(run.model, HERE / "model")
        config = run.read_config()
        config["file"] = "experiment.toml"
        config["experiment"]["output"] = "runs"
        config["experiment"]["data"]["path"] = "points.csv"
        text = json.dumps(config, indent=2)
        (HERE / "config.json").write_text(text + "\n", encoding="utf-8")
        scores = st.nn.load(run.path, registry=registry)(np.array(ASKED, np.float32))
        (HERE / "scores.json").write_text(json.dumps(scores.tolist()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
