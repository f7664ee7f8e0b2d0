import dataclasses

import pytest

from st.core import (
    CustomEvent,
    EpochEnd,
    Event,
    EventNameError,
    PluginEvent,
    RunFinished,
    TensorOp,
    event,
)
from st.core.events import BUILT_IN


def test_fields_stand_in_the_order_that_records_use() -> None:
    assert TensorOp.__match_args__ == (
        "op_name",
        "shapes",
        "start_ns",
        "end_ns",
        "backend",
        "where",
    )
    assert RunFinished.__match_args__ == ("run_id", "status", "summary")


@pytest.mark.parametrize("name", sorted(BUILT_IN.keys() - {"CustomEvent"}))
def test_every_built_in_event_is_found_under_plugin_event(name: str) -> None:
    assert getattr(PluginEvent, name) is BUILT_IN[name]


def test_a_record_holds_the_fields_in_order() -> None:
    assert EpochEnd(3, 0.5).as_record() == (3, 0.5)


def test_a_record_makes_the_event_again() -> None:
    original = EpochEnd(3, 0.5)

    assert EpochEnd(*original.as_record()) == original


def test_an_event_is_named_after_its_class_unless_it_says_otherwise() -> None:
    @event
    class Saved(Event):
        path: str

    @event
    class Other(Event):
        event_name = "my.other"

    assert (Saved.event_name, Other.event_name) == ("Saved", "my.other")


def test_events_match_patterns() -> None:
    match PluginEvent.EpochEnd(epoch=2, loss=0.25):
        case PluginEvent.EpochEnd(epoch, loss):
            assert (epoch, loss) == (2, 0.25)


def test_custom_data_comes_back_only_as_what_it_is() -> None:
    made = PluginEvent.custom("MyEvent", 42)

    assert isinstance(made, CustomEvent)
    assert made.downcast(int) == 42
    assert made.downcast(str) is None


@pytest.mark.parametrize("name", ["EpochStart", "", "*"])
def test_a_custom_event_cannot_take_a_built_in_name(name: str) -> None:
    with pytest.raises(EventNameError):
        PluginEvent.custom(name, None)


def test_an_event_that_extends_another_takes_its_fields_first() -> None:
    @event
    class Saved(Event):
        path: str

    @event
    class SavedAs(Saved):
        format: str = "toml"

    assert SavedAs("model") == SavedAs(path="model", format="toml")
    assert Saved("model").as_record() == ("model",)


def test_a_class_that_is_not_declared_has_no_fields() -> None:
    class Forgotten(Event):
        path: str

    with pytest.raises(TypeError, match="declare it with @event"):
        Forgotten("model")


def test_an_event_is_a_dataclass() -> None:
    assert dataclasses.replace(EpochEnd(1, 0.5), loss=0.25) == EpochEnd(1, 0.25)
