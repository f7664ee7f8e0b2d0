import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.core import CapabilityError, PluginCapability
from st.core.capability import KINDS, NAMED

NAMES = st.text(st.characters(codec="ascii", exclude_characters="()"), min_size=1).map(str.strip)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_survives_being_written_and_read(kind: str) -> None:
    capability = PluginCapability(kind, "Name" if kind in NAMED else "")

    assert PluginCapability.parse(str(capability)) == capability


@given(NAMES.filter(bool))
def test_named_kinds_survive_being_written_and_read(name: str) -> None:
    for made in (PluginCapability.Backend(name), PluginCapability.Custom(name)):
        assert PluginCapability.parse(str(made)) == made


def test_there_are_thirteen() -> None:
    assert len(KINDS) == 13


@pytest.mark.parametrize(
    "text", ["loss_functions", "LossFunctions", "loss functions", " LOSSFUNCTIONS "]
)
def test_spellings_of_other_languages_are_understood(text: str) -> None:
    assert PluginCapability.parse(text) == PluginCapability.LOSS_FUNCTIONS


def test_backend_names_compare_without_regard_to_case() -> None:
    assert PluginCapability.Backend("OpenCL") == PluginCapability.Backend("opencl")
    assert hash(PluginCapability.Backend("OpenCL")) == hash(PluginCapability.Backend("opencl"))


def test_custom_names_compare_as_they_are_written() -> None:
    assert PluginCapability.Custom("A") != PluginCapability.Custom("a")


def test_a_misspelt_kind_names_the_nearest() -> None:
    with pytest.raises(CapabilityError, match="did you mean 'Optimizers'"):
        PluginCapability.parse("Optimisers")


@pytest.mark.parametrize("text", ["Backend", "Backend()", "Optimizers(x)", "", "a(b"])
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(CapabilityError):
        PluginCapability.parse(text)


def test_a_capability_does_not_change() -> None:
    with pytest.raises(AttributeError, match="no setter"):
        PluginCapability.VISION.kind = "Language"


def test_a_copy_is_equal() -> None:
    assert copy.deepcopy(PluginCapability.Backend("X")) == PluginCapability.Backend("X")
