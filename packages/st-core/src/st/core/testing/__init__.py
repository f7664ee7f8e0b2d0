"""What authors of plugins test with: registries, fake installed plugins, recorders, leak checks.

>>> from st.core import EpochStart, Registry
>>> with Registry() as registry, EventRecorder(registry.bus) as recorded:
...     registry.bus.publish(EpochStart(1))
...     recorded.names
['EpochStart']
"""

from __future__ import annotations

from st.core.testing.fake import FakeDistribution, importable
from st.core.testing.leaks import assert_no_leaks
from st.core.testing.manifest import manifest_problems
from st.core.testing.recorder import EventRecorder

__all__ = [
    "EventRecorder",
    "FakeDistribution",
    "assert_no_leaks",
    "importable",
    "manifest_problems",
]
