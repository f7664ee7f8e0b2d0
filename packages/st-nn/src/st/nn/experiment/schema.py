"""What an experiment file may say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from st.nn.data import CsvSource, NpzSource, Source, TextSource
from st.nn.faults import Fault
from st.nn.fields import convert_fields

SOURCES: Mapping[str, type[Source]] = {
    "csv": CsvSource,
    "npz": NpzSource,
    "text": TextSource,
}
"""Our sources of data by the name that ``[data] source`` gives; plugins offer more."""


Metric = Literal["loss", "held_out_accuracy", "held_out_rmse", "held_out_r2"]
"""What an epoch tells that can be best."""

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
        Metric | None, Meta(description="The epoch with the best such figure stays as well.")
    ] = None


class StoppingOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When training ends before its last epoch."""

    patience: Annotated[int, Meta(ge=1, description="Epochs that may pass without a better one.")]
    metric: Annotated[Metric, Meta(description="The figure that is to get better.")] = (
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
    output: Annotated[str, Meta(min_length=1, description="Where run directories are made.")] = (
        "runs"
    )


def listener_faults(values: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Return what is wrong inside the tables ``checkpoint`` and ``early_stopping``."""
    faults: tuple[Fault, ...] = ()
    for key, of in (("checkpoint", CheckpointOptions), ("early_stopping", StoppingOptions)):
        table = values.get(key)
        if isinstance(table, Mapping):  # anything else is a fault of the experiment's own fields
            faults += convert_fields(of, table, (key,))[1]
    return faults
