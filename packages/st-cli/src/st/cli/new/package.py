"""A new plugin package: its name checked, its files made from templates, all of it or nothing."""

from __future__ import annotations

import keyword
import os
import re
import shutil
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from st.core import StError

FILES = {
    "pyproject.toml": "pyproject.toml",
    "st_plugin.toml": "st_plugin.toml",
    "tox.ini": "tox.ini",
    "README.md": "README.md",
    "src/$package/__init__.py": "package.py",
    "src/$package/py.typed": "py.typed",
    "tests/test_$identifier.py": "test.py",
}
"""What every package consists of: path in the package → its template in `templates/<kind>`."""

MORE = {
    "service": {},
    "module": {},
    "backend": {"src/$package/backend.py": "backend.py"},
    "command": {"src/$package/commands.py": "commands.py"},
}
"""What packages of a kind have beside that."""

KINDS = tuple(MORE)

NEEDED = frozenset(
    {"Module", "Plugin", "PluginContext", "Scope", "TableBackend", "Tensor", "TensorOp"}
)
"""Classes that the templates import; a package cannot define another under such a name."""


class PackageNameError(StError, ValueError):
    """A name that cannot be a plugin's."""


class PackageExistsError(StError, FileExistsError):
    """Something already stands where the new package would go."""


@dataclass(frozen=True)
class PackageName:
    """A checked name and what follows from it.

    >>> name = PackageName("soft-step")
    >>> name.distribution, name.package, name.class_name
    ('st-soft-step', 'st_soft_step', 'SoftStep')

    Raises:
        PackageNameError: The name is not a plugin id that can also name Python things.
    """

    plugin_id: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z]([a-z0-9_-]*[a-z0-9])?", self.plugin_id):
            raise PackageNameError(
                f"{self.plugin_id!r} is no plugin name: small letters, digits, '-' and '_', "
                "beginning with a letter and ending with a letter or digit; for example soft-step"
            )
        if self.plugin_id.startswith(("st-", "st_")):
            raise PackageNameError(
                f"{self.plugin_id!r}: the distribution is called st-NAME anyway; "
                f"leave the prefix away: {self.plugin_id[3:]}"
            )
        for word in (self.identifier, self.class_name, f"{self.class_name}Backend"):
            if keyword.iskeyword(word) or word in NEEDED:
                raise PackageNameError(
                    f"{self.plugin_id!r}: {word} means something else in Python code; "
                    f"choose another name, such as my-{self.plugin_id}"
                )

    @property
    def identifier(self) -> str:
        """The name as part of Python identifiers."""
        return self.plugin_id.replace("-", "_")

    @property
    def distribution(self) -> str:
        """The name pip installs it by; also that of its directory."""
        return f"st-{self.plugin_id}"

    @property
    def package(self) -> str:
        """The import name, outside the namespace `st`, so that it can hide nothing there."""
        return f"st_{self.identifier}"

    @property
    def class_name(self) -> str:
        """The name as a class."""
        return "".join(word.capitalize() for word in re.split("[-_]+", self.plugin_id))

    @property
    def backend_service(self) -> str:
        """The service that a backend of this name is offered as."""
        return f"backend.{self.class_name.lower()}"


def create(name: PackageName, kind: str, parent: Path, core_version: str) -> Path:
    """Write a package of `kind` below `parent` and return its directory.

    It is written beside and renamed: killed at any moment, it leaves no half of a package under
    its name. Its requirements admit the minor version of `core_version` and the next.

    Raises:
        PackageExistsError: The directory exists, or a file or link of that name.
        OSError: `parent` cannot be written to.
    """
    target = parent / name.distribution
    if os.path.lexists(target):
        raise PackageExistsError(f"{target} exists already; it stays as it is")
    staging = parent / f".{name.distribution}.{os.getpid()}"
    try:
        for path, text in render(name, kind, core_version).items():
            file = staging / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        staging.rename(target)
    except OSError as error:
        shutil.rmtree(staging, ignore_errors=True)
        # Of the place where it was written nobody has heard.
        raise OSError(error.errno, error.strerror, str(target)) from error
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return target


def render(name: PackageName, kind: str, core_version: str) -> dict[str, str]:
    """Return the files of a package of `kind`: path in the package → text."""
    templates = resources.files(__package__) / "templates" / kind
    values = {
        "id": name.plugin_id,
        "identifier": name.identifier,
        "distribution": name.distribution,
        "package": name.package,
        "class_name": name.class_name,
        "backend_service": name.backend_service,
        "backend": name.class_name.lower(),
        "compatible": compatible_range(core_version),
        "oldest": ".".join(core_version.split(".")[:2]),
    }
    return {
        Template(path).substitute(values): Template(
            (templates / f"{template}.template").read_text(encoding="utf-8")
        ).substitute(values)
        for path, template in (FILES | MORE[kind]).items()
    }


def compatible_range(version: str) -> str:
    """Return the requirement that admits the minor release of `version` and the next one.

    >>> compatible_range("0.4.1")
    '>=0.4,<0.6'
    """
    major, minor = (int(part) for part in version.split(".")[:2])
    return f">={major}.{minor},<{major}.{minor + 2}"
