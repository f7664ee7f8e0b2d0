"""Sub-commands come from entry points, their help from manifests, their code when they run."""

import pytest

from st.cli import main
from st.cli.subcommands import CommandLoadError, Subcommand, subcommands

HELLO = "import click\nhello = click.Command('hello', callback=lambda: print('hello'))\n"


def test_command_of_another_distribution_runs(install, here, capsys) -> None:
    install("st-hello", commands={"hello": "st_hello:hello"}, files={"st_hello.py": HELLO})

    assert main(["hello"]) == 0
    assert capsys.readouterr().out == "hello\n"


def test_help_sentence_comes_from_the_manifest(install, here, capsys) -> None:
    install(
        "st-said",
        plugins={"said": "nowhere:Plugin"},
        commands={"said": "nowhere:said"},
        manifest='[said.contributes."st.commands"]\nsaid = "Say what was said."\n',
    )

    assert main(["--help"]) == 0
    assert "  said  " in (out := capsys.readouterr().out)
    assert "Say what was said." in out


def test_command_without_a_sentence_names_its_distribution(install, here, capsys) -> None:
    install("st-mute", commands={"mute": "nowhere:mute"})

    assert main(["--help"]) == 0
    assert "Comes with st-mute." in capsys.readouterr().out


@pytest.mark.parametrize(
    "source",
    ["import not_installed_anywhere", "1 / 0", "raise SystemExit(3)", "def broken(:", "x = 1"],
    ids=["missing import", "exception", "exit", "syntax", "missing attribute"],
)
def test_command_that_cannot_be_imported_is_one_line_naming_its_distribution(
    install, run_st, source: str
) -> None:
    install("st-broken", commands={"broken": "st_broken:it"}, files={"st_broken.py": source})

    ended = run_st("broken")

    assert ended.returncode == 2
    assert ended.stderr.startswith("error: the command 'broken' of st-broken cannot be imported: ")
    assert len(ended.stderr.splitlines()) == 1


def test_broken_command_hides_no_other(install, run_st) -> None:
    install("st-broken", commands={"broken": "st_broken:it"}, files={"st_broken.py": "1 / 0"})
    install("st-hello", commands={"hello": "st_hello:hello"}, files={"st_hello.py": HELLO})

    assert run_st("hello").stdout == "hello\n"
    assert "broken" in run_st("--help").stdout


def test_what_is_no_click_command_is_said(install, here) -> None:
    install("st-odd", commands={"odd": "st_odd:odd"}, files={"st_odd.py": "odd = 3"})

    with pytest.raises(CommandLoadError, match=r"of st-odd is no click command but 3"):
        subcommands()["odd"].load()


def test_nobody_takes_the_name_of_a_command_of_ours(install, here) -> None:
    install("aaa", commands={"doctor": "st_quack:doctor"})

    assert subcommands()["doctor"].distribution == "st-cli"


def test_first_distribution_in_the_alphabet_has_a_contested_name(install, here) -> None:
    install("st-b", commands={"contested": "b:it"})
    install("st-a", commands={"contested": "a:it"})

    assert subcommands()["contested"] == Subcommand("contested", "a:it", "st-a")


@pytest.mark.parametrize(
    "environment",
    [{}, {"_ST_COMPLETE": "bash_complete", "COMP_WORDS": "st ", "COMP_CWORD": "1"}],
    ids=["help", "completion"],
)
def test_help_and_completion_import_neither_plugins_nor_numpy_nor_rich(
    install, site, run_st, environment
) -> None:
    install(
        "st-loud",
        plugins={"loud": "st_loud:Plugin"},
        commands={"loud": "st_loud:loud"},
        manifest='[loud.contributes."st.commands"]\nloud = "Be loud."\n',
        files={"st_loud.py": "print('imported')"},
    )
    (site / "sitecustomize.py").write_text(
        "import atexit, sys\n"
        "atexit.register(lambda: print(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )

    *shown, modules = run_st("--help", **environment).stdout.splitlines()

    assert any("loud" in line for line in shown)
    assert "imported" not in shown
    assert "'click'" in modules
    assert "numpy" not in modules
    assert "rich" not in modules
    assert "st_loud" not in modules


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion_script_is_printed(run_st, shell: str) -> None:
    ended = run_st(_ST_COMPLETE=f"{shell}_source")

    assert ended.returncode == 0
    assert "_ST_COMPLETE" in ended.stdout


def test_completion_within_a_broken_command_stays_silent(install, run_st) -> None:
    install("st-broken", commands={"broken": "st_broken:it"}, files={"st_broken.py": "1 / 0"})

    ended = run_st(_ST_COMPLETE="bash_complete", COMP_WORDS="st broken --", COMP_CWORD="2")

    assert ended.stderr == ""
