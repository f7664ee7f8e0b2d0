"""Arrays from an ``.npz`` file, as ``numpy.savez`` writes it. Nothing in it is executed."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from st.core.nearest import nearest
from st.nn.data.dataset import Dataset
from st.nn.data.errors import DataError
from st.nn.data.source import LARGEST, FileSource, shown_type


class NpzSource(FileSource, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An ``.npz`` file with one array of examples and one of targets."""

    source: Literal["npz"] = "npz"
    examples: Annotated[str, Meta(description="The array of examples, one row each.")] = "x"
    target: Annotated[str, Meta(description="The array of targets, one for each row.")] = "y"

    def read(self, folder: Path) -> Dataset:
        """See `Source.read`."""
        data, digest = self.read_bytes(folder)
        try:
            self._check_size(data)
            arrays = np.load(io.BytesIO(data), allow_pickle=False)
            if not isinstance(arrays, np.lib.npyio.NpzFile):
                raise DataError(self.path, "path", "an .npz file", "a single array")
            with arrays:
                x, y = self._array(arrays, "examples"), self._array(arrays, "target")
        except DataError:
            raise
        except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise DataError(self.path, "path", "an .npz file of numbers", str(error)) from None
        return self._checked(x, y, digest)

    def _check_size(self, data: bytes) -> None:
        """Refuse a small archive of very much; `zipfile` reads no more than it declares."""
        if not zipfile.is_zipfile(io.BytesIO(data)):
            return  # told where it is read
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > self.largest:
            expected = f"a file that unpacks to {self.largest:,} bytes or fewer"
            raise DataError(self.path, "largest", expected, f"{size:,}; set largest higher")

    def _array(self, arrays: Any, field: str) -> NDArray[Any]:
        name = self.examples if field == "examples" else self.target
        if name not in arrays.files:
            close = nearest(name, arrays.files)
            given = f"{name!r}" + (f"; nearest: {close!r}" if close else "")
            expected = f"one of the arrays {', '.join(arrays.files)}"
            raise DataError(self.path, field, expected, given)
        array: NDArray[Any] = arrays[name]
        return array

    def _checked(self, x: NDArray[Any], y: NDArray[Any], digest: str) -> Dataset:
        if x.ndim < 2 or not len(x) or x.dtype.kind not in "buif":
            expected = "numbers of shape (rows, …), one row or more"
            raise DataError(self.path, "examples", expected, shown_type(x))
        kinds = "uif" if self.target_is == "number" else "buiU"
        if y.shape != (len(x),) or y.dtype.kind not in kinds:
            expected = "numbers" if self.target_is == "number" else "whole numbers or text"
            raise DataError(self.path, "target", f"{expected} of shape ({len(x)},)", shown_type(y))
        for field, array in (("examples", x), ("target", y)):
            if array.dtype.kind == "f":
                wrong = ~(np.abs(array) <= LARGEST)
                if wrong.any():
                    row = int(np.argwhere(wrong)[0, 0])
                    given = f"{int(wrong.sum())} others, the first in row {row + 1}"
                    raise DataError(self.path, field, "finite float32 numbers", given)
        return self.made(x.astype(np.float32), [str(value) for value in y.tolist()], digest)
