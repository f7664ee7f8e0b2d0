from pathlib import Path

import pytest

from st.nn.experiment.document import Document, ExperimentFileError, read_document
from st.nn.experiment.toml_lines import Position
from st.nn.faults import Fault


def _file(folder: Path, content: bytes) -> Path:
    path = folder / "x.toml"
    path.write_bytes(content)
    return path


def test_values_folder_and_places_are_read(tmp_path: Path) -> None:
    document = read_document(_file(tmp_path, b"seed = 7\r\nepochs = 2\r\n"))

    assert document.values == {"seed": 7, "epochs": 2}
    assert (document.name, document.folder) == ("x", tmp_path)
    assert document.positions["epochs",] == Position(2, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"a = 1\nb = = 2\n", r"x\.toml:2:5: Invalid value$", id="broken"),
        pytest.param(b"a = [1,\n 2", r"x\.toml:2:3: Unclosed array$", id="ends too early"),
        pytest.param(b"a = 1\na = 2\n", r"x\.toml:2:6: Cannot overwrite a value", id="doubled"),
        pytest.param(b"a = 1\n\xff\xfe", r"x\.toml:2:1: byte 0xff is not UTF-8", id="noise"),
        pytest.param(b"a = " + b"[" * 9000, "nested too deeply|x.toml:1", id="nested deeply"),
        pytest.param(b"a = " + b"9" * 5000, r"x\.toml: Exceeds the limit", id="huge number"),
        pytest.param(b"#" * (1 << 18) + b"#", "larger than 256 KiB", id="huge file"),
    ],
)
def test_file_that_is_no_experiment_is_refused_with_its_place(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(ExperimentFileError, match=message):
        read_document(_file(tmp_path, content))


def test_missing_file_and_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExperimentFileError, match=r"none\.toml: cannot be read: No such file"):
        read_document(tmp_path / "none.toml")
    with pytest.raises(ExperimentFileError, match="cannot be read"):
        read_document(tmp_path)


def test_fault_gets_the_line_of_its_value_or_of_what_is_around_it() -> None:
    places = {("model",): Position(4, 1), ("model", 0): Position(5, 3)}
    document = Document("x.toml", {}, positions=places)

    assert document.located(Fault(("model", 0, "size"), "", "")).line == 5
    assert document.located(Fault(("model", 7), "", "")).line == 4
    assert document.located(Fault(("seed",), "", "")).line == 0


def test_run_in_place_of_a_file_is_told_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")

    with pytest.raises(ExperimentFileError, match="a run is gone on with by --resume"):
        read_document(tmp_path)
