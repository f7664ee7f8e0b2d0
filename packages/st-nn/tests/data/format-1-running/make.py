"""Made the model beside it, once, with version 0.1.0: python make.py.

Never run it again: that later versions load what this one wrote is what the test of it is for.
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
    """Train, and keep the model and what it says."""
    with tempfile.TemporaryDirectory() as folder, Registry(allow=["st-nn"]) as registry:
        registry.discover()
        text = (HERE / "experiment.toml").read_text("utf-8")
        text = text.replace('output = "runs"', f'output = "{folder}"')
        (Path(folder) / "experiment.toml").write_text(text, encoding="utf-8")
        shutil.copy(HERE / "points.csv", folder)
        run = train_experiment(Path(folder) / "experiment.toml", registry).directory
        shutil.copytree(run.model, HERE / "model")
        scores = st.nn.load(run.path, registry=registry)(np.array(ASKED, np.float32))
        (HERE / "scores.json").write_text(json.dumps(scores.tolist()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
