import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from st.core import StError
from st.nn.commands import predict, train

Run = Callable[..., Result]


@pytest.fixture
def run(experiment: Path, run_command: Run) -> Path:
    assert run_command(train, str(experiment)).exit_code == 0
    return Path("runs/points-1")


def test_row_is_shown_with_what_the_model_says(run: Path, run_command: Run) -> None:
    # Row 17 is a=2, b=0: over; (a * b) % 3 = 0 and (a + b) % 2 = 0.
    result = run_command(predict, str(run), "--row", "17")

    assert result.exit_code == 0, result.exception
    lines = result.stdout.splitlines()
    assert lines[0] in {
        "row 17 of points.csv, held out: it is over",
        "row 17 of points.csv, learned from: it is over",
    }
    assert lines[1] == "   @@"
    assert lines[-2].startswith("says ")
    assert lines[-1].startswith("  or ")


def test_json_has_probabilities_that_add_up(run: Path, run_command: Run) -> None:
    said = json.loads(run_command(predict, str(run), "--row", "17", "--json").stdout)

    assert (said["row"], said["truth"]) == (17, "over")
    assert set(said["probabilities"]) == {"over", "under"}
    assert sum(said["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert said["answer"] == max(said["probabilities"], key=said["probabilities"].get)


def test_as_many_rows_are_held_out_as_the_run_held_out(run: Path, run_command: Run) -> None:
    said = [
        json.loads(run_command(predict, str(run), "--row", str(row), "--json").stdout)
        for row in range(1, 65)
    ]

    assert sum(row["held_out"] for row in said) == 16


def test_answer_does_not_depend_on_the_working_directory(
    run: Path,
    run_command: Run,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absolute = run.resolve()
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    assert run_command(predict, str(absolute)).exit_code == 0


PLUGIN = """\
from st.core import Plugin, PluginMetadata
from st.nn import MODULE_REGISTRY, Module, ModuleMetadata


class Twice(Module):
    def forward(self, x, scope):
        return x + x


class Doubling(Plugin):
    metadata = PluginMetadata("doubling", "1.0")

    def on_load(self, ctx):
        modules = ctx.get_service(MODULE_REGISTRY)
        ctx.callback(modules.register(ModuleMetadata("twice", plugin_id="doubling"), Twice))
"""


def test_model_with_a_module_of_a_plugin_needs_that_plugin(
    experiment: Path, run_command: Run
) -> None:
    Path("doubling.py").write_text(PLUGIN, encoding="utf-8")
    text = experiment.read_text("utf-8").replace('"relu" }', '"relu" }, { type = "twice" }')
    experiment.write_text(text, encoding="utf-8")
    plugin = ("--plugin", "doubling.py")
    assert run_command(train, str(experiment), *plugin).exit_code == 0

    without = run_command(predict, "runs/points-1")

    assert 'given "twice"' in str(without.exception)
    assert run_command(predict, "runs/points-1", *plugin).exit_code == 0


def _data_changed(run: Path) -> None:
    Path("points.csv").write_text("a,b,c,d,side\n1,2,3,4,over\n")


def _data_gone(run: Path) -> None:
    Path("points.csv").unlink()


def _weights_cut(run: Path) -> None:
    path = run / "model/weights.safetensors"
    path.write_bytes(path.read_bytes()[:-9])


def _config_cut(run: Path) -> None:
    path = run / "config.json"
    path.write_bytes(path.read_bytes()[:-9])


def _config_without_data(run: Path) -> None:
    (run / "config.json").write_text('{"format": 1}')


@pytest.mark.parametrize(
    ("change", "row", "message"),
    [
        pytest.param(_data_changed, "1", "expected sha256 ", id="other data"),
        pytest.param(_data_gone, "1", "expected a file, given nothing at", id="no data"),
        pytest.param(_weights_cut, "0", "weights.safetensors is damaged", id="weights cut"),
        pytest.param(_config_cut, "1", "config.json is damaged", id="config cut"),
        pytest.param(_config_without_data, "1", "does not describe data", id="no description"),
        pytest.param(lambda run: None, "0", "expected a row from 1 to 64, given 0", id="row 0"),
        pytest.param(lambda run: None, "65", "expected a row from 1 to 64, given 65", id="row 65"),
    ],
)
def test_run_that_cannot_be_asked_is_one_clear_line(
    run: Path, run_command: Run, change: Callable[[Path], None], row: str, message: str
) -> None:
    change(run)

    error = run_command(predict, str(run), "--row", row).exception

    assert isinstance(error, StError)
    assert message in str(error)
    assert len(str(error).splitlines()) == 1


def test_file_is_no_run(experiment: Path, run_command: Run) -> None:
    error = run_command(predict, str(experiment)).exception

    assert isinstance(error, StError)
    assert "is no run directory" in str(error)
