"""No other distribution of the family is needed: tox names those that are not installed."""

import os
from importlib import import_module

import pytest

ABSENT = os.environ.get("ST_ALONE", "st.not_installed").split()


@pytest.mark.parametrize("name", ABSENT)
def test_sibling_cannot_be_imported_here(name: str) -> None:
    with pytest.raises(ModuleNotFoundError):
        import_module(name)
