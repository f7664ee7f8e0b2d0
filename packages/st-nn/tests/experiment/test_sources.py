import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from st.core import LoadError, Registry
from st.nn.data import CsvSource
from st.nn.experiment import train_experiment
from st.nn.experiment.json_schema import experiment_schema
from st.nn.experiment.sources import source_class, source_names
from st.nn.faults import DescriptionError

MANIFEST = """\
[{id}]
summary = "Makes points."
capabilities = {capabilities}

[{id}.contributes."st.nn.sources"]
{name} = {{ class = "{target}", description = "Points on a line." }}
"""

PLUGIN = """\
from st.core import Plugin


class Lines(Plugin):
    pass
"""

CODE = """\
import numpy as np
from st.nn.data import Dataset, Source


class Line(Source):
    n: int

    def read(self, folder):
        x = np.linspace(-1, 1, self.n, dtype=np.float32).reshape(-1, 1)
        return Dataset(x, (x[:, 0] > 0).astype(np.int64), ("-", "+"), np.arange(1, self.n + 1))


no_source = dict
"""


def _install(
    folder: Path,
    plugin_id: str = "lines",
    *,
    name: str = "line",
    capabilities: str = '["DataLoaders"]',
    target: str = "lines_code:Line",
) -> None:
    info = folder / f"{plugin_id}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {plugin_id}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[st.plugins]\n{plugin_id} = lines_plugin:Lines\n")
    manifest = MANIFEST.format(id=plugin_id, name=name, capabilities=capabilities, target=target)
    (info / "extra_metadata").mkdir()
    (info / "extra_metadata/st_plugin.toml").write_text(manifest)
    (folder / "lines_plugin.py").write_text(PLUGIN)
    (folder / "lines_code.py").write_text(CODE)


@pytest.fixture
def folder(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Give a folder on the path, where plugins are installed; what they are is forgotten after."""
    made = tmp_path_factory.mktemp("site")
    monkeypatch.syspath_prepend(str(made))
    yield made
    for name in ("lines_plugin", "lines_code"):
        sys.modules.pop(name, None)


@pytest.fixture
def both(folder: Path) -> Iterator[Registry]:
    """Give a registry that is to discover our plugins and the one installed in `folder`."""
    with Registry(environ={}, allow=["st-nn", "lines"]) as made:
        yield made


def test_plugin_offers_a_source_that_an_experiment_names(
    experiment: Path, folder: Path, both: Registry
) -> None:
    _install(folder)
    both.discover()
    head, _, _ = experiment.read_text("utf-8").partition("[data]")
    experiment.write_text(f'{head}[data]\nsource = "line"\nn = 40\n', encoding="utf-8")

    result = train_experiment(experiment, both)

    config = result.directory.read_config()
    assert config["experiment"]["data"] == {
        "source": "line",
        "held_out": 0.2,
        "n": 40,
    }
    assert config["versions"]["lines"] == "1.0"
    again = train_experiment(experiment, both, resume=True)
    assert again.directory.path == result.directory.path


def test_fields_of_a_plugins_source_are_its_schema(
    experiment: Path, folder: Path, both: Registry
) -> None:
    _install(folder)
    both.discover()
    text = experiment.read_text("utf-8").replace('source = "csv"', 'source = "line"')
    experiment.write_text(text, encoding="utf-8")

    with pytest.raises(DescriptionError, match="data → n") as caught:
        train_experiment(experiment, both)

    assert "data → target" in str(caught.value)


def test_names_are_known_without_importing_the_plugin(folder: Path, both: Registry) -> None:
    _install(folder, target="no_such_code:Line")
    both.discover()

    assert source_names(both) == ("csv", "line", "npz", "text")
    with pytest.raises(LoadError, match="code of source 'line' failed: ModuleNotFoundError"):
        source_class(both, "line")


def test_class_that_is_no_source_is_refused(folder: Path, both: Registry) -> None:
    _install(folder, target="lines_code:no_source")
    both.discover()

    with pytest.raises(LoadError, match=r"no subclass of st\.nn\.data\.Source"):
        source_class(both, "line")


def test_plugin_without_the_capability_offers_none(folder: Path, both: Registry) -> None:
    _install(folder, capabilities='["Telemetry"]')
    both.discover()

    assert source_names(both) == ("csv", "npz", "text")


def test_our_names_cannot_be_taken(folder: Path, both: Registry) -> None:
    _install(folder, name="csv")
    both.discover()

    assert source_class(both, "csv") is CsvSource


def test_source_of_a_plugin_is_in_the_json_schema(folder: Path, both: Registry) -> None:
    _install(folder)
    both.discover()

    alternatives = experiment_schema(both)["properties"]["data"]["anyOf"]

    (line,) = (made for made in alternatives if made["properties"]["source"] == {"const": "line"})
    assert line["properties"]["n"] == {"type": "integer"}
    assert set(line["required"]) == {"source", "n"}


def test_source_whose_code_fails_is_in_the_json_schema_by_name(
    folder: Path, both: Registry
) -> None:
    _install(folder, target="no_such_code:Line")
    both.discover()

    alternatives = experiment_schema(both)["properties"]["data"]["anyOf"]

    (line,) = (made for made in alternatives if made["properties"]["source"] == {"const": "line"})
    assert "no_such_code" in line["$comment"]
