"""`st` says what hides its namespace, although nothing inside the namespace can run then."""

import subprocess
import sys
from pathlib import Path

from _st_launcher import main


def write(file: Path, text: str = "") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_regular_package_that_hides_the_namespace_is_named(run_st, site: Path) -> None:
    hiding = write(site / "st" / "__init__.py")

    ended = run_st("doctor")

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: {hiding} hides the packages of SpiralTorch")
    assert "take its directory off PYTHONPATH" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_module_that_hides_the_namespace_is_named(run_st, site: Path) -> None:
    hiding = write(site / "st.py")

    ended = run_st("--help")

    assert ended.returncode == 1
    assert str(hiding) in ended.stderr


def test_foreign_package_is_not_executed(run_st, site: Path) -> None:
    write(site / "st" / "__init__.py", "raise SystemExit('I ran')")

    ended = run_st("doctor")

    assert "I ran" not in ended.stdout + ended.stderr


def test_distribution_that_installed_the_hiding_package_is_to_be_uninstalled(
    run_st, site: Path
) -> None:
    write(site / "st" / "__init__.py")
    write(site / "foreign_st-0.0.8.dist-info" / "METADATA", "Name: foreign-st\nVersion: 0.0.8")
    write(site / "foreign_st-0.0.8.dist-info" / "RECORD", "st/__init__.py,,\n")

    ended = run_st("doctor")

    assert "pip uninstall foreign-st" in ended.stderr


def test_regular_package_that_holds_our_packages_too_does_not_stop_us(run_st, site: Path) -> None:
    import st.cli
    import st.core

    write(site / "st" / "__init__.py")
    for package in (st.cli, st.core):
        source = Path(package.__file__).parent
        (site / "st" / source.name).symlink_to(source, target_is_directory=True)

    ended = run_st("--version")

    assert (ended.returncode, ended.stderr) == (0, "")


def test_namespace_portion_of_somebody_else_hides_nothing(run_st, site: Path) -> None:
    write(site / "st" / "theirs" / "__init__.py")

    ended = run_st("--version")

    assert (ended.returncode, ended.stderr) == (0, "")


def test_launcher_runs_the_command_line(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["st", "--version"])
    monkeypatch.setattr("sys.excepthook", sys.excepthook)

    assert main() == 0
    assert capsys.readouterr().out.startswith("st 0.")


def test_missing_core_is_told_with_the_command_that_installs_it() -> None:
    without_core = "import sys; sys.modules['st.core'] = None; import _st_launcher as launcher"

    ended = subprocess.run(
        [sys.executable, "-c", f"{without_core}; sys.exit(launcher.main())"],
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 1
    assert ended.stderr == "error: st-core is not installed: pip install ./packages/st-core\n"
