import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from st.nn.data import CsvSource, DataError, read_csv

PLAIN = "a,b,kind\n1,2,x\n3,4.5,y\n-1e-3,0,x\n"


def _write(folder: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_numbers_classes_and_row_numbers_are_read(tmp_path: Path) -> None:
    data = read_csv(_write(tmp_path, PLAIN), "kind")

    np.testing.assert_array_equal(data.x, np.array([[1, 2], [3, 4.5], [-1e-3, 0]], np.float32))
    assert data.x.dtype == np.float32
    assert data.classes == ("x", "y")
    assert data.y.tolist() == [0, 1, 0]
    assert data.rows.tolist() == [1, 2, 3]


def test_packed_file_gives_the_same_as_the_plain_one(tmp_path: Path) -> None:
    packed = _write(tmp_path, gzip.compress(PLAIN.encode()), "t.csv.gz")

    np.testing.assert_array_equal(
        read_csv(packed, "kind").x, read_csv(_write(tmp_path, PLAIN), "kind").x
    )


def test_target_may_be_any_column_and_numbers_are_scaled(tmp_path: Path) -> None:
    data = read_csv(_write(tmp_path, "kind,a,b\nx,2,4\ny,6,8\n"), "kind", scale=0.5)

    assert data.x.tolist() == [[1, 2], [3, 4]]


def test_shape_is_given_to_every_row(tmp_path: Path) -> None:
    data = read_csv(_write(tmp_path, "a,b,c,d,kind\n1,2,3,4,x\n"), "kind", shape=(2, 2))

    assert data.x.tolist() == [[[1, 2], [3, 4]]]


def test_numeric_classes_are_in_numeric_order(tmp_path: Path) -> None:
    data = read_csv(_write(tmp_path, "a,kind\n0,10\n0,9\n0,2\n"), "kind")

    assert data.classes == ("2", "9", "10")


def test_path_is_relative_to_the_folder(tmp_path: Path) -> None:
    _write(tmp_path, PLAIN)

    assert len(CsvSource(path="t.csv", target="kind").read(tmp_path)) == 3


def test_digest_is_of_the_bytes_on_disk(tmp_path: Path) -> None:
    path = _write(tmp_path, PLAIN)

    assert read_csv(path, "kind").digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_other_bytes_than_the_checksum_names_are_refused(tmp_path: Path) -> None:
    path = _write(tmp_path, PLAIN)

    with pytest.raises(
        DataError, match=r"expected sha256 0{64}, given sha256 [0-9a-f]{64}$"
    ) as info:
        read_csv(path, "kind", sha256="0" * 64)
    assert info.value.field == "sha256"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("a,kind\n1,x\nz,y\n", "line 3: column 'a' is no number: 'z'", id="no number"),
        pytest.param("a,kind\n1,x\nnan,y\n", "line 3: column 'a' is no number", id="nan"),
        pytest.param("a,kind\n1e39,x\n", "line 2: column 'a' is no number", id="too large"),
        pytest.param("a,kind\n1_0,x\n", "line 2: column 'a' is no number", id="underscore"),
        pytest.param("a,kind\n1\n", "line 2: 1 cells instead of 2", id="missing cell"),
        pytest.param("a,kind\n1,x\n\n2,y\n", "line 3: 0 cells instead of 2", id="empty line"),
        pytest.param("a,kind\n1, \n", "line 2: column 'kind' is empty", id="empty class"),
        pytest.param('a,kind\n1,"x\n', "line 2: unexpected end of data", id="open quote"),
        pytest.param('"a\n', "line 1: unexpected end of data", id="open quote in the header"),
        pytest.param("a,kind\n", "expected rows below the column names, given none", id="no rows"),
        pytest.param("", "the columns in line 1, given an empty file", id="empty file"),
        pytest.param("\n1,x\n", "the columns in line 1, given an empty line", id="no columns"),
        pytest.param(
            "kind\nx\ny\n",
            "columns of numbers beside the target 'kind', given no other column",
            id="nothing but the target",
        ),
        pytest.param("a,kinds\n1,x\n", "given 'kind'; nearest: 'kinds'", id="misspelt target"),
        pytest.param("a,a,kind\n1,2,x\n", "given 'a' more than once", id="doubled column"),
        pytest.param(b"a,kind\n1,\xff\n", "given line 2: byte 0xff", id="binary noise"),
    ],
)
def test_corrupt_file_is_refused_with_its_line(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_csv(_write(tmp_path, content), "kind")


def test_several_corrupt_rows_are_counted_and_the_first_three_named(tmp_path: Path) -> None:
    path = _write(tmp_path, "a,kind\n" + "?,x\n" * 5 + "1,x\n")

    with pytest.raises(DataError, match=r"5 corrupt rows: line 2: .*; line 3: .*; line 4: .*; …$"):
        read_csv(path, "kind")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"not packed", id="not gzip"),
        pytest.param(gzip.compress(PLAIN.encode())[:-6], id="cut short"),
        pytest.param(gzip.compress(PLAIN.encode())[:12] + b"\xff" * 30, id="damaged"),
    ],
)
def test_damaged_gzip_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match="expected a gzip file"):
        read_csv(_write(tmp_path, content, "t.csv.gz"), "kind")


def test_missing_file_and_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a file, given nothing at"):
        read_csv(tmp_path / "none.csv", "kind")
    with pytest.raises(DataError, match="expected a readable file"):
        read_csv(tmp_path, "kind")


def test_shape_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a shape of 2 numbers, .* given 3.1 with 3") as info:
        read_csv(_write(tmp_path, PLAIN), "kind", shape=(3, 1))
    assert info.value.field == "shape"
