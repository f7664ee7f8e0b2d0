"""Groups of parameters in an experiment file."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import st.nn
from st.core import Registry
from st.nn.experiment import check_experiment, read_document, train_experiment
from st.nn.faults import DescriptionError

ADAMW = 'optimizer = { type = "adamw", groups = [\n  %s\n] }'


def grouped(experiment: Path, group: str) -> Path:
    text = experiment.read_text(encoding="utf-8")
    experiment.write_text(
        text.replace('optimizer = { type = "adam", lr = 0.05 }', ADAMW % group), encoding="utf-8"
    )
    return experiment


def test_frozen_group_keeps_its_first_values(experiment: Path, registry: Registry) -> None:
    file = grouped(experiment, '{ match = "1.*", lr_scale = 0.0, weight_decay = 0.0 },')

    result = train_experiment(file, registry)

    first = st.nn.load(result.directory.path, registry=registry).model.initialise(seed=3)
    now = load_file(next(result.directory.path.rglob("weights.safetensors")))
    np.testing.assert_array_equal(now["1.weight"], first["1.weight"])
    assert not np.array_equal(now["3.weight"], first["3.weight"])


@pytest.mark.parametrize(
    ("group", "path", "expected", "near"),
    [
        ('{ match = "1.wight" },', ("match",), "the name of a parameter", "1.weight"),
        ('{ match = "*", lr_scal = 2.0 },', ("lr_scal",), "one of match, lr_scale", "lr_scale"),
        ('{ match = "*", lr_scale = -1.0 },', ("lr_scale",), "a number, at least 0", ""),
        ("{ lr_scale = 1.0 },", ("match",), "text", ""),
    ],
    ids=["no such parameter", "unknown key", "range", "missing"],
)
def test_fault_of_a_group_is_told_where_it_is(
    experiment: Path,
    registry: Registry,
    group: str,
    path: tuple[str, ...],
    expected: str,
    near: str,
) -> None:
    file = grouped(experiment, group)

    with pytest.raises(DescriptionError) as info:
        check_experiment(read_document(file), registry)

    (fault,) = info.value.faults
    assert fault.path == ("optimizer", "groups", 0, *path)
    assert fault.expected.startswith(expected)
    assert fault.nearest == near
    assert fault.line == 6
