"""What several tests need: a registry with this distribution alone, and something to learn from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from st.core import Registry

# Sixty-four points in four columns; which of the first two is larger decides the side.
POINTS = "a,b,c,d,side\n" + "".join(
    f"{a},{b},{(a * b) % 3},{(a + b) % 2},{'over' if a > b else 'under'}\n"
    for a in range(8)
    for b in range(8)
)

EXPERIMENT = """\
seed = 3
epochs = 4
batch_size = 8
backend = "numpy"
optimizer = { type = "adam", lr = 0.05 }
model = [
  { type = "flatten" },
  { type = "linear", out_features = 6 },
  { type = "relu" },
  { type = "linear", out_features = 2 },
]

[data]
source = "csv"
path = "points.csv"
target = "side"
shape = [2, 2]
held_out = 0.25
"""


@pytest.fixture
def registry() -> Iterator[Registry]:
    """Give a registry that knows the plugins of this distribution and of no other."""
    with Registry(environ={}, allow=["st-nn"]) as made:
        made.discover()
        yield made


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a sound experiment file in an empty working directory, its data beside it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "points.csv").write_text(POINTS, encoding="utf-8")
    file = tmp_path / "points.toml"
    file.write_text(EXPERIMENT, encoding="utf-8")
    return file
