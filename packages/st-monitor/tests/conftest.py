"""A registry with the monitor in it, and runs to record."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from st.core import Registry
from st.monitor import MonitorPlugin


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry whose only plugin is the monitor."""
    with Registry() as registry:
        registry.register(MonitorPlugin)
        yield registry


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The directory of a run, owned by the test."""
    directory = tmp_path / "digits-1"
    directory.mkdir()
    return directory
