"""What importing costs, in modules: each case in a fresh interpreter."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import st.core

HEAVY = ["numpy", "asyncio", "importlib.metadata", "packaging", "tomllib", "logging"]


def modules_after(code: str) -> set[str]:
    """The modules an interpreter has loaded that runs `code` without site packages' hooks."""
    script = (
        f"import sys\nbefore = set(sys.modules)\n{code}\nprint(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(ast.literal_eval(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import st.core",
        "from st.core import Registry, Plugin, EventBus, PluginMetadata",
        "from st.core import Registry\nwith Registry() as registry: registry.discover(path=[])",
    ],
    ids=["package", "names", "registry"],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    loaded = modules_after(code)

    assert loaded.isdisjoint(HEAVY)
    assert "st.core.backend" not in loaded


def test_importing_takes_at_most_fifty_modules() -> None:
    assert len(modules_after("import st.core")) <= 50


def test_every_public_name_can_be_had() -> None:
    for name in st.core.__all__:
        assert getattr(st.core, name) is not None


def test_the_table_knows_exactly_the_public_names() -> None:
    assert sorted(st.core._HOMES) == st.core.__all__


def test_the_table_and_the_imports_for_type_checkers_name_the_same_modules() -> None:
    tree = ast.parse(Path(st.core.__file__).read_text(encoding="utf-8"))
    imported = {
        node.module.removeprefix("st.core.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("st.core.")
    }

    assert imported == set(st.core._MODULES)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Regitsry'"):
        st.core.Regitsry  # noqa: B018


def test_a_failure_that_is_logged_is_silent_unless_logging_is_configured() -> None:
    code = (
        "from st.core import EventBus, SystemInit\n"
        "bus = EventBus()\n"
        "_ = bus.subscribe(SystemInit, lambda event: 1 / 0)\n"
        "{}bus.publish(SystemInit())\n"
    )
    configured = "import logging\nlogging.basicConfig()\n"

    silent, told = (
        subprocess.run(
            [sys.executable, "-c", code.format(first)], capture_output=True, text=True, check=True
        )
        for first in ("", configured)
    )

    assert silent.stderr == ""
    assert "ZeroDivisionError" in told.stderr
