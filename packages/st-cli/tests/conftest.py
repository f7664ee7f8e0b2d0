"""Running `st` as a user does, and distributions that are installed only for one test."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RunSt = Callable[..., "subprocess.CompletedProcess[str]"]
Install = Callable[..., None]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory for what a test installs; `run_st` and `here` search it first."""
    directory = tmp_path / "site"
    directory.mkdir()
    return directory


@pytest.fixture
def install(site: Path) -> Install:
    """Install a distribution: its entry points, manifest, requirements and source files."""

    def install_distribution(
        name: str,
        *,
        version: str = "1.0",
        plugins: dict[str, str] | None = None,
        commands: dict[str, str] | None = None,
        manifest: str = "",
        requires: tuple[str, ...] = (),
        files: dict[str, str] | None = None,
    ) -> None:
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        (info / "extra_metadata").mkdir(parents=True)
        headers = [f"Name: {name}", f"Version: {version}"]
        headers += [f"Requires-Dist: {requirement}" for requirement in requires]
        (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.4", *headers, ""]))
        groups = {"st.plugins": plugins or {}, "st.commands": commands or {}}
        lines = [
            line
            for group, points in groups.items()
            for line in (f"[{group}]", *(f"{key} = {target}" for key, target in points.items()))
        ]
        (info / "entry_points.txt").write_text("\n".join([*lines, ""]))
        if manifest:
            (info / "extra_metadata" / "st_plugin.toml").write_text(manifest)
        for file, text in (files or {}).items():
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            (site / file).write_text(text)

    return install_distribution


@pytest.fixture
def run_st(tmp_path: Path, site: Path) -> RunSt:
    """Run `st` in a process of its own, in the test's directory, with `site` first on its path."""

    def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-P", "-m", "_st_launcher", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(site), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def here(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make this process see `site` and work in the test's directory, which is returned.

    What it imports stays imported: modules of different tests have different names.
    """
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.chdir(tmp_path)
    return tmp_path
