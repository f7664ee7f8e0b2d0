from pathlib import Path

import pytest

from st.core import Plugin, PluginCapability, PluginContext, PluginMetadata, Registry
from st.core.testing import FakeDistribution

MANIFEST = """
[base]
summary = "The base."
capabilities = ["Vision"]
provides = ["of.base>=1.0"]
[user]
requires = { base = ">=1", missing-one = "" }
requires_services = ["of.base"]
optional = { extra = "" }
conflicts = { rival = "<2" }
"""


@pytest.fixture
def found(registry: Registry, tmp_path: Path) -> Registry:
    FakeDistribution("st-two", {"base": "x:y", "user": "x:y"}, manifest=MANIFEST).write(tmp_path)
    registry.discover(path=[str(tmp_path)])
    return registry


def test_the_graph_says_who_requires_whom(found: Registry) -> None:
    assert found.graph() == {"base": (), "user": ("base", "missing-one")}


def test_validation_names_what_cannot_be_used(found: Registry) -> None:
    assert found.validate() == ("user is unresolved: requires missing-one, which is not installed",)


def test_an_explanation_is_in_sentences(found: Registry) -> None:
    assert found.explain("base").splitlines() == [
        "base 1.0 from st-two is discovered.",
        "The base.",
        "It can Vision.",
        "It provides of.base>=1.0.",
        "It is required by user.",
    ]
    assert found.explain("user").splitlines() == [
        "user 1.0 from st-two is unresolved.",
        "A fake.",
        "Why: requires missing-one, which is not installed.",
        "It requires base >=1, missing-one.",
        "It requires the services of.base.",
        "It uses, when they are there, extra.",
        "It cannot run beside rival.",
    ]


def test_who_holds_a_service_is_told(registry: Registry) -> None:
    class Base(Plugin):
        metadata = PluginMetadata("base").with_capability(PluginCapability.VISION)

        def on_load(self, ctx: PluginContext) -> None:
            ctx.register_service("x", 1)

    class User(Plugin):
        metadata = PluginMetadata("user")

        def on_load(self, ctx: PluginContext) -> None:
            ctx.get_service("x")

    registry.register(Base)
    registry.register(User)

    assert "Its services are held by user." in registry.explain("base")


def test_the_graph_is_drawn_for_mermaid(found: Registry) -> None:
    assert found.to_mermaid() == (
        "flowchart LR\n"
        '  base["base"]\n'
        '  user["user"]\n'
        '  missing_one["missing-one"]\n'
        "  user --> base\n"
        "  user --> missing_one\n"
        "  style missing_one stroke-dasharray: 4\n"
    )


def test_the_graph_is_drawn_for_graphviz(found: Registry) -> None:
    assert found.to_dot() == (
        "digraph plugins {\n"
        "  rankdir=LR;\n"
        '  "base";\n'
        '  "user";\n'
        '  "missing-one" [style=dashed];\n'
        '  "user" -> "base";\n'
        '  "user" -> "missing-one";\n'
        "}\n"
    )
