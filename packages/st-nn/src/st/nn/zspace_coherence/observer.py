"""A sequencer that shows what it does: an eager pass whose stages plugins hear.

A training step is a plan, recorded once: no Python runs in the middle of it, so no plugin can
listen there. An observer takes the parameters of any moment and goes through a batch step by step.

>>> import numpy as np
>>> from st.core.backend import spec
>>> from st.nn.model import Model
>>> from st.nn.numpy_backend import NumPyBackend
>>> sequencer = ZSpaceSequencer(heads=2)
>>> parameters = Model([("0", sequencer)], spec((9, 16), "float32")).initialise(seed=1)
>>> with ZSpaceObserver(sequencer, NumPyBackend()) as observer:
...     observer.read(np.ones((1, 9, 16), np.float32), parameters, path="0").shape
(1, 9, 16)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from st.core import Registry
from st.core.backend import Backend
from st.nn.tape import Tape, Tensor
from st.nn.zspace_coherence import stages
from st.nn.zspace_coherence.layer import Layer, Reading, declaration
from st.nn.zspace_coherence.sequencer import ZSpaceSequencer


class ZSpaceObserver:
    """Reads batches eagerly and tells plugins of every stage. One thread at a time may use it.

    Attributes:
        stages: Who is told; plugins can be added to it.
    """

    def __init__(
        self,
        sequencer: ZSpaceSequencer,
        backend: Backend,
        registry: Registry | None = None,
        *,
        strict: bool = False,
    ) -> None:
        """Begin to follow the plugins of `registry` with the capability of `plugins`.

        Args:
            sequencer: What reads.
            backend: Where.
            registry: Whose plugins are told, those that come later as well; none unless given.
            strict: Raise what a plugin raises.
        """
        self.sequencer = sequencer
        self.stages = stages.Stages(registry, strict=strict)
        self._backend = backend

    def read(
        self, x: NDArray[Any], parameters: Mapping[str, NDArray[Any]], path: str = ""
    ) -> NDArray[np.generic]:
        """Return what `forward` gives for x `(batch, rows, width)`, and tell of the stages.

        Args:
            x: Of the parameters' type; not modified.
            parameters: By name; those of other modules are left alone.
            path: Where the sequencer is in its model; its parameters' names begin with it.

        Raises:
            KeyError: A parameter is missing.
            StagePluginError: A plugin raised, and the observer is strict.
        """
        tape, start = Tape(self._backend), f"{path}." if path else ""
        tell = self.stages.tell
        tell(stages.CONFIGURED, lambda: stages.Configured(self.sequencer))
        with tape.no_grad():
            given = {
                name: tape.input(parameters[start + name])
                for name in declaration(self.sequencer, x.shape[2])
            }
            layer, entering = Layer(self.sequencer, given), tape.input(x)
            reading = layer.read(entering)
            tell(stages.PROJECTED, lambda: _projected(layer, entering, reading))
            tell(stages.COHERENCE_MEASURED, lambda: _measured(self.sequencer, reading))
            tell(stages.AGGREGATED, lambda: _aggregated(reading))
            return reading.output.numpy()

    def close(self) -> None:
        """Tell nobody any more."""
        self.stages.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _projected(layer: Layer, x: Tensor, reading: Reading) -> stages.Projected:
    curvature = layer.curvature(x).reshape(-1)
    return stages.Projected(_kept(x), _kept(reading.vectors), _kept(curvature))


def _measured(sequencer: ZSpaceSequencer, reading: Reading) -> stages.CoherenceMeasured:
    bands = sequencer.bands
    size, real, imaginary = np.split(reading.sums.numpy()[..., -1], [bands, 2 * bands], -1)
    lengths = reading.pulses.numpy()[..., :bands]
    # The features are divided by the root of 2.
    energy = 2 * (lengths * lengths).mean((0, 2))
    locking = np.clip(np.hypot(real, imaginary) / size, 0.0, 1.0)
    weights = (energy / energy.sum()).reshape(-1)
    return stages.CoherenceMeasured(_frozen(locking), _frozen(energy), _frozen(weights))


def _aggregated(reading: Reading) -> stages.Aggregated:
    evidence = _kept(reading.totals[..., -1])
    return stages.Aggregated(_kept(reading.vector), evidence, _kept(reading.output))


def _kept(tensor: Tensor) -> NDArray[np.generic]:
    """Return a copy of the values that cannot be written to."""
    return _frozen(tensor.numpy())


def _frozen(values: NDArray[Any]) -> NDArray[np.generic]:
    values.flags.writeable = False
    return values
