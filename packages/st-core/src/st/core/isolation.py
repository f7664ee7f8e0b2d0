"""The one place where failures of other people's code are caught.

Everything a plugin or a listener can raise while it is called on behalf of somebody else passes
through one of these functions, so that one failure never takes down a second party.
KeyboardInterrupt always reaches the caller, and so does SystemExit but for `loading`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, TypeAlias

from st.core.events import Event

Call: TypeAlias = Callable[[Any], object]
Failed: TypeAlias = Callable[[Call, Any, Exception], object]


def publisher(
    table: dict[type[Event], tuple[Call, ...]],
    resolve: Callable[[type[Event]], tuple[Call, ...]],
    failed: Failed,
) -> Callable[[Event], None]:
    """A function that calls whom `table` lists for the event's class, in order.

    It is a closure because its three names are then cells: against a method with attributes this
    saves 25 ns of about 110. `table` is filled by `resolve` and emptied by whoever changes the
    subscriptions; a tuple taken from it is the snapshot one publish works on.
    """

    def publish(event: Event) -> None:
        try:
            calls = table[event.__class__]
        except KeyError:
            calls = resolve(event.__class__)
        for call in calls:
            try:
                call(event)
            except Exception as error:
                failed(call, event, error)

    return publish


def recorder(calls: tuple[Call, ...], failed: Failed) -> Callable[[tuple[Any, ...]], None]:
    """A function that hands an event's fields, as one tuple, to each of `calls`."""

    def record(fields: tuple[Any, ...]) -> None:
        for call in calls:
            try:
                call(fields)
            except Exception as error:
                failed(call, fields, error)

    return record


def outcomes(calls: Sequence[Call], event: Event) -> list[tuple[Call, object, Exception | None]]:
    """What each of `calls` answered to `event`, or what it raised."""
    answers: list[tuple[Call, object, Exception | None]] = []
    for call in calls:
        try:
            answers.append((call, call(event), None))
        except Exception as error:
            answers.append((call, None, error))
    return answers


def attempt(call: Callable[..., object], *args: object) -> Exception | None:
    """Call something that must not stop what we are doing; what it raised, or None."""
    try:
        call(*args)
    except Exception as error:
        return error
    return None


def loading(call: Callable[..., object], *args: object) -> Exception | SystemExit | None:
    """Like `attempt`, for imports and loading: `sys.exit()` in a plugin is its failure, too."""
    try:
        call(*args)
    except (Exception, SystemExit) as error:
        return error
    return None


def n_under_way(frame: FrameType | None) -> int:
    """How many of the calls made here are under way on the stack that ends in `frame`."""
    n = 0
    while frame is not None:
        n += frame.f_globals is globals()
        frame = frame.f_back
    return n
