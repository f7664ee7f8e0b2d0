"""Operators: functions of tensors, each with its inference, derivative and decomposition.

>>> import numpy as np
>>> from st.nn import ops
>>> from st.nn.tape import Tape
>>> tape = Tape()
>>> x = tape.constant(np.zeros((2, 3), np.float32))
>>> ops.softmax(x)
Tensor(float32(2,3))
>>> tape.calls[-1]
Call(div: float32(2,3), float32(2,3) -> float32(2,3))
"""

from st.nn.ops.activation import gelu, sigmoid, silu, softplus
from st.nn.ops.along import add_along, flip, take_along
from st.nn.ops.attention import attention
from st.nn.ops.coherence import causal_taps, coherent_scan
from st.nn.ops.convolution import conv2d
from st.nn.ops.elementwise import (
    abs,
    add,
    cast,
    compare,
    copy,
    div,
    exp,
    log,
    maximum,
    minimum,
    mul,
    neg,
    sqrt,
    sub,
    tanh,
    where,
)
from st.nn.ops.erf import erf
from st.nn.ops.fold import cumsum, prod
from st.nn.ops.index import scatter_add, take
from st.nn.ops.join import concat, pad, stack
from st.nn.ops.layer_norm import layer_norm
from st.nn.ops.logic import (
    eq,
    ge,
    gt,
    is_finite,
    le,
    logical_and,
    logical_not,
    logical_or,
    lt,
    ne,
)
from st.nn.ops.matmul import matmul
from st.nn.ops.nn import cross_entropy, log_softmax, one_hot, relu, softmax
from st.nn.ops.normalise import batch_norm, batch_norm_fixed, rms_norm, std, var
from st.nn.ops.order import argsort, sort, top_k
from st.nn.ops.random import dropout, philox
from st.nn.ops.recurrent import gru, lstm
from st.nn.ops.reduce import argmax, argmin, max, mean, min, sum
from st.nn.ops.trigonometry import cos_sin
from st.nn.ops.window import avg_pool2d, max_pool2d, windows

__all__ = [
    "abs",
    "add",
    "add_along",
    "argmax",
    "argmin",
    "argsort",
    "attention",
    "avg_pool2d",
    "batch_norm",
    "batch_norm_fixed",
    "cast",
    "causal_taps",
    "coherent_scan",
    "compare",
    "concat",
    "conv2d",
    "copy",
    "cos_sin",
    "cross_entropy",
    "cumsum",
    "div",
    "dropout",
    "eq",
    "erf",
    "exp",
    "flip",
    "ge",
    "gelu",
    "gru",
    "gt",
    "is_finite",
    "layer_norm",
    "le",
    "log",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "lstm",
    "lt",
    "matmul",
    "max",
    "max_pool2d",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mul",
    "ne",
    "neg",
    "one_hot",
    "pad",
    "philox",
    "prod",
    "relu",
    "rms_norm",
    "scatter_add",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "sort",
    "sqrt",
    "stack",
    "std",
    "sub",
    "sum",
    "take",
    "take_along",
    "tanh",
    "top_k",
    "var",
    "where",
    "windows",
]
