"""`st new` writes a package of one's own, whole or not at all, and never over anything."""

import ast
import configparser
import os
import re
import shutil
import stat
import tomllib
from pathlib import Path

import pytest

from st.cli import main
from st.cli.new import KINDS, PackageName, create
from st.cli.new.package import PackageExistsError, PackageNameError, render

MORE_FILES = {
    "service": [],
    "module": [],
    "backend": ["src/st_soft_step/backend.py"],
    "command": ["src/st_soft_step/commands.py"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_package_is_written_in_a_directory_of_its_name(here, capsys, kind: str) -> None:
    assert main(["new", "soft-step", "--kind", kind]) == 0

    package = here / "st-soft-step"
    assert {
        path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()
    } == {
        "README.md",
        "pyproject.toml",
        "src/st_soft_step/__init__.py",
        "src/st_soft_step/py.typed",
        "st_plugin.toml",
        "tests/test_soft_step.py",
        "tox.ini",
        *MORE_FILES[kind],
    }
    assert "wrote st-soft-step/" in capsys.readouterr().out


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_well_formed(kind: str) -> None:
    files = render(PackageName("soft-step"), kind, "0.1.0")

    for path, text in files.items():
        assert "$" not in text.replace("$$", ""), path
        if path.endswith(".toml"):
            tomllib.loads(text)
        if path.endswith(".py"):
            ast.parse(text)
        assert max(map(len, text.splitlines()), default=0) <= 120, path


@pytest.mark.parametrize("kind", KINDS)
def test_package_requires_this_minor_of_core_and_the_next(kind: str) -> None:
    files = render(PackageName("wobble"), kind, "0.3.7")

    required = tomllib.loads(files["pyproject.toml"])["project"]["dependencies"]

    ours = [text for text in required if text.startswith("st-")]
    assert ours
    assert all(text.endswith(">=0.3,<0.5") for text in ours)


@pytest.mark.parametrize("kind", KINDS)
def test_matrix_of_the_package_has_the_oldest_and_the_newest_it_admits(kind: str) -> None:
    matrix = configparser.ConfigParser(interpolation=None)
    matrix.read_string(render(PackageName("wobble"), kind, "0.3.7")["tox.ini"])

    assert matrix["tox"]["env_list"] == "py{311,312,313}-{oldest,newest}"
    deps = matrix["testenv"]["deps"].split("\n")
    assert "oldest: st-core==0.3.*" in deps
    assert [line for line in deps if line.startswith("newest:")] == []


@pytest.mark.parametrize("kind", KINDS)
def test_plugin_of_the_package_has_the_name_as_its_id(kind: str) -> None:
    files = render(PackageName("wobble"), kind, "0.1.0")

    points = tomllib.loads(files["pyproject.toml"])["project"]["entry-points"]["st.plugins"]
    assert points == {"wobble": "st_wobble:WobblePlugin"}
    assert list(tomllib.loads(files["st_plugin.toml"])) == ["wobble"]


def names_in(source: str) -> tuple[set[str], set[str]]:
    """Return the names a module imports, and the classes it defines."""
    nodes = list(ast.walk(ast.parse(source)))
    imported = {a.name for node in nodes if isinstance(node, ast.ImportFrom) for a in node.names}
    return imported, {node.name for node in nodes if isinstance(node, ast.ClassDef)}


@pytest.mark.parametrize("kind", KINDS)
def test_no_name_makes_a_class_that_hides_what_the_package_imports(kind: str) -> None:
    made = render(PackageName("wobble"), kind, "0.1.0")
    imported = {
        name for path, text in made.items() if path.endswith(".py") for name in names_in(text)[0]
    }

    for name in imported:
        plugin_id = re.sub("(?<=[a-z])(?=[A-Z])", "-", name.removesuffix("Backend")).lower()
        try:
            files = render(PackageName(plugin_id), kind, "0.1.0")
        except PackageNameError:
            continue
        for path, text in files.items():
            if path.endswith(".py"):
                brought, defined = names_in(text)
                assert not brought & defined, (plugin_id, path)


@pytest.mark.parametrize(
    "name",
    ["", "Swish", "1st", "a b", "../evil", "a/b", "/etc", ".", "a.b", "a-", "swish\n", "ö", "a\\b"],
    ids=repr,
)
def test_name_that_is_no_plugin_id_is_refused(here, capsys, name: str) -> None:
    assert main(["new", "--kind", "module", "--", name]) == 2

    assert "is no plugin name" in capsys.readouterr().err
    assert list(here.iterdir()) == [here / "site"]


@pytest.mark.parametrize(
    "name", ["class", "none", "true", "module", "tensor", "plugin-context", "table"]
)
def test_name_that_means_something_else_in_python_is_refused(name: str) -> None:
    with pytest.raises(PackageNameError, match="means something else"):
        PackageName(name)


def test_prefix_of_the_distribution_is_to_be_left_away() -> None:
    with pytest.raises(PackageNameError, match="leave the prefix away: swish"):
        PackageName("st-swish")


def test_name_of_an_installed_plugin_is_refused(install, here, capsys) -> None:
    install("theirs", plugins={"taken": "nowhere:Plugin"}, manifest="[taken]\n")

    assert main(["new", "taken", "--kind", "service"]) == 2
    assert "'taken' is the plugin of theirs already" in capsys.readouterr().err


def test_name_of_an_installed_module_is_refused(install, here, capsys) -> None:
    install(
        "theirs",
        plugins={"theirs": "nowhere:Plugin"},
        manifest='[theirs.contributes."st.nn.modules"]\nbend = { class = "nowhere:Bend" }\n',
    )

    assert main(["new", "bend", "--kind", "module"]) == 2
    assert "'bend' is the module of theirs already" in capsys.readouterr().err


def test_name_of_a_command_is_refused(install, here, capsys) -> None:
    assert main(["new", "doctor", "--kind", "command"]) == 2
    assert "'doctor' is the command of st-cli already" in capsys.readouterr().err


def test_name_whose_backend_is_there_is_refused(install, here, capsys) -> None:
    install(
        "theirs",
        plugins={"theirs": "nowhere:Plugin"},
        manifest='[theirs]\nprovides = ["backend.fastmath>=1.0"]\n',
    )

    assert main(["new", "fast-math", "--kind", "backend"]) == 2
    assert "is the service backend.fastmath of theirs already" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["core", "cli", "backend-opencl", "theirs"])
def test_name_of_a_distribution_that_pip_would_replace_is_refused(
    install, here, capsys, name: str
) -> None:
    install("st-theirs")

    assert main(["new", name, "--kind", "module"]) == 2
    assert f"there is a distribution st-{name} already" in capsys.readouterr().err


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch], ids=["directory", "file"])
def test_what_exists_is_never_overwritten(tmp_path: Path, make) -> None:
    make(tmp_path / "st-wobble")

    with pytest.raises(PackageExistsError, match="exists already; it stays as it is"):
        create(PackageName("wobble"), "module", tmp_path, "0.1.0")

    assert [path.name for path in tmp_path.iterdir()] == ["st-wobble"]


def test_link_to_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "st-wobble").symlink_to(tmp_path / "nowhere")

    with pytest.raises(PackageExistsError):
        create(PackageName("wobble"), "module", tmp_path, "0.1.0")

    assert not (tmp_path / "nowhere").exists()


def test_failure_while_writing_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(Path, "rename", refuse)

    with pytest.raises(OSError, match="No space left") as raised:
        create(PackageName("wobble"), "module", tmp_path, "0.1.0")

    assert raised.value.filename == str(tmp_path / "st-wobble")
    assert list(tmp_path.iterdir()) == []


def test_directory_that_cannot_be_written_to_is_one_line(here, capsys) -> None:
    (here / "full").touch()
    os.chdir(here / "site")
    shutil.rmtree(here / "site")

    assert main(["new", "wobble", "--kind", "module"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_directory_has_the_rights_that_others_get(tmp_path: Path) -> None:
    (tmp_path / "ordinary").mkdir()

    made = create(PackageName("wobble"), "module", tmp_path, "0.1.0")

    assert stat.S_IMODE(made.stat().st_mode) == stat.S_IMODE((tmp_path / "ordinary").stat().st_mode)
