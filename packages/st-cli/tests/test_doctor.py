"""`st doctor` finds what is broken, says what mends it, and lets nothing stop it."""

import json
from pathlib import Path

import pytest

from st.cli.doctor.namespace import check_namespace

BACKEND = """
from st.core import Plugin, PluginUnavailable

class Abacus:
    kind = "cpu"
    description = "an abacus, 10 wires"

class Works(Plugin):
    def on_load(self, ctx):
        ctx.register_service("backend.abacus", Abacus())

class Missing(Plugin):
    def on_load(self, ctx):
        raise PluginUnavailable("no abacus found", "buy an abacus")

class Fails(Plugin):
    def on_load(self, ctx):
        raise ZeroDivisionError("the wires are bent")

class Silent(Plugin):
    pass
"""


@pytest.fixture
def findings(run_st):
    """Run the doctor and return its exit code and findings by topic."""

    def examine(**environment: str) -> tuple[int, dict[str, dict[str, str]]]:
        ended = run_st("doctor", "--json", **environment)
        report = json.loads(ended.stdout)
        assert report["ok"] == (ended.returncode == 0)
        return ended.returncode, {finding["topic"]: finding for finding in report["findings"]}

    return examine


@pytest.fixture
def backend(install):
    """Install a backend whose plugin is one of the classes above."""

    def install_backend(name: str) -> None:
        install(
            "st-abacus",
            plugins={"abacus": f"st_abacus:{name}"},
            manifest='[abacus]\ncapabilities = ["Backend(Abacus)"]\n'
            'provides = ["backend.abacus"]\n',
            files={"st_abacus.py": BACKEND},
        )

    return install_backend


def test_python_and_our_distributions_are_shown(findings) -> None:
    _, found = findings()

    assert found["python"]["status"] == "ok"
    assert found["namespace st"]["status"] == "ok"
    assert found["st-core"]["status"] == found["st-cli"]["status"] == "ok"


def test_usable_backend_is_described(backend, findings) -> None:
    backend("Works")

    _, found = findings()

    assert found["backend Abacus"]["status"] == "ok"
    assert found["backend Abacus"]["detail"] == "an abacus, 10 wires"


def test_backend_without_a_device_is_a_note_with_its_hint(backend, findings) -> None:
    backend("Missing")

    _, found = findings()

    assert found["backend Abacus"]["status"] == "note"
    assert found["backend Abacus"]["detail"] == "no abacus found"
    assert found["backend Abacus"]["remedy"] == "buy an abacus"


@pytest.mark.parametrize(
    ("name", "why"), [("Fails", "the wires are bent"), ("Silent", "backend.abacus")]
)
def test_backend_that_fails_is_broken(backend, findings, name: str, why: str) -> None:
    backend(name)

    exit_code, found = findings()

    assert exit_code == 1
    assert found["backend Abacus"]["status"] == "broken"
    assert why in found["backend Abacus"]["detail"]


def test_distribution_that_does_not_fit_core_is_broken(install, findings) -> None:
    install("st-future", plugins={"future": "f:Plugin"}, manifest="[future]\n",
            requires=("st-core>=9.0,<9.2",))  # fmt: skip

    exit_code, found = findings()

    assert exit_code == 1
    assert found["st-future"]["status"] == "broken"
    assert "1.0 needs st-core<9.2,>=9.0; installed is " in found["st-future"]["detail"]
    assert (
        found["st-future"]["remedy"]
        == "install releases of st-future and st-core that fit each other"
    )


def test_requirement_that_is_not_installed_is_broken_with_a_command(install, findings) -> None:
    install("st-greedy", plugins={"greedy": "g:Plugin"}, manifest="[greedy]\n",
            requires=("not-installed-anywhere>=2",))  # fmt: skip

    exit_code, found = findings()

    assert exit_code == 1
    assert found["st-greedy"]["remedy"] == 'pip install "not-installed-anywhere>=2"'


def test_requirement_of_an_extra_is_nothing_to_worry_about(install, findings) -> None:
    install("st-modest", plugins={"modest": "m:Plugin"}, manifest="[modest]\n",
            requires=('not-installed-anywhere>=2; extra == "more"',))  # fmt: skip

    _, found = findings()

    assert found["st-modest"]["status"] == "ok"


def test_distribution_that_could_be_installed_comes_with_its_command(findings) -> None:
    _, found = findings()

    assert found["st-swish"]["status"] == "note"
    assert found["st-swish"]["remedy"] == "pip install ./docs/examples/plugins/st-swish"


def test_plugin_that_cannot_be_used_is_broken_with_the_reason(install, findings) -> None:
    install("st-needy", plugins={"needy": "n:Plugin"},
            manifest='[needy]\nrequires = { absent = ">=2" }\n')  # fmt: skip

    exit_code, found = findings()

    assert exit_code == 1
    assert "absent" in found["plugin needy"]["detail"]


def test_plugin_without_a_manifest_is_a_note(install, findings) -> None:
    install("st-silent", plugins={"silent": "s:Plugin"})

    _, found = findings()

    assert found["plugin silent"]["status"] == "note"
    assert "st_plugin.toml" in found["plugin silent"]["remedy"]


def test_command_that_cannot_be_imported_is_broken(install, findings) -> None:
    install("st-broken", commands={"broken": "st_broken:it"},
            files={"st_broken.py": "raise SystemExit(5)"})  # fmt: skip

    exit_code, found = findings()

    assert exit_code == 1
    assert "SystemExit: 5" in found["command broken"]["detail"]


def test_command_whose_name_is_taken_is_a_note(install, findings) -> None:
    install("st-quack", commands={"doctor": "st_quack:doctor"})

    _, found = findings()

    assert found["command doctor"]["detail"] == "st-quack offers it too, but st-cli has the name"


def test_variable_for_an_installed_plugin_is_shown_without_its_value(install, findings) -> None:
    install("st-colour", plugins={"colour": "c:Plugin"}, manifest="[colour]\n")

    _, found = findings(ST_COLOUR__TOKEN="secret")

    assert found["configuration"]["detail"] == "ST_COLOUR__TOKEN sets colour.token"


def test_variable_for_no_plugin_names_the_nearest(install, findings) -> None:
    install("st-colour", plugins={"colour": "c:Plugin"}, manifest="[colour]\n")

    _, found = findings(ST_COLOR__DEPTH="8")

    assert found["configuration"]["status"] == "note"
    assert "did you mean 'COLOUR'" in found["configuration"]["detail"]


def test_regular_package_in_place_of_a_shared_namespace_is_broken(here: Path, site: Path) -> None:
    init = site / "shared_for_doctor" / "__init__.py"
    init.parent.mkdir()
    init.touch()

    (finding,) = check_namespace("shared_for_doctor")

    assert (finding.status, str(init) in finding.detail) == ("broken", True)


def test_namespace_that_is_not_there_is_no_finding() -> None:
    assert check_namespace("nobody_installed_this") == []


def test_people_get_the_remedy_below_what_it_mends(backend, run_st) -> None:
    backend("Missing")

    lines = run_st("doctor").stdout.splitlines()

    at = next(i for i, line in enumerate(lines) if line.startswith("backend Abacus"))
    assert "no abacus found" in lines[at]
    assert lines[at + 1].strip() == "→ buy an abacus"
