"""The built-in modules, and the base of all.

>>> from st.nn.modules import Linear
>>> Linear(out_features=10)
Linear(out_features=10, in_features=None, bias=True, init=None)
"""

from st.nn.modules.activations import Gelu, LeakyRelu, Relu, Sigmoid, Silu, Softmax, Softplus, Tanh
from st.nn.modules.affine import Affine
from st.nn.modules.attention import MultiHeadAttention, Positions, TransformerBlock
from st.nn.modules.base import Module, Scope, module_type
from st.nn.modules.batch_norm import BatchNorm
from st.nn.modules.chain import Named
from st.nn.modules.containers import Merge, Parallel, Residual, Sequential
from st.nn.modules.dropout import Dropout
from st.nn.modules.embedding import Embedding
from st.nn.modules.flatten import Flatten
from st.nn.modules.images import AvgPool2d, Conv2d, MaxPool2d
from st.nn.modules.linear import Linear
from st.nn.modules.normalisation import LayerNorm, RmsNorm
from st.nn.modules.recurrent import Gru, Lstm
from st.nn.modules.reshape import Reshape
from st.nn.modules.sequences import (
    AvgPool1d,
    Conv1d,
    GlobalAvgPool,
    LastStep,
    LearnedPositions,
    MaxPool1d,
)

__all__ = [
    "Affine",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm",
    "Conv1d",
    "Conv2d",
    "Dropout",
    "Embedding",
    "Flatten",
    "Gelu",
    "GlobalAvgPool",
    "Gru",
    "LastStep",
    "LayerNorm",
    "LeakyRelu",
    "LearnedPositions",
    "Linear",
    "Lstm",
    "MaxPool1d",
    "MaxPool2d",
    "Merge",
    "Module",
    "MultiHeadAttention",
    "Named",
    "Parallel",
    "Positions",
    "Relu",
    "Reshape",
    "Residual",
    "RmsNorm",
    "Scope",
    "Sequential",
    "Sigmoid",
    "Silu",
    "Softmax",
    "Softplus",
    "Tanh",
    "TransformerBlock",
    "module_type",
]
