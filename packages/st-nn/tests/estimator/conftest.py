"""Estimators ask for the global registry: here it is one that knows this distribution alone."""

from collections.abc import Iterator

import pytest

from st.core import Registry


@pytest.fixture(autouse=True)
def global_registry(registry: Registry) -> Iterator[Registry]:
    with registry.as_global():
        yield registry
