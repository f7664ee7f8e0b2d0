import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from st.nn.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint

WEIGHTS = {"0.weight": np.arange(6, dtype=np.float32).reshape(2, 3)}
STATE = {"step": np.array(4, np.int64)}


def _saved(folder: Path) -> Path:
    save_checkpoint(folder, Checkpoint({"name": "größe"}, WEIGHTS, STATE))
    return folder


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    loaded = load_checkpoint(_saved(tmp_path / "model"))

    assert loaded.config == {"format": 1, "name": "größe"}
    np.testing.assert_array_equal(loaded.weights["0.weight"], WEIGHTS["0.weight"])
    assert loaded.state["step"] == 4


def test_three_files_and_no_pickle(tmp_path: Path) -> None:
    folder = _saved(tmp_path / "model")

    names = sorted(path.name for path in folder.iterdir())
    assert names == ["config.json", "state.safetensors", "weights.safetensors"]
    assert json.loads((folder / "config.json").read_text("utf-8"))["format"] == 1


def _cut(name: str, n_bytes: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / name
        path.write_bytes(path.read_bytes()[:n_bytes])

    return change


def _replace(name: str, data: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(data) and None


def _huge_header(folder: Path) -> None:
    path = folder / "weights.safetensors"
    path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(_cut("weights.safetensors", 20), "damaged or cut short", id="weights cut"),
        pytest.param(_cut("weights.safetensors", 0), "damaged or cut short", id="weights empty"),
        pytest.param(_cut("state.safetensors", 9), "damaged or cut short", id="state cut"),
        pytest.param(_cut("config.json", 5), "config.json is damaged", id="config cut"),
        pytest.param(_huge_header, "damaged or cut short", id="huge header"),
        pytest.param(
            lambda folder: (folder / "weights.safetensors").unlink(), "cannot read", id="missing"
        ),
        pytest.param(
            _replace("config.json", b'{"format": 2}'), "format 1, given format 2", id="newer"
        ),
        pytest.param(_replace("config.json", b"[]"), "given format None", id="no table"),
        pytest.param(_replace("config.json", b"\xff\xfe"), "is damaged", id="noise"),
        pytest.param(_replace("config.json", b"[" * 99999), "is damaged", id="nested deeply"),
    ],
)
def test_damaged_checkpoint_is_refused(
    tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    folder = _saved(tmp_path / "model")
    change(folder)

    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(folder)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    weights = {"0.weight": np.array([1, np.nan], np.float32)}
    save_checkpoint(tmp_path / "model", Checkpoint({}, weights))

    with pytest.raises(CheckpointError, match=r"'0.weight' holds values that are not finite"):
        load_checkpoint(tmp_path / "model")


def test_missing_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such directory"):
        load_checkpoint(tmp_path / "model")


def test_model_of_an_interrupted_replacement_is_found(tmp_path: Path) -> None:
    _saved(tmp_path / "model").rename(tmp_path / "model.previous")

    assert load_checkpoint(tmp_path / "model").config["name"] == "größe"
