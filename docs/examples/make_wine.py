"""Make wine.csv from scikit-learn's copy of the UCI wines.

Run once, with scikit-learn installed: ``python docs/examples/make_wine.py``. Where the data comes
from and under which licence is written in WINE.md.
"""

import csv
from pathlib import Path

from sklearn.datasets import load_wine

TARGET = Path(__file__).with_name("wine.csv")


def main() -> None:
    """Write the file; alcohol, which is to be told, comes last."""
    wine = load_wine()
    names = [name.replace("/", "_") for name in wine.feature_names]
    order = [*range(1, len(names)), 0]
    with TARGET.open("w", encoding="ascii", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow([names[column] for column in order])
        rows.writerows([f"{row[column]:g}" for column in order] for row in wine.data)
    print(f"{TARGET}: {len(wine.data)} rows")


if __name__ == "__main__":
    main()
