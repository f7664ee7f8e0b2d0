import shutil
from pathlib import Path

import pytest

from st.core import Registry
from st.nn.experiment import CheckedExperiment, Document, check_experiment, read_document
from st.nn.faults import DescriptionError, Fault

MANIFEST = Path(__file__).parents[2] / "st_plugin.toml"


def _check(file: Path, registry: Registry) -> CheckedExperiment:
    return check_experiment(read_document(file), registry)


def _faults(file: Path, registry: Registry) -> tuple[Fault, ...]:
    with pytest.raises(DescriptionError) as info:
        _check(file, registry)
    return info.value.faults


def _change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_sound_experiment_gives_everything_a_run_needs(
    experiment: Path, registry: Registry
) -> None:
    checked = _check(experiment, registry)

    assert (checked.config.name, checked.config.seed, checked.config.output) == (
        "points",
        3,
        "runs",
    )
    assert (len(checked.learned), len(checked.held_out)) == (48, 16)
    assert checked.optimizer.lr == 0.05
    assert type(checked.loss).__name__ == "CrossEntropy"
    assert checked.pipeline.outline().output.shape == (2,)


def test_checking_loads_no_plugin_but_nn(experiment: Path, registry: Registry) -> None:
    _check(experiment, registry)

    assert [handle.id for handle in registry.list() if handle.plugin is not None] == ["nn"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            "epochs = 4", "epoch = 4", (2, "epoch", "one of name", "epochs"), id="unknown key"
        ),
        pytest.param(
            "seed = 3", "seed = -1", (1, "seed", "a whole number, at least 0", ""), id="range"
        ),
        pytest.param(
            "seed = 3\n", "", (0, "seed", "a whole number, at least 0", ""), id="missing key"
        ),
        pytest.param('"adam"', '"adm"', (5, "type", "the name of a", "adam"), id="optimizer"),
        pytest.param('"adam"', '"relu"', (5, "type", "the name of a", ""), id="no optimizer"),
        pytest.param(
            "lr = 0.05", "lr = 0", (5, "lr", "a number, above 0", ""), id="optimizer field"
        ),
        pytest.param(
            "lr = 0.05",
            "lr = 1e300",
            (5, "lr", "a number, above 0 and at most 1e+30", ""),
            id="more than float32 holds",
        ),
        pytest.param('"relu"', '"rellu"', (9, "type", "the name of a module", "relu"), id="module"),
        pytest.param(
            "out_features = 6",
            'out_features = "three"',
            (8, "out_features", "a whole", ""),
            id="field",
        ),
        pytest.param(
            '"flatten"',
            '"linear", in_features = 3, out_features = 4',
            (7, 0, "an input of shape (b,2,3)", ""),
            id="sizes",
        ),
        pytest.param(
            "out_features = 2",
            "out_features = 3",
            (10, 3, "an output of shape (b,2)", ""),
            id="classes",
        ),
        pytest.param(
            '"numpy"', '"nmpy"', (4, "backend", "one of auto, numpy", "numpy"), id="backend"
        ),
        pytest.param(
            "seed = 3",
            "seed = 3\ncheckpoint = { kep = 2 }",
            (2, "kep", "one of every_s, keep, best", "keep"),
            id="checkpoint",
        ),
        pytest.param(
            "seed = 3",
            "seed = 3\nearly_stopping = { patience = 0 }",
            (2, "patience", "a whole number, at least 1", ""),
            id="early stopping",
        ),
        pytest.param(
            "seed = 3",
            'seed = 3\nschedule = { type = "cosin" }',
            (2, "type", "the name of a module of category Schedule", "cosine"),
            id="schedule",
        ),
        pytest.param(
            "seed = 3",
            'seed = 3\nschedule = { type = "cosine", flor = 0.1 }',
            (2, "flor", "one of warmup, floor", "floor"),
            id="schedule field",
        ),
        pytest.param(
            "seed = 3",
            'seed = 3\noutput = ""',
            (2, "output", "a path of printable characters", ""),
            id="no output",
        ),
        pytest.param(
            "seed = 3",
            'seed = 3\noutput = "points.csv"',
            (2, "output", "a directory", ""),
            id="output is a file",
        ),
        pytest.param(
            "seed = 3",
            'seed = 3\noutput = "points.csv/runs/deep"',
            (2, "output", "a directory", ""),
            id="output below a file",
        ),
        pytest.param('"csv"', '"cvs"', (14, "source", '"csv"', "csv"), id="source"),
        pytest.param('source = "csv"\n', "", (13, "source", '"csv"', ""), id="no source"),
        pytest.param('"points.csv"', '"pints.csv"', (15, "path", "a file", ""), id="no data"),
        pytest.param('"side"', '"sides"', (16, "target", "the name of a column", ""), id="target"),
        pytest.param("[2, 2]", "[2, 3]", (17, "shape", "a shape of 4 numbers", ""), id="shape"),
        pytest.param(
            "held_out = 0.25",
            "held_out = 0.999",
            (18, "held_out", "a share that leaves", ""),
            id="share",
        ),
        pytest.param(
            "held_out = 0.25",
            "held_out = 0.25\nscale = 0",
            (19, "scale", "a number, at least 1e-30", ""),
            id="scale that leaves nothing",
        ),
        pytest.param(
            "held_out = 0.25", f'sha256 = "{"0" * 64}"', (18, "sha256", "sha256 0000", ""), id="sum"
        ),
    ],
)
def test_one_fault_is_told_with_its_line(
    experiment: Path,
    registry: Registry,
    old: str,
    new: str,
    expected: tuple[int, str | int, str, str],
) -> None:
    _change(experiment, old, new)

    (fault,) = _faults(experiment, registry)

    assert (fault.line, fault.path[-1], fault.nearest) == (expected[0], expected[1], expected[3])
    assert fault.expected.startswith(expected[2])


