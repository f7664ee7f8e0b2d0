import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from click.testing import Result

from st.core import StError
from st.nn.commands import modules

Run = Callable[..., Result]


@pytest.mark.parametrize("arguments", [[], ["list"]], ids=["alone", "list"])
def test_every_module_is_listed(run_command: Run, arguments: list[str]) -> None:
    lines = run_command(modules, *arguments).stdout.splitlines()

    assert lines[0].split() == ["module", "category", "plugin", "description"]
    names = [line.split()[0] for line in lines[1:]]
    assert names == sorted(names)
    assert {"linear", "relu", "flatten", "cross_entropy", "adam", "sgd"} <= set(names)


@pytest.mark.parametrize("arguments", [["--json"], ["list", "--json"]], ids=["alone", "list"])
def test_list_as_json(run_command: Run, arguments: list[str]) -> None:
    listed = json.loads(run_command(modules, *arguments).stdout)

    (linear,) = (entry for entry in listed if entry["name"] == "linear")
    assert (linear["category"], linear["plugin"], linear["distribution"]) == (
        "Layer",
        "nn",
        "st-nn",
    )


def test_search_finds_words_of_the_description(run_command: Run) -> None:
    assert "linear" in run_command(modules, "search", "matrix").stdout
    assert run_command(modules, "search", "xyzzy").stdout == "no module\n"
    assert json.loads(run_command(modules, "search", "xyzzy", "--json").stdout) == []


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["search", "matrix"]])
def test_listing_and_searching_import_no_module_and_no_numpy(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from st.nn.commands import modules\n"
        "result = CliRunner().invoke(modules, sys.argv[1:], catch_exceptions=False)\n"
        "assert 'linear' in result.stdout\n"
        "heavy = ('numpy', 'st.nn.modules', 'st.nn.plugin', 'st.nn.tape')\n"
        "print([name for name in sys.modules if name.startswith(heavy)])\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"


def test_module_is_shown_with_its_fields(run_command: Run) -> None:
    shown = run_command(modules, "show", "linear").stdout

    assert "linear · Layer · nn (st-nn)" in shown
    assert "out_features  required   Numbers that come out. (a whole number, at least 1)" in shown
    assert 'in a file: { type = "linear", out_features = 10 }   (b,64) → (b,10)' in shown


def test_module_without_fields_is_shown(run_command: Run) -> None:
    assert (
        'in a file: { type = "relu" }   (b,8,8) → (b,8,8)'
        in run_command(modules, "show", "relu").stdout
    )


def test_module_as_json_has_its_fields(run_command: Run) -> None:
    fields = json.loads(run_command(modules, "show", "linear", "--json").stdout)["fields"]

    assert fields["out_features"]["required"]
    assert fields["bias"] == {
        "expected": "true or false",
        "required": False,
        "default": True,
        "description": fields["bias"]["description"],
    }


def test_unknown_module_names_the_nearest(run_command: Run) -> None:
    error = run_command(modules, "show", "liner").exception

    assert isinstance(error, StError)
    assert "nearest: linear" in str(error)


def test_schema_is_json_that_names_every_module(run_command: Run) -> None:
    schema = json.loads(run_command(modules, "schema").stdout)

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "module linear" in schema["$defs"]
