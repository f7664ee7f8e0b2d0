"""The `registry` fixture, for every test suite of an environment st-core is installed in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from st.core.registry import Registry


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry of its own that discovers nothing and reads no environment."""
    from st.core.registry import Registry  # only suites that use the fixture pay for it

    with Registry(environ={}) as made:
        yield made
