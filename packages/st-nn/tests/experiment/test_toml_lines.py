import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.nn.experiment.toml_lines import Position, toml_lines

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=6)
keys = st.one_of(st.from_regex(r"[A-Za-z0-9_-]{1,4}", fullmatch=True), texts)
scalars = st.one_of(
    st.integers(-(2**40), 2**40),
    st.booleans(),
    texts,
    st.sampled_from(["a\nb", 'say "hi"', "it's", "# no comment", "[x]", "{ y = 1 }", ","]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(keys, values, max_size=4)
gaps = st.sampled_from(["", " ", "\t", "\n", "  # note ] } ,\n", "\n\n  "])


def _escaped(text: str) -> str:
    inside = "".join(char if char.isalnum() else f"\\U{ord(char):08X}" for char in text)
    return f'"{inside}"'


def _key(key: str, draw: Any) -> str:
    is_bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if is_bare and draw(st.booleans()) else _escaped(key)


def _value(value: Any, draw: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        items = [draw(gaps) + _value(item, draw) + draw(gaps) for item in value]
        return f"[{','.join(items)}{draw(gaps)}]"
    if isinstance(value, dict):
        pairs = [f" {_key(key, draw)} = {_value(item, draw)} " for key, item in value.items()]
        return f"{{{','.join(pairs)}}}"
    plain = "'''" + value + "'''"
    is_literal = "'" not in value and "\r" not in value and not value.startswith("\n")
    return plain if is_literal and draw(st.booleans()) else _escaped(value)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and value != [] and all(isinstance(v, dict) for v in value)


@st.composite
def written_documents(draw: Any) -> tuple[dict[str, Any], str]:
    document = draw(documents)
    lines, tables = [], []
    for key, value in document.items():
        if isinstance(value, dict) and draw(st.booleans()):
            tables.append(f"[ {_key(key, draw)} ] # a table")
            tables.extend(f"{_key(k, draw)}= {_value(v, draw)}" for k, v in value.items())
        elif _is_tables(value) and draw(st.booleans()):
            name = _key(key, draw)
            for element in value:
                tables.append(f"[[{name}]]")
                tables.extend(f"{_key(k, draw)} ={_value(v, draw)}" for k, v in element.items())
        else:
            lines.append(f"  {_key(key, draw)} = {_value(value, draw)}  # note")
    return document, "\n".join([*lines, *tables, ""])


def _paths(value: Any, prefix: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*prefix, key)
        if isinstance(item, dict | list):
            yield from _paths(item, (*prefix, key))


@given(written_documents())
def test_every_path_of_the_document_is_found_and_no_other(
    written: tuple[dict[str, Any], str],
) -> None:
    document, text = written

    found = toml_lines(text)

    assert tomllib.loads(text) == document
    assert set(found) == set(_paths(document))


@given(written_documents())
def test_the_text_at_a_key_is_the_key(written: tuple[dict[str, Any], str]) -> None:
    _, text = written
    lines = text.split("\n")

    for path, position in toml_lines(text).items():
        if isinstance(path[-1], str):
            rest = lines[position.line - 1][position.column - 1 :]
            assert rest.startswith((path[-1], _escaped(path[-1]))), (path, rest)


@given(written_documents())
def test_positions_of_siblings_in_an_array_ascend(written: tuple[dict[str, Any], str]) -> None:
    _, text = written
    found = toml_lines(text)

    for path, position in found.items():
        if isinstance(path[-1], int) and path[-1] > 0:
            assert found[(*path[:-1], path[-1] - 1)] < position


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        pytest.param("a.b = 1\n", ("a", "b"), Position(1, 3), id="dotted key"),
        pytest.param("[a]\n[a.b]\nc = 1\n", ("a", "b", "c"), Position(3, 1), id="sub-table"),
        pytest.param("[a.b]\n[a]\n", ("a",), Position(1, 2), id="named first in a longer header"),
        pytest.param("[[a]]\n[a.b]\nc = 1\n", ("a", 0, "b", "c"), Position(3, 1), id="in element"),
        pytest.param("[[a]]\n[[a]]\n", ("a", 1), Position(2, 3), id="second element"),
        pytest.param('a = """\n"" x\n"""\nb = 1\n', ("b",), Position(4, 1), id="long string"),
        pytest.param("a = '''it's'''''\nb = 1\n", ("b",), Position(2, 1), id="quotes at the end"),
        pytest.param("a = 1979-05-27 07:32:00\nb = 1\n", ("b",), Position(2, 1), id="date"),
        pytest.param("a = 1\r\nb = 2\r\n", ("b",), Position(2, 1), id="carriage returns"),
    ],
)
def test_position(text: str, path: tuple[str | int, ...], expected: Position) -> None:
    tomllib.loads(text)

    assert toml_lines(text)[path] == expected
