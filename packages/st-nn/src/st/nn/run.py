"""The directory of one run: what it was, the model, and what plugins left in it.

``config.json`` holds the resolved experiment, versions, seed and backend; ``model`` the checkpoint;
``checkpoints`` further ones; ``<plugin id>/`` what that plugin wrote.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from st.core import StError
from st.nn.files import MAX_TEXT, read_file, write_file

FORMAT: Final = 1


class RunDirectoryError(StError, OSError):
    """A run directory cannot be made, written, or read."""


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """A run directory that exists. Whoever made it owns it; others write below their own id."""

    path: Path

    @property
    def run_id(self) -> str:
        """The name of the run."""
        return self.path.name

    @property
    def model(self) -> Path:
        """Where the checkpoint is."""
        return self.path / "model"

    @property
    def checkpoints(self) -> Path:
        """Where further checkpoints are, if any."""
        return self.path / "checkpoints"

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write what the run is, in one step.

        Raises:
            RunDirectoryError: The directory cannot be written to.
        """
        text = json.dumps({"format": FORMAT, **config}, indent=2, ensure_ascii=False)
        try:
            write_file(self.path / "config.json", f"{text}\n".encode())
        except OSError as error:
            raise _error("write to", self.path, error) from None

    def read_config(self) -> dict[str, Any]:
        """Return what `write_config` wrote.

        Raises:
            RunDirectoryError: It is missing or damaged.
        """
        path = self.path / "config.json"
        try:
            config = json.loads(read_file(path, MAX_TEXT))
        except OSError as error:
            raise RunDirectoryError(
                f"{self.path} is no run directory: cannot read {path}: {error.strerror or error}"
            ) from None
        except (ValueError, RecursionError) as error:
            raise RunDirectoryError(f"{path} is damaged: {error}") from None
        if not isinstance(config, dict) or config.get("format") != FORMAT:
            raise RunDirectoryError(f"{path} is not the configuration of a run, format {FORMAT}")
        return config

    def contents(self) -> tuple[str, ...]:
        """Return what is in the directory, sorted: plain files, folders of ours, plugins' files."""
        found = []
        for path in sorted(self.path.iterdir()):
            if path.is_file():
                found.append(path.name)
            elif path in (self.model, self.checkpoints):
                found.append(f"{path.name}/")
            else:
                found += [f"{path.name}/{inner.name}" for inner in sorted(path.iterdir())]
        return tuple(found)


def create_run(output: Path, name: str) -> RunDirectory:
    """Make the directory ``<output>/<name>-<n>`` with the next free number.

    Raises:
        RunDirectoryError: `output` cannot be made or written to.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        for number in count(_next_number(output, name)):
            path = output / f"{name}-{number}"
            try:
                path.mkdir()
            except FileExistsError:
                continue
            return RunDirectory(path)
    except OSError as error:
        raise _error("make a run directory in", output, error) from None
    raise AssertionError("numbers do not end")


def latest_run(output: Path, name: str) -> RunDirectory | None:
    """Return the run of that name with the highest number that has a configuration, or None."""
    for number in sorted(_numbers(output, name), reverse=True):
        path = output / f"{name}-{number}"
        if (path / "config.json").is_file():
            return RunDirectory(path)
    return None


def _next_number(output: Path, name: str) -> int:
    """Return one more than the highest number in use, so that later runs sort last."""
    return max(_numbers(output, name), default=0) + 1


def _numbers(output: Path, name: str) -> list[int]:
    numbers = (path.name.removeprefix(f"{name}-") for path in output.glob(f"{name}-*"))
    return [int(number) for number in numbers if number.isdecimal()]


def _error(what: str, path: Path, error: OSError) -> RunDirectoryError:
    return RunDirectoryError(f"cannot {what} {path}: {error.strerror or error}")
