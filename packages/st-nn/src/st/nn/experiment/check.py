"""One pass over an experiment: every fault of the whole file, before anything is allocated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from st.core import Registry
from st.core.nearest import nearest
from st.nn.backends import AUTO, backend_install, backend_names
from st.nn.data import DataError, Dataset, Source
from st.nn.discovery import MODULE_REGISTRY, ModuleDiscoveryRegistry
from st.nn.experiment.document import Document
from st.nn.experiment.entries import make_entry, make_metrics, metric_faults
from st.nn.experiment.groups import group_faults
from st.nn.experiment.memory import memory_faults
from st.nn.experiment.schema import DEFAULT_LOSS, Experiment, listener_faults
from st.nn.experiment.sources import source_class, source_names
from st.nn.experiment.targets import target_faults
from st.nn.faults import DescriptionError, Fault, printable, shown
from st.nn.fields import convert_fields
from st.nn.losses import Loss
from st.nn.metadata import ModuleCategory
from st.nn.metrics import Metric
from st.nn.optim import Optimizer
from st.nn.pipeline import ModulePipelineBuilder
from st.nn.schedules import Schedule

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class CheckedExperiment:
    """An experiment without faults, and what it describes. No parameter is allocated yet.

    Attributes:
        config: The values, defaults filled in.
        document: Where they come from.
        source: How the data was read.
        pipeline: The description of the model.
        loss: What training makes small.
        optimizer: How.
        schedule: How its rate changes, or None.
        metrics: Further figures of the rows held out, by name.
        learned: The rows to learn from.
        held_out: The rows the model is judged by.
    """

    config: Experiment
    document: Document
    source: Source
    pipeline: ModulePipelineBuilder
    loss: Loss
    optimizer: Optimizer
    schedule: Schedule | None
    metrics: Mapping[str, Metric]
    learned: Dataset
    held_out: Dataset


def check_experiment(
    document: Document, registry: Registry, *, backend: str | None = None
) -> CheckedExperiment:
    """Return what `document` describes, with the modules and backends that `registry` knows.

    The data is read, since sizes depend on it; no plugin but ``nn`` is loaded.

    Args:
        document: The experiment.
        registry: Where modules and backends are found.
        backend: Overrules the experiment's backend where it is given, whatever that says.

    Raises:
        DescriptionError: There are faults; all of them are told, each with its line.
    """
    discovery = registry.get_service(MODULE_REGISTRY)
    stem = _NOT_IN_A_NAME.sub("-", document.name).lstrip("._-")
    values = {"name": stem or "experiment", **document.values}
    if backend is not None:
        values["backend"] = backend

    config, config_faults = convert_fields(Experiment, values)
    loss, loss_faults = _make(values, "loss", ModuleCategory.LOSS, discovery)
    schedule, schedule_faults = _make(values, "schedule", ModuleCategory.SCHEDULE, discovery)
    optimizer, optimizer_faults = _make(values, "optimizer", ModuleCategory.OPTIMIZER, discovery)
    metrics, metrics_faults = _make_metrics(values, discovery)
    source, data, data_faults = _read_data(values, document, registry)
    pipeline, model_faults = _make_model(values, data, discovery)
    faults = [
        *config_faults,
        *_output_path_faults(values),
        *(listener_faults(values, data, metrics) if not metrics_faults else ()),
        *metrics_faults,
        *(_backend_faults(values, registry) if backend is None else ()),
        *loss_faults,
        *optimizer_faults,
        *schedule_faults,
        *data_faults,
        *model_faults,
    ]
    if pipeline is not None and data is not None and not model_faults:
        outline = pipeline.outline()
        faults += target_faults(outline, loss, _loss_name(values), data)
        faults += metric_faults(metrics, outline.output, data.target)
        if optimizer is not None:
            faults += (*group_faults(outline, optimizer), *memory_faults(outline, optimizer))
    learned = held_out = None
    if config is not None and source is not None and data is not None:
        try:
            learned, held_out = data.split(source.held_out, config.seed)
        except DataError as error:
            faults.append(_data_fault(error))
    if (
        faults
        or config is None
        or source is None
        or pipeline is None
        or learned is None
        or held_out is None
    ):
        located = sorted(map(document.located, faults), key=lambda fault: fault.line)
        raise DescriptionError(document.source, located)
    return CheckedExperiment(
        config, document, source, pipeline, loss, optimizer, schedule, metrics, learned, held_out
    )


def _make(
    values: Mapping[str, Any],
    key: str,
    category: ModuleCategory,
    discovery: ModuleDiscoveryRegistry,
) -> tuple[Any, tuple[Fault, ...]]:
    """Make the loss, the optimizer or the schedule; what is no table is a fault found elsewhere."""
    entry = values.get(key, DEFAULT_LOSS if key == "loss" else None)
    return make_entry(entry, (key,), category, discovery) if isinstance(entry, dict) else (None, ())


def _make_metrics(
    values: Mapping[str, Any], discovery: ModuleDiscoveryRegistry
) -> tuple[dict[str, Metric], tuple[Fault, ...]]:
    entries = values.get("metrics", [])
    if not isinstance(entries, list) or not all(isinstance(e, str | dict) for e in entries):
        return {}, ()  # a fault of the experiment's own fields
    return make_metrics(entries, discovery)


def _loss_name(values: Mapping[str, Any]) -> str:
    loss = values.get("loss", DEFAULT_LOSS)
    return str(loss.get("type")) if isinstance(loss, Mapping) else ""


def _read_data(
    values: Mapping[str, Any], document: Document, registry: Registry
) -> tuple[Source | None, Dataset | None, tuple[Fault, ...]]:
    entry = values.get("data")
    if not isinstance(entry, dict):
        return None, None, ()
    kind = entry.get("source")
    known = source_names(registry)
    if not isinstance(kind, str) or kind not in known:
        given = "nothing" if kind is None else shown(kind)
        close = nearest(kind, known) or "" if isinstance(kind, str) else ""
        expected = " or ".join(map(shown, known))
        return None, None, (Fault(("data", "source"), expected, given, close),)
    source, faults = convert_fields(source_class(registry, kind), entry, ("data",))
    if source is None:
        return None, None, faults
    try:
        return source, source.read(document.folder), ()
    except DataError as error:
        return source, None, (_data_fault(error),)


def _data_fault(error: DataError) -> Fault:
    return Fault(("data", error.field), printable(error.expected), printable(error.given))


def _make_model(
    values: Mapping[str, Any], data: Dataset | None, discovery: ModuleDiscoveryRegistry
) -> tuple[ModulePipelineBuilder | None, tuple[Fault, ...]]:
    entries = values.get("model")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return None, ()
    builder = ModulePipelineBuilder(discovery).with_name(str(values.get("name")))
    for entry in entries:
        builder.add_entry(entry)
    if data is None:
        # The faults of the data are told; sizes are checked from where a module states its own.
        return builder, tuple(fault for fault in builder.check() if fault.path != ("input",))
    faults = builder.input(*data.input_shape).check()
    return builder, faults


def _output_path_faults(values: Mapping[str, Any]) -> tuple[Fault, ...]:
    output = values.get("output")
    if not isinstance(output, str):
        return ()
    if not output or not output.isprintable():
        return (Fault(("output",), "a path of printable characters", shown(output)),)
    path = Path(output)
    for place in (path, *path.parents):
        if place.exists():  # the nearest that does; what lies below is made
            if place.is_dir():
                return ()
            given = f"{shown(str(place))}, which is a file"
            return (Fault(("output",), "a directory", given),)
    return ()


def _backend_faults(values: Mapping[str, Any], registry: Registry) -> tuple[Fault, ...]:
    wanted = values.get("backend", AUTO)
    names = (AUTO, *backend_names(registry))
    if not isinstance(wanted, str) or wanted.casefold() in names:
        return ()
    return (
        Fault(
            ("backend",),
            f"one of {', '.join(names)}",
            shown(wanted),
            nearest(wanted, names) or "",
            backend_install(wanted),
        ),
    )
