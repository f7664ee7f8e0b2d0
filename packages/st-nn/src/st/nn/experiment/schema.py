"""What an experiment file may say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from st.nn.data import CsvSource

SOURCES: Mapping[str, type[CsvSource]] = {"csv": CsvSource}
"""Sources of data by the name that ``[data] source`` gives."""


DEFAULT_LOSS: Mapping[str, Any] = {"type": "cross_entropy"}


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
    output: Annotated[str, Meta(min_length=1, description="Where run directories are made.")] = (
        "runs"
    )
