"""The program cache: damage, races and unwritable places are never errors."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread

import pytest

from st.backend.opencl import BinaryCache
from st.backend.opencl.cache import default_directory

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "truncated": lambda data: data[: len(data) // 2],
    "one bit": lambda data: data[:-3] + bytes([data[-3] ^ 1]) + data[-2:],
    "other file": lambda data: b"not a program at all" * 10,
}


def test_what_was_stored_is_loaded(tmp_path: Path) -> None:
    cache = BinaryCache(tmp_path / "new" / "place")

    cache.store("key", b"binary")

    assert cache.load("key") == b"binary"
    assert cache.load("other") is None


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_file_counts_as_absent(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    cache = BinaryCache(tmp_path)
    cache.store("key", b"binary" * 100)
    (file,) = tmp_path.iterdir()

    file.write_bytes(damage(file.read_bytes()))

    assert cache.load("key") is None


def test_discarding_undoes_storing(tmp_path: Path) -> None:
    cache = BinaryCache(tmp_path)
    cache.store("key", b"binary")

    cache.discard("key")
    cache.discard("key")

    assert cache.load("key") is None
    assert not list(tmp_path.iterdir())


def test_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = BinaryCache(tmp_path / "file")

    cache.store("key", b"binary")

    assert cache.load("key") is None


def test_readers_never_see_a_half_written_file(tmp_path: Path) -> None:
    payloads = [bytes([n]) * 200_000 for n in range(3)]
    seen: set[bytes | None] = set()
    start = Barrier(4)

    def write(payload: bytes) -> None:
        start.wait()
        for _ in range(50):
            BinaryCache(tmp_path).store("key", payload)

    threads = [Thread(target=write, args=(payload,)) for payload in payloads]
    for thread in threads:
        thread.start()
    start.wait()
    while any(thread.is_alive() for thread in threads):
        seen.add(BinaryCache(tmp_path).load("key"))

    assert seen <= {None, *payloads}
    assert BinaryCache(tmp_path).load("key") in payloads
    assert len(list(tmp_path.iterdir())) == 1


STORE_OFTEN = """
import sys
from pathlib import Path
from st.backend.opencl import BinaryCache
for _ in range(200):
    BinaryCache(Path(sys.argv[1])).store("key", sys.argv[2].encode() * 1000)
"""


def test_processes_may_store_the_same_program_at_once(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", STORE_OFTEN, str(tmp_path), letter])
        for letter in "ab"
    ]

    codes = [process.wait(timeout=60) for process in processes]

    assert codes == [0, 0]
    assert BinaryCache(tmp_path).load("key") in (b"a" * 1000, b"b" * 1000)
    assert len(list(tmp_path.iterdir())) == 1


def test_directory_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.delenv("ST_OPENCL_CACHE_DIR", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    by_xdg = default_directory()
    monkeypatch.setenv("ST_OPENCL_CACHE_DIR", "/elsewhere/programs")

    assert by_xdg == Path("/somewhere/st-opencl")
    assert default_directory() == Path("/elsewhere/programs")
