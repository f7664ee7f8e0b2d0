"""Stages of a training run: after every epoch, the first batch is read with the weights of then.

The steps themselves are plans and cannot be listened to. Nobody has to ask: when a fit starts and
some plugin of the registry hears stages, every sequencer of the model is watched.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from st.core import EpochEnd, PluginContext, Registry, Subscription
from st.nn.data.batches import batches
from st.nn.modules.base import Module
from st.nn.modules.chain import bare
from st.nn.scope import TapeScope
from st.nn.tape import Tape, Tensor
from st.nn.variables import Variables
from st.nn.zspace_coherence.observer import ZSpaceObserver
from st.nn.zspace_coherence.plugins import CAPABILITY
from st.nn.zspace_coherence.sequencer import ZSpaceSequencer

if TYPE_CHECKING:
    from st.nn.train import FitStarted, Trainer

N_EXAMPLES = 32
"""Examples that are read after an epoch, at most."""


def watch(ctx: PluginContext, event: FitStarted) -> Subscription | None:
    """Tell the stages after every epoch of a fit, until what is returned is closed.

    None where no plugin of the registry hears stages when the fit starts.
    """
    if not ctx.registry.find_by_capability(CAPABILITY):
        return None
    size = min(N_EXAMPLES, len(event.data))
    x, _ = next(batches(event.data, size, seed=event.trainer.seed, epoch=1))
    return ctx.subscribe(EpochEnd, lambda _: tell(event.trainer, x, ctx.registry))


def tell(trainer: Trainer, x: NDArray[Any], registry: Registry) -> None:
    """Read a batch with the weights of a trainer, and tell of every sequencer's stages."""
    step = trainer.step
    parameters = step.parameters()
    tape = Tape(step.backend)
    views = {name: tape.input(values).view for name, values in parameters.items()}
    scope = _NotingScope(tape, Variables(step.model.dtype, views), "", False)
    with tape.no_grad():
        of = tape.input(x.astype(step.model.input.dtype))
        scope.outputs(step.model.modules, of, is_chain=True)
        for path, sequencer, entering in scope.found:
            with ZSpaceObserver(sequencer, step.backend, registry) as observer:
                observer.read(entering.numpy(), parameters, path)


@dataclass(frozen=True)
class _NotingScope(TapeScope):
    """Notes every sequencer with its path and what enters it."""

    found: list[tuple[str, ZSpaceSequencer, Tensor]] = field(default_factory=list)

    def apply(self, name: str, module: Module, *inputs: Tensor) -> Tensor:
        inner = bare(module)
        if isinstance(inner, ZSpaceSequencer):
            self.found.append((self.child(name).path, inner, inputs[0]))
        return super().apply(name, module, *inputs)
