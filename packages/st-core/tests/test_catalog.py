import pytest

from st.core import CatalogError
from st.core.catalog import Provider, names_of, provider_of
from st.core.nearest import nearest

KINDS = ["plugins", "capabilities", "services", "modules", "commands"]


def test_a_module_of_a_distribution_that_is_not_installed_is_known() -> None:
    assert provider_of("modules", "swish") == Provider(
        "st-swish", "pip install ./docs/examples/plugins/st-swish"
    )


@pytest.mark.parametrize("name", ["Backend(OpenCL)", "backend(opencl)"])
def test_a_capability_is_found_however_it_is_written(name: str) -> None:
    provider = provider_of("capabilities", name)

    assert provider is not None
    assert provider.distribution == "st-backend-opencl"


@pytest.mark.parametrize("kind", KINDS)
def test_every_entry_names_a_distribution_that_can_be_installed(kind: str) -> None:
    for name in names_of(kind):
        provider = provider_of(kind, name)
        assert provider is not None
        assert provider.install.startswith("pip install ")


def test_what_nobody_provides_is_none() -> None:
    assert provider_of("modules", "no_such_module") is None


def test_another_kind_is_refused() -> None:
    with pytest.raises(CatalogError, match="did you mean 'modules'"):
        provider_of("module", "swish")


def test_the_nearest_name_is_found_in_any_case_and_its_own_spelling_given() -> None:
    assert nearest("LINEAR", ["Linear", "relu"]) == "Linear"


def test_a_name_far_from_all_has_no_nearest() -> None:
    assert nearest("transformer", ["linear", "relu"]) is None
