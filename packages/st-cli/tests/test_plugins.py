"""`st plugins` shows what is installed, broken and opaque plugins included, and imports none."""

import json

import pytest

from st.cli import main

MANIFEST = """
[colour]
summary = "Draws in colour."
capabilities = ["Visualization", "Backend(Crayon)"]
provides = ["colour"]
"""


@pytest.fixture
def colour(install, here):
    """A plugin whose code raises when it is imported."""
    install(
        "st-colour",
        version="2.5",
        plugins={"colour": "st_colour:Plugin"},
        manifest=MANIFEST,
        files={"st_colour.py": "raise SystemExit('imported')"},
    )


def listed(capsys) -> dict[str, dict[str, object]]:
    assert main(["plugins", "--json"]) == 0
    return {plugin["id"]: plugin for plugin in json.loads(capsys.readouterr().out)}


def test_everything_known_of_a_plugin_is_in_the_json(colour, capsys) -> None:
    assert listed(capsys)["colour"] == {
        "id": "colour",
        "version": "2.5",
        "summary": "Draws in colour.",
        "capabilities": ["Visualization", "Backend(Crayon)"],
        "services": ["colour"],
        "state": "discovered",
        "opaque": False,
        "reason": "",
        "origin": "st-colour",
    }


def test_table_has_one_line_per_plugin(colour, capsys) -> None:
    assert main(["plugins"]) == 0

    titles, *rows = capsys.readouterr().out.splitlines()
    assert titles.split() == ["id", "version", "capabilities", "services", "state", "origin"]
    (row,) = [row for row in rows if row.startswith("colour ")]
    assert row.split() == [
        "colour", "2.5", "Visualization,", "Backend(Crayon)", "colour", "discovered", "st-colour",
    ]  # fmt: skip


def test_listing_imports_no_plugin(colour, run_st) -> None:
    ended = run_st("plugins")

    assert ended.returncode == 0
    assert "imported" not in ended.stdout + ended.stderr


def test_plugin_with_a_broken_manifest_is_shown_with_the_reason(install, here, capsys) -> None:
    install("st-torn", plugins={"torn": "torn:Plugin"}, manifest="[torn")

    assert main(["plugins"]) == 0

    assert "\ntorn: st-torn: st_plugin.toml: " in capsys.readouterr().out


def test_plugin_without_a_manifest_is_shown_as_opaque(install, here, capsys) -> None:
    install("st-silent", plugins={"silent": "silent:Plugin"})

    assert main(["plugins"]) == 0
    assert "\nsilent: opaque: " in capsys.readouterr().out


def test_unmet_requirement_is_shown_as_the_reason(install, here, capsys) -> None:
    install(
        "st-needy",
        plugins={"needy": "needy:Plugin"},
        manifest='[needy]\nrequires = { absent = ">=2" }\n',
    )

    plugin = listed(capsys)["needy"]

    assert plugin["state"] == "unresolved"
    assert "absent" in str(plugin["reason"])


def test_without_plugins_it_says_so(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.path", [])

    assert main(["plugins"]) == 0
    assert capsys.readouterr().out == "no plugins are installed\n"


def test_one_plugin_is_explained(colour, capsys) -> None:
    assert main(["plugins", "colour"]) == 0

    out = capsys.readouterr().out
    assert "colour" in out
    assert "2.5" in out
    assert "st-colour" in out


def test_explanation_is_in_the_json_of_one_plugin(colour, capsys) -> None:
    assert main(["plugins", "colour", "--json"]) == 0

    plugin = json.loads(capsys.readouterr().out)
    assert plugin["id"] == "colour"
    assert "st-colour" in plugin["explanation"]


def test_misspelt_plugin_names_the_nearest(colour, capsys) -> None:
    assert main(["plugins", "color"]) == 2
    assert capsys.readouterr().err == (
        "error: no plugin 'color' is installed; did you mean 'colour'?\n"
    )


def test_plugin_that_is_not_installed_names_what_installs_it(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.path", [])

    assert main(["plugins", "monitor"]) == 2
    assert "install it with: pip install ./packages/st-monitor" in capsys.readouterr().err
