from typing import Any

import pytest

from st.nn.experiment import Document
from st.nn.experiment.settings import SettingError, with_settings
from st.nn.experiment.toml_lines import Position
from st.nn.faults import Fault

VALUES = {"seed": 1, "optimizer": {"type": "adam"}, "model": [{"type": "relu"}]}


def _set(*settings: str) -> Any:
    return with_settings(Document("file.toml", VALUES), settings).values


@pytest.mark.parametrize(
    ("setting", "key", "expected"),
    [
        pytest.param("seed=3", "seed", 3, id="number"),
        pytest.param("optimizer.lr = 1e-3", "optimizer", {"type": "adam", "lr": 1e-3}, id="table"),
        pytest.param("backend=numpy", "backend", "numpy", id="bare text"),
        pytest.param('backend="numpy"', "backend", "numpy", id="quoted text"),
        pytest.param("data.path=a=b.csv", "data", {"path": "a=b.csv"}, id="equals in a value"),
        pytest.param("data.shape=[8, 8]", "data", {"shape": [8, 8]}, id="array"),
        pytest.param("model.1.type=tanh", "model", [{"type": "tanh"}], id="element"),
        pytest.param("output=", "output", "", id="nothing"),
    ],
)
def test_value_is_set(setting: str, key: str, expected: object) -> None:
    assert _set(setting)[key] == expected


def test_later_setting_wins_and_the_document_stays() -> None:
    assert _set("seed=2", "seed=3")["seed"] == 3
    assert VALUES == {"seed": 1, "optimizer": {"type": "adam"}, "model": [{"type": "relu"}]}


def test_fault_of_a_setting_is_not_looked_for_in_the_file() -> None:
    document = Document("file.toml", VALUES, positions={("seed",): Position(1, 1)})

    changed = with_settings(document, ["seed=x"])

    assert document.located(Fault(("seed",), "a number", "x")).line == 1
    assert changed.located(Fault(("seed",), "a number", "x")).line == 0


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        pytest.param("seed", "expected KEY=VALUE", id="no equals"),
        pytest.param("=3", "expected KEY=VALUE", id="no key"),
        pytest.param("a..b=3", "expected KEY=VALUE", id="empty key"),
        pytest.param("seed.x=3", "seed is no table", id="below a number"),
        pytest.param("model.2.type=x", "model has 1 elements", id="no such element"),
        pytest.param("model.0.type=x", "model has 1 elements", id="counted from 1"),
        pytest.param("model.x=3", "model has 1 elements", id="no number"),
    ],
)
def test_setting_that_leads_nowhere_is_refused(setting: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        _set(setting)
