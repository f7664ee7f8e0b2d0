"""Data from IDX files, the format in which MNIST and its likes are published."""

from st.core import Plugin
from st_idx.source import IdxSource

__all__ = ["IdxPlugin", "IdxSource"]


class IdxPlugin(Plugin):
    """Nothing to do when loading: the manifest already says where the source is."""
