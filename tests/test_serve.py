"""The serving example: a trained model behind HTTP, on the loopback interface."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

RunSt = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 60.0


@pytest.fixture
def address(st: RunSt, tmp_path: Path) -> Iterator[str]:
    """Give the address of a server with a model of the digits, trained for two epochs."""
    shutil.copytree(ROOT / "docs/examples", tmp_path / "docs/examples")
    came = st("train", "docs/examples/digits.toml", "--set", "epochs=2", cwd=tmp_path)
    assert came.returncode == 0, came.stderr
    with subprocess.Popen(
        [sys.executable, "docs/examples/serve.py", "runs/digits-1", "0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()


def test_model_answers_over_http(address: str) -> None:
    rows = [[0.0] * 64, [16.0] * 64]

    with urlopen(address, json.dumps(rows).encode(), TIMEOUT_S) as response:
        said = json.load(response)

    assert len(said["classes"]) == 2
    assert set(said["classes"]) <= set("0123456789")


@pytest.mark.parametrize("body", [b"{", b"[[1, 2]]", b'["a"]', b"{}"])
def test_question_of_another_form_is_refused(address: str, body: bytes) -> None:
    with pytest.raises(HTTPError, match="400") as caught:
        urlopen(address, body, TIMEOUT_S)

    assert json.load(caught.value)["error"]
    caught.value.close()
