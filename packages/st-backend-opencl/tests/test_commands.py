"""``st opencl devices`` and ``st opencl doctor``, by click's runner."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from st.backend.opencl import Device
from st.backend.opencl.commands import opencl


def test_devices_are_listed_and_the_used_one_is_starred(device: Device) -> None:
    result = CliRunner().invoke(opencl, ["devices"])

    starred = [line for line in result.output.splitlines() if line.startswith("* ")]
    assert result.exit_code == 0
    assert device.name in starred[0]


def test_devices_as_json_have_every_fact(device: Device) -> None:
    result = CliRunner().invoke(opencl, ["devices", "--json"])

    listed = json.loads(result.output)
    (used,) = (facts for facts in listed if facts["is_used"])
    assert used["name"] == device.name
    assert used["n_units"] == device.n_units
    assert "handle" not in used


def test_doctor_runs_a_kernel_and_finds_nothing_broken() -> None:
    result = CliRunner().invoke(opencl, ["doctor"])

    assert result.exit_code == 0, result.output
    assert "builds, runs and adds up" in result.output


def test_doctor_as_json_gives_every_finding() -> None:
    result = CliRunner().invoke(opencl, ["doctor", "--json"])

    findings = {finding["what"]: finding for finding in json.loads(result.output)}
    assert findings["first kernel"]["state"] == "ok"
    assert findings["pyopencl"]["found"]


def test_doctor_says_that_a_device_is_not_the_wanted_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ST_OPENCL_DEVICE", "no such card")

    result = CliRunner().invoke(opencl, ["doctor"])

    assert result.exit_code == 1
    assert "no OpenCL device matches 'no such card'" in result.output


def test_doctor_says_that_programs_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ST_OPENCL_CACHE_DIR", str(tmp_path / "file"))

    result = CliRunner().invoke(opencl, ["doctor"])

    assert result.exit_code == 0
    assert "export ST_OPENCL_CACHE_DIR=" in result.output


def test_without_a_device_both_say_what_helps(tmp_path: Path) -> None:
    code = "from st.backend.opencl.commands import opencl; opencl()"
    environment = {**os.environ, "OCL_ICD_VENDORS": str(tmp_path / "absent")}

    outputs = [
        subprocess.run(
            [sys.executable, "-c", code, command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        for command in ("devices", "doctor")
    ]

    assert [done.returncode for done in outputs] == [0, 1]
    assert all("pip install pocl-binary-distribution" in done.stdout for done in outputs)
