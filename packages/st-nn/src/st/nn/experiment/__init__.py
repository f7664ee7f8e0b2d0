"""Experiments: described in a file, checked as a whole, run.

from st.core import init_plugin_system
from st.nn.experiment import train_experiment

with init_plugin_system() as registry:
print(train_experiment("docs/examples/digits.toml", registry).accuracy)
"""

from st.nn.experiment.check import CheckedExperiment, check_experiment
from st.nn.experiment.document import Document, ExperimentFileError, read_document
from st.nn.experiment.execution import ExperimentRun, RunResult, train_experiment
from st.nn.experiment.resuming import ResumeError, described
from st.nn.experiment.schema import Experiment
from st.nn.experiment.toml_lines import Position, toml_lines

__all__ = [
    "CheckedExperiment",
    "Document",
    "Experiment",
    "ExperimentFileError",
    "ExperimentRun",
    "Position",
    "ResumeError",
    "RunResult",
    "check_experiment",
    "described",
    "read_document",
    "toml_lines",
    "train_experiment",
]
