"""Make digits.csv.gz from scikit-learn's copy of the UCI digits.

Run once, with scikit-learn installed: ``python docs/examples/make_digits.py``. The bytes depend on
nothing but the data: no name and no time is stored in the gzip header. Where the data comes from
and under which licence is written in DIGITS.md.
"""

import gzip
import hashlib
import io
from pathlib import Path

from sklearn.datasets import load_digits

TARGET = Path(__file__).with_name("digits.csv.gz")


def main() -> None:
    """Write the file and print its checksum."""
    digits = load_digits()
    text = io.StringIO(newline="")
    columns = [f"row{y}_column{x}" for y in range(8) for x in range(8)]
    text.write(",".join([*columns, "digit"]) + "\n")
    for pixels, digit in zip(digits.data.astype(int), digits.target, strict=True):
        text.write(",".join(map(str, [*pixels, digit])) + "\n")
    with TARGET.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.getvalue().encode("ascii"))
    print(f"{TARGET}: {len(digits.target)} rows, sha256 {file_digest(TARGET)}")


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
