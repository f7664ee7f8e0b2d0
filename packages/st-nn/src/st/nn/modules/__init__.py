"""The built-in modules, and the base of all.

>>> from st.nn.modules import Linear
>>> Linear(out_features=10)
Linear(out_features=10, in_features=None, bias=True)
"""

from st.nn.modules.activations import Relu
from st.nn.modules.base import Module, Scope, module_type
from st.nn.modules.flatten import Flatten
from st.nn.modules.linear import Linear

__all__ = ["Flatten", "Linear", "Module", "Relu", "Scope", "module_type"]
