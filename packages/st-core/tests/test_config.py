from dataclasses import dataclass, field
from pathlib import Path

import pytest

from st.core import Config, ConfigChanged, ConfigError, EventBus, UnknownKeyError
from st.core.testing import EventRecorder


@dataclass(frozen=True)
class Schema:
    workers: int = 1
    names: list[str] = field(default_factory=list)
    token: str = field(default="", metadata={"secret": True})


@pytest.fixture
def environ() -> dict[str, str]:
    return {}


@pytest.fixture
def config(environ: dict[str, str]) -> Config:
    return Config(environ=environ)


def test_later_layers_win(config: Config, environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[nn]\nworkers = 3\n")
    values = [config.get("nn", "workers", "nothing")]

    config.define("nn", Schema)
    values.append(config.get("nn", "workers"))
    config.set("nn", "workers", 2)
    values.append(config.get("nn", "workers"))
    config.load_file(file)
    values.append(config.get("nn", "workers"))
    environ["ST_NN__WORKERS"] = "4"
    values.append(config.get("nn", "workers"))
    config.override("nn.workers=5")
    values.append(config.get("nn", "workers"))

    assert values == ["nothing", 1, 2, 3, 4, 5]


def test_ids_with_hyphens_are_found_in_the_environment(
    config: Config, environ: dict[str, str]
) -> None:
    environ["ST_MY_PLUGIN__KEY"] = "v"

    assert config.get("my-plugin", "key") == "v"


def test_text_is_converted_to_the_type_of_the_schema(config: Config) -> None:
    config.define("nn", Schema)
    config.override("nn.names=a, b")

    assert config.get("nn", "names") == ["a", "b"]


def test_an_unknown_key_names_the_nearest(config: Config) -> None:
    config.define("nn", Schema)

    with pytest.raises(UnknownKeyError, match="'wokers'; did you mean 'workers'"):
        config.get("nn", "wokers")
    with pytest.raises(UnknownKeyError):
        config.set("nn", "wokers", 1)


def test_a_wrong_value_says_where_it_comes_from(config: Config, environ: dict[str, str]) -> None:
    config.define("nn", Schema)
    environ["ST_NN__WORKERS"] = "many"

    with pytest.raises(
        ConfigError, match=r"nn.workers \(from ST_NN__WORKERS\): expected int, got 'many'"
    ):
        config.get("nn", "workers")


def test_a_wrong_value_is_not_written(config: Config) -> None:
    config.define("nn", Schema)

    with pytest.raises(ConfigError):
        config.set("nn", "workers", "many")
    assert config.get("nn", "workers") == 1


def test_a_schema_that_does_not_fit_what_is_set_is_refused(config: Config) -> None:
    config.set("nn", "wokers", 3)

    with pytest.raises(UnknownKeyError):
        config.define("nn", Schema)
    assert config.get("nn", "wokers") == 3


def test_a_schema_that_does_not_fit_leaves_the_one_before(config: Config) -> None:
    @dataclass
    class Stricter:
        workers: bool = True

    config.define("nn", Schema)
    config.set("nn", "workers", 3)

    with pytest.raises(ConfigError):
        config.define("nn", Stricter)
    assert config.get("nn", "workers") == 3


def test_a_schema_is_a_dataclass(config: Config) -> None:
    with pytest.raises(ConfigError, match="expected a dataclass"):
        config.define("nn", int)


def test_setting_gives_what_puts_the_value_before_back(config: Config) -> None:
    config.set("nn", "a", 1)

    undo = config.set("nn", "a", 2)
    undo()
    gone = config.set("nn", "b", 1)
    gone()

    assert config.list() == {"nn.a": 1}


def test_only_a_change_of_what_is_read_is_announced(environ: dict[str, str]) -> None:
    bus = EventBus()
    config = Config(bus.publish, environ)
    environ["ST_NN__A"] = "env"

    with EventRecorder(bus) as recorded:
        config.set("nn", "a", 1)
        config.set("nn", "b", 1)
        config.set("nn", "b", 1)
        config.set("nn", "b", 2)

    assert recorded.events == [ConfigChanged("nn", "b", 1), ConfigChanged("nn", "b", 2)]


def test_secrets_are_shown_nowhere_but_to_who_asks_for_them() -> None:
    bus = EventBus()
    config = Config(bus.publish, {})
    config.define("nn", Schema)

    with EventRecorder(bus) as recorded:
        config.set("nn", "token", "hunter2")

    assert config.get("nn", "token") == "hunter2"
    assert "hunter2" not in repr(config.list())
    assert "hunter2" not in repr(recorded.events)


def test_a_secret_of_the_wrong_type_is_not_shown_in_the_error(config: Config) -> None:
    config.define("nn", Schema)

    with pytest.raises(ConfigError) as caught:
        config.set("nn", "token", ["hunter2"])
    assert "hunter2" not in str(caught.value)


def test_values_are_listed_and_cleared_by_prefix(config: Config) -> None:
    config.set("nn", "a", 1)
    config.set("nn", "b", 2)
    config.set("", "verbose", True)

    assert config.list("nn.") == {"nn.a": 1, "nn.b": 2}
    assert config.clear("nn.") == ("nn.a", "nn.b")
    assert config.list() == {"verbose": True}


def test_a_file_that_cannot_be_read_is_named(config: Config, tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("a = \n")

    with pytest.raises(ConfigError, match=r"broken\.toml.*line 1"):
        config.load_file(broken)
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        config.load_file(tmp_path / "absent.toml")


def test_a_file_with_one_wrong_value_changes_nothing(config: Config, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("verbose = true\n[nn]\nworkers = 'many'\n")
    config.define("nn", Schema)

    with pytest.raises(ConfigError):
        config.load_file(file)
    assert "verbose" not in config.list()


@pytest.mark.parametrize("text", ["nn.a", "=1", ""])
def test_an_assignment_has_a_form(config: Config, text: str) -> None:
    with pytest.raises(ConfigError, match=r"id\.key=value"):
        config.override(text)
