"""Rows of numbers with their classes: read, split, shuffled and cut into batches.

>>> import numpy as np
>>> from st.nn.data import Dataset, batches
>>> x = np.arange(8, dtype=np.float32).reshape(4, 2)
>>> data = Dataset(x, np.array([0, 1, 0, 1]), ("no", "yes"), np.arange(1, 5))
>>> learned, held_out = data.split(0.5, seed=7)
>>> len(learned), len(held_out)
(2, 2)
>>> [len(labels) for _, labels in batches(data, batch_size=3, seed=7, epoch=1)]
[3, 1]
"""

from st.nn.data.batches import batches
from st.nn.data.csv_source import CsvSource, read_csv
from st.nn.data.dataset import Dataset
from st.nn.data.errors import DataError
from st.nn.data.npz_source import NpzSource
from st.nn.data.order import permutation
from st.nn.data.prefetch import Prefetched
from st.nn.data.source import FileSource, Source
from st.nn.data.text_source import TextSource

__all__ = [
    "CsvSource",
    "DataError",
    "Dataset",
    "FileSource",
    "NpzSource",
    "Prefetched",
    "Source",
    "TextSource",
    "batches",
    "permutation",
    "read_csv",
]
