"""What is printed is plain text, whole lines, and never markup, unless a terminal shows it."""

import io
import json

import pytest

from st.cli.output import print_json, print_table


class Terminal(io.StringIO):
    """Standard output that calls itself a terminal."""

    def isatty(self) -> bool:
        return True


def show_on_terminal(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    """Print a table on a terminal with colours, 40 columns wide; what it was sent."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "40", **environment}.items():
        monkeypatch.setenv(name, value)
    shown = Terminal()
    monkeypatch.setattr("sys.stdout", shown)
    print_table(("id",), [("x" * 60,)])
    return shown.getvalue()


def test_columns_are_aligned_under_their_titles(capsys) -> None:
    print_table(("id", "state"), [("a", "active"), ("long", "x")])

    assert capsys.readouterr().out == "id    state\na     active\nlong  x\n"


def test_lines_in_a_pipe_are_never_cut(capsys) -> None:
    print_table(("id",), [("x" * 500,)])

    assert "x" * 500 in capsys.readouterr().out


def test_without_a_standard_output_nothing_happens(monkeypatch) -> None:
    monkeypatch.setattr("sys.stdout", None)

    print_table(("id",), [("a",)])


def test_cells_are_not_markup(capsys) -> None:
    print_table(("id",), [("[bold]not bold[/] :smile:",)])

    assert "[bold]not bold[/] :smile:" in capsys.readouterr().out


def test_terminal_gets_bold_titles_and_folded_cells(monkeypatch) -> None:
    titles, *rows = show_on_terminal(monkeypatch).splitlines()

    assert titles.startswith("\x1b[1mid")
    assert rows == ["x" * 40, "x" * 20]


def test_no_color_leaves_no_escape_codes(monkeypatch) -> None:
    assert "\x1b" not in show_on_terminal(monkeypatch, NO_COLOR="1")


def test_empty_no_color_does_not_count(monkeypatch) -> None:
    assert "\x1b" in show_on_terminal(monkeypatch, NO_COLOR="")


def test_json_can_be_read_back(capsys) -> None:
    print_json({"name": "größer", "shape": (2, 3)})

    assert json.loads(capsys.readouterr().out) == {"name": "größer", "shape": [2, 3]}
