"""The backend that computes with NumPy: a plugin like any other.

A plan becomes a list of ufunc and BLAS calls bound to their arrays, written with `out=` into
memory that temporaries share. Nothing is allocated while it runs.
"""

from st.nn.numpy_backend.backend import NumPyBackend

__all__ = ["NumPyBackend"]
