"""Tensors, operators and the tape they are written on.

>>> from st.core.backend import spec
>>> from st.nn import ops
>>> from st.nn.tape import Tape, gradients
>>> tape = Tape()
>>> x = tape.new(spec((2, 3), "float32"), role="input")
>>> y = ops.sum(x * x)
>>> y
Tensor(float32())
>>> gradients(y, [x])
[Tensor(float32(2,3))]
"""

from st.nn.tape.arithmetic import FLOATS, SIGNED, UNSIGNED, apply, meet, promote
from st.nn.tape.errors import (
    DTypeError,
    DuplicateOperatorError,
    ForeignTensorError,
    GradientError,
    NonFiniteError,
    NoValueError,
    OperandError,
    OperandTypeError,
    OverlapError,
    ShapeError,
    UnknownOperatorError,
)
from st.nn.tape.exchange import HostMemoryError, from_dlpack
from st.nn.tape.gradient import gradients, through_parts
from st.nn.tape.operator import (
    Applied,
    Attrs,
    Operator,
    OperatorHandle,
    OperatorTable,
    of_one,
    operators,
    vocabulary,
)
from st.nn.tape.tape import Tape
from st.nn.tape.tensor import Scalar, Tensor, unbroadcast
from st.nn.tape.views import broadcast_shape

__all__ = [
    "FLOATS",
    "SIGNED",
    "UNSIGNED",
    "Applied",
    "Attrs",
    "DTypeError",
    "DuplicateOperatorError",
    "ForeignTensorError",
    "GradientError",
    "HostMemoryError",
    "NoValueError",
    "NonFiniteError",
    "OperandError",
    "OperandTypeError",
    "Operator",
    "OperatorHandle",
    "OperatorTable",
    "OverlapError",
    "Scalar",
    "ShapeError",
    "Tape",
    "Tensor",
    "UnknownOperatorError",
    "apply",
    "broadcast_shape",
    "from_dlpack",
    "gradients",
    "meet",
    "of_one",
    "operators",
    "promote",
    "through_parts",
    "unbroadcast",
    "vocabulary",
]
