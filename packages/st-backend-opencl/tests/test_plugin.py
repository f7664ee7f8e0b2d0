"""The plugin in a registry, with a device and without one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from st.backend.opencl import Device, OpenCLBackend
from st.core import PluginState, PluginUnavailable, Registry


@pytest.fixture
def _chosen_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ST_OPENCL_DEVICE", raising=False)


def run_python(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", dedent(code)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.usefixtures("_chosen_here")
def test_services_come_and_go_with_the_plugin() -> None:
    with Registry() as registry:
        registry.discover()
        backend = registry.get_service("backend.opencl")
        device = registry.get_service("opencl.device")
        is_active = registry.load("opencl").state is PluginState.ACTIVE
        registry.unregister("opencl")

        assert is_active
        assert isinstance(backend, OpenCLBackend)
        assert isinstance(device, Device)
        assert backend.device is device
        assert registry.services.get("backend.opencl", None) is None


@pytest.mark.usefixtures("_chosen_here")
def test_device_is_chosen_by_configuration() -> None:
    with Registry() as registry:
        registry.discover()
        registry.config.set("opencl", "device", "no such card")

        with pytest.raises(PluginUnavailable, match="no OpenCL device matches 'no such card'"):
            registry.load("opencl")


def test_discovery_and_import_load_neither_pyopencl_nor_numpy() -> None:
    done = run_python(
        """
        import sys
        from st.core import Registry
        registry = Registry()
        registry.discover()
        import st.backend.opencl, st.backend.opencl.plugin
        print(registry.get("opencl").state, *{"pyopencl", "numpy"} & set(sys.modules))
        """
    )

    assert done.stdout.split() == ["discovered"], done.stderr


def test_loading_makes_no_context(device: Device) -> None:
    backend = OpenCLBackend(device)

    assert backend.description.startswith("OpenCL, ")
    assert backend.kind == device.kind
    assert backend._runtime is None


NO_DEVICE = {"library that is none": "libnone.so", "no such directory": "absent"}


@pytest.mark.parametrize("place", NO_DEVICE.values(), ids=NO_DEVICE)
def test_without_a_device_the_plugin_is_unavailable_and_says_what_helps(
    tmp_path: Path, place: str
) -> None:
    (tmp_path / "libnone.so").touch()

    done = run_python(
        """
        import json
        from st.core import PluginUnavailable, Registry
        registry = Registry()
        registry.discover()
        try:
            registry.load("opencl")
        except PluginUnavailable as error:
            print(json.dumps([str(registry.get("opencl").state), str(error), error.hint]))
        """,
        OCL_ICD_VENDORS=str(tmp_path / place),
    )

    state, reason, hint = json.loads(done.stdout)
    assert state == "unavailable"
    assert "no OpenCL device was found" in reason
    assert "pip install pocl-binary-distribution" in hint
