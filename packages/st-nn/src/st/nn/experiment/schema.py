"""What an experiment file may say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from st.core.nearest import nearest
from st.nn.data import CsvSource, Dataset, NpzSource, Source, TextSource
from st.nn.faults import Fault, shown
from st.nn.fields import convert_fields

SOURCES: Mapping[str, type[Source]] = {
    "csv": CsvSource,
    "npz": NpzSource,
    "text": TextSource,
}
"""Our sources of data by the name that ``[data] source`` gives; plugins offer more."""


DEFAULT_LOSS: Mapping[str, Any] = {"type": "cross_entropy"}


class CheckpointOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept on disk while training goes on; the last epoch always is in the end."""

    every_s: Annotated[
        float, Meta(ge=0, description="Seconds between two saves, at least; a kill loses as many.")
    ] = 10.0
    keep: Annotated[
        int, Meta(ge=0, description="So many of the last epochs saved stay in checkpoints/.")
    ] = 0
    best: Annotated[
        str | None, Meta(description="The epoch with the best such figure stays as well.")
    ] = None


class StoppingOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When training ends before its last epoch."""

    patience: Annotated[int, Meta(ge=1, description="Epochs that may pass without a better one.")]
    metric: Annotated[str, Meta(description="The figure that is to get better.")] = (
        "held_out_accuracy"
    )


class Experiment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An experiment: a model, data, and how the one learns from the other."""

    name: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
            description="Names the run; the file's name without ending unless given.",
        ),
    ]
    seed: Annotated[
        int, Meta(ge=0, le=2**63 - 1, description="Decides every random number of the run.")
    ]
    epochs: Annotated[int, Meta(ge=1, le=10**9, description="How often all rows are learned from.")]
    batch_size: Annotated[
        int, Meta(ge=1, le=10**9, description="Rows in one step of the optimizer.")
    ] = 32
    prefetch: Annotated[
        int, Meta(ge=0, le=1024, description="Batches that a thread gets ready in advance.")
    ] = 0
    backend: Annotated[str, Meta(description='What computes: "auto", "numpy", "opencl", …')] = (
        "auto"
    )
    optimizer: Annotated[
        dict[str, Any], Meta(description="`type`, the name of an optimizer, and its fields.")
    ]
    schedule: Annotated[
        dict[str, Any] | None,
        Meta(description="`type`, the name of a schedule, and its fields: how the rate changes."),
    ] = None
    metrics: Annotated[
        list[str | dict[str, Any]],
        Meta(description="Further figures of what is held out: names, or `type`, fields, `name`."),
    ] = []
    loss: Annotated[
        dict[str, Any], Meta(description="`type`, the name of a loss, and its fields.")
    ] = msgspec.field(default_factory=lambda: dict(DEFAULT_LOSS))
    model: Annotated[
        list[dict[str, Any]],
        Meta(description="The modules in order, each `type` and the fields of that module."),
    ]
    data: Annotated[
        dict[str, Any], Meta(description="`source`, the kind of data, and the fields of that.")
    ]
    checkpoint: Annotated[
        dict[str, Any],
        Meta(description="`every_s`, `keep` and `best`: what is kept on disk."),
    ] = {}
    early_stopping: Annotated[
        dict[str, Any] | None, Meta(description="`patience` and `metric`: when to end early.")
    ] = None
    output: Annotated[str, Meta(description="Where run directories are made.")] = "runs"


def listener_faults(
    values: Mapping[str, Any], data: Dataset | None, metrics: Iterable[str]
) -> tuple[Fault, ...]:
    """Return what is wrong inside the tables ``checkpoint`` and ``early_stopping``.

    Args:
        values: The experiment.
        data: What is told of an epoch depends on it; None where it cannot be read.
        metrics: The names of further metrics.
    """
    faults: tuple[Fault, ...] = ()
    asked: dict[tuple[str, str], str | None] = {}
    if isinstance(values.get("checkpoint"), Mapping):  # else a fault of the experiment's fields
        kept, found = convert_fields(CheckpointOptions, values["checkpoint"], ("checkpoint",))
        faults += found
        asked["checkpoint", "best"] = kept.best if kept is not None else None
    if isinstance(values.get("early_stopping"), Mapping):
        path = ("early_stopping",)
        stopping, found = convert_fields(StoppingOptions, values["early_stopping"], path)
        faults += found
        asked["early_stopping", "metric"] = stopping.metric if stopping is not None else None
    told = ("loss", *figures_told(data, metrics)) if data is not None else ()
    for place, figure in asked.items():
        if told and figure is not None and figure not in told:
            expected = f"a figure that is told: {', '.join(told)}"
            faults += (Fault(place, expected, shown(figure), nearest(figure, told) or ""),)
    return faults


def figures_told(data: Dataset, metrics: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the figures that an epoch tells of what is held out."""
    own = (
        ("nats", "accuracy") if data.is_text else ("accuracy",) if data.classes else ("rmse", "r2")
    )
    return tuple(f"held_out_{name}" for name in dict.fromkeys((*own, *metrics)))
