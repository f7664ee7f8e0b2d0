import sys
from pathlib import Path

import pytest

from st.core import Registry, ReloadError
from st.core.testing import FakeDistribution, importable

INSTALLED = """
from st.core import EpochStart, Plugin
VERSION = {version}
class Installed(Plugin):
    def on_load(self, ctx):
        {body}
        ctx.register_service("version", VERSION)
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    FakeDistribution(
        "st-installed",
        {"installed": "fake_installed.plugin:Installed"},
        manifest='[installed]\nprovides = ["version"]',
        modules={
            "fake_installed/__init__": "shared = object()",
            "fake_installed/plugin": INSTALLED.format(version=1, body="pass"),
        },
    ).write(tmp_path)
    return tmp_path


def test_an_installed_plugin_is_imported_anew_but_not_the_package_around_it(
    registry: Registry, installed: Path
) -> None:
    with importable(installed):
        registry.discover(path=[str(installed)])
        before = registry.get_service("version")
        package = sys.modules["fake_installed"]
        (installed / "fake_installed/plugin.py").write_text(
            INSTALLED.format(version=2, body="pass")
        )
        registry.reload("installed")

        assert (before, registry.get_service("version")) == (1, 2)
        assert sys.modules["fake_installed"] is package


@pytest.mark.parametrize("body", ["1 / 0", "syntax error"])
def test_a_failing_reload_of_an_installed_plugin_brings_its_module_back(
    registry: Registry, installed: Path, body: str
) -> None:
    with importable(installed):
        registry.discover(path=[str(installed)])
        registry.load("installed")
        module = sys.modules["fake_installed.plugin"]
        (installed / "fake_installed/plugin.py").write_text(INSTALLED.format(version=2, body=body))

        with pytest.raises(ReloadError, match=r"version 1\.0 is still running"):
            registry.reload("installed")

        assert registry.get_service("version") == 1
        assert sys.modules["fake_installed.plugin"] is module
        assert sys.modules["fake_installed"].plugin is module
