import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from st.nn import files
from st.nn.files import complete_folder, remove_folder, write_file, write_folder

OLD = {"a": b"old a", "b": b"old b"}
NEW = {"a": b"new a"}


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


def _read(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write_file(tmp_path / "f", b"old")
    write_file(tmp_path / "f", b"new")

    assert _read(tmp_path) == {"f": b"new"}


def test_failed_replacement_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_file(tmp_path / "f", b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_file(tmp_path / "f", b"new")
    assert _read(tmp_path) == {"f": b"old"}


def test_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    write_folder(tmp_path / "m", OLD)
    write_folder(tmp_path / "m", NEW)

    assert _read(tmp_path / "m") == NEW
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def _killed_after(n: int, original: Callable[..., Any], calls: list[int]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if len(calls) == n:
            raise Killed
        calls.append(1)
        return original(*args, **kwargs)

    return call


@pytest.mark.parametrize("n", range(9), ids=lambda n: f"after {n} operations")
def test_kill_at_any_operation_leaves_one_complete_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    folder = tmp_path / "m"
    write_folder(folder, OLD)
    calls: list[int] = []

    with monkeypatch.context() as patch:
        for owner, name in (
            (Path, "rename"),
            (Path, "mkdir"),
            (files, "_write_through"),
            (files, "_sync_folder"),
            (files, "_remove"),
        ):
            patch.setattr(owner, name, _killed_after(n, getattr(owner, name), calls))
        with suppress(Killed):
            write_folder(folder, NEW)

    assert _read(complete_folder(folder)) in (OLD, NEW)
    write_folder(folder, NEW)
    assert _read(complete_folder(folder)) == NEW
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("n", range(9), ids=lambda n: f"after {n} operations")
def test_kill_while_removing_leaves_a_complete_folder_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    folder = tmp_path / "m"
    write_folder(folder, OLD)
    calls: list[int] = []

    with monkeypatch.context() as patch:
        for owner, name in ((Path, "rename"), (os, "unlink"), (os, "rmdir")):
            patch.setattr(owner, name, _killed_after(n, getattr(owner, name), calls))
        with suppress(Killed):
            remove_folder(folder)

    found = complete_folder(folder)
    assert not found.exists() or _read(found) == OLD
    remove_folder(folder)
    assert list(tmp_path.iterdir()) == []


def test_folder_left_by_an_interrupted_replacement_is_removed(tmp_path: Path) -> None:
    write_folder(tmp_path / "m", OLD)
    (tmp_path / "m").rename(tmp_path / "m.previous")

    remove_folder(tmp_path / "m")

    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "m"
    write_folder(folder, OLD)

    def full(path: Path, data: bytes) -> None:
        path.write_bytes(data[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_write_through", full)
    with pytest.raises(OSError, match="No space left"):
        write_folder(folder, NEW)
    assert _read(folder) == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
