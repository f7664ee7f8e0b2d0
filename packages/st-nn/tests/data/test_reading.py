import gzip
from pathlib import Path

import numpy as np
import pytest

from st.nn.data import CsvSource, DataError, NpzSource, TextSource

ROWS = "a,kind\n" + "1,x\n2,y\n" * 20_000


def test_small_file_that_unpacks_to_much_is_refused_until_it_is_meant(tmp_path: Path) -> None:
    packed = gzip.compress(ROWS.encode())
    (tmp_path / "t.csv.gz").write_bytes(packed)
    assert len(packed) < 1000

    with pytest.raises(DataError, match="unpacks to 1,000 bytes or fewer, given more") as caught:
        CsvSource(path="t.csv.gz", target="kind", largest=1000).read(tmp_path)

    assert caught.value.field == "largest"
    assert len(CsvSource(path="t.csv.gz", target="kind").read(tmp_path)) == 40_000


def test_bound_holds_for_text_and_arrays_too(tmp_path: Path) -> None:
    (tmp_path / "t.txt.gz").write_bytes(gzip.compress(ROWS.encode()))
    x = np.zeros((1000, 10), np.float32)
    np.savez_compressed(tmp_path / "t.npz", x=x, y=np.zeros(1000, np.int64))

    with pytest.raises(DataError, match="1,000 bytes or fewer"):
        TextSource(path="t.txt.gz", context=4, largest=1000).read(tmp_path)
    with pytest.raises(DataError, match="1,000 bytes or fewer, given 48,"):
        NpzSource(path="t.npz", largest=1000).read(tmp_path)


def test_packed_arrays_are_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=np.eye(3), y=np.arange(3))
    (tmp_path / "t.npz.gz").write_bytes(gzip.compress((tmp_path / "t.npz").read_bytes()))

    assert np.array_equal(NpzSource(path="t.npz.gz").read(tmp_path).x, np.eye(3))
