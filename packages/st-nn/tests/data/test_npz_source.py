import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from st.nn.data import DataError, Dataset, NpzSource

X = np.arange(12).reshape(3, 2, 2)


class Bomb:
    """Says so when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path("unpickled").touch, ())


def _read(folder: Path, *, options: dict[str, Any] | None = None, **arrays: Any) -> Dataset:
    np.savez(folder / "a.npz", **arrays)
    return NpzSource(path="a.npz", **(options or {})).read(folder)


def test_arrays_are_rows_and_classes(tmp_path: Path) -> None:
    data = _read(tmp_path, x=X, y=np.array([10, 9, 10]), options={"scale": 0.5})

    np.testing.assert_array_equal(data.x, X.astype(np.float32) / 2)
    assert (data.classes, data.y.tolist()) == (("9", "10"), [1, 0, 1])
    assert len(data.digest) == 64


def test_classes_may_be_text_and_examples_another_shape(tmp_path: Path) -> None:
    data = _read(
        tmp_path,
        images=X,
        names=np.array(["b", "a", "b"]),
        options={"examples": "images", "target": "names", "shape": (4,)},
    )

    assert (data.input_shape, data.classes) == ((4,), ("a", "b"))


def test_targets_may_be_numbers(tmp_path: Path) -> None:
    data = _read(tmp_path, x=X, y=np.array([0.5, 1, 2]), options={"target_is": "number"})

    assert data.classes == ()
    np.testing.assert_array_equal(data.y, np.array([[0.5], [1], [2]], np.float32))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        pytest.param({"x": X, "z": X}, "expected one of the arrays x, z, given 'y'", id="no y"),
        pytest.param({"x": X, "y": np.arange(2)}, r"given int64 \(2,\)", id="fewer targets"),
        pytest.param({"x": np.arange(3), "y": np.arange(3)}, r"of shape \(rows", id="one axis"),
        pytest.param({"x": X[:0], "y": np.arange(0)}, "one row or more", id="no rows"),
        pytest.param({"x": X.astype(str), "y": np.arange(3)}, "expected numbers", id="text"),
        pytest.param({"x": X, "y": np.ones(3)}, "whole numbers or text", id="float classes"),
        pytest.param({"x": X / [[np.nan, 1]], "y": np.arange(3)}, "first in row 1", id="nan"),
        pytest.param({"x": X * 1e300, "y": np.arange(3)}, "finite float32", id="too large"),
    ],
)
def test_arrays_of_another_form_are_refused(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        _read(tmp_path, **arrays)


def test_pickle_is_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(DataError, match=r"an \.npz file of numbers"):
        _read(tmp_path, x=np.array([Bomb(), 1, 2], object), y=np.arange(3))
    (tmp_path / "a.npz").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DataError, match=r"an \.npz file"):
        NpzSource(path="a.npz").read(tmp_path)

    assert not Path("unpickled").exists()


def _npy() -> bytes:
    file = io.BytesIO()
    np.save(file, X)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"PK\x03\x04 cut short", id="cut short"),
        pytest.param(bytes(range(256)), id="noise"),
        pytest.param(_npy(), id="single array"),
    ],
)
def test_file_that_is_no_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)

    with pytest.raises(DataError, match=r"a\.npz: expected an \.npz file"):
        NpzSource(path="a.npz").read(tmp_path)
