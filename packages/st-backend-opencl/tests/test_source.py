"""Rules of the kernel texts, each learnt from a runtime that broke or crawled."""

import re
from importlib.resources import files

import pytest

TEXTS = {
    file.name: re.sub(r"//.*", "", file.read_text())
    for file in (files("st.backend.opencl") / "kernels").iterdir()
}


def test_kernels_are_shipped_as_text() -> None:
    assert {"prelude.cl", "elementwise.cl", "reduce.cl", "gemm.cl"} <= TEXTS.keys()


@pytest.mark.parametrize("name", TEXTS)
def test_no_pointer_is_restrict(name: str) -> None:
    assert "restrict" not in TEXTS[name]


@pytest.mark.parametrize("name", TEXTS)
def test_no_built_in_is_called_where_runtimes_do_not_inline_it(name: str) -> None:
    called = set(re.findall(r"\b(fma|mad|min|max|clamp|select|vload\d*|fabs|pow)\(", TEXTS[name]))

    assert not called


@pytest.mark.parametrize("name", TEXTS)
def test_every_file_begins_with_what_it_is_for(name: str) -> None:
    assert (files("st.backend.opencl") / "kernels" / name).read_text().startswith("// ")
