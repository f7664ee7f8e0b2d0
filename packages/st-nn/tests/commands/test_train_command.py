import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from st.core import StError
from st.nn.commands import evaluate, runs, train

Run = Callable[..., Result]

LISTENER = """\
from pathlib import Path

from st.core import EpochEnd, EpochStart, Plugin, PluginMetadata, RunFinished, SystemShutdown


class Listener(Plugin):
    metadata = PluginMetadata("listener", "1.0")

    def on_load(self, ctx):
        ctx.subscribe(EpochEnd, lambda event: print(f"ended {event.epoch}"))
        ctx.subscribe(EpochStart, self.start)
        ctx.subscribe(RunFinished, self.finish)
        ctx.subscribe(SystemShutdown, lambda event: Path("shut_down").touch())

    def finish(self, event):
        Path(f"run_{event.status}").touch()
        own = Path("runs", event.run_id, "listener")
        own.mkdir()
        for name in ("all.json", "notes.txt", "page.html"):
            (own / name).touch()

    def start(self, event):
        if event.epoch == STOP:
            raise KeyboardInterrupt
"""


def _listener(stop: str) -> str:
    Path("listener.py").write_text(f"STOP = {stop}\n{LISTENER}", encoding="utf-8")
    return "listener.py"


def test_run_is_shown_from_data_to_next_steps(experiment: Path, run_command: Run) -> None:
    result = run_command(train, str(experiment))

    assert result.exit_code == 0, result.exception
    lines = result.stdout.splitlines()
    assert lines[0] == "points    64 images 2×2 · 48 to learn, 16 held out · seed 3"  # noqa: RUF001
    assert re.fullmatch(r"found     \d+ plugins in \d+ packages?, 2 needed: nn, numpy", lines[1])
    assert re.fullmatch(
        r"backend   NumPy, .* · one step = \d+ calls, \d\.\d\d MB, checked against eager", lines[2]
    )
    assert lines[3:8] == [
        " #  module   output  parameters",
        " 1  flatten  (b,4)",
        " 2  linear   (b,6)   30",
        " 3  relu     (b,6)",
        " 4  linear   (b,2)   14",
    ]
    assert re.fullmatch(r"epoch 1/4  loss \d\.\d{3}  held out \d\.\d{3}  [\d,]+ images/s", lines[8])
    assert lines[11].startswith("epoch 4/4 ")
    correct = r"\d\.\d{3} correct \(\d+ of 16\) in \d+\.\d s\. (Nothing|One|Two|Three) it got wrong"
    assert re.match(correct, lines[12])
    assert lines[-2] == "wrote runs/points-1/  model/"
    assert lines[-1].startswith("next  st predict runs/points-1 --row ")


def test_output_in_a_pipe_has_no_colour(experiment: Path, run_command: Run) -> None:
    assert "\x1b" not in run_command(train, str(experiment)).stdout


def test_rows_that_are_no_images_are_named_by_number(experiment: Path, run_command: Run) -> None:
    text = (
        experiment.read_text("utf-8")
        .replace("shape = [2, 2]\n", "")
        .replace("epochs = 4", "epochs = 1")
    )
    experiment.write_text(text, encoding="utf-8")

    lines = run_command(train, str(experiment)).stdout.splitlines()

    assert lines[0].startswith("points    64 rows of 4 numbers · ")
    assert re.fullmatch(r"  row \d+: (over→under|under→over)", lines[-3])


def test_many_epochs_print_about_twenty_lines(experiment: Path, run_command: Run) -> None:
    text = experiment.read_text("utf-8").replace("epochs = 4", "epochs = 45")
    experiment.write_text(text, encoding="utf-8")

    lines = run_command(train, str(experiment)).stdout.splitlines()

    shown = [line.split()[1] for line in lines if line.startswith("epoch ")]
    assert shown == [f"{epoch}/45" for epoch in range(3, 46, 3)]


def test_backend_option_overrules_the_file(experiment: Path, run_command: Run) -> None:
    text = experiment.read_text("utf-8").replace('"numpy"', '"cuda"')
    experiment.write_text(text, encoding="utf-8")

    assert run_command(train, str(experiment), "--backend", "numpy").exit_code == 0


def test_values_can_be_set_beside_the_file(experiment: Path, run_command: Run) -> None:
    settings = ("--set", "epochs=2", "--set", "model.2.out_features=5")

    result = run_command(train, str(experiment), *settings)

    assert " 2  linear   (b,5)   25" in result.stdout.splitlines()
    assert "epoch 2/2" in result.stdout


