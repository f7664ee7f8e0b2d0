"""Losses, optimizers, schedules and metrics, made from what a file says of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from st.core.backend import Spec, spec
from st.core.catalog import provider_of
from st.core.nearest import nearest
from st.nn.discovery import ModuleDiscoveryRegistry
from st.nn.faults import Fault, Path, shown
from st.nn.metadata import ModuleCategory
from st.nn.metrics import Metric, sums
from st.nn.model import N_TRIAL
from st.nn.tape import OperandError, Tape

Entry = str | Mapping[str, Any]


def make_entry(
    entry: Mapping[str, Any],
    path: Path,
    category: ModuleCategory,
    discovery: ModuleDiscoveryRegistry,
) -> tuple[Any, tuple[Fault, ...]]:
    """Make what an entry describes by ``type`` and fields, or tell what is wrong with it.

    Args:
        entry: The values.
        path: Where they stand in the experiment.
        category: What it is to be.
        discovery: Where names are looked up.
    """
    fields = {name: value for name, value in entry.items() if name != "type"}
    name = entry.get("type")
    known = [metadata.module_type for metadata in discovery.find_by_category(category)]
    if isinstance(name, str) and name in known:
        return discovery.check(name, fields, path)
    expected = f"the name of a module of category {category}: {', '.join(known)}"
    if not isinstance(name, str):
        given = "nothing" if name is None else shown(name)
        return None, (Fault((*path, "type"), expected, given),)
    provider = provider_of("modules", name)
    install = provider.install if provider is not None and name not in known else ""
    close = nearest(name, known) or ""
    return None, (Fault((*path, "type"), expected, shown(name), close, install),)


def make_metrics(
    entries: Iterable[Entry], discovery: ModuleDiscoveryRegistry
) -> tuple[dict[str, Metric], tuple[Fault, ...]]:
    """Make the metrics that ``metrics`` lists, by the names they are told under.

    An entry is the name of a metric, or a table of ``type``, its fields and perhaps ``name``; the
    type is the name unless that is given.
    """
    metrics: dict[str, Metric] = {}
    faults: tuple[Fault, ...] = ()
    for number, entry in enumerate(entries):
        path: Path = ("metrics", number)
        values = {"type": entry} if isinstance(entry, str) else dict(entry)
        name = values.pop("name", values.get("type"))
        metric, found = make_entry(values, path, ModuleCategory.METRIC, discovery)
        if isinstance(entry, str):  # there is no key in it that a fault could be at
            found = tuple(_at(fault, path) for fault in found)
        faults += found
        if metric is None:
            continue
        if not isinstance(name, str) or not name.isidentifier() or name in metrics:
            expected = "a name of letters, digits and underscores that no other metric has"
            faults += (Fault((*path, "name"), expected, shown(name)),)
        else:
            metrics[name] = metric
    return metrics, faults


def metric_faults(metrics: Mapping[str, Metric], output: Spec, target: Spec) -> tuple[Fault, ...]:
    """Return the faults of metrics that do not fit what a model gives and what it is to tell.

    Args:
        metrics: In the order of the file.
        output: Of the model, for one example.
        target: Of the data, for one example.
    """
    faults = []
    prediction = spec((N_TRIAL, *output.shape), output.dtype)
    wanted = spec((N_TRIAL, *target.shape), target.dtype)
    for number, (name, metric) in enumerate(metrics.items()):
        tape = Tape()
        try:
            if metric.target(prediction) is not wanted:
                kind = "classes" if target.dtype == "int64" else "numbers"
                faults.append(Fault(("metrics", number), f"a metric of {kind}", shown(name)))
                continue
            with tape.no_grad():
                sums(metric, tape.new(prediction, role="input"), tape.new(wanted, role="input"))
        except OperandError as error:
            faults.append(
                Fault(("metrics", number), "a metric of what the model gives", str(error))
            )
    return tuple(faults)


def _at(fault: Fault, path: Path) -> Fault:
    return Fault(path, fault.expected, fault.given, fault.nearest, fault.install)
