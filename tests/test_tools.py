"""The tools that judge the repository judge as they say."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent

REPORT = """\
<testsuites><testsuite name="pytest">
<testcase classname="tests.test_one" name="test_good"/>
<testcase classname="tests.test_one" name="test_bad"><failure message="no"/></testcase>
<testcase classname="tests.test_one" name="test_left_out"><skipped message="no GPU"/></testcase>
</testsuite></testsuites>
"""

BREACHES = {
    "namespace": ("packages/st-nn/src/st/__init__.py", "", "namespace"),
    "long": ("tools/long.py", "x = 1\n" * 401, "401 lines"),
    "vague": ("tools/utils.py", "", "says nothing"),
    "unfinished": ("tools/some.py", "x = 1  # TO" + "DO\n", "unfinished"),
    "catch-all": ("packages/a/src/b.py", "try:\n    f()\nexcept Exception:\n    g()\n", "catches"),
    "bare": ("packages/a/src/b.py", "try:\n    f()\nexcept:\n    g()\n", "catches"),
    "hidden": (
        "packages/a/src/b.py",
        "try:\n    f()\nexcept (OSError, Exception):\n    g()\n",
        "catches",
    ),
    "pickle": ("packages/a/src/b.py", "from pickle import loads\n", "pickle"),
    "eval": ("packages/a/src/b.py", "eval(text)\n", "eval"),
}


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Give a function that imports a module of `tools/` by its name."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.mark.parametrize(("path", "text", "word"), BREACHES.values(), ids=BREACHES)
def test_breach_of_the_house_rules_is_found(
    tool: Callable[[str], ModuleType], path: str, text: str, word: str
) -> None:
    found = list(tool("house_rules").breaches(path, text))

    assert len(found) == 1
    assert word in found[0][1]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param(
            "packages/st-core/src/st/core/isolation.py",
            "try:\n    f()\nexcept Exception:\n    g()\n",
            id="isolation-point",
        ),
        pytest.param(
            "packages/a/src/b.py",
            "try:\n    f()\nexcept BaseException:\n    raise\n",
            id="re-raise",
        ),
        pytest.param("packages/a/src/b.py", "model.eval()\n", id="method-of-that-name"),
    ],
)
def test_what_the_house_allows_is_no_breach(
    tool: Callable[[str], ModuleType], path: str, text: str
) -> None:
    assert list(tool("house_rules").breaches(path, text)) == []


def test_tests_are_counted_and_skips_named(
    tool: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    (tmp_path / "one.xml").write_text(REPORT, encoding="utf-8")

    counts, skips = tool("verdict").read_report(tmp_path / "one.xml")

    assert (counts.passed, counts.failed, counts.skipped) == (1, 1, 1)
    assert skips == [("tests.test_one::test_left_out", "no GPU")]


@pytest.mark.parametrize(
    ("result", "code"),
    [
        pytest.param({"success": True, "skipped": False, "duration": 1.0}, 0, id="good"),
        pytest.param({"success": False, "skipped": False, "duration": 1.0}, 1, id="failed"),
        pytest.param({"success": True, "skipped": True, "duration": 0.0}, 1, id="no-interpreter"),
    ],
)
def test_verdict_follows_the_environments(
    tmp_path: Path, result: dict[str, object], code: int
) -> None:
    (tmp_path / "tox.json").write_text(
        json.dumps({"testenvs": {"py311-nn": {"result": result}, "quick": {}}}), encoding="utf-8"
    )

    came = verdict(tmp_path)

    assert came.returncode == code, came.stdout
    assert "nn " in came.stdout


def test_skip_without_a_stated_reason_is_not_good(tmp_path: Path) -> None:
    result = {"success": True, "skipped": False, "duration": 1.0}
    (tmp_path / "tox.json").write_text(
        json.dumps({"testenvs": {"py311-nn": {"result": result}}}), encoding="utf-8"
    )
    (tmp_path / "py311-nn.xml").write_text(REPORT, encoding="utf-8")

    came = verdict(tmp_path)

    assert came.returncode == 1
    assert "tests.test_one::test_left_out (no GPU)" in came.stdout


def test_allowed_skip_needs_a_reason(tool: Callable[[str], ModuleType]) -> None:
    allowed_skips = tool("verdict").allowed_skips

    assert allowed_skips("# why\ntests.test_gpu::*  no such device here\n") == ["tests.test_gpu::*"]
    with pytest.raises(SystemExit, match="no reason"):
        allowed_skips("tests.test_gpu::*\n")


def test_ratio_of_a_case_is_the_median_over_rounds(tool: Callable[[str], ModuleType]) -> None:
    timing = tool("bench").summarise("ours", [2.0, 3.0, 40.0], [1.0, 2.0, 10.0])

    assert (timing.minimum_ns, timing.median_ns) == (2.0, 3.0)
    assert (timing.ratio, timing.ratio_low, timing.ratio_high) == (2.0, 1.5, 4.0)


def test_case_times_every_callable_after_its_setup(tool: Callable[[str], ModuleType]) -> None:
    calls: list[str] = []
    bench = tool("bench").Bench(rounds=3)

    case = bench.case(
        "appending",
        {"ours": lambda: calls.append("ours"), "peer": lambda: calls.append("peer")},
        number=2,
        setup=lambda: calls.append("setup"),
    )

    assert (calls.count("ours"), calls.count("peer")) == (6, 6)
    assert calls[2] == "setup"
    assert case.base == "peer"


def test_earlier_ratios_are_found_again_by_suite_title_and_name(
    tool: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    bench = tool("bench")
    old = tmp_path / "old.json"
    timing = {"name": "ours", "ratio": 0.5}
    old.write_text(
        json.dumps({"cases": [{"suite": "digits", "title": "a step", "timings": [timing]}]}),
        encoding="utf-8",
    )

    assert bench.read_ratios(old) == {bench.ratio_key("digits", "a step", "ours"): 0.5}


@pytest.mark.slow
def test_two_builds_of_one_tree_are_equal_byte_for_byte(tmp_path: Path) -> None:
    for name in ("first", "second"):
        subprocess.run(
            [sys.executable, ROOT / "tools/build.py", tmp_path / name], cwd=ROOT, check=True
        )

    first, second = (
        {file.name: file.read_bytes() for file in (tmp_path / name).glob("st_*")}
        for name in ("first", "second")
    )
    assert len(first) == 10
    assert first == second


def verdict(directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "tools/verdict.py", directory / "tox.json", directory],
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
