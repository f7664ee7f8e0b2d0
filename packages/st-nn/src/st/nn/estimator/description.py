"""What the parameters of an estimator describe: a model, an optimizer, and how long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta

from st.nn.discovery import ModuleDiscoveryRegistry
from st.nn.faults import DescriptionError, Fault, shown
from st.nn.fields import convert_fields
from st.nn.metadata import ModuleCategory
from st.nn.optim import Optimizer
from st.nn.pipeline import ModulePipelineBuilder

OUTPUT: Final = "output"
"""The name of the last module, which the estimator adds."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters that are single values."""

    lr: Annotated[float, Meta(gt=0, le=1e30)]
    epochs: Annotated[int, Meta(ge=1)]
    batch_size: Annotated[int, Meta(ge=1)]


def options(source: str, values: Mapping[str, Any]) -> Options:
    """Return the checked values.

    Args:
        source: Who has them, for messages.
        values: By name; others are left alone.

    Raises:
        DescriptionError: A value is of another type or out of range.
    """
    known = {name: plain(values[name]) for name in Options.__struct_fields__}
    converted, faults = convert_fields(Options, known)
    if converted is None:
        raise DescriptionError(source, faults)
    return converted


def optimizer(
    source: str, described: Any, lr: float, discovery: ModuleDiscoveryRegistry
) -> Optimizer:
    """Return the optimizer that a name, or ``type`` with fields other than ``lr``, describes.

    Raises:
        DescriptionError: It is no optimizer, or a field does not fit.
    """
    entry = plain(described)
    entry = {"type": entry} if isinstance(entry, str) else entry
    known = [found.module_type for found in discovery.find_by_category(ModuleCategory.OPTIMIZER)]
    if not isinstance(entry, Mapping) or entry.get("type") not in known:
        expected = f"{', '.join(map(shown, known))}, or type and fields of one"
        raise DescriptionError(source, [Fault(("optimizer",), expected, shown(described))])
    if "lr" in entry:
        given = "lr inside it, which is a parameter of its own"
        raise DescriptionError(source, [Fault(("optimizer",), "type and other fields", given)])
    discovery.activate(entry["type"])
    fields = {name: value for name, value in entry.items() if name != "type"}
    made, faults = discovery.check(entry["type"], {**fields, "lr": lr}, ("optimizer",))
    if faults:
        raise DescriptionError(source, faults)
    if not isinstance(made, Optimizer):
        given = f"{shown(entry['type'])}, which makes a {type(made).__name__}"
        raise DescriptionError(source, [Fault(("optimizer",), "an optimizer", given)])
    return made


def pipeline(
    source: str, hidden: Any, n_in: int, n_out: int, discovery: ModuleDiscoveryRegistry
) -> ModulePipelineBuilder:
    """Return the model: what `hidden` says, then a linear module with `n_out` outputs.

    Raises:
        DescriptionError: `hidden` has faults; all of them are told, each with its place.
    """
    if not isinstance(hidden, Sequence) or isinstance(hidden, str):
        expected = "a sequence of sizes, or of modules as experiment files have them"
        raise DescriptionError(source, [Fault(("hidden",), expected, shown(hidden))])
    builder = ModulePipelineBuilder(discovery).with_name(source).input(n_in)
    places: list[int] = []
    for place, item in enumerate(hidden):
        for entry in _entries(source, place, plain(item)):
            builder.add_entry(entry)
            places.append(place)
    builder.add_module("flatten").add_module("linear", {"out_features": n_out}, name=OUTPUT)
    faults = builder.check()
    if faults:
        raise DescriptionError(source, [_placed(fault, places) for fault in faults])
    return builder


def plain(value: Any) -> Any:
    """Return `value` with Python's numbers, lists and dictionaries where it has NumPy's or tuples.

    >>> plain({"type": "sgd", "momentum": np.float64(0.5)})
    {'type': 'sgd', 'momentum': 0.5}
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _entries(source: str, place: int, item: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(item, Mapping):
        yield item
    elif isinstance(item, int) and not isinstance(item, bool) and item >= 1:
        yield {"type": "linear", "out_features": item}
        yield {"type": "relu"}
    else:
        expected = "a size, 1 or more, or a module as experiment files have it"
        raise DescriptionError(source, [Fault(("hidden", place), expected, shown(item))])


def _placed(fault: Fault, places: Sequence[int]) -> Fault:
    """Return `fault` with the place in ``hidden`` for that in the model."""
    match fault.path:
        case ("model", int(index), *rest) if index < len(places):
            return replace(fault, path=("hidden", places[index], *rest))
    return fault
