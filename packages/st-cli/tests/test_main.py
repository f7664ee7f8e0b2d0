"""Every run of `st` ends with one of four exit codes and one clear line for an error."""

import os
import subprocess
import sys

import pytest

from st.cli import main

FAILS = """
import click
import logging
from pathlib import Path
from st.core import StError

@click.command()
@click.argument("how")
def fail(how):
    if how == "st":
        raise StError("linear: expected 4, given 3")
    if how == "file":
        Path("missing.toml").read_text()
    if how == "full disk":
        raise OSError(28, "No space left on device")
    if how == "warning":
        try:
            raise ValueError("boom")
        except ValueError:
            logging.getLogger("st.plugin.louder").warning("louder failed", exc_info=True)
    if how == "interrupt":
        raise KeyboardInterrupt
    if how == "end of input":
        click.prompt("yes?")
    if how == "exit":
        click.get_current_context().exit(1)
    if how == "defect":
        raise KeyError("nobody foresaw this")
    return 7
"""


@pytest.fixture
def failing(install, here):
    """A command `fail` that ends in the way its argument says."""
    install("st-failing", commands={"fail": "st_failing:fail"}, files={"st_failing.py": FAILS})


def test_without_arguments_the_help_is_shown(capsys) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("Usage: st ")


def test_error_of_ours_is_one_line_on_stderr_and_exit_code_2(failing, capsys) -> None:
    assert main(["fail", "st"]) == 2

    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "error: linear: expected 4, given 3\n")


def test_file_that_is_not_there_is_named(failing, capsys) -> None:
    assert main(["fail", "file"]) == 2
    assert capsys.readouterr().err == "error: missing.toml: No such file or directory\n"


def test_disk_that_is_full_is_no_defect(failing, capsys) -> None:
    assert main(["fail", "full disk"]) == 1
    assert capsys.readouterr().err == "error: cannot write the output: No space left on device\n"


def test_warning_is_one_line_that_names_the_error(failing, capsys) -> None:
    assert main(["fail", "warning"]) == 0
    assert capsys.readouterr().err == "warning: louder failed: ValueError: boom\n"


def test_debug_shows_the_traceback_of_a_warning(failing, capsys) -> None:
    assert main(["--debug", "fail", "warning"]) == 0

    first, *_, last = capsys.readouterr().err.splitlines()
    assert (first, last) == ("warning: louder failed", "ValueError: boom")


def test_missing_choice_is_one_line(capsys) -> None:
    assert main(["new", "wobble"]) == 2
    assert capsys.readouterr().err == (
        "error: Missing option '--kind'. Choose from: service, module, backend, command "
        "(see st new --help)\n"
    )


def test_group_without_a_sub_command_shows_its_help(install, here, capsys) -> None:
    source = "import click\n\n@click.group()\ndef family():\n    pass\n"
    install("st-family", commands={"family": "st_family:family"}, files={"st_family.py": source})

    assert main(["family"]) == 2
    assert capsys.readouterr().err.startswith("Usage: st family ")


def test_interrupt_is_exit_code_130(failing) -> None:
    assert main(["fail", "interrupt"]) == 130


def test_exit_code_of_a_command_is_kept(failing) -> None:
    assert main(["fail", "exit"]) == 1


def test_return_value_of_a_command_is_no_exit_code(failing) -> None:
    assert main(["fail", "not at all"]) == 0


def test_input_that_ends_while_a_command_asks_is_exit_code_1(failing, run_st) -> None:
    assert run_st("fail", "end of input").returncode == 1


def test_defect_is_one_line_that_says_how_to_see_more(failing, run_st) -> None:
    ended = run_st("fail", "defect")

    assert ended.returncode == 1
    assert ended.stderr.startswith("error: KeyError: 'nobody foresaw this'")
    assert "st --debug" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(("how", "exit_code"), [("st", 2), ("defect", 1)])
def test_debug_shows_the_traceback_and_keeps_the_exit_code(
    failing, run_st, how: str, exit_code: int
) -> None:
    ended = run_st("--debug", "fail", how)

    assert ended.returncode == exit_code
    assert ended.stderr.count("Traceback (most recent call last)") == 1
    assert ended.stderr.splitlines()[-1].startswith("error: ")


def test_missing_argument_points_to_the_help(failing, capsys) -> None:
    assert main(["fail"]) == 2
    assert capsys.readouterr().err == ("error: Missing argument 'HOW'. (see st fail --help)\n")


def test_unknown_option_is_exit_code_2(capsys) -> None:
    assert main(["--colour"]) == 2
    assert "--colour" in capsys.readouterr().err


def test_misspelt_command_names_the_nearest(capsys) -> None:
    assert main(["docter"]) == 2
    assert "no command 'docter'; did you mean 'doctor'?" in capsys.readouterr().err


def test_command_of_a_distribution_that_is_not_installed_names_what_installs_it(
    monkeypatch, capsys
) -> None:
    monkeypatch.setattr(sys, "path", [])

    assert main(["monitor"]) == 2
    assert capsys.readouterr().err == (
        "error: no command 'monitor'; it comes with st-monitor: pip install ./packages/st-monitor\n"
    )


def test_misspelt_command_of_a_distribution_that_is_not_installed_names_both(
    monkeypatch, capsys
) -> None:
    monkeypatch.setattr(sys, "path", [])

    assert main(["monitr"]) == 2
    assert capsys.readouterr().err == (
        "error: no command 'monitr'; did you mean 'monitor'? It comes with st-monitor: "
        "pip install ./packages/st-monitor\n"
    )


def test_command_like_no_other_gets_the_list(capsys) -> None:
    assert main(["zzz"]) == 2

    _, _, listed = capsys.readouterr().err.strip().partition("; installed are ")
    assert "doctor" in listed.split(", ")


def test_stdout_that_cannot_show_a_character_gets_a_question_mark(install, run_st) -> None:
    install(
        "st-bar",
        commands={"bar": "st_bar:bar"},
        files={
            "st_bar.py": "import click\nbar = click.Command('bar', callback=lambda: print('━'))"
        },
    )

    ended = run_st("bar", PYTHONIOENCODING="ascii")

    assert (ended.returncode, ended.stdout) == (0, "?\n")


def test_reader_that_goes_away_causes_no_traceback(install, site, tmp_path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "_st_launcher", "plugins", "--json"],
        cwd=tmp_path,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(writing)

    assert "Traceback" not in ended.stderr


def test_output_that_cannot_be_written_is_one_line_and_exit_code_1(install, site, tmp_path) -> None:
    printer = "import click\nbar = click.Command('bar', callback=lambda: print('much', end=''))"
    install("st-bar", commands={"bar": "st_bar:bar"}, files={"st_bar.py": printer})

    # Like a full disk: what is printed stays in Python's buffer until somebody flushes it.
    with open(os.devnull) as only_read:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "_st_launcher", "bar"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(site)},
            stdout=only_read,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )

    assert ended.returncode == 1
    assert ended.stderr.startswith("error: cannot write the output: ")
    assert len(ended.stderr.splitlines()) == 1


def test_output_that_the_caller_closed_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)

    assert main(["--version"]) == 0
