"""Experiment files that mean harm do nothing but fail, cleanly and in printable text."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from st.core import Registry, StError
from st.nn.experiment import check_experiment, read_document

Change = tuple[str, str]
ESCAPE = "\\u001b]0;owned\\u0007"
DEEP = 100_000

FILES: dict[str, Change] = {
    "import string": ('"relu"', '"os:system"'),
    "dotted import": ('"relu"', '"subprocess.Popen"'),
    "class key": ('"relu"', '"relu", class = "os:system"'),
    "dunder fields": ('"relu"', '"relu", __class__ = "x", __init__ = "y"'),
    "python in a number": ("out_features = 6", "out_features = \"__import__('os').getpid()\""),
    "path out of the folder": ("seed = 3", 'seed = 3\nname = "../../owned"'),
    "escape in a module": ('"relu"', f'"{ESCAPE}"'),
    "escape in a field": ('"relu"', f'"relu", "{ESCAPE}" = 1'),
    "escape in a key": ("seed = 3", f'seed = 3\n"{ESCAPE}" = 1'),
    "escape in a name": ('"relu"', f'"relu", name = "{ESCAPE}"'),
    "escape in an input": ('"relu"', f'"relu", inputs = ["{ESCAPE}"]'),
    "escape in a path": ('"points.csv"', f'"{ESCAPE}.csv"'),
    "escape in a target": ('"side"', f'"{ESCAPE}"'),
    "escape in a backend": ('"numpy"', f'"{ESCAPE}"'),
    "escape in an output": ("seed = 3", f'seed = 3\noutput = "{ESCAPE}"'),
    "text from right to left": ('"relu"', '"\\u202eulER"'),
    "end of text in a path": ('"points.csv"', '"points.csv\\u0000"'),
    "end of text in an output": ("seed = 3", 'seed = 3\noutput = "runs\\u0000"'),
    "very long path": ('"points.csv"', f'"{"a" * 9000}"'),
    "device without end": ('"points.csv"', f'"{Path(os.devnull).with_name("zero")}"'),
    "directory as data": ('"points.csv"', '"."'),
    "huge number": ("out_features = 6", f"out_features = 1{'0' * 4000}"),
    "huge hexadecimal number": ("out_features = 6", f"out_features = 0x{'f' * 99_999}"),
    "very huge number": ("out_features = 6", f"out_features = 1{'0' * 99_999}"),
    "huge sizes": ("out_features = 6", f"out_features = {2**62}"),
    "sizes past any memory": ("out_features = 6", f"out_features = {10**11}"),
    "huge shape": ("shape = [2, 2]", f"shape = [{2**62}, {2**62}]"),
    "endless learning rate": ("lr = 0.05", "lr = 1e999"),
    "no learning rate": ("lr = 0.05", "lr = nan"),
    "key twice": ("seed = 3", "seed = 3\nseed = 4"),
    "key twice in a module": ('"relu"', '"relu", type = "os"'),
    "table twice": ("[data]", "[data]\n[data]"),
    "deep arrays": ("out_features = 6", f"out_features = {'[' * DEEP}{']' * DEEP}"),
    "arrays just less deep": ("out_features = 6", f"out_features = {'[' * 300}{']' * 300}"),
    "deep tables": ("out_features = 6", f"out_features = {'{ a = ' * 300}1{' }' * 300}"),
    "deep modules": (
        '{ type = "relu" }',
        '{ type = "sequential", modules = [' * 200 + '{ type = "relu" }' + "] }" * 200,
    ),
    "deep key": ("seed = 3", f"seed = 3\n{'a.' * 100_000}a = 1"),
    "deep header": ("[data]", f"[{'a.' * 100_000}a]\n[data]"),
    "many modules that do not fit": (
        '{ type = "relu" }',
        '{ type = "linear", in_features = 9, out_features = 9 },' * 2000,
    ),
    "endless causal attention": (
        '{ type = "relu" }',
        '{ type = "linear", out_features = 400_000_000 }, { type = "reshape", '
        'shape = [100_000_000, 4] }, { type = "attention", heads = 2, causal = true }',
    ),
    "endless positions": (
        '{ type = "relu" }',
        '{ type = "linear", out_features = 400_000_000 }, { type = "reshape", '
        'shape = [100_000_000, 4] }, { type = "positions" }',
    ),
    "endless recurrence": (
        '{ type = "relu" }',
        '{ type = "linear", out_features = 400_000_000 }, { type = "reshape", '
        'shape = [100_000_000, 4] }, { type = "lstm", hidden = 100_000_000_000 }',
    ),
    "code in a group": (
        "lr = 0.05",
        'lr = 0.05, groups = [{ match = "os:system", class = "os:system" }]',
    ),
    "escape in a group": ("lr = 0.05", f'lr = 0.05, groups = [{{ match = "{ESCAPE}" }}]'),
    "code as a schedule": ("seed = 3", 'seed = 3\nschedule = { type = "os:system" }'),
    "escape in a schedule": ("seed = 3", f'seed = 3\nschedule = {{ type = "{ESCAPE}" }}'),
    "huge rise": ("seed = 3", 'seed = 3\nschedule = { type = "cosine", warmup = 1e300 }'),
    "escape in a metric": ("seed = 3", f'seed = 3\nmetrics = ["{ESCAPE}"]'),
    "large file": ("seed = 3", "seed = 3\n" + "# padding\n" * 30_000),
    "raw escape": ("seed = 3", "seed = 3 # \x1b]0;owned\x07"),
}


@pytest.mark.parametrize(("old", "new"), FILES.values(), ids=FILES)
def test_file_fails_cleanly(
    experiment: Path, registry: Registry, old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    monkeypatch.setattr(os, "system", lambda *command: started.append(command))
    text = experiment.read_text(encoding="utf-8")
    assert old in text
    experiment.write_text(text.replace(old, new, 1), encoding="utf-8")
    before = sorted(experiment.parent.rglob("*"))

    with pytest.raises(StError) as info:
        check_experiment(read_document(experiment), registry)

    told = str(info.value)
    assert [line for line in told.split("\n") if not line.isprintable()] == []
    assert max(map(len, told.split("\n"))) < 10_000
    assert started == []
    assert sorted(experiment.parent.rglob("*")) == before
    assert [handle.id for handle in registry.list() if handle.plugin is not None] in (["nn"], [])


@pytest.mark.parametrize(
    "name",
    ["\x1b[31m.toml", "\u202e.toml", "a\nb.toml", "a" * 9000, "nul\0.toml"],
    ids=["escape", "right to left", "two lines", "long", "end of text"],
)
def test_file_name_is_shown_in_one_printable_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(StError) as info:
        read_document(tmp_path / name)

    assert str(info.value).isprintable()


def test_terminal_is_told_nothing_by_a_description(
    experiment: Path, registry: Registry, capfd: pytest.CaptureFixture[str]
) -> None:
    check: Callable[..., object] = check_experiment
    check(read_document(experiment), registry)

    assert capfd.readouterr() == ("", "")
