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

from st.nn.ops.along import add_along, flip, take_along
from st.nn.ops.elementwise import (
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
from st.nn.ops.fold import cumsum, prod
from st.nn.ops.index import scatter_add, take
from st.nn.ops.join import concat, pad, stack
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
from st.nn.ops.reduce import argmax, argmin, max, mean, min, sum

__all__ = [
    "add",
    "add_along",
    "argmax",
    "argmin",
    "argsort",
    "batch_norm",
    "batch_norm_fixed",
    "cast",
    "compare",
    "concat",
    "copy",
    "cross_entropy",
    "cumsum",
    "div",
    "eq",
    "exp",
    "flip",
    "ge",
    "gt",
    "is_finite",
    "le",
    "log",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "lt",
    "matmul",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mul",
    "ne",
    "neg",
    "one_hot",
    "pad",
    "prod",
    "relu",
    "rms_norm",
    "scatter_add",
    "softmax",
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
]
