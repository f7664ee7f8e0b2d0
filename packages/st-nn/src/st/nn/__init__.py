"""Machine learning from plugins: modules, pipelines, training, and the model in your program.

    >>> import st.nn
    >>> st.nn.Linear(out_features=10)
    Linear(out_features=10, in_features=None, bias=True, init=None)

Everything public of the package is here and is imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from st.nn.backends import BackendChoice as BackendChoice
    from st.nn.backends import choose_backend as choose_backend
    from st.nn.checkpoint import CheckpointError as CheckpointError
    from st.nn.data import DataError as DataError
    from st.nn.data import Dataset as Dataset
    from st.nn.data import read_csv as read_csv
    from st.nn.discovery import MODULE_REGISTRY as MODULE_REGISTRY
    from st.nn.discovery import ModuleDiscoveryRegistry as ModuleDiscoveryRegistry
    from st.nn.discovery import ModuleRegistered as ModuleRegistered
    from st.nn.estimator import StClassifier as StClassifier
    from st.nn.estimator import StRegressor as StRegressor
    from st.nn.experiment import train_experiment as train_experiment
    from st.nn.faults import DescriptionError as DescriptionError
    from st.nn.faults import Fault as Fault
    from st.nn.generation import generate as generate
    from st.nn.host_fallback import HostFallback as HostFallback
    from st.nn.host_fallback import RanOnHost as RanOnHost
    from st.nn.losses import BinaryCrossEntropy as BinaryCrossEntropy
    from st.nn.losses import CrossEntropy as CrossEntropy
    from st.nn.losses import Huber as Huber
    from st.nn.losses import LabelLoss as LabelLoss
    from st.nn.losses import Loss as Loss
    from st.nn.losses import MeanAbsoluteError as MeanAbsoluteError
    from st.nn.losses import MeanSquaredError as MeanSquaredError
    from st.nn.losses import NumberLoss as NumberLoss
    from st.nn.losses import SmoothL1 as SmoothL1
    from st.nn.metadata import ModuleCategory as ModuleCategory
    from st.nn.metadata import ModuleMetadata as ModuleMetadata
    from st.nn.model import Model as Model
    from st.nn.modules import Affine as Affine
    from st.nn.modules import AvgPool1d as AvgPool1d
    from st.nn.modules import AvgPool2d as AvgPool2d
    from st.nn.modules import BatchNorm as BatchNorm
    from st.nn.modules import Conv1d as Conv1d
    from st.nn.modules import Conv2d as Conv2d
    from st.nn.modules import Dropout as Dropout
    from st.nn.modules import Embedding as Embedding
    from st.nn.modules import Flatten as Flatten
    from st.nn.modules import Gelu as Gelu
    from st.nn.modules import GlobalAvgPool as GlobalAvgPool
    from st.nn.modules import Gru as Gru
    from st.nn.modules import LastStep as LastStep
    from st.nn.modules import LayerNorm as LayerNorm
    from st.nn.modules import LeakyRelu as LeakyRelu
    from st.nn.modules import LearnedPositions as LearnedPositions
    from st.nn.modules import Linear as Linear
    from st.nn.modules import Lstm as Lstm
    from st.nn.modules import MaxPool1d as MaxPool1d
    from st.nn.modules import MaxPool2d as MaxPool2d
    from st.nn.modules import Merge as Merge
    from st.nn.modules import Module as Module
    from st.nn.modules import MultiHeadAttention as MultiHeadAttention
    from st.nn.modules import Named as Named
    from st.nn.modules import Parallel as Parallel
    from st.nn.modules import Positions as Positions
    from st.nn.modules import Relu as Relu
    from st.nn.modules import Reshape as Reshape
    from st.nn.modules import Residual as Residual
    from st.nn.modules import RmsNorm as RmsNorm
    from st.nn.modules import Scope as Scope
    from st.nn.modules import Sequential as Sequential
    from st.nn.modules import Sigmoid as Sigmoid
    from st.nn.modules import Silu as Silu
    from st.nn.modules import Softmax as Softmax
    from st.nn.modules import Softplus as Softplus
    from st.nn.modules import Tanh as Tanh
    from st.nn.modules import TransformerBlock as TransformerBlock
    from st.nn.operator_registry import OPERATOR_REGISTRY as OPERATOR_REGISTRY
    from st.nn.operator_registry import OperatorRegistry as OperatorRegistry
    from st.nn.optim import SGD as SGD
    from st.nn.optim import Adam as Adam
    from st.nn.optim import AdamW as AdamW
    from st.nn.optim import Optimizer as Optimizer
    from st.nn.pipeline import ModulePipelineBuilder as ModulePipelineBuilder
    from st.nn.predictor import Predictor as Predictor
    from st.nn.saved import SavedModel as SavedModel
    from st.nn.saved import load as load
    from st.nn.schedules import Schedule as Schedule
    from st.nn.step import TrainingStep as TrainingStep
    from st.nn.tape import Tensor as Tensor
    from st.nn.train import FitStarted as FitStarted
    from st.nn.train import Trainer as Trainer

_HOME = {
    "Adam": "optim",
    "AdamW": "optim",
    "Affine": "modules",
    "AvgPool1d": "modules",
    "AvgPool2d": "modules",
    "BackendChoice": "backends",
    "BatchNorm": "modules",
    "BinaryCrossEntropy": "losses",
    "CheckpointError": "checkpoint",
    "Conv1d": "modules",
    "Conv2d": "modules",
    "CrossEntropy": "losses",
    "DataError": "data",
    "Dataset": "data",
    "DescriptionError": "faults",
    "Dropout": "modules",
    "Embedding": "modules",
    "Fault": "faults",
    "FitStarted": "train",
    "Flatten": "modules",
    "Gelu": "modules",
    "GlobalAvgPool": "modules",
    "Gru": "modules",
    "HostFallback": "host_fallback",
    "Huber": "losses",
    "LabelLoss": "losses",
    "LastStep": "modules",
    "LayerNorm": "modules",
    "LeakyRelu": "modules",
    "LearnedPositions": "modules",
    "Linear": "modules",
    "Loss": "losses",
    "Lstm": "modules",
    "MODULE_REGISTRY": "discovery",
    "MaxPool1d": "modules",
    "MaxPool2d": "modules",
    "MeanAbsoluteError": "losses",
    "MeanSquaredError": "losses",
    "Merge": "modules",
    "Model": "model",
    "Module": "modules",
    "ModuleCategory": "metadata",
    "ModuleDiscoveryRegistry": "discovery",
    "ModuleMetadata": "metadata",
    "ModulePipelineBuilder": "pipeline",
    "ModuleRegistered": "discovery",
    "MultiHeadAttention": "modules",
    "Named": "modules",
    "NumberLoss": "losses",
    "OPERATOR_REGISTRY": "operator_registry",
    "OperatorRegistry": "operator_registry",
    "Optimizer": "optim",
    "Parallel": "modules",
    "Positions": "modules",
    "Predictor": "predictor",
    "RanOnHost": "host_fallback",
    "Relu": "modules",
    "Reshape": "modules",
    "Residual": "modules",
    "RmsNorm": "modules",
    "SGD": "optim",
    "SavedModel": "saved",
    "Schedule": "schedules",
    "Scope": "modules",
    "Sequential": "modules",
    "Sigmoid": "modules",
    "Silu": "modules",
    "SmoothL1": "losses",
    "Softmax": "modules",
    "Softplus": "modules",
    "Tanh": "modules",
    "Tensor": "tape",
    "Trainer": "train",
    "TrainingStep": "step",
    "TransformerBlock": "modules",
    "choose_backend": "backends",
    "generate": "generation",
    "load": "saved",
    "read_csv": "data",
    "train_experiment": "experiment",
}

# A star import must not need scikit-learn, so these are public and not among `__all__`.
_OF_EXTRAS = {"StClassifier": "estimator", "StRegressor": "estimator"}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    home = _HOME.get(name) or _OF_EXTRAS.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, *_OF_EXTRAS})
