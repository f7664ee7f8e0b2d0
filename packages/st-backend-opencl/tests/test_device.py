"""Which device is chosen, and what is said when there is none."""

from dataclasses import replace

import pytest

from st.backend.opencl import Device, DeviceNotFoundError, choose, find_devices


@pytest.fixture
def three(device: Device) -> tuple[Device, ...]:
    return (
        replace(device, index=0, kind="cpu", name="Slow CPU", platform="PoCL"),
        replace(device, index=1, kind="gpu", name="Fast Card", platform="Vendor A"),
        replace(device, index=2, kind="gpu", name="Other Card", platform="Vendor B"),
    )


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ST_OPENCL_DEVICE", raising=False)


def test_device_here_has_the_facts_people_ask_for(device: Device) -> None:
    assert device.name
    assert device.n_units >= 1
    assert device.n_bytes >= device.n_bytes_limit > 0
    assert device.name in device.description


def test_devices_are_numbered_in_their_order() -> None:
    found = find_devices()

    assert [device.index for device in found] == list(range(len(found)))


WANTED = {"": 1, "cpu": 0, "GPU": 1, "2": 2, "other": 2, "vendor b": 2, "slow": 0, "card": 1}


@pytest.mark.parametrize(("wanted", "index"), WANTED.items(), ids=[repr(w) for w in WANTED])
def test_choice_by_number_kind_or_name(three: tuple[Device, ...], wanted: str, index: int) -> None:
    assert choose(three, wanted).index == index


def test_environment_wins_over_configuration(
    three: tuple[Device, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ST_OPENCL_DEVICE", "slow")

    assert choose(three, "other").index == 0


def test_choice_that_matches_nothing_lists_what_there_is(three: tuple[Device, ...]) -> None:
    with pytest.raises(DeviceNotFoundError, match=r"matches 'nine'.*0: Slow CPU, 1: Fast Card"):
        choose(three, "nine")


def test_no_device_at_all_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OCL_ICD_VENDORS", raising=False)

    with pytest.raises(DeviceNotFoundError, match="pip install pocl-binary-distribution"):
        choose(())
