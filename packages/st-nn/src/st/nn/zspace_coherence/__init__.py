"""Z-space: a sequencer that weighs the past by coherence of phase, in hyperbolic space.

>>> from st.core.backend import spec
>>> from st.nn.model import Model
>>> from st.nn.zspace_coherence import ZSpaceSequencer
>>> Model([("0", ZSpaceSequencer(heads=2))], spec((50, 16), "float32")).output.shape
(50, 16)
"""

from st.nn.zspace_coherence.config import ZSpaceConfig
from st.nn.zspace_coherence.observer import ZSpaceObserver
from st.nn.zspace_coherence.plugins import (
    ZSpacePluginAdapter,
    ZSpacePluginRegistry,
    ZSpaceSequencerPlugin,
)
from st.nn.zspace_coherence.sequencer import ZSpaceSequencer
from st.nn.zspace_coherence.stages import StagePluginError
from st.nn.zspace_coherence.streaming import StreamError, ZSpaceState, ZSpaceStream

__all__ = [
    "StagePluginError",
    "StreamError",
    "ZSpaceConfig",
    "ZSpaceObserver",
    "ZSpacePluginAdapter",
    "ZSpacePluginRegistry",
    "ZSpaceSequencer",
    "ZSpaceSequencerPlugin",
    "ZSpaceState",
    "ZSpaceStream",
]
