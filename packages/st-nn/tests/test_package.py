import subprocess
import sys
from importlib import import_module

import pytest

import st.nn


def test_every_public_name_can_be_had() -> None:
    for name in st.nn.__all__:
        assert getattr(st.nn, name) is not None
    assert set(st.nn.__all__) <= set(dir(st.nn))


def test_load_is_the_function_whatever_was_imported_before() -> None:
    import_module("st.nn.saved")

    assert callable(st.nn.load)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'linear'"):
        _ = st.nn.linear


@pytest.mark.parametrize("module", ["numpy", "msgspec", "click", "st.nn.train"])
def test_importing_the_package_imports_nothing_heavy(module: str) -> None:
    program = f"import sys, st.nn; print({module!r} in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout == "False\n"