def test_model_larger_than_memory_is_a_fault(experiment: Path, registry: Registry) -> None:
    _change(experiment, "out_features = 6", f"out_features = {10**12}")

    (fault,) = _faults(experiment, registry)

    assert fault.path == ("model", 1)
    assert fault.expected.startswith("a model that fits into ")


def test_faults_of_every_part_are_told_in_one_report(experiment: Path, registry: Registry) -> None:
    for old, new in (
        ("epochs = 4", "epochs = 0"),
        ('"adam"', '"adm"'),
        ('"relu"', '"swish"'),
        ('"csv"', '"cvs"'),
        ('"numpy"', '"opncl"'),
    ):
        _change(experiment, old, new)

    faults = _faults(experiment, registry)

    assert [fault.line for fault in faults] == [2, 4, 5, 9, 14]
    assert "st-swish" in faults[3].install


def test_backend_that_is_not_installed_names_the_command(experiment: Path, tmp_path: Path) -> None:
    _change(experiment, '"numpy"', '"opencl"')
    info = tmp_path / "st_nn-1.0.dist-info"
    (info / "extra_metadata").mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: st-nn\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[st.plugins]\nnn = st.nn.plugin:NNPlugin\n")
    shutil.copy(MANIFEST, info / "extra_metadata")
    with Registry(environ={}) as alone:
        alone.discover(path=[str(tmp_path)])

        (fault,) = _faults(experiment, alone)

    assert fault.path == ("backend",)
    assert "pip install" in fault.install
    assert "st-backend-opencl" in fault.install


def test_backend_given_beside_the_file_replaces_that_of_the_file(
    experiment: Path, registry: Registry
) -> None:
    _change(experiment, '"numpy"', '"cuda"')

    checked = check_experiment(read_document(experiment), registry, backend="numpy")

    assert checked.config.backend == "numpy"


@pytest.mark.parametrize(
    ("values", "paths"),
    [
        pytest.param({}, {"seed", "epochs", "optimizer", "model", "data"}, id="empty"),
        pytest.param(
            {"seed": 1, "epochs": 1, "optimizer": 1, "model": 1, "data": 1},
            {"optimizer", "model", "data"},
            id="numbers for tables",
        ),
        pytest.param(
            {"seed": 1, "epochs": 1, "optimizer": {}, "model": [1], "data": {}},
            {"model", "type", "source"},
            id="empty tables",
        ),
    ],
)
def test_values_of_any_form_are_told_as_faults(
    registry: Registry, values: dict[str, object], paths: set[str]
) -> None:
    with pytest.raises(DescriptionError) as info:
        check_experiment(Document("values", values), registry)

    assert {fault.path[-1] for fault in info.value.faults} == paths


def test_name_of_the_run_is_made_of_the_file_name(experiment: Path, registry: Registry) -> None:
    odd = experiment.rename(experiment.with_name(".my points (2).toml"))

    assert _check(odd, registry).config.name == "my-points-2-"


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a\\nb"])
def test_name_that_could_leave_the_output_directory_is_refused(
    experiment: Path, registry: Registry, name: str
) -> None:
    _change(experiment, "seed = 3", f'seed = 3\nname = "{name}"')

    (fault,) = _faults(experiment, registry)

    assert fault.path == ("name",)
