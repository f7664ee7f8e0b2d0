"""Report panels of other plugins as JSON data."""

import json

import numpy as np
import pytest

from st.core.panels import Images, Matrix, Panel, Series, Table
from st.monitor import PanelError
from st.monitor.panels import stored


def test_table_keeps_columns_and_rows() -> None:
    panel = stored(Panel("Sizes", Table(("part", "n"), (("learn", 1437),)), "All of them."))

    assert panel == {
        "title": "Sizes",
        "note": "All of them.",
        "kind": "table",
        "columns": ["part", "n"],
        "rows": [["learn", 1437]],
    }


def test_arrays_are_taken_as_numbers() -> None:
    panel = stored(Panel("m", Matrix("ab", "ab", np.eye(2), "is", "said")))  # type: ignore[arg-type]  # an array

    assert panel["values"] == [[1.0, 0.0], [0.0, 1.0]]


def test_arrays_within_sequences_are_taken_as_numbers() -> None:
    images = stored(Panel("i", Images([np.zeros((1, 2))], ["8→1"])))  # type: ignore[list-item]  # arrays
    series = stored(Panel("s", Series([1, 2], {"loss": np.ones(2)}, "step", "loss")))  # type: ignore[dict-item]

    assert images["images"] == [[[0.0, 0.0]]]
    assert series["lines"] == {"loss": [1.0, 1.0]}


def test_forty_large_images_are_kept_whole() -> None:
    panel = stored(Panel("i", Images([np.full((64, 64), 0.5)] * 40, [""] * 40)))  # type: ignore[list-item]

    assert json.dumps(panel).count("0.5") == 40 * 64 * 64


def test_what_is_no_panel_is_refused_by_name() -> None:
    with pytest.raises(PanelError, match=r"expected a st\.core\.panels\.Panel, got dict"):
        stored({"title": "x"})  # type: ignore[arg-type]  # the mistake


def test_body_of_another_type_is_refused_by_name() -> None:
    with pytest.raises(PanelError, match=r"panel 'x': .*not str"):
        stored(Panel("x", "text"))  # type: ignore[arg-type]  # the mistake
