import sys
import threading
from pathlib import Path

import pytest

from st.core import EpochEnd, EpochStart, Registry
from st.core.testing import (
    EventRecorder,
    FakeDistribution,
    assert_no_leaks,
    importable,
    manifest_problems,
)

PLUGIN = """
from st.core import Plugin, PluginUnavailable
class Good(Plugin):
    def on_load(self, ctx):
        ctx.register_service("good", 1)
class Away(Plugin):
    def on_load(self, ctx):
        raise PluginUnavailable("no device")
class Bad(Plugin):
    def on_load(self, ctx):
        raise OSError("no")
"""


def test_the_fixture_knows_no_plugin_and_no_environment(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ST_NN__WORKERS", "4")

    assert registry.list() == ()
    assert registry.config.get("nn", "workers") is None


def test_a_recorder_keeps_events_while_it_is_entered(registry: Registry) -> None:
    with EventRecorder(registry.bus) as recorded:
        registry.bus.publish(EpochStart(1))
        registry.bus.publish(EpochEnd(1, 0.5))
    registry.bus.publish(EpochStart(2))

    assert recorded.names == ["EpochStart", "EpochEnd"]
    assert recorded.of(EpochEnd) == [EpochEnd(1, 0.5)]


@pytest.mark.parametrize("what", ["subscriptions", "services", "configuration", "modules"])
def test_what_is_left_behind_is_named(registry: Registry, what: str) -> None:
    leaks = {
        "subscriptions": lambda: registry.bus.subscribe("*", print),
        "services": lambda: registry.services.register("x", 1),
        "configuration": lambda: registry.config.set("a", "b", 1),
        "modules": lambda: sys.modules.setdefault("left@0", sys),
    }

    with pytest.raises(AssertionError, match=f"left behind: {what}: "), assert_no_leaks(registry):
        leaks[what]()
    sys.modules.pop("left@0", None)


def test_a_thread_left_behind_is_named(registry: Registry) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="stray")

    with pytest.raises(AssertionError, match="threads: stray"), assert_no_leaks(registry):
        thread.start()
    stop.set()
    thread.join()


@pytest.mark.parametrize(
    ("target", "manifest", "problem"),
    [
        ("Good", 'provides = ["good"]', None),
        ("Away", 'provides = ["anything"]', None),
        ("Good", 'provides = ["better"]', "declares the service 'better' and does not register it"),
        ("Bad", "", "failed to load: OSError"),
    ],
    ids=["kept", "unavailable", "service-missing", "failing"],
)
def test_a_manifest_is_held_against_the_code(
    tmp_path: Path, target: str, manifest: str, problem: str | None
) -> None:
    FakeDistribution(
        "st-checked",
        {"checked": f"fake_checked:{target}"},
        manifest=f"[checked]\n{manifest}\n",
        modules={"fake_checked": PLUGIN},
    ).write(tmp_path)

    with importable(tmp_path):
        problems = manifest_problems("st-checked", path=[str(tmp_path)])

    assert [problem in found for found in problems] == ([True] if problem else [])


def test_a_distribution_without_plugins_is_a_problem(tmp_path: Path) -> None:
    assert manifest_problems("st-absent", path=[str(tmp_path)]) == [
        "st-absent is not installed, or has no plugins"
    ]


def test_a_plugin_without_a_table_is_a_problem(tmp_path: Path) -> None:
    FakeDistribution("st-bare", {"bare": "x:y"}).write(tmp_path)

    assert manifest_problems("st-bare", path=[str(tmp_path)]) == [
        "bare has no table in st_plugin.toml"
    ]
