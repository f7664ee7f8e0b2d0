"""An experiment file names the sequencer, trains it, and hears what is wrong with a field."""

from pathlib import Path

import pytest

from st.core import Registry
from st.nn.experiment import check_experiment, read_document, train_experiment
from st.nn.faults import DescriptionError

FLATTEN = '  { type = "flatten" },\n'


def named(experiment: Path, fields: str) -> Path:
    text = experiment.read_text(encoding="utf-8")
    entry = f'  {{ type = "zspace_coherence", {fields} }},\n'
    experiment.write_text(text.replace(FLATTEN, entry + FLATTEN, 1), encoding="utf-8")
    return experiment


def test_named_sequencer_is_trained(experiment: Path, registry: Registry) -> None:
    file = named(experiment, "heads = 1, bands = 2, taps = 4, causal = false")

    result = train_experiment(file, registry)

    assert 0.5 < result.accuracy <= 1.0


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("chunk = 4", "chunk: expected a whole number, at least 8 and at most 256"),
        ("orders = [1.0]", "orders is (1.0,); legal is finite, one of"),
    ],
)
def test_wrong_field_is_told_with_its_range(
    experiment: Path, registry: Registry, fields: str, expected: str
) -> None:
    document = read_document(named(experiment, fields))

    with pytest.raises(DescriptionError) as info:
        check_experiment(document, registry)

    assert expected in str(info.value)
