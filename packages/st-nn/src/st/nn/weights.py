"""Where the numbers of a model lie: a flat vector of parameters, and one of running state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.core.backend import Backend, Buffer, Storage, View
from st.nn.flat import FlatLayout, check_names
from st.nn.host import as_bytes
from st.nn.model import Model

Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Weights:
    """The two vectors of a model, each in a storage of its own; people see them as one by name."""

    layout: FlatLayout
    """Of the parameters, which is also that of everything an optimizer keeps."""
    running_layout: FlatLayout
    parameters: Storage
    running: Storage

    @property
    def storages(self) -> tuple[Storage, Storage]:
        """Both."""
        return self.parameters, self.running

    def views(self) -> dict[str, View]:
        """Return where everything lies, by name."""
        return {
            name: layout.view(storage, name)
            for layout, storage in self._both()
            for name in layout.parts
        }

    def write(
        self,
        arrays: Mapping[str, NDArray[Any]],
        backend: Backend,
        memory: Mapping[Storage, Buffer],
    ) -> None:
        """Bring `arrays` to the device.

        Raises:
            ParameterError: They are not the model's; nothing is written.
        """
        check_names([*self.layout.parts, *self.running_layout.parts], arrays)
        packed = [
            (storage, layout.pack({name: arrays[name] for name in layout.parts}))
            for layout, storage in self._both()
        ]
        for storage, flat in packed:
            backend.write(memory[storage], as_bytes(flat))

    def read(self, backend: Backend, memory: Mapping[Storage, Buffer]) -> Arrays:
        """Return copies by name, the parameters first."""
        found: Arrays = {}
        for layout, storage in self._both():
            flat = np.empty(layout.size, layout.dtype)
            backend.read(memory[storage], as_bytes(flat))
            found |= layout.unpack(flat)
        return found

    def _both(self) -> tuple[tuple[FlatLayout, Storage], tuple[FlatLayout, Storage]]:
        return (self.layout, self.parameters), (self.running_layout, self.running)


def weights(model: Model, order: Iterable[str] | None = None) -> Weights:
    """Return where the numbers of `model` are to lie, its parameters in `order`, if that is given.

    Nothing is allocated.
    """
    layout, running = model.layout(order), model.running_layout()
    return Weights(
        layout,
        running,
        Storage(layout.n_bytes, "state", "parameters"),
        Storage(running.n_bytes, "state", "running"),
    )
