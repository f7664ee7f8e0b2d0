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

from st.nn.ops.elementwise import (
    add,
    cast,
    compare,
    copy,
    div,
    exp,
    log,
    maximum,
    mul,
    neg,
    sqrt,
    sub,
    tanh,
    where,
)
from st.nn.ops.index import scatter_add, take
from st.nn.ops.matmul import matmul
from st.nn.ops.nn import cross_entropy, log_softmax, one_hot, relu, softmax
from st.nn.ops.reduce import argmax, max, mean, sum

__all__ = [
    "add",
    "argmax",
    "cast",
    "compare",
    "copy",
    "cross_entropy",
    "div",
    "exp",
    "log",
    "log_softmax",
    "matmul",
    "max",
    "maximum",
    "mean",
    "mul",
    "neg",
    "one_hot",
    "relu",
    "scatter_add",
    "softmax",
    "sqrt",
    "sub",
    "sum",
    "take",
    "tanh",
    "where",
]