def test_setting_is_checked_like_the_file(experiment: Path, run_command: Run) -> None:
    error = run_command(train, str(experiment), "--set", "optimizer.epsilo=0.1").exception

    assert isinstance(error, StError)
    assert "expected one of lr, beta1" in str(error)
    assert 'given "epsilo"; nearest: epsilon' in str(error)


def test_further_figures_stand_behind_the_first(experiment: Path, run_command: Run) -> None:
    text = experiment.read_text("utf-8")
    experiment.write_text(f'metrics = ["nats", "f1"]\n{text}', encoding="utf-8")

    lines = run_command(train, str(experiment)).stdout.splitlines()

    told = [line for line in lines if line.startswith("epoch 4/4")]
    assert re.search(r"held out \d\.\d{3}, nats [\d.]+, f1 [\d.]+  [\d,]+ images/s$", told[0])
    judged = run_command(evaluate, "runs/points-1", "--json").stdout
    assert '"f1": ' in judged
    assert "held out f1 " in run_command(runs, "list").stdout


def test_automatic_choice_of_the_backend_is_explained(experiment: Path, run_command: Run) -> None:
    text = experiment.read_text("utf-8").replace('backend = "numpy"\n', "")
    experiment.write_text(text, encoding="utf-8")

    backend = run_command(train, str(experiment)).stdout.splitlines()[2]

    assert re.match(r"backend   NumPy, [^(]*\(.+\) · one step", backend)


def test_plugin_in_a_file_is_loaded_before_training(experiment: Path, run_command: Run) -> None:
    result = run_command(train, str(experiment), "--plugin", _listener(stop="0"))

    assert result.exit_code == 0, result.exception
    assert re.findall(r"^ended (\d)", result.stdout, re.MULTILINE) == ["1", "2", "3", "4"]
    assert Path("run_finished").exists()
    assert Path("shut_down").exists()


def test_last_lines_name_what_people_open(experiment: Path, run_command: Run) -> None:
    lines = run_command(train, str(experiment), "--plugin", _listener(stop="0")).stdout.splitlines()

    assert lines[-2] == (
        "wrote runs/points-1/  model/  "
        "listener/page.html (open it, works offline)  listener/notes.txt"
    )


def test_interrupt_says_which_model_is_on_disk(experiment: Path, run_command: Run) -> None:
    result = run_command(train, str(experiment), "--plugin", _listener(stop="3"))

    assert result.exit_code == 130
    assert result.stderr == "interrupted; runs/points-1/model holds the model of epoch 2\n"
    assert Path("runs/points-1/model/weights.safetensors").is_file()
    assert Path("run_interrupted").exists()
    assert Path("shut_down").exists()


def test_interrupted_run_is_resumed_where_it_stopped(experiment: Path, run_command: Run) -> None:
    run_command(train, str(experiment), "--plugin", _listener(stop="3"))

    lines = run_command(train, str(experiment), "--resume").stdout.splitlines()

    assert "resumes   runs/points-1 after epoch 2" in lines
    assert [line[:9] for line in lines if line.startswith("epoch ")] == ["epoch 3/4", "epoch 4/4"]
    assert lines[-2].startswith("wrote runs/points-1/  model/")


def test_run_directory_is_resumed(experiment: Path, run_command: Run) -> None:
    run_command(train, str(experiment), "--plugin", _listener(stop="3"))

    result = run_command(train, "runs/points-1", "--resume")

    assert result.exit_code == 0, result.exception
    assert "epoch 4/4" in result.stdout


def test_resuming_nothing_says_so(experiment: Path, run_command: Run) -> None:
    lines = run_command(train, str(experiment), "--resume").stdout.splitlines()

    assert "resumes   nothing: there is no run of that name yet, a new one begins" in lines


def test_interrupt_in_the_first_epoch_says_that_there_is_no_model(
    experiment: Path, run_command: Run
) -> None:
    result = run_command(train, str(experiment), "--plugin", _listener(stop="1"))

    assert result.exit_code == 130
    assert "there is no model yet" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["none.toml"], "none.toml: cannot be read: No such", id="no file"),
        pytest.param(["points.csv"], "points.csv:1:2: ", id="no TOML"),
        pytest.param(
            ["points.toml", "--backend", "nmpy"], "no plugin offers backend 'nmpy'", id="backend"
        ),
        pytest.param(["points.toml", "--plugin", "none.py"], "none.py", id="no plugin"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    experiment: Path, run_command: Run, arguments: list[str], message: str
) -> None:
    before = sorted(Path().rglob("*"))

    error = run_command(train, *arguments).exception

    assert isinstance(error, StError)
    assert message in str(error)
    assert len(str(error).splitlines()) == 1
    assert sorted(Path().rglob("*")) == before
