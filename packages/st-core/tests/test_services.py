import threading
from typing import Protocol, runtime_checkable

import pytest

from st.core import (
    ActivationCycleError,
    EventBus,
    ListenerFailed,
    ServiceError,
    ServiceKey,
    ServiceNotFoundError,
    ServiceRegistered,
    Services,
    ServiceTypeError,
    ServiceUnregistered,
)
from st.core.testing import EventRecorder


@runtime_checkable
class Clock(Protocol):
    def now(self) -> float: ...


class Frozen:
    def now(self) -> float:
        return 0.0


CLOCK: ServiceKey[Clock] = ServiceKey("clock", Clock, version="1.2")


@pytest.fixture
def services() -> Services:
    return Services()


def test_a_service_is_found_by_name_and_by_key(services: Services) -> None:
    frozen = Frozen()
    services.register(CLOCK, frozen)

    assert services.get(CLOCK) is frozen
    assert services.get("clock") is frozen


def test_the_highest_rank_then_the_first_is_the_best(services: Services) -> None:
    services.register("x", "first")
    services.register("x", "second")
    high = services.register("x", "high", rank=1)

    assert services.get("x") == "high"
    high.close()
    assert services.get("x") == "first"


def test_withdrawing_leaves_nothing_and_may_be_repeated(services: Services) -> None:
    with services.register("x", 1) as reference:
        pass

    assert services.names() == ()
    assert reference.close() is False


def test_a_missing_service_names_the_nearest_and_what_there_is(services: Services) -> None:
    services.register("clock", Frozen())

    with pytest.raises(
        ServiceNotFoundError, match=r"'clok'; did you mean 'clock'.*offered now: clock"
    ):
        services.get("clok")


def test_a_missing_service_may_have_a_default(services: Services) -> None:
    assert services.get("x", None) is None


def test_a_wrong_type_is_an_error_at_the_provider(services: Services) -> None:
    with pytest.raises(ServiceTypeError, match="is a int, expected Clock"):
        services.register(CLOCK, 3)


def test_a_wrong_type_registered_by_name_is_an_error_for_who_asks_by_key(
    services: Services,
) -> None:
    services.register("clock", 3, plugin_id="sundial")

    with pytest.raises(ServiceError, match=r"contract version 1\.2 is asked for"):
        services.get(CLOCK)
    with pytest.raises(ServiceTypeError, match="'clock' of sundial"):
        services.get(ServiceKey("clock", Clock))


@pytest.mark.parametrize(
    ("offered", "is_found"),
    [("1.2", True), ("1.3", True), ("1.1", False), ("2.2", False), ("", False)],
)
def test_the_same_major_and_at_least_the_minor_version_will_do(
    services: Services, offered: str, is_found: bool
) -> None:
    services.register(ServiceKey("clock", version=offered), Frozen())

    assert (services.get(CLOCK, None) is not None) is is_found


def test_a_lower_rank_is_taken_when_only_its_version_will_do(services: Services) -> None:
    services.register(ServiceKey("clock", version="2.0"), Frozen(), rank=9)
    right = Frozen()
    services.register(ServiceKey("clock", version="1.5"), right)

    assert services.get(CLOCK) is right


def test_a_contract_version_of_another_form_is_refused() -> None:
    with pytest.raises(ServiceError, match=r"major\.minor"):
        ServiceKey("x", version="one")


@pytest.mark.parametrize("given", [{}, {"service": 1, "factory": int}], ids=["neither", "both"])
def test_either_a_service_or_a_factory_is_given(services: Services, given: dict) -> None:
    with pytest.raises(ServiceError, match="one of the two"):
        services.register("x", **given)


def test_a_factory_is_called_once_when_first_asked_by_however_many(services: Services) -> None:
    calls: list[int] = []
    barrier = threading.Barrier(8)
    got: list[object] = []

    def make() -> object:
        calls.append(1)
        return object()

    def ask() -> None:
        barrier.wait()
        got.append(services.get("x"))

    services.register("x", factory=make)
    assert calls == []
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(calls) == 1
    assert len(set(map(id, got))) == 1


def test_a_failing_factory_is_tried_again(services: Services) -> None:
    answers = [None]

    def make() -> str:
        if answers:
            answers.pop()
            raise OSError("not yet")
        return "made"

    services.register("x", factory=make)

    with pytest.raises(OSError, match="not yet"):
        services.get("x")
    assert services.get("x") == "made"


def test_a_factory_that_asks_for_itself_is_a_circle(services: Services) -> None:
    services.register("x", factory=lambda: services.get("x"))

    with pytest.raises(ActivationCycleError, match="service x"):
        services.get("x")


def test_coming_and_going_is_announced() -> None:
    bus = EventBus()
    services = Services(bus.publish)

    with EventRecorder(bus) as recorded:
        services.register("x", 1, plugin_id="p").close()

    assert recorded.events == [ServiceRegistered("x", "p"), ServiceUnregistered("x", "p")]


def test_a_tracker_follows_present_and_future_providers(services: Services) -> None:
    seen: list[str] = []
    first = services.register("x", "first")

    with services.track("x", lambda x: seen.append(f"+{x}"), lambda x: seen.append(f"-{x}")):
        second = services.register("x", "second")
        first.close()
        second.close()
    services.register("x", "third")

    assert seen == ["+first", "+second", "-first", "-second"]


def test_a_failing_tracker_is_reported_and_stops_nobody() -> None:
    bus = EventBus()
    services = Services(bus.publish)
    seen: list[object] = []
    services.track("x", lambda x: 1 / 0, plugin_id="p")
    services.track("x", seen.append)

    with EventRecorder(bus) as recorded:
        services.register("x", "it")

    assert seen == ["it"]
    assert [item.plugin_id for item in recorded.of(ListenerFailed)] == ["p"]


def test_a_provider_that_goes_while_it_is_built_is_not_shown(services: Services) -> None:
    seen: list[object] = []

    def make() -> str:
        reference.close()
        return "late"

    reference = services.register("x", factory=make)
    services.track("x", seen.append, seen.append)

    assert seen == []


def test_a_wrong_type_from_a_factory_is_an_error_however_it_is_asked_for(
    services: Services,
) -> None:
    services.register(CLOCK, factory=lambda: 3)

    with pytest.raises(ServiceTypeError, match="is a int, expected Clock"):
        services.get("clock")
