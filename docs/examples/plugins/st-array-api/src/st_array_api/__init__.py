"""A backend over any library that keeps to the Python array API standard."""

from st_array_api.backend import ArrayBackend
from st_array_api.plugin import ArrayApiPlugin

__all__ = ["ArrayApiPlugin", "ArrayBackend"]
