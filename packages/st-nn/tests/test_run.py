from pathlib import Path

import pytest

from st.nn.run import RunDirectory, RunDirectoryError, create_run


def test_runs_of_a_name_are_counted(tmp_path: Path) -> None:
    output = tmp_path / "below" / "runs"

    assert [create_run(output, "digits").run_id for _ in range(3)] == [
        "digits-1",
        "digits-2",
        "digits-3",
    ]
    assert create_run(output, "other").run_id == "other-1"


def test_number_goes_on_after_the_highest(tmp_path: Path) -> None:
    for name in ("digits-9", "digits-x", "digits-2-3"):
        (tmp_path / name).mkdir()

    assert create_run(tmp_path, "digits").run_id == "digits-10"


def test_configuration_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = create_run(tmp_path, "a")

    run.write_config({"name": "größe"})

    assert run.read_config() == {"format": 1, "name": "größe"}


def test_contents_are_files_the_model_and_what_plugins_wrote(tmp_path: Path) -> None:
    run = create_run(tmp_path, "a")
    run.write_config({})
    run.model.mkdir()
    for name in ("report.html", "events.jsonl"):
        (run.path / "monitor").mkdir(exist_ok=True)
        (run.path / "monitor" / name).touch()

    assert run.contents() == (
        "config.json",
        "model/",
        "monitor/events.jsonl",
        "monitor/report.html",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "is no run directory: cannot read", id="missing"),
        pytest.param(b"{", "is damaged", id="cut short"),
        pytest.param(b"\xff\xfe", "is damaged", id="noise"),
        pytest.param(b"[]", "is not the configuration of a run, format 1", id="no table"),
        pytest.param(b'{"format": 2}', "is not the configuration of a run", id="newer"),
    ],
)
def test_directory_that_is_no_run_is_refused(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "config.json").write_bytes(content)

    with pytest.raises(RunDirectoryError, match=message):
        RunDirectory(tmp_path).read_config()


def test_output_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(RunDirectoryError, match=r"cannot make a run directory in .*file"):
        create_run(tmp_path / "file", "a")
