import gzip
import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from st.nn.data import DataError, Dataset, TextSource

TEXT = "the cat\nsat on the mat\n" * 4


def _source(folder: Path, *, path: Any = "a.txt", context: int = 5, **fields: Any) -> TextSource:
    (folder / "a.txt").write_text(TEXT, encoding="utf-8")
    return TextSource(path=path, context=context, **fields)


def _text(data: Dataset, codes: Any) -> list[str]:
    return ["".join(data.classes[code] for code in window) for window in codes]


def _whole(data: Dataset, length: int) -> str:
    """Put windows together again; the last one begins earlier than where the one before ends."""
    inputs, targets = _text(data, data.x), _text(data, data.y)
    context = len(inputs[0])
    whole = "".join(inputs[:-1]) if len(inputs) > 1 else ""
    whole += inputs[-1][context * len(inputs) - (length - 1) :]
    return whole + targets[-1][-1]


def test_every_character_of_both_sides_is_in_a_window(tmp_path: Path) -> None:
    data = _source(tmp_path, held_out=0.25).read(tmp_path)

    learned, held_out = data.split(0.5, seed=1)

    n_held_out = len(TEXT) // 4
    assert _whole(learned, len(TEXT) - n_held_out) == TEXT[:-n_held_out]
    assert _whole(held_out, n_held_out) == TEXT[-n_held_out:]


@given(
    text=some.text(some.characters(exclude_categories=["Cs"]), min_size=30, max_size=200),
    context=some.integers(1, 10),
)
def test_targets_are_one_character_further(
    tmp_path_factory: pytest.TempPathFactory, text: str, context: int
) -> None:
    folder = tmp_path_factory.mktemp("text")
    (folder / "a.txt").write_bytes(f".{text}".encode())

    data = TextSource(path="a.txt", context=context, held_out=0.4).read(folder)

    for x, y in zip(_text(data, data.x), _text(data, data.y), strict=True):
        assert x[1:] == y[:-1]
        assert x + y[-1] in f".{text}"
    assert set(data.classes) == set(f".{text}")
    assert list(data.classes) == sorted(data.classes)


def test_whole_text_is_read_with_nothing_held_out(tmp_path: Path) -> None:
    data = _source(tmp_path).read_whole(tmp_path)

    assert data.apart is None
    assert _whole(data, len(TEXT)) == TEXT


def test_files_of_a_pattern_are_taken_by_name_and_once(tmp_path: Path) -> None:
    for name, text in (("b/2.py", "second" * 9), ("b/1.py", "first!" * 9), ("c.txt", "no")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")

    data = TextSource(path=("b/2.py", "**/*.py"), context=4).read_whole(tmp_path)

    assert _whole(data, 108) == "second" * 9 + "first!" * 9
    assert data.source == "b/2.py and 1 more"


def test_whole_files_are_held_out(tmp_path: Path) -> None:
    texts = [letter * 10 for letter in "abcdefgh"]
    for text in texts:
        (tmp_path / f"{text[0]}.txt").write_text(text, encoding="utf-8")

    data = TextSource(path="*.txt", context=3, held_out=0.25, held_out_by="file").read(tmp_path)
    learned, held_out = data.split(0.25, seed=1)

    kept = _whole(held_out, 20)
    assert sorted(kept) == sorted(kept[0] * 10 + kept[-1] * 10)
    assert _whole(learned, 60) == "".join(text for text in texts if text[0] not in kept)


def test_same_windows_come_from_the_located_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "odd [name]"
    folder.mkdir()
    source = _source(folder, path=("*.txt",))
    here = source.read(folder)
    monkeypatch.chdir(tmp_path)

    there = source.located(Path("odd [name]")).read(Path("elsewhere"))

    assert there.digest == here.digest
    assert np.array_equal(there.x, here.x)


def test_packed_file_is_the_same_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(TEXT.encode()))

    packed = _source(tmp_path, path="a.txt.gz").read(tmp_path)

    assert np.array_equal(packed.x, _source(tmp_path).read(tmp_path).x)


def test_codes_take_as_few_bytes_as_they_need(tmp_path: Path) -> None:
    (tmp_path / "many.txt").write_text("".join(map(chr, range(1000, 1400))), encoding="utf-8")

    assert _source(tmp_path).read(tmp_path).x.dtype == np.uint8
    assert _source(tmp_path, path="many.txt").read(tmp_path).x.dtype == np.uint16


def test_unknown_character_is_told_with_file_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("abc\nab\u00e9c\n" * 5, encoding="utf-8")

    with pytest.raises(DataError) as caught:
        TextSource(path="a.txt", context=3, characters="abc").read(tmp_path)

    assert caught.value.field == "characters"
    places = r"2 more: a.txt, line 1, column 4: '\n'; a.txt, line 2, column 3: 'é'"
    assert caught.value.given == places


def test_given_characters_decide_the_classes(tmp_path: Path) -> None:
    data = _source(tmp_path, characters=" \nzyxtsonmheca").read(tmp_path)

    assert data.classes == tuple("\n acehmnostxyz")


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        pytest.param({"path": "b.txt"}, "path", "expected a file, given nothing at", id="missing"),
        pytest.param({"path": "*.md"}, "path", "none that match '\\*.md' in /", id="no match"),
        pytest.param({"path": "."}, "path", "readable file, given a directory", id="directory"),
        pytest.param({"path": "a\0.txt"}, "path", "a file, given nothing", id="null"),
        pytest.param({"context": 90}, "context", "than 90 characters to learn from", id="long"),
        pytest.param({"context": 20}, "context", "20 characters held out, given 10", id="held out"),
        pytest.param({"sha256": "0" * 64}, "sha256", "expected sha256 0000", id="checksum"),
    ],
)
def test_what_cannot_be_used_is_named(
    tmp_path: Path, fields: dict[str, Any], field: str, message: str
) -> None:
    source = _source(tmp_path, **fields)

    with pytest.raises(DataError, match=message) as caught:
        source.read(tmp_path)

    assert caught.value.field == field


def test_file_that_is_no_text_is_named_by_line(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(b"fine\nnot \xff\n")

    with pytest.raises(DataError, match=r"b\.txt: expected UTF-8 text, given line 2: byte 0xff"):
        _source(tmp_path, path="*.txt").read(tmp_path)


def test_checksum_of_several_files_is_that_of_their_checksums(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(b"more text " * 4)
    digests = [hashlib.sha256(data).hexdigest() for data in (TEXT.encode(), b"more text " * 4)]

    digest = hashlib.sha256("".join(digests).encode()).hexdigest()

    assert _source(tmp_path, path="*.txt", sha256=digest).read(tmp_path).digest == digest


def test_fields_of_a_file_are_checked() -> None:
    with pytest.raises(msgspec.ValidationError, match="context"):
        msgspec.convert({"path": "a.txt", "context": 0}, TextSource)
