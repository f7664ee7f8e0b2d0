"""A plugin in one file: two operators that no backend has, with kernels for NumPy.

`snake` is x + sin(a x)^2 / a. Ziyin, Hartwig, Ueda: Neural Networks Fail to Learn Periodic
Functions, 2020 (arXiv 2006.08195).
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import pi
from typing import Any

import numpy as np

from st.core import Plugin, PluginContext, PluginMetadata
from st.core.backend import Call
from st.nn.operator_registry import OPERATOR_REGISTRY
from st.nn.ops.rules import FLOATS, same
from st.nn.tape import Applied, Attrs, Operator, Tensor, apply, of_one


def sine(x: Tensor) -> Tensor:
    """Return the sine."""
    return apply("sine", x)


def snake(x: Tensor, a: float = 1.0) -> Tensor:
    """Return x + sin(a x)^2 / a."""
    return apply("snake", x, a=a)


def bind_sine(
    call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]
) -> Callable[[], object]:
    return partial(np.sin, inputs[0], outputs[0])


def sine_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    return [dy * sine(at.inputs[0] + pi / 2)]


def snake_parts(inputs: tuple[Tensor], attrs: Attrs) -> Sequence[Tensor]:
    (x,), a = inputs, attrs["a"]
    s = sine(x * a)
    return [x + s * s * (1.0 / a)]


def snake_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    return [dy * (1.0 + sine(at.inputs[0] * (2.0 * at.attrs["a"])))]


class Sine(Plugin):
    metadata = PluginMetadata("sine", "1.0")

    def on_load(self, ctx: PluginContext) -> None:
        registry = ctx.get_service(OPERATOR_REGISTRY)
        rule = same(FLOATS, 1)
        made = Operator("sine", rule, of_one(sine_vjp), arity=1)
        registry.register(made, kernels={"NumPy": bind_sine}, ctx=ctx)
        registry.register(Operator("snake", rule, of_one(snake_vjp), snake_parts, 1), ctx=ctx)
