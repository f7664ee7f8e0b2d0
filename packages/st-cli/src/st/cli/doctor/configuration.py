"""Which configuration reaches the plugins from outside the programs."""

from __future__ import annotations

import os

from st.cli.doctor.finding import Finding
from st.core import Registry
from st.core.nearest import did_you_mean


def check_configuration(registry: Registry) -> list[Finding]:
    """Return the environment variables `ST_<ID>__<KEY>`, and those that reach no plugin.

    Their values are not shown: they may be secret. Files are read only when a program names them.
    """
    ids = {handle.id.upper().replace("-", "_"): handle.id for handle in registry.list()}
    findings = []
    for variable in sorted(name for name in os.environ if name.startswith("ST_") and "__" in name):
        owner, _, key = variable.removeprefix("ST_").partition("__")
        if owner in ids:
            detail = f"{variable} sets {ids[owner]}.{key.lower()}"
            findings.append(Finding("configuration", "ok", detail))
        else:
            detail = f"{variable} is for no installed plugin{did_you_mean(owner, ids)}"
            findings.append(Finding("configuration", "note", detail, f"unset {variable}"))
    none = "no file is read by default, no variable ST_<ID>__<KEY> is set"
    return findings or [Finding("configuration", "ok", none)]
