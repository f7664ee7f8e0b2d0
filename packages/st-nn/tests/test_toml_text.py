import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as draw

from st.nn.toml_text import to_toml

plain = draw.recursive(
    draw.booleans()
    | draw.integers(-(2**63), 2**63 - 1)
    | draw.floats(allow_nan=False)
    | draw.text(draw.characters(exclude_categories=["Cs"])),
    lambda inner: draw.lists(inner, max_size=3) | draw.dictionaries(draw.text(), inner, max_size=3),
    max_leaves=8,
)


@given(draw.dictionaries(draw.text(draw.characters(exclude_categories=["Cs"])), plain, max_size=4))
def test_toml_reads_what_was_written(values: dict[str, object]) -> None:
    assert tomllib.loads(to_toml(values)) == values


def test_nothing_is_refused() -> None:
    with pytest.raises(TypeError, match="TOML has no form for None"):
        to_toml({"a": [None]})
